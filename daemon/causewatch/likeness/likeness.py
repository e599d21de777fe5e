"""The likeness of a run: one number that runs of the same structure and relations share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from causewatch.dialects.table import Dialect
from causewatch.likeness.answers import Answer, Answers
from causewatch.likeness.asked import TooCloseError
from causewatch.likeness.keys import ID, Role, naming_keys, role_of
from causewatch.likeness.native import LIBRARY, NativeReader, OpenError, native_reader
from causewatch.likeness.reading import Reading, TooMuchError, Words
from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.otlp.raw import Envelope, RawSpan, Resources, origin_of

MAX_SPANS_COUNT = 2_000
"""Larger runs are rarely alike, and worth a full look."""
_NS_PER_S = 1_000_000_000
_MASK = 2**64 - 1


class Likenesses:
    """Computes likenesses for one set of dialects and rules. One caller at a time."""

    def __init__(
        self,
        dialects: Iterable[Dialect],
        answers: Answers | None = None,
        *,
        is_native: bool = True,
        library: Path = LIBRARY,
    ) -> None:
        self._naming = naming_keys(dialects)
        self._answers = answers
        self._words = Words()
        self._resources = Resources()
        self._plans: dict[str, Role] = {}
        self._origins: dict[int, tuple[Envelope, int | None]] = {}
        self._native: NativeReader | None = None
        if is_native:
            if answers is None:
                self._native = native_reader(self._naming, library)
            else:
                asked = answers.questions
                self._native = native_reader(self._naming, library, asked, answers.fitting)

    def of_raw(self, spans: Sequence[RawSpan]) -> int | None:
        """Return the likeness of a run's undecoded spans; ``None`` as ``of`` does."""
        if self._native is None or not all(span.body for span in spans):
            return self.of([span.whole() for span in spans])
        if not spans or len(spans) > MAX_SPANS_COUNT:
            return None
        answers, native = self._answers, self._native
        if answers is None:
            return native.of(spans, [span.origin for span in spans])
        ordered = sorted(spans, key=_raw_by_time)
        origins = [origin for span in ordered if (origin := self._origin(span, native)) is not None]
        if len(origins) < len(ordered):
            return None
        try:
            return native.of(ordered, origins)
        except OpenError:
            digests = answers.digests([span.whole() for span in ordered])
            extras = [
                hash((origin, digest)) & _MASK if digest else origin
                for origin, digest in zip(origins, digests, strict=True)
            ]
            return native.of(ordered, extras, is_answered=True)

    def _origin(self, span: RawSpan, native: NativeReader) -> int | None:
        """Return what goes in for whose span it is; ``None`` where that cannot be told."""
        around = span.envelope
        known = self._origins.get(id(around))
        # What was forgotten may have left its place to another one.
        if known is not None and known[0] is around:
            return known[1]
        if len(self._origins) >= MAX_ORIGINS_COUNT:
            self._origins.clear()
        answer = native.origin(around)
        found = None if answer is None else span.origin + answer & _MASK
        self._origins[id(around)] = around, found
        return found

    def of_request(self, request: bytes) -> int | None:
        """Return the likeness of the run whose spans a trace request holds; ``None`` as ``of``.

        Raises:
            NotOtlpError: the bytes are something else.
        """
        if self._native is not None:
            try:
                return self._native.of_request(request)
            except OpenError:
                pass
        return self.of_raw(self._resources.split(request))

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
        answers = self._answers
        try:
            found = [()] * len(ordered) if answers is None else answers.of_run(ordered)
            for span, answer in zip(ordered, found, strict=True):
                parent = index.get(span.parent_id, -1 if span.parent_id else -2)
                self._write(reading, span, parent, answer)
        except (TooMuchError, TooCloseError):
            return None
        return hash(tuple(reading.tokens))

    def _write(self, reading: Reading, span: Span, parent: int, answer: Answer) -> None:
        tokens = reading.tokens
        tokens.append(
            (
                _named(span.name, reading.ids),
                span.kind,
                span.status,
                parent,
                origin_of(span.resource, span.scope),
                len(span.links),
                answer,
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
                tokens.append(_named(value, reading.ids))
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


MAX_KEYS_COUNT = 20_000
MAX_ORIGINS_COUNT = 1_000


def _by_time(span: Span) -> tuple[int, int, str]:
    return span.start_ns, -span.end_ns, ID.sub("#", span.name)


def _raw_by_time(span: RawSpan) -> tuple[int, int]:
    return span.start_ns, -span.end_ns


def _named(value: Value, ids: dict[str, int]) -> Value | tuple[object, ...]:
    """Return a name with the ids in it by where the run first had them.

    Some programs number what they make; which of two has which part still counts.
    """
    if isinstance(value, str):
        return ID.sub(lambda found: f"#{ids.setdefault(found.group(), len(ids))}", value)
    if isinstance(value, list):
        return tuple(_named(item, ids) for item in value)
    return value if isinstance(value, bool | int) else repr(value)
