"""Which dialects a span is written in, and what kind of step it is."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache

from causewatch.dialects.shape import Recognised, Shape, at_path, parse_cached, tables_of
from causewatch.dialects.table import Dialect, KindRule, When
from causewatch.model.span import Attributes, Span

MAX_KEPT_COUNT = 4_096
"""Answers that are kept; when there are more, all are forgotten."""


def by_priority(dialects: tuple[Dialect, ...]) -> tuple[Dialect, ...]:
    """Return ``dialects``, best first. Tables are constants, so the answer is kept."""
    return tables_of(dialects).dialects


def recognise(span: Span, dialects: Sequence[Dialect]) -> Recognised:
    """Return the dialects that ``span`` is written in and its kind.

    The first dialect that is no overlay and has a kind for the span decides; then the overlays. A
    span that none knows is ``other``: it stays a node of the graph. The answer is kept for the
    spans that look the same to all that could hold.
    """
    tables = tables_of(tuple(dialects))
    shape = tables.shape_of(span)
    seen = shape.look(span)
    found = tables.answers.get(seen) if seen is not None else None
    if found is None:
        found = _recognised(shape, span)
        if seen is not None:
            if len(tables.answers) >= MAX_KEPT_COUNT:
                tables.answers.clear()
            tables.answers[seen] = found
    return found


def _recognised(shape: Shape, span: Span) -> Recognised:
    rules = {each.dialect: each.kinds for each in shape.possible if _any_holds(each.detect, span)}
    matching = _placed(tuple(rules), span)
    for overlay in (False, True):
        for dialect in matching:
            if dialect.overlay is overlay and (rule := _first(rules[dialect], span)) is not None:
                return Recognised(matching, rule.kind, dialect, rule.why)
    return Recognised(matching, "other", None, "no dialect gives it a kind")


def _placed(matching: tuple[Dialect, ...], span: Span) -> tuple[Dialect, ...]:
    """Put users' dialects before the shipped ones that this span shows no more clearly.

    The shipped ones keep their order: each knows which others it knows better than.
    """
    own = [dialect for dialect in matching if not dialect.shipped]
    if not own:
        return matching
    placed = [dialect for dialect in matching if dialect.shipped]
    for dialect in reversed(own):
        strength = _strength(dialect, span)
        at = next((i for i, d in enumerate(placed) if _strength(d, span) >= strength), len(placed))
        placed.insert(at, dialect)
    return tuple(placed)


def _strength(dialect: Dialect, span: Span) -> int:
    """Return how clearly a span shows a dialect: 0 by its scope or an attribute, to 2 by a name."""
    return min(
        0
        if condition.scope or condition.scope_prefix or condition.key
        else 1
        if condition.prefix or condition.event_prefix
        else 2
        for condition in dialect.detect
        if holds(condition, span)
    )


def kind_rule(dialect: Dialect, span: Span) -> KindRule | None:
    """Return the first of a dialect's rules for kinds that holds for ``span``."""
    return _first(dialect.kinds, span)


def _first(rules: tuple[KindRule, ...], span: Span) -> KindRule | None:
    for rule in rules:
        for condition in rule.when:
            if not holds(condition, span):
                break
        else:
            return rule
    return None


def _any_holds(conditions: tuple[When, ...], span: Span) -> bool:
    return any(holds(condition, span) for condition in conditions)


def holds(condition: When, span: Span) -> bool:
    """Tell whether ``condition`` holds for ``span``."""
    for check in _checks(condition):
        if not check(condition, span):
            return condition.negate
    return not condition.negate


@lru_cache(maxsize=4096)
def _checks(condition: When) -> tuple[Callable[[When, Span], bool], ...]:
    """Return the checks that a condition asks for: most ask for one, of an attribute."""
    only_key = When(key=condition.key)
    fields = [f for f in When.__struct_fields__ if f not in _OF_KEY]
    rest = any(getattr(condition, name) != getattr(only_key, name) for name in fields)
    return (*([_holds_key] if condition.key else []), *([_holds_rest] if rest else []))


_OF_KEY = frozenset({"key", "path", "values", "equals_name", "equals_key", "pattern", "negate"})
"""What ``_holds_key`` sees to, and what turns the answer round."""


def _holds_rest(condition: When, span: Span) -> bool:
    return (
        condition.scope in ("", span.scope.name)
        and span.scope.name.startswith(condition.scope_prefix)
        and not (condition.root and span.parent_id)
        and not (condition.child and not span.parent_id)
        and (not condition.prefix or _has_prefix(span.attributes, condition.prefix))
        and (not condition.event_prefix or _has_event(span, condition.event_prefix))
        and (not condition.name or re.match(condition.name, span.name[:1_000]) is not None)
    )


def _has_prefix(attributes: Attributes, prefix: str) -> bool:
    return any(key.startswith(prefix) for key in attributes)


def _has_event(span: Span, prefix: str) -> bool:
    return any(event.name.startswith(prefix) for event in span.events)


def _holds_key(condition: When, span: Span) -> bool:
    value = span.attributes.get(condition.key)
    if condition.path and value is not None:
        value = at_path(parse_cached(value), condition.path)
    if value is None or value == "":
        return False
    if isinstance(value, str) and value[0] == '"':
        # Some SDKs write each value as JSON, plain names too.
        value = parse_cached(value)
    if condition.values and str(value) not in condition.values:
        return False
    if condition.equals_key and value != span.attributes.get(condition.equals_key):
        return False
    if condition.pattern and re.match(condition.pattern, str(value)[:1_000]) is None:
        return False
    return not condition.equals_name or value == span.name
