"""What the names on a span leave open of its dialects, and what then decides.

Spans of one place in a program carry the same attribute names, which rule out most conditions of
most tables. What is left is kept by these names, and with it the few values that the conditions
look at: spans that agree in those are of one kind, which is then found once.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import count
from typing import NamedTuple

from causewatch.dialects.table import Dialect, KindRule, When
from causewatch.dialects.unwrap import parse
from causewatch.model.span import Span
from causewatch.model.step import StepKind
from causewatch.model.value import Value

MAX_KEPT_NAMES_CHARS = 4_096
MAX_KEPT_VALUE_CHARS = 128
"""Longer values are content: no two are alike, and they would cost memory."""
MAX_VALUES_COUNT = 24


class Recognised(NamedTuple):
    """The dialects of one span, best first, and the kind they give."""

    dialects: tuple[Dialect, ...]
    kind: StepKind
    by: Dialect | None
    why: str


class Possible(NamedTuple):
    """What of a dialect's table a span's names do not rule out."""

    dialect: Dialect
    detect: tuple[When, ...]
    kinds: tuple[KindRule, ...]


class Shape(NamedTuple):
    """All spans with one scope and the same names of attributes."""

    number: int
    possible: tuple[Possible, ...]
    values: tuple[tuple[str, str], ...] | None
    """The attributes, with the paths into them, that what is possible looks at; ``None`` where
    they are too many to tell spans by."""
    sees_name: bool
    sees_parent: bool
    sees_events: bool

    def look(self, span: Span) -> tuple[object, ...] | None:
        """Return all that what is possible looks at on a span, or ``None`` if that is long."""
        if self.values is None or len(span.name) > MAX_KEPT_VALUE_CHARS:
            return None
        found: list[object] = [
            self.number,
            self.sees_name and span.name,
            self.sees_parent and not span.parent_id,
            self.sees_events and _events_of(span),
        ]
        if None in found:
            return None
        attributes = span.attributes
        for key, path in self.values:
            value = attributes.get(key)
            if path and value is not None:
                value = at_path(parse_cached(value), path)
            seen: object = None
            if value is not None and (seen := _kept_as(value)) is None:
                return None
            found.append(seen)
        return tuple(found)


def _events_of(span: Span) -> frozenset[str] | None:
    """Return what the events of a span are named, or ``None`` where that is too long to be kept."""
    names = frozenset([event.name for event in span.events])
    return names if len("".join(names)) <= MAX_KEPT_NAMES_CHARS else None


def _kept_as(value: Value) -> object:
    """Return what a value is known by, or ``None`` where it is too long to be kept."""
    if isinstance(value, str):
        return value if len(value) <= MAX_KEPT_VALUE_CHARS else None
    # To Python one and true are equal.
    return (type(value), value) if isinstance(value, bool | int) else None


class Tables:
    """Some dialects, best first, and the shapes of spans that were seen with them."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self.dialects = tuple(sorted(dialects, key=lambda dialect: (dialect.priority, dialect.id)))
        self.answers: dict[tuple[object, ...], Recognised] = {}
        """What was found out, by all that it depends on."""
        self._numbers = count()
        self._kept = lru_cache(maxsize=1024)(self._made)

    def shape_of(self, span: Span) -> Shape:
        """Return the shape of ``span``, kept unless its names would cost much memory."""
        names = tuple(span.attributes)
        scope = span.scope.name
        is_kept = len("".join(names)) + len(scope) <= MAX_KEPT_NAMES_CHARS
        return (self._kept if is_kept else self._made)(scope, names, bool(span.events))

    def _made(self, scope: str, names: tuple[str, ...], has_events: bool) -> Shape:
        known = frozenset(names)
        ordered = sorted(names)

        def may_hold(condition: When) -> bool:
            """Tell whether a condition could hold, whatever the values and the name are."""
            return condition.negate or (
                (not condition.key or condition.key in known)
                and condition.scope in ("", scope)
                and scope.startswith(condition.scope_prefix)
                and (not condition.prefix or has_prefix(ordered, condition.prefix))
                and (not condition.event_prefix or has_events)
            )

        return _shaped(
            next(self._numbers),
            [
                Possible(
                    dialect,
                    detect,
                    tuple(rule for rule in dialect.kinds if all(map(may_hold, rule.when))),
                )
                for dialect in self.dialects
                if _gate_of(dialect).lets(scope, known, ordered)
                and (detect := tuple(filter(may_hold, dialect.detect)))
            ],
        )


