"""Filter expressions to functions of one span.

These are the general case: they can read other spans (``parent.``, names) and one event or link.
What reads only the span itself is answered for all spans at once by ``compile_filter``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import assert_never, cast

from causewatch.model.span import SpanEvent, SpanLink
from causewatch.signatures.check import compile_regex
from causewatch.signatures.columns import (
    Cell,
    attribute_column,
    event_attribute,
    event_intrinsic,
    intrinsic_column,
    link_intrinsic,
)
from causewatch.signatures.operate import calculate, compare
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import (
    ArithmeticOperator,
    Attribute,
    Binary,
    CompareOperator,
    Field,
    Intrinsic,
    IsNil,
    Literally,
    Unary,
)
from causewatch.signatures.tree import tree_of

UNBOUND = -1
Bound = tuple[int, ...]
"""The node that each ``as`` name stands for, in order of the names; ``UNBOUND`` for none."""


class Frame:
    """What an expression is evaluated in, besides the span itself."""

    __slots__ = ("bound", "event", "link", "subject")

    def __init__(self, subject: Subject, bound: Bound = ()) -> None:
        self.subject = subject
        self.bound = bound
        self.event: SpanEvent | None = None
        self.link: SpanLink | None = None


ReadCell = Callable[[Frame, int], Cell]
Owners = dict[str, int]
"""The position of each ``as`` name within ``Bound``."""


def compile_field(field: Field, owners: Owners) -> ReadCell:  # noqa: PLR0911 -- one a kind
    """Return a function from a frame and a node to the expression's value."""
    match field:
        case Literally(value=value):
            return lambda _frame, _node: value
        case Attribute(scope="event" | "link"):
            return _of_event_or_link(field)
        case Attribute(scope=scope, name=name, owner=owner):
            return _owned(
                lambda frame, node: attribute_column(frame.subject, scope, name)[node],
                owner,
                owners,
            )
        case Intrinsic(name=name, owner=owner):
            if name.startswith(("event:", "link:")):
                return _of_event_or_link(field)
            return _owned(
                lambda frame, node: intrinsic_column(frame.subject, name)[node], owner, owners
            )
        case Unary():
            return _unary(field, owners)
        case IsNil(operand=operand, negated=negated):
            read = compile_field(operand, owners)
            return lambda frame, node: (read(frame, node) is None) is not negated
        case Binary():
            return _binary(field, owners)
        case _:
            assert_never(field)


def _owned(read: ReadCell, owner: str, owners: Owners) -> ReadCell:
    """Read at another node: the parent, or the one a name stands for; nil where there is none."""
    if not owner:
        return read
    if owner == "parent":

        def read_parent(frame: Frame, node: int) -> Cell:
            parent = tree_of(frame.subject).all_parents[node]
            return read(frame, parent) if parent >= 0 else None

        return read_parent
    position = owners[owner]

    def read_named(frame: Frame, _node: int) -> Cell:
        named = frame.bound[position]
        return read(frame, named) if named != UNBOUND else None

    return read_named


def _of_event_or_link(field: Attribute | Intrinsic) -> ReadCell:
    """Read the frame's event or link; outside of a filter, the span's first one."""
    name = field.name
    on_event = name.startswith("event:") or (
        isinstance(field, Attribute) and field.scope == "event"
    )
    is_attribute = isinstance(field, Attribute)
    if on_event:

        def read_event(frame: Frame, node: int) -> Cell:
            span = frame.subject.spans[node]
            event = frame.event or next(iter(span.events), None)
            if event is None:
                return None
            return (
                event_attribute(event, name) if is_attribute else event_intrinsic(event, span, name)
            )

        return read_event

    def read_link(frame: Frame, node: int) -> Cell:
        link = frame.link or next(iter(frame.subject.spans[node].links), None)
        if link is None:
            return None
        return link.attributes.get(name) if is_attribute else link_intrinsic(link, name)

    return read_link


def _unary(field: Unary, owners: Owners) -> ReadCell:
    read = compile_field(field.operand, owners)
    if field.operator == "!":
        return lambda frame, node: read(frame, node) is False
    return lambda frame, node: calculate("-", 0, read(frame, node))


def _binary(field: Binary, owners: Owners) -> ReadCell:
    operator = field.operator
    left = compile_field(field.left, owners)
    if operator in {"=~", "!~"}:
        return _regex(field, left)
    right = compile_field(field.right, owners)
    if operator == "&&":
        return lambda frame, node: left(frame, node) is True and right(frame, node) is True
    if operator == "||":
        return lambda frame, node: left(frame, node) is True or right(frame, node) is True
    if operator in _ARITHMETIC:
        sign = cast("ArithmeticOperator", operator)
        return lambda frame, node: calculate(sign, left(frame, node), right(frame, node))
    comparison = cast("CompareOperator", operator)
    return lambda frame, node: compare(comparison, left(frame, node), right(frame, node))


_ARITHMETIC = frozenset({"+", "-", "*", "/", "%", "^"})


def _regex(field: Binary, left: ReadCell) -> ReadCell:
    match = matcher_of(cast("str", cast("Literally", field.right).value))
    wanted = field.operator == "=~"

    def read(frame: Frame, node: int) -> Cell:
        cell = left(frame, node)
        if isinstance(cell, str):
            return match(cell) is wanted
        if isinstance(cell, list):
            return any(isinstance(part, str) and match(part) for part in cell) is wanted
        return False

    return read


def matcher_of(pattern: str) -> Callable[[str], bool]:
    """Return a function that says whether a whole text fits an RE2 pattern."""
    compiled = compile_regex(pattern)

    def match(text: str) -> bool:
        try:
            return compiled.fullmatch(text) is not None
        except UnicodeEncodeError:
            # A lone surrogate, which JSON allows and UTF-8 does not.
            return compiled.fullmatch(text.encode("utf-8", "replace").decode("utf-8")) is not None

    return match
