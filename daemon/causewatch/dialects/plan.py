"""Which places of a dialect's table are worth a look on a span, by the names that it carries.

Spans of one place in a program carry the same attributes, and most places that tables name are on
none of them: what is left after that is kept, so that a long table costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from causewatch.dialects.table import Dialect, FieldRule, Source
from causewatch.model.span import Span
from causewatch.model.step import StepKind

MAX_KEPT_NAMES_CHARS = 4_096


class Rules(NamedTuple):
    """What one dialect may find on a span: its field rules, each with the places that remain."""

    dialect: Dialect
    rules: tuple[tuple[FieldRule, tuple[Source, ...]], ...]


def plan(
    dialects: tuple[Dialect, ...], span: Span, kind: StepKind, *, has_logs: bool
) -> tuple[Rules, ...]:
    """Return what to read on ``span``, of each of its dialects, in their order; fallbacks last.

    Args:
        dialects: those of the span, best first.
        span: the span; only the names of its attributes count, and whether it has events.
        kind: its kind.
        has_logs: log records came for the span.
    """
    names = tuple(span.attributes)
    make: Callable[..., tuple[Rules, ...]] = _plan
    if sum(map(len, names)) > MAX_KEPT_NAMES_CHARS:
        # Keeping the names of such a span would cost memory.
        make = _plan.__wrapped__
    return make(dialects, names, kind, has_logs or bool(span.events))


@lru_cache(maxsize=1024)
def _plan(
    dialects: tuple[Dialect, ...], names: tuple[str, ...], kind: StepKind, has_events: bool
) -> tuple[Rules, ...]:
    known = frozenset(names)

    def kept(rule: FieldRule, *, fallback: bool) -> tuple[Source, ...]:
        return tuple(
            source
            for source in rule.sources
            if source.fallback is fallback and _may_hold(source, known, kind, has_events)
        )

    return tuple(
        Rules(
            dialect,
            tuple((rule, found) for rule in dialect.fields if (found := kept(rule, fallback=late))),
        )
        for late in (False, True)
        for dialect in dialects
    )


def _may_hold(source: Source, names: frozenset[str], kind: StepKind, has_events: bool) -> bool:
    if source.kinds and kind not in source.kinds:
        return False
    if source.events:
        return has_events
    if source.prefix:
        return any(name.startswith(source.prefix) for name in names)
    return not source.key or source.key in names
