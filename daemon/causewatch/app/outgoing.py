"""Which calls are answered by spans of another process: can more of a run be on its way?

Theory of operation. Each process sends its own spans, whenever it likes. What one of them sent may
look like a whole run while another one, which it called, has sent nothing yet. Only the call tells:
a span of kind client or producer below which nothing stands. But most such calls are never answered
by spans: what was called is not observed, or is a model. So it is remembered of each place from
which calls go out (service, instrumentation, name without ids, address) whether a complete run ever
had spans of another process below it:

=============  =================================================================================
answered       a call from there without such spans waits for them
unanswered     no complete run had any so far: nothing is waited for
not known yet  waited for, unless a model or a retrieval was called: these are seldom observed
=============  =================================================================================

A span of another kind that had spans of another process below it is such a place as well: code may
carry the context on by itself. Nothing is kept over a restart: a place is known again after the
first complete run.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from urllib.parse import urlsplit

from causewatch.graph.gathered import RunSnapshot
from causewatch.incidents.fingerprint import without_ids
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.otlp.raw import process_of

MAX_PLACES_COUNT = 10_000
MAX_ADDRESS_CHARS = 200
_CALLS_OUT = frozenset({"client", "producer"})
_SELDOM_OBSERVED = frozenset({"model", "retrieval"})
_ADDRESS_KEYS = ("server.address", "net.peer.name")
_URL_KEYS = ("url.full", "http.url")
_Place = tuple[str, str, str, str]


class Outgoing:
    """The places from which calls go out, and whether they are answered; one caller at a time."""

    def __init__(self, *, max_places: int = MAX_PLACES_COUNT) -> None:
        self._is_answered: dict[_Place, bool] = {}
        self._max = max_places

    def has_ended(self, snapshot: RunSnapshot, graph: CausalGraph) -> bool:
        """Tell whether nothing of a run that is judged early can be missing."""
        return snapshot.has_ended and not self.awaits(graph)

    def awaits(self, graph: CausalGraph) -> bool:
        """Tell whether another process may have yet to send spans of a run."""
        answered = _answered(graph)
        return any(
            self._awaits(step.span, step.kind)
            for index, step in enumerate(graph.steps)
            if index not in answered
        )

    def learn(self, graph: CausalGraph) -> None:
        """Remember which calls of a complete run were answered."""
        answered = _answered(graph)
        for index, step in enumerate(graph.steps):
            if index in answered:
                self._is_answered[_place(step.span)] = True
            elif step.span.kind in _CALLS_OUT:
                self._is_answered.setdefault(_place(step.span), False)
        while len(self._is_answered) > self._max:
            del self._is_answered[next(iter(self._is_answered))]

    def _awaits(self, span: Span, kind: str) -> bool:
        is_unsure = span.kind in _CALLS_OUT and kind not in _SELDOM_OBSERVED
        return self._is_answered.get(_place(span), is_unsure)


def _answered(graph: CausalGraph) -> set[int]:
    """Return the steps directly below which a step of another process stands."""
    processes = [process_of(step.span) for step in graph.steps]
    if len(set(processes)) == 1:
        return set()
    return {
        parent
        for index, parent in enumerate(graph.parent)
        if parent >= 0 and processes[index] != processes[parent]
    }


def _place(span: Span) -> _Place:
    name = _plain(span.name)
    return span.resource.service_name, span.scope.name, name, _address(span.attributes)


@lru_cache(maxsize=4096)
def _plain(name: str) -> str:
    return without_ids(name)


def _address(attributes: Mapping[str, Value]) -> str:
    """Return the host that was called, where a span tells it."""
    for key in _ADDRESS_KEYS:
        if isinstance(host := attributes.get(key), str):
            return host[:MAX_ADDRESS_CHARS]
    for key in _URL_KEYS:
        if isinstance(url := attributes.get(key), str):
            return _host(url[:MAX_ADDRESS_CHARS])
    return ""


def _host(url: str) -> str:
    try:
        return urlsplit(url).hostname or ""
    except ValueError:
        return ""
