"""Whether *telemetry* cut a value: an SDK's, the Collector's or a backend's limit.

Only marks that such a limit leaves count. Content that merely stops early was cut by the agent
system, and that is a fault to be found, so it must never be excused here.
"""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.dialects.unwrap import parse
from causewatch.model.span import Attributes

LIMITS_CHARS = frozenset(
    {128, 256, 512, 1000, 1024, 2000, 2048, 4000, 4096, 5000, 8000, 8192, 8191, 10_000, 12_000,
     12_288, 16_000, 16_383, 16_384, 20_000, 24_576, 32_000, 32_767, 32_768, 50_000, 64_000,
     65_535, 65_536, 100_000, 131_072, 250_000, 262_144, 1_000_000, 1_048_576}
)  # fmt: skip
"""Attribute value limits of SDKs, the Collector and backends; in characters or bytes."""

MIN_COMMON_LENGTH_CHARS = 80
"""Shorter values have equal lengths by chance: ids, digests, names."""
MIN_COMMON_COUNT = 3


def was_cut(text: str, attributes: Attributes) -> bool:
    """Tell whether a telemetry limit cut ``text``, a value of ``attributes``.

    Args:
        text: the value as recorded.
        attributes: all attributes of its span, among which other values cut at the same length are
        a mark.
    """
    length = len(text)
    size = length if text.isascii() else len(text.encode("utf-8", "replace"))
    if (length in LIMITS_CHARS or size in LIMITS_CHARS) and _is_broken_json(text):
        return True
    return length >= MIN_COMMON_LENGTH_CHARS and _is_common_limit(length, attributes.values())


def _is_broken_json(text: str) -> bool:
    """Tell whether ``text`` starts as a JSON container and does not end as one."""
    return text.lstrip()[:1] in ("{", "[") and isinstance(parse(text), str)


def _is_common_limit(length: int, values: Iterable[object]) -> bool:
    """Tell whether several different values have exactly this length and none is longer."""
    seen: set[str] = set()
    for value in values:
        if isinstance(value, str):
            if len(value) > length:
                return False
            if len(value) == length:
                seen.add(value)
    return len(seen) >= MIN_COMMON_COUNT
