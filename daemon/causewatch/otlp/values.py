"""OTLP AnyValue to plain values."""

from __future__ import annotations

from collections.abc import Iterable

from opentelemetry.proto.common.v1.common_pb2 import AnyValue, KeyValue

from causewatch.model.value import Value

MAX_VALUE_DEPTH = 24
"""Lists and maps inside each other in one value. The way through maps costs three protobuf
messages a level, of which the runtime allows 100 in all."""


class TooDeepError(ValueError):
    """A value is nested deeper than ``MAX_VALUE_DEPTH``."""


def attributes_of(pairs: Iterable[KeyValue]) -> tuple[dict[str, Value], int]:
    """Return the attributes, the last of equal keys, and how many were dropped as too deep."""
    found: dict[str, Value] = {}
    dropped_count = 0
    for pair in pairs:
        value = pair.value
        # Most values are non-empty strings; asking for the string first halves the time.
        if text := value.string_value:
            found[pair.key] = text
            continue
        try:
            found[pair.key] = value_of(value)
        except TooDeepError:
            dropped_count += 1
    return found, dropped_count


def value_of(value: AnyValue, depth: int = 1) -> Value:  # noqa: PLR0911  # one a member of the union
    """Return the plain value; ``None`` when nothing, or nothing that we know, is set.

    Raises:
        TooDeepError: it is nested deeper than ``MAX_VALUE_DEPTH``.
    """
    if depth > MAX_VALUE_DEPTH:
        raise TooDeepError
    match value.WhichOneof("value"):
        case "string_value":
            return value.string_value
        case "int_value":
            return value.int_value
        case "double_value":
            return value.double_value
        case "bool_value":
            return value.bool_value
        case "bytes_value":
            return value.bytes_value
        case "array_value":
            return [value_of(item, depth + 1) for item in value.array_value.values]
        case "kvlist_value":
            pairs = value.kvlist_value.values
            return {pair.key: value_of(pair.value, depth + 1) for pair in pairs}
        case _:
            # Unset, or a member that a later OTLP adds.
            return None