class _Gate(NamedTuple):
    """What a span must have of to be in a dialect at all, so that most are ruled out at once."""

    is_open: bool
    """Some condition looks at what neither names nor scope tell."""
    keys: frozenset[str]
    scopes: frozenset[str]
    scope_prefixes: tuple[str, ...]
    prefixes: tuple[str, ...]

    def lets(self, scope: str, known: frozenset[str], ordered: Sequence[str]) -> bool:
        """Tell whether a span with this scope and these names may be in the dialect."""
        return (
            self.is_open
            or not self.keys.isdisjoint(known)
            or scope in self.scopes
            or scope.startswith(self.scope_prefixes)
            or any(has_prefix(ordered, prefix) for prefix in self.prefixes)
        )


@lru_cache(maxsize=256)
def _gate_of(dialect: Dialect) -> _Gate:
    conditions = [each for each in dialect.detect if not each.negate]
    keyed = [each for each in conditions if each.key]
    others = [each for each in conditions if not each.key]
    scoped = [each for each in others if each.scope]
    begun = [each for each in others if not each.scope and each.scope_prefix]
    named = [each for each in others if not each.scope and not each.scope_prefix and each.prefix]
    return _Gate(
        is_open=len(keyed) + len(scoped) + len(begun) + len(named) < len(dialect.detect),
        keys=frozenset(each.key for each in keyed),
        scopes=frozenset(each.scope for each in scoped),
        scope_prefixes=tuple(each.scope_prefix for each in begun),
        prefixes=tuple(each.prefix for each in named),
    )


@lru_cache(maxsize=64)
def tables_of(dialects: tuple[Dialect, ...]) -> Tables:
    """Return ``dialects`` with what is kept of them. Tables are constants."""
    return Tables(dialects)


def has_prefix(ordered: Sequence[str], prefix: str) -> bool:
    """Tell whether one of some sorted names starts with ``prefix``."""
    at = bisect_left(ordered, prefix)
    return at < len(ordered) and ordered[at].startswith(prefix)


def _shaped(number: int, possible: Sequence[Possible]) -> Shape:
    conditions = [
        condition
        for each in possible
        for group in (each.detect, *(rule.when for rule in each.kinds))
        for condition in group
    ]
    values: dict[tuple[str, str], None] = {}
    for condition in conditions:
        if condition.key:
            values[(condition.key, condition.path)] = None
        if condition.equals_key:
            values[(condition.equals_key, "")] = None

    def sees(what: Callable[[When], object]) -> bool:
        return any(map(what, conditions))

    return Shape(
        number=number,
        possible=tuple(possible),
        values=tuple(values) if len(values) <= MAX_VALUES_COUNT else None,
        sees_name=sees(lambda condition: condition.name or condition.equals_name),
        sees_parent=sees(lambda condition: condition.root or condition.child),
        sees_events=sees(lambda condition: condition.event_prefix),
    )


def at_path(value: Value, path: str) -> Value:
    """Return what is at a dotted path inside of ``value``, or ``None``; numbers index lists."""
    for name in path.split("."):
        if isinstance(value, dict):
            value = value.get(name)
        elif isinstance(value, list) and name.isdecimal() and int(name[:9]) < len(value):
            value = value[int(name[:9])]
        else:
            return None
    return value


@lru_cache(maxsize=256)
def _parse_small(text: str) -> Value:
    return parse(text)


def parse_cached(value: Value) -> Value:
    """Parse a small JSON text; several rules look into the same metadata of each span."""
    if isinstance(value, str):
        return _parse_small(value) if len(value) <= 16_384 else parse(value)
    return value
