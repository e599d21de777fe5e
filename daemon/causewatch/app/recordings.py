"""Recorded runs for tests: each file is read once, each copy has ids and times of its own."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.app.assess import graph_of, reference, snapshots_of
from causewatch.app.files import Request, read_requests
from causewatch.app.freshen import copied_logs, copied_traces
from causewatch.app.reference import newly_judged
from causewatch.blame.judge import judge
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import InputError
from causewatch.faults.known import Known
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment
from causewatch.rules.bundle import Bundle
from causewatch.store.archive import NOTHING_REMEMBERED, Remembered

MAX_KEPT_GRAPHS = 1_000
"""Copies that are kept for tests to come; the rest are made again."""
_AS_RECORDED = ""


class Recordings:
    """The runs of recorded files, judged with the contracts and the trust of a bundle."""

    def __init__(self, dialects: Sequence[Dialect] = SHIPPED) -> None:
        self._dialects = dialects
        self._requests: dict[str, tuple[Request, ...]] = {}
        self._graphs: dict[tuple[str, str, int], tuple[CausalGraph, ...]] = {}
        self._judged: dict[tuple[str, str, int, int], tuple[Assessment, ...]] = {}
        self._pasts: dict[tuple[str, ...], Remembered] = {}
        self._bundle: Bundle | None = None

    def past(self, paths: tuple[str, ...]) -> Remembered:
        """Return what the good runs of some files show of tools and workflows.

        Raises:
            InputError: when any of a file cannot be read.
        """
        if paths not in self._pasts:
            errors: list[InputError] = []
            requests = (request for path in paths for request in self._read(path))
            self._pasts[paths] = reference(requests, errors, self._dialects)
            if errors:
                raise errors[0]
        return self._pasts[paths]

    def runs(
        self,
        path: str,
        bundle: Bundle,
        *,
        salt: str = _AS_RECORDED,
        by_ns: int = 0,
        past: Remembered = NOTHING_REMEMBERED,
    ) -> tuple[Assessment, ...]:
        """Return the judged runs of a file, at least one.

        Args:
            path: the file.
            bundle: whose contracts and trust count.
            salt: what the ids depend on; without one they are those recorded.
            by_ns: how much later than recorded the runs are.
            past: what is known from other runs.

        Raises:
            InputError: when any of the file cannot be read, or it holds no span.
        """
        if bundle is not self._bundle:
            self._judged.clear()
            self._bundle = bundle
        key = path, salt, by_ns, id(past)
        known = self._judged.get(key)
        if known is None:
            facts = Known(trust=bundle.trust, history=past.now)
            known = self._judged[key] = tuple(
                newly_judged(
                    judge(graph, bundle.contracts, facts, paths=bundle.paths), bundle.watches, past
                )
                for graph in self._built(path, salt, by_ns)
            )
            while len(self._judged) > MAX_KEPT_GRAPHS:
                del self._judged[next(iter(self._judged))]
        return known

    def _built(self, path: str, salt: str, by_ns: int) -> tuple[CausalGraph, ...]:
        key = path, salt, by_ns
        known = self._graphs.get(key)
        if known is None:
            errors: list[InputError] = []
            requests = self._read(path)
            if salt:
                requests = tuple(_copied(request, salt, by_ns) for request in requests)
            snapshots = snapshots_of(iter(requests), errors)
            if errors:
                raise errors[0]
            known = tuple(graph_of(snapshot, self._dialects) for snapshot in snapshots)
            if not any(graph.steps for graph in known):
                raise InputError(f"{path}: no spans in it")
            self._graphs[key] = known
            while len(self._graphs) > MAX_KEPT_GRAPHS:
                del self._graphs[next(iter(self._graphs))]
        return known

    def _read(self, path: str) -> tuple[Request, ...]:
        if path not in self._requests:
            errors: list[InputError] = []
            requests = tuple(read_requests([path], errors=errors))
            if errors:
                raise errors[0]
            self._requests[path] = requests
        return self._requests[path]


def _copied(request: Request, salt: str, by_ns: int) -> Request:
    copy = copied_traces if request.signal == "traces" else copied_logs
    return msgspec.structs.replace(request, body=copy(request.body, salt=salt, by_ns=by_ns))
