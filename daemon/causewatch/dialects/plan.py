"""Which places of a dialect's table are worth a look on a span, by the names that it carries.

Spans of one place in a program carry the same attributes, and most places that tables name are on
none of them: what is left after that is kept, so that a long table costs nothing.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import NamedTuple

from causewatch.dialects.shape import has_prefix
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
    ordered = sorted(names)

    def may_hold(source: Source) -> bool:
        if source.kinds and kind not in source.kinds:
            return False
        if source.events:
            return has_events
        if source.prefix:
            return has_prefix(ordered, source.prefix)
        return not source.key or source.key in known

    found = [(dialect, _left(dialect, known, may_hold)) for dialect in dialects]
    return tuple(
        Rules(dialect, tuple((rule, sources) for rule, sources, is_late in left if is_late is late))
        for late in (False, True)
        for dialect, left in found
    )


def _left(
    dialect: Dialect, known: frozenset[str], may_hold: Callable[[Source], bool]
) -> list[tuple[FieldRule, tuple[Source, ...], bool]]:
    """Return what remains of a dialect's field rules; fallbacks by themselves."""
    found: list[tuple[FieldRule, tuple[Source, ...], bool]] = []
    for rule, names in _by_names(dialect):
        if names and names.isdisjoint(known):
            continue
        sources = tuple(filter(may_hold, rule.sources))
        late = tuple(source for source in sources if source.fallback)
        if len(sources) > len(late):
            found.append((rule, tuple(s for s in sources if not s.fallback), False))
        if late:
            found.append((rule, late, True))
    return found


@lru_cache(maxsize=256)
def _by_names(dialect: Dialect) -> tuple[tuple[FieldRule, frozenset[str]], ...]:
    """Return a table's rules with the attributes that each needs one of; none where it may not."""
    return tuple(
        (
            rule,
            frozenset(source.key for source in rule.sources)
            if all(s.key and not s.events and not s.prefix for s in rule.sources)
            else frozenset(),
        )
        for rule in dialect.fields
    )
