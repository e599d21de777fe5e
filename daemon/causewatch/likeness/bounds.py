"""How large a run's payloads can be at most, from the sizes of its attributes.

A payload is one attribute, a part of one, or what was flattened into several; read as a structure
and written again it may grow, as escapes and exponents do.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from causewatch.likeness.asked import Questions, TooCloseError
from causewatch.model.span import Attributes, Span
from causewatch.model.value import Value

MAX_ESCAPE_FACTOR = 6
"""So many bytes a character of one byte takes in JSON at most."""
PART_BYTES = 24
"""What a number, a word or what stands around a value takes in JSON at most."""
UNKNOWN_BYTES = 2**53
"""Of bytes, which the compiled reader does not keep."""
CLAIMED = "causewatch.handoff."
_FLAT = re.compile(r"\.[0-9]")
_GROWS = re.compile(r"[0-9.](?=[eE])|\\(?=[x0-7])")


def check_sizes(asked: Questions, spans: Iterable[Span]) -> None:
    """See that no payload is larger than what rules ask for.

    Raises:
        TooCloseError: one may be.
    """
    total = 0
    for span in spans:
        largest, together = _of_span(span)
        total += together
        if asked.size is not None and largest > asked.size:
            raise TooCloseError
    if asked.total_size is not None and total > asked.total_size:
        raise TooCloseError


def is_flat(key: str) -> bool:
    """Tell whether an attribute is a part of what was flattened into several."""
    return _FLAT.search(key) is not None


def _of_span(span: Span) -> tuple[int, int]:
    """Return the bounds of a span's largest payload, and of all its payloads together."""
    largest, together = _of_attributes(span.attributes)
    of_events = sum(_of_attributes(event.attributes)[1] for event in span.events)
    return max(largest, of_events), together + of_events


def _of_attributes(attributes: Attributes) -> tuple[int, int]:
    largest = flat = together = 0
    for key, value in attributes.items():
        size = _of_text(value) if isinstance(value, str) else _of_value(value)
        if key.startswith(CLAIMED) and isinstance(value, int):
            size = max(size, value)  # what the sender says that it sent
        together += size
        if is_flat(key):
            flat += size + len(key) + PART_BYTES
        else:
            largest = max(largest, size)
    return max(largest, flat), together


def _of_text(text: str) -> int:
    size = len(text.encode("utf-8", "surrogatepass"))
    grows = sum(1 for _ in _GROWS.finditer(text))
    return size + grows * PART_BYTES


def _of_value(value: Value) -> int:
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass")) * MAX_ESCAPE_FACTOR + PART_BYTES
    if isinstance(value, list):
        return PART_BYTES + sum(_of_value(item) for item in value)
    if isinstance(value, dict):
        return PART_BYTES + sum(_of_value(key) + _of_value(each) for key, each in value.items())
    return UNKNOWN_BYTES if isinstance(value, bytes) else PART_BYTES
