"""Which runs are one: traces that no span link joins, but that show that they belong together.

Theory of operation. Traces are first gathered by trace id and by span links. When a run is about to
be judged, its marks are compared with those of the runs in memory. The same A2A task or message is
the same work, and a remote agent's trace belongs to the run that asked it. Traces of one session
are one run while they overlap or follow each other at once. A bare model call belongs to the one
whose generated call, or generated words, it was given. A trace that only sets agents up belongs to
the first run in which they work.

Independent runs must stay apart, however alike they are: runs of a load test share service, system
prompt, first question, maybe even a session id. So whole runs of one name are never joined by a
session, content counts only where a model generated it, and what more than one run could have
generated proves nothing.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator
from itertools import islice

import msgspec

from causewatch.graph.graft import MAX_LATE_NS
from causewatch.graph.marks import Mark, Marks, combined
from causewatch.graph.tree import SKEW_NS
from causewatch.model.graph import Join

SECOND_NS = 1_000_000_000
MAX_TURN_GAP_S = 1.0
"""Code goes on at once where a person would first read: then two runs are two turns."""
MAX_CALL_GAP_S = 10.0
"""How long the code between two bare calls of one session may take."""
MAX_WORDS_GAP_S = 60.0
"""After this time words may well have come by way of a person or a document."""
MAX_EXCHANGE_GAP_S = 1800.0
MAX_SETUP_GAP_S = 60.0
MAX_ALIKE_COUNT = 200
"""Of runs that share a mark. What so many share is no id of one piece of work."""
MAX_UNDER_WAY_COUNT = 20
MAX_SETUPS_COUNT = 5
MAX_WITH_CONTENT_COUNT = 5_000
"""Runs whose contents are kept for comparison: some tens of megabytes."""


class JoinIndex:
    """The marks of the runs in memory, and what they prove; one caller at a time."""

    def __init__(self) -> None:
        self._marks: dict[str, Marks] = {}
        self._by_key: dict[str, dict[str, None]] = {}
        self._work: dict[str, list[tuple[int, str]]] = {}
        """By agent or workflow, when runs with it started."""
        self._with_content: dict[str, None] = {}

    def put(self, run_id: str, marks: Marks) -> None:
        """Remember the marks of a run in place of those it had."""
        self.drop(run_id)
        self._marks[run_id] = marks
        for key in _keys(marks):
            self._by_key.setdefault(key, {})[run_id] = None
        for name in () if marks.sets_up else marks.works_for:
            insort(self._work.setdefault(name, []), (marks.first_ns, run_id))
        if marks.made or marks.taken:
            self._with_content[run_id] = None
            if len(self._with_content) > MAX_WITH_CONTENT_COUNT:
                oldest = next(iter(self._with_content))
                self.put(oldest, msgspec.structs.replace(self._marks[oldest], made=(), taken=()))

    def drop(self, run_id: str) -> None:
        """Forget a run."""
        marks = self._marks.pop(run_id, None)
        if marks is None:
            return
        self._with_content.pop(run_id, None)
        for key in set(_keys(marks)):
            runs = self._by_key[key]
            runs.pop(run_id, None)
            if not runs:
                del self._by_key[key]
        for name in () if marks.sets_up else marks.works_for:
            started = self._work[name]
            del started[bisect_left(started, (marks.first_ns, run_id))]
            if not started:
                del self._work[name]

    def merge(self, run_id: str, absorbed: str) -> None:
        """Note that ``run_id`` took ``absorbed`` over."""
        one, other = self._marks.get(run_id), self._marks.get(absorbed)
        self.drop(absorbed)
        if one is not None and other is not None:
            self.put(run_id, combined(one, other))

    def only_sets_up(self, run_id: str) -> bool:
        """Tell whether a run does nothing but set agents up."""
        marks = self._marks.get(run_id)
        return marks is not None and bool(marks.sets_up)

    def stands_alone(self, run_id: str) -> bool:
        """Tell whether a run shows no id or content by which it would belong to another one.

        A session is no such id: a conversation is made of runs.
        """
        marks = self._marks.get(run_id)
        if marks is None:
            return True
        if marks.exchanges or marks.sends or marks.gets or marks.sets_up:
            return False
        # Bare calls go together by what they were given, or by their session.
        return not (marks.is_fragment and (marks.made or marks.taken or marks.sessions))

    def partners(self, run_id: str) -> Iterator[Join]:
        """Yield the runs that are one with ``run_id``, each with the reason."""
        marks = self._marks.get(run_id)
        if marks is None:
            return
        yield from self._by_exchange(run_id, marks)
        yield from self._by_remote_call(run_id, marks)
        yield from self._by_session(run_id, marks)
        yield from self._by_history(run_id, marks)
        yield from self._by_setup(run_id, marks)

    def _alike(self, run_id: str, key: str) -> list[tuple[str, Marks]]:
        """Return the other runs with a mark; none where it is everybody's."""
        runs = self._by_key.get(key, {})
        if len(runs) > MAX_ALIKE_COUNT:
            return []
        return [(other, self._marks[other]) for other in runs if other != run_id]

    def _by_exchange(self, run_id: str, marks: Marks) -> Iterator[Join]:
        for exchange in marks.exchanges:
            for other, theirs in self._alike(run_id, f"a2a {exchange}"):
                if _gap_ns(marks, theirs) <= MAX_EXCHANGE_GAP_S * SECOND_NS:
                    yield Join(run_id=other, by="a2a", confidence=0.95)

    def _by_remote_call(self, run_id: str, marks: Marks) -> Iterator[Join]:
        """A remote agent's trace and the only run that asked just that around it."""
        if marks.gets and (caller := self._caller(run_id, marks)) is not None:
            yield Join(run_id=caller, by="a2a", confidence=0.8)
        for digest in marks.sends:
            for other, theirs in self._alike(run_id, f"gets {digest}"):
                if self._caller(other, theirs) == run_id:
                    yield Join(run_id=other, by="a2a", confidence=0.8)

    def _caller(self, run_id: str, marks: Marks) -> str | None:
        """Return the one run that sent what ``run_id`` was asked and waited for its answer."""
        callers = {
            other
            for digest in marks.gets
            for other, theirs in self._alike(run_id, f"sends {digest}")
            if theirs.first_ns <= marks.first_ns + SKEW_NS
            and marks.first_ns <= theirs.last_ns + SKEW_NS
            and marks.last_ns <= theirs.last_ns + MAX_LATE_NS
        }
        return callers.pop() if len(callers) == 1 else None

    def _by_session(self, run_id: str, marks: Marks) -> Iterator[Join]:
        for session in marks.sessions:
            for other, theirs in self._alike(run_id, f"session {session}"):
                if _goes_on(marks, theirs):
                    yield Join(run_id=other, by="session", confidence=0.8)

    def _by_history(self, run_id: str, marks: Marks) -> Iterator[Join]:
        for mark in marks.taken:
            if (maker := self._maker(mark, run_id)) is not None:
                yield _by_content(mark, maker)
        for mark in marks.made:
            for other, theirs in self._alike(run_id, f"taken {mark.digest}"):
                shown = [each for each in theirs.taken if each.digest == mark.digest]
                if any(self._maker(each, other) == run_id for each in shown):
                    yield _by_content(mark, other)

    def _maker(self, mark: Mark, taker: str) -> str | None:
        """Return the run that generated what ``taker`` was given, if only one can have.

        That is the last one before, and no other one whose words nobody was given in between.
        """
        gap_s = MAX_EXCHANGE_GAP_S if mark.is_call else MAX_WORDS_GAP_S
        since_ns = mark.at_ns - int(gap_s * SECOND_NS)
        made = sorted(
            (each.at_ns, other)
            for other, theirs in self._alike(taker, f"made {mark.digest}")
            for each in theirs.made
            if each.digest == mark.digest and since_ns <= each.at_ns <= mark.at_ns + SKEW_NS
        )
        if not made:
            return None
        last_ns, maker = made[-1]
        before = [at_ns for at_ns, other in made if other != maker]
        if before and not self._was_taken(mark.digest, before[-1], last_ns):
            return None
        return maker

    def _was_taken(self, digest: str, after_ns: int, before_ns: int) -> bool:
        runs = islice(self._by_key.get(f"taken {digest}", {}), MAX_ALIKE_COUNT)
        return any(
            each.digest == digest and after_ns - SKEW_NS <= each.at_ns < before_ns
            for run in runs
            for each in self._marks[run].taken
        )

    def _by_setup(self, run_id: str, marks: Marks) -> Iterator[Join]:
        if marks.sets_up:
            if (first := self._first_work(run_id, marks)) is not None:
                yield Join(run_id=first, by="setup", confidence=0.6)
            return
        for name in marks.works_for - marks.was_set_up:
            # The last ones before: of several at one time the others are for other runs.
            alike = sorted(
                (
                    (theirs.first_ns, other)
                    for other, theirs in self._alike(run_id, f"setup {name}")
                ),
                reverse=True,
            )
            for _, other in alike[:MAX_SETUPS_COUNT]:
                if self._first_work(other, self._marks[other]) == run_id:
                    yield Join(run_id=other, by="setup", confidence=0.6)
                    break

    def _first_work(self, run_id: str, marks: Marks) -> str | None:
        """Return the first run in which works what ``run_id`` set up."""
        found = (self._first_of(name, run_id, marks) for name in marks.sets_up)
        return min((each for each in found if each is not None), default=(0, None))[1]

    def _first_of(self, name: str, run_id: str, marks: Marks) -> tuple[int, str] | None:
        """Return the first run with ``name`` that starts after, else one that is under way."""
        started = self._work.get(name, [])
        at = bisect_left(started, (marks.first_ns, ""))
        until_ns = marks.first_ns + int(MAX_SETUP_GAP_S * SECOND_NS)
        before = reversed(started[max(at - MAX_UNDER_WAY_COUNT, 0) : at])
        for first_ns, other in (*islice(started, at, at + MAX_UNDER_WAY_COUNT), *before):
            theirs = self._marks[other]
            in_time = theirs.last_ns >= marks.first_ns and first_ns <= until_ns
            is_set_up = name in theirs.was_set_up
            if other != run_id and in_time and marks.services & theirs.services and not is_set_up:
                return first_ns, other
        return None


