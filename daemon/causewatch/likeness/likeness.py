"""The likeness of a run: one number that runs of the same structure and relations share."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Protocol

from causewatch.dialects.table import Dialect
from causewatch.likeness.keys import Role, naming_keys, role_of
from causewatch.likeness.native import native_reader
from causewatch.likeness.reading import Reading, TooMuchError, Words
from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.otlp.raw import RawSpan, Resources, origin_of

MAX_SPANS_COUNT = 2_000
"""Larger runs are rarely alike, and worth a full look."""
_NS_PER_S = 1_000_000_000
_ID = re.compile(r"[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*")
_MASK = 2**64 - 1
Probe = Callable[[Value], object]


class Asked(Protocol):
    """What loaded rules ask of values, which their form alone does not answer."""

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the keys, of attributes of spans, events and resources, that have a probe."""
        ...

    def duration(self, ns: int) -> int:
        """Return the bucket of a span's duration among those that rules tell apart."""
        ...

    def probe(self, key: str) -> Probe | None:
        """Return what goes into a likeness for the value of an attribute, ``None`` for nothing."""
        ...


class Likenesses:
    """Computes likenesses for one set of dialects and rules. One caller at a time."""

    def __init__(
        self, dialects: Iterable[Dialect], asked: Asked | None = None, *, is_native: bool = True
    ) -> None:
        self._naming = naming_keys(dialects)
        self._asked = asked
        self._probes = [] if asked is None else [(key, asked.probe(key)) for key in asked.keys]
        self._marks = tuple(key.encode() for key, _ in self._probes)
        self._asks_status = any(key == STATUS_MESSAGE for key, _ in self._probes)
        self._words = Words()
        self._resources = Resources()
        self._plans: dict[str, Role] = {}
        self._native = native_reader(self._naming) if is_native else None

    def of_raw(self, spans: Sequence[RawSpan]) -> int | None:
        """Return the likeness of a run's undecoded spans; ``None`` as ``of`` does."""
        if self._native is None or not all(span.body for span in spans):
            return self.of([span.whole() for span in spans])
        if not spans or len(spans) > MAX_SPANS_COUNT:
            return None
        if self._asked is None:
            return self._native.of(spans, [span.origin for span in spans])
        return self._native.of(spans, [self._extra(span, self._asked) for span in spans])

    def of_request(self, request: bytes) -> int | None:
        """Return the likeness of the run whose spans a trace request holds; ``None`` as ``of``.

        Raises:
            NotOtlpError: the bytes are something else.
        """
        if self._native is None or self._asked is not None:
            return self.of_raw(self._resources.split(request))
        return self._native.of_request(request)

    def of(self, spans: Sequence[Span]) -> int | None:
        """Return the likeness of a run's spans; ``None`` for one that has none.

        It is too large, or holds two spans of one id.

        The number holds within this process only.
        """
        if not spans or len(spans) > MAX_SPANS_COUNT:
            return None
        ordered = sorted(spans, key=_by_time)
        index = {span.span_id: i for i, span in enumerate(ordered)}
        if len(index) < len(ordered):
            return None
        reading = Reading(ordered[0].start_ns // _NS_PER_S, self._words)
        try:
            for span in ordered:
                parent = index.get(span.parent_id, -1 if span.parent_id else -2)
                self._write(reading, span, parent)
        except TooMuchError:
            return None
        return hash(tuple(reading.tokens))

    def _write(self, reading: Reading, span: Span, parent: int) -> None:
        tokens = reading.tokens
        tokens.append(
            (
                _ID.sub("#", span.name),
                span.kind,
                span.status,
                parent,
                origin_of(span.resource, span.scope),
                len(span.links),
                *self._answers(span),
                bool(span.dropped_attributes_count or span.dropped_events_count),
            )
        )
        self._attributes(reading, span.attributes.items())
        for event in span.events:
            tokens.append(event.name)
            self._attributes(reading, event.attributes.items())
        if span.status_message:
            reading.take("status_message", span.status_message)

    def _attributes(self, reading: Reading, items: Iterable[tuple[str, Value]]) -> None:
        tokens = reading.tokens
        plans = self._plans
        for key, value in items:
            role = plans.get(key)
            if role is None:
                role = self._plan(key)
            tokens.append(key)
            if role == "name":
                tokens.append(_named(value))
            elif isinstance(value, bool):
                tokens.append(("b", value))
            elif isinstance(value, int | float):
                if role == "score" and 0 <= value <= 1:
                    tokens.append(int(value * 10))
            else:
                reading.take(key, value)

    def _plan(self, key: str) -> Role:
        if len(self._plans) >= MAX_KEYS_COUNT:
            self._plans.clear()
        found = self._plans[key] = role_of(key, self._naming)
        return found

    def _answers(self, span: Span) -> tuple[object, ...]:
        """Return what the rules' questions find in a decoded span."""
        if self._asked is None:
            return ()
        found: list[object] = [self._asked.duration(span.end_ns - span.start_ns)]
        places = (span.attributes, span.resource.attributes, *(e.attributes for e in span.events))
        found.extend(
            (key, probe(attributes[key]))
            for key, probe in self._probes
            for attributes in places
            if probe is not None and key in attributes
        )
        if self._asks_status:
            found.append(span.status_message)
        return tuple(found)

    def _extra(self, span: RawSpan, asked: Asked) -> int:
        """Return the same of an undecoded one as a number; most hold nothing that is asked for."""
        is_asked = (
            self._asks_status or any(map(span.holds, self._marks)) or span.has_any(asked.keys)
        )
        if is_asked:
            found = hash((span.origin, self._answers(span.whole())))
        else:
            found = hash((span.origin, asked.duration(span.end_ns - span.start_ns)))
        return found & _MASK


MAX_KEYS_COUNT = 20_000
STATUS_MESSAGE = "status_message"
"""The key by which a span's status message is asked for."""


def _by_time(span: Span) -> tuple[int, int, str]:
    return span.start_ns, -span.end_ns, _ID.sub("#", span.name)


def _named(value: Value) -> Value | tuple[object, ...]:
    """Return a name without the ids in it: some programs number what they make."""
    if isinstance(value, str):
        return _ID.sub("#", value)
    if isinstance(value, list):
        return tuple(_named(item) for item in value)
    return value if isinstance(value, bool | int) else repr(value)
