"""Which payloads of a run are equal, whichever of them turn out to be arguments and results.

A digest is taken of the core of a payload, as ``dialects.unwrap`` finds it: a part of what was
recorded, perhaps written in another order. So of all that may be a payload, and of all parts of it,
is told where the run first had an equal one. Runs that agree in this agree in which digests are
equal.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from causewatch.dialects.unwrap import parse
from causewatch.likeness.asked import Digests
from causewatch.likeness.bounds import is_flat
from causewatch.model.span import Span
from causewatch.model.value import Value, canonical_bytes

MAX_DEPTH = 30
_OPENS = ("{", "[")
_ENVELOPE_KEYS = frozenset({"content", "raw_output", "inputs", "outputs", "output"})
"""Under these a payload may be a number; elsewhere equal numbers are chance."""


class Payloads:
    """The payloads of one run so far."""

    def __init__(self, asked: Sequence[Digests]) -> None:
        self._keys = frozenset(key for each in asked for key in each.keys)
        self._gates = tuple(each.gate for each in asked)
        self._seen: dict[bytes, int] = {}

    def of_span(self, span: Span) -> Iterator[int]:
        """Yield where each payload of a span, or part of one, was first."""
        for attributes in (span.attributes, *(event.attributes for event in span.events)):
            for key, value in attributes.items():
                is_asked = key in self._keys or is_flat(key)
                if isinstance(value, str):
                    is_named = value.startswith(_OPENS) and any(g in value for g in self._gates)
                    if is_asked or is_named:
                        yield from self._text(value, 0)
                elif isinstance(value, list | dict):
                    yield from self._walk(value, 0)
                elif is_asked:
                    yield self._note(value)

    def _note(self, value: Value) -> int:
        return self._seen.setdefault(canonical_bytes(value), len(self._seen))

    def _text(self, text: str, depth: int) -> Iterator[int]:
        count = len(self._seen)
        at = self._note(text)
        yield at
        if at < count or depth >= MAX_DEPTH:
            return  # what is in it was written where it was first
        parsed = parse(text)
        if parsed is not text:
            yield from self._walk(parsed, depth + 1)

    def _walk(self, value: Value, depth: int) -> Iterator[int]:
        if depth >= MAX_DEPTH:
            return
        match value:
            case str():
                yield from self._text(value, depth)
            case list():
                yield self._note(value)
                for item in value:
                    yield from self._walk(item, depth + 1)
            case dict():
                yield self._note(value)
                for key, member in value.items():
                    if key in _ENVELOPE_KEYS and not isinstance(member, str | list | dict):
                        yield self._note(member)
                    yield from self._walk(member, depth + 1)
            case _:
                pass