def _by_content(mark: Mark, other: str) -> Join:
    return Join(run_id=other, by="history", confidence=0.9 if mark.is_call else 0.7)


def _keys(marks: Marks) -> Iterator[str]:
    yield from (f"a2a {each}" for each in marks.exchanges)
    yield from (f"sends {each}" for each in marks.sends)
    yield from (f"gets {each}" for each in marks.gets)
    yield from (f"session {each}" for each in marks.sessions)
    yield from (f"made {each.digest}" for each in marks.made)
    yield from (f"taken {each.digest}" for each in marks.taken)
    yield from (f"setup {each}" for each in marks.sets_up)


def _gap_ns(one: Marks, other: Marks) -> int:
    """Return how long neither of two runs ran between them; negative where they overlap."""
    return max(one.first_ns, other.first_ns) - min(one.last_ns, other.last_ns)


def _goes_on(one: Marks, other: Marks) -> bool:
    """Tell whether two traces of one session are one run.

    Bare calls are, while little time passes between them: the code between them runs tools. Whole
    runs are turns of the session, unless they overlap or follow at once and are not of one name. A
    bare call beside a whole run belongs to it only while that runs.
    """
    gap_ns = _gap_ns(one, other)
    if one.is_fragment and other.is_fragment:
        return gap_ns <= MAX_CALL_GAP_S * SECOND_NS
    if one.is_fragment or other.is_fragment:
        return gap_ns <= SKEW_NS
    return gap_ns <= MAX_TURN_GAP_S * SECOND_NS and not one.names & other.names
