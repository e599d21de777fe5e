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
    return was_cut_at(text, common_limit(attributes.values()))


def was_cut_at(text: str, limit: int) -> bool:
    """Return the same, where the ``common_limit`` of the attributes is known."""
    length = len(text)
    if limit and length == limit:
        return True
    size = length if text.isascii() else len(text.encode("utf-8", "replace"))
    return (length in LIMITS_CHARS or size in LIMITS_CHARS) and _is_broken_json(text)


def any_cut(attributes: Attributes) -> bool:
    """Tell whether a telemetry limit cut any text among ``attributes``."""
    limit = common_limit(attributes.values())
    return any(isinstance(value, str) and was_cut_at(value, limit) for value in attributes.values())


def common_limit(values: Iterable[object]) -> int:
    """Return the length that several different values have and none exceeds, 0 if there is none."""
    texts = [value for value in values if isinstance(value, str)]
    longest = max(map(len, texts), default=0)
    if longest < MIN_COMMON_LENGTH_CHARS:
        return 0
    cut = {text for text in texts if len(text) == longest}
    return longest if len(cut) >= MIN_COMMON_COUNT else 0


def _is_broken_json(text: str) -> bool:
    """Tell whether ``text`` starts as a JSON container and does not end as one."""
    return text.lstrip()[:1] in ("{", "[") and isinstance(parse(text), str)
