"""Learns from good runs what tools return, and keeps that with the runs, all or nothing."""

from __future__ import annotations

import msgspec

from causewatch.app.newness import Looked, Newness
from causewatch.faults.calls import calls_of
from causewatch.faults.history import NO_HISTORY, History
from causewatch.faults.learn import joined, learn
from causewatch.model.judgement import Assessment
from causewatch.store.port import Store
from causewatch.store.record import StoredRun


class Learning:
    """What is known of tools, in memory and in the store. Used by one thread."""

    def __init__(self, store: Store, newness: Newness) -> None:
        self._store = store
        self._newness = newness
        self.history = store.history()

    def keep(self, run: StoredRun, looked: Looked, *, now_ns: int) -> None:
        """Store a judged run, and learn from it if it is a complete, healthy one that is new.

        A run that comes again, with late spans or after a crash, has been learned from.
        """
        assessment = looked.assessment
        run = msgspec.structs.replace(run, history=self._frozen(assessment), novel=assessment.novel)
        is_good = run.state == "complete" and run.verdict == "healthy"
        is_good = is_good and not assessment.failed_by
        grown = NO_HISTORY
        if is_good and self._store.run(run.run_id) is None:
            grown = learn(self.history, calls_of(assessment.graph))
        with self._store.transaction():
            self._store.put_run(run)
            self._store.put_history(grown, at_ns=now_ns)
            self._newness.put(looked, at_ns=now_ns)
        self._newness.adopt(looked)
        if grown.tools:
            self.history = joined(self.history, grown)

    def _frozen(self, assessment: Assessment) -> History:
        """Return what is known of the tools that did not fit it: no other history said anything."""
        steps = assessment.graph.steps
        names = {
            steps[fault.step].name for fault in assessment.faults if fault.name == "missing_shape"
        }
        tools = self.history.tools
        found = {name: tools[name] for name in sorted(names) if name in tools}
        return History(tools=found) if found else NO_HISTORY
