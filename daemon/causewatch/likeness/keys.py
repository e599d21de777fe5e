"""How the value of each attribute enters a likeness: by its key, as the dialects' tables say."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache
from typing import Literal

from causewatch.dialects.table import Dialect, Field, Source, When

Role = Literal["name", "content", "score"]
"""``name``: by its value; ``content``: by its form and where else in the run it occurs; ``score``:
a number by its tenth."""

_NAMING: frozenset[Field] = frozenset(
    {"operation", "agent", "workflow", "model", "tool", "finish_reason", "error_type",
     "handoff_from", "handoff_to", "handoff_mode"}
)  # fmt: skip
ID = re.compile(r"[0-9a-fA-F-]*[0-9][0-9a-fA-F-]*")
"""What, in a name, is a number or an id: some programs number what they make."""
MAX_KEYS_COUNT = 10_000
SCORE_ENDS = ("score", "similarity", "relevance")
ORDER_PARTS = (
    "vers", "seq", "rev", "epoch", "updat", "modif", "time", "stamp", "offset", "_at", "date",
    "order",
)  # fmt: skip
AMOUNT_PARTS = (
    "page", "total", "count", "limit", "offset", "size", "hits", "length", "topk", "top_k", "max",
    "age", "ttl", "stale",
)  # fmt: skip


def naming_keys(dialects: Iterable[Dialect]) -> frozenset[str]:
    """Return the attribute keys whose values name things, or tell what kind of step a span is.

    What a dialect may also read as content is not among them: it differs from run to run.
    """
    named: set[str] = set()
    content: set[str] = set()
    for dialect in dialects:
        named.update(when.key for when in _conditions(dialect) if _asks_for_value(when))
        for rule in dialect.fields:
            into = named if rule.field in _NAMING else content
            into.update(source.key for source in rule.sources if _is_plain(source))
    return frozenset(named - content)


def role_of(key: str, naming: frozenset[str]) -> Role:
    """Return how the value of ``key`` enters a likeness."""
    if key in naming:
        return "name"
    return "score" if key.lower().endswith(SCORE_ENDS) else "content"


USAGE_PARTS = ("token", "usage", "cost", "latency", "duration", "elapsed", "_ms")


@lru_cache(maxsize=MAX_KEYS_COUNT)
def tells_usage(key: str) -> bool:
    """Tell whether a number under ``key`` measures the run itself: it is in no relation to data."""
    low = key.lower()
    return any(part in low for part in USAGE_PARTS)


@lru_cache(maxsize=MAX_KEYS_COUNT)
def tells_order(key: str) -> bool:
    """Tell whether numbers and times under ``key`` may tell newer from older."""
    low = key.lower()
    return any(part in low for part in ORDER_PARTS)


@lru_cache(maxsize=MAX_KEYS_COUNT)
def tells_amount(key: str) -> bool:
    """Tell whether a number under ``key`` may count things, or limit how many or how old."""
    low = key.lower()
    return any(part in low for part in AMOUNT_PARTS)


def _conditions(dialect: Dialect) -> Iterable[When]:
    yield from dialect.detect
    for rule in dialect.kinds:
        yield from rule.when


def _asks_for_value(when: When) -> bool:
    """Tell whether a condition looks at an attribute's value, not only whether it is there."""
    return bool(when.key and not when.path and (when.values or when.pattern))


def _is_plain(source: Source) -> bool:
    return bool(source.key) and not source.events and not source.path
