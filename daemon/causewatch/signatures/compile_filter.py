"""Filters to functions from a subject to the mask of its spans.

Comparisons of one field with a constant are answered from the field's index, once per subject for
all signatures that ask the same; ``&&``, ``||`` and ``!`` are then operations on masks.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import cast

from causewatch.signatures.columns import (
    Index,
    attribute_index,
    attribute_index_key,
    intrinsic_index,
    tag_of,
)
from causewatch.signatures.compile_field import (
    Bound,
    Frame,
    Owners,
    ReadCell,
    compile_field,
    matcher_of,
)
from causewatch.signatures.ladder import Ladder
from causewatch.signatures.subject import Subject, nodes_of
from causewatch.signatures.syntax import (
    Attribute,
    Binary,
    CompareOperator,
    Field,
    Filter,
    Intrinsic,
    IsNil,
    Literally,
    Static,
    Unary,
)

MaskTest = Callable[[Subject], int]
_FLIPPED = {"=": "=", "!=": "!=", "<": ">", "<=": ">=", ">": "<", ">=": "<="}
_COMPARISONS = frozenset(_FLIPPED)
MAX_PAIRS_PER_SPAN = 10_000
"""How many pairs of event and link of one span are tried; of more, only the first."""


class CompiledFilter:
    """One filter.

    ``reads_names`` says that ``nodes`` needs ``bound``; ``candidates`` never does and is an upper
    bound of what can match.
    """

    def __init__(self, filter_: Filter, owners: Owners) -> None:
        parts = _conjuncts(filter_.condition)
        plain = [part for part in parts if not (_reads_names(part) or _reads_lists(part))]
        rest = [part for part in parts if part not in plain]
        self._masks = [_compile_mask(part, owners) for part in plain]
        self._tests = [compile_field(part, owners) for part in rest]
        self._events = any(_reads(part, "event") for part in rest)
        self._links = any(_reads(part, "link") for part in rest)
        self.reads_names = any(_reads_names(part) for part in rest)

    def nodes(self, subject: Subject, within: int, bound: Bound = ()) -> int:
        """Return the spans of ``within`` that match."""
        return self.among(subject, self.candidates(subject, within), bound)

    def among(self, subject: Subject, mask: int, bound: Bound = ()) -> int:
        """Return those of its ``candidates`` that match."""
        if not self._tests or not mask:
            return mask
        frame = Frame(subject, bound)
        found = 0
        for node in nodes_of(mask):
            if self._matches(frame, node):
                found |= 1 << node
        return found

    def candidates(self, subject: Subject, within: int) -> int:
        """Return the spans of ``within`` that match as far as one span alone can tell."""
        mask = within
        for test in self._masks:
            if not mask:
                break
            mask &= test(subject)
        return mask

    def _matches(self, frame: Frame, node: int) -> bool:
        """Return whether all tests hold, all on the same event and link where they ask for one."""
        if not (self._events or self._links):
            return self._holds(frame, node)
        span = frame.subject.spans[node]
        events = (span.events if self._events else ()) or (None,)
        links = (span.links if self._links else ()) or (None,)
        pairs = ((event, link) for event in events for link in links)
        for _, (frame.event, frame.link) in zip(range(MAX_PAIRS_PER_SPAN), pairs, strict=False):
            if self._holds(frame, node):
                return True
        return False

    def _holds(self, frame: Frame, node: int) -> bool:
        for test in self._tests:  # noqa: SIM110 -- a generator costs more than the usual one test
            if test(frame, node) is not True:
                return False
        return True


def _conjuncts(field: Field | None) -> list[Field]:
    """Return the parts that all have to hold."""
    if field is None:
        return []
    if isinstance(field, Binary) and field.operator == "&&":
        return _conjuncts(field.left) + _conjuncts(field.right)
    return [field]


def _parts(field: Field) -> list[Field]:
    match field:
        case Unary(operand=operand) | IsNil(operand=operand):
            return [field, *_parts(operand)]
        case Binary(left=left, right=right):
            return [field, *_parts(left), *_parts(right)]
        case _:
            return [field]


def _reads_names(field: Field) -> bool:
    return any(
        isinstance(part, (Attribute, Intrinsic)) and part.owner not in {"", "parent"}
        for part in _parts(field)
    )


def _reads(field: Field, scope: str) -> bool:
    return any(
        (isinstance(part, Attribute) and part.scope == scope)
        or (isinstance(part, Intrinsic) and part.name.startswith(scope + ":"))
        for part in _parts(field)
    )


def _reads_lists(field: Field) -> bool:
    return _reads(field, "event") or _reads(field, "link")


def _compile_mask(field: Field, owners: Owners) -> MaskTest:  # noqa: PLR0911 -- one a kind
    match field:
        case Literally(value=True):
            return lambda subject: subject.everything
        case Binary(operator="&&", left=left, right=right):
            first, second = _compile_mask(left, owners), _compile_mask(right, owners)
            return lambda subject: first(subject) & second(subject)
        case Binary(operator="||", left=left, right=right):
            first, second = _compile_mask(left, owners), _compile_mask(right, owners)
            return lambda subject: first(subject) | second(subject)
        case Unary(operator="!", operand=Attribute(owner="") as operand):
            return _is(operand, wanted=False)
        case Unary(operator="!", operand=operand):
            negated = _compile_mask(operand, owners)
            return lambda subject: subject.everything & ~negated(subject)
        case Attribute(owner=""):
            return _is(field, wanted=True)
        case _:
            return _atom(field) or _each(compile_field(field, owners))


def _is(read: Attribute, *, wanted: bool) -> MaskTest:
    """Test an attribute that stands for itself; an array of booleans is none."""
    index_of = _index_reader(read)

    def test(subject: Subject) -> int:
        index = index_of(subject)
        return index.typed.get("bool", 0) & index.nodes.get(("bool", wanted), 0)

    return test


def _each(read: ReadCell) -> MaskTest:
    """Ask every span."""

    def test(subject: Subject) -> int:
        frame = Frame(subject)
        found = 0
        for node in range(len(subject.spans)):
            if read(frame, node) is True:
                found |= 1 << node
        return found

    return test


def _atom(field: Field) -> MaskTest | None:
    """Return the test of one own field against a constant, or ``None`` for anything else."""
    match field:
        case IsNil(operand=Attribute(owner="") | Intrinsic(owner="") as operand, negated=negated):
            index_of = _index_reader(operand)
            if negated:
                return lambda subject: index_of(subject).present
            return lambda subject: subject.everything & ~index_of(subject).present
        case Binary(
            operator="=~" | "!~" as operator,
            left=Attribute(owner="") | Intrinsic(owner="") as read,
            right=Literally(value=str(pattern)),
        ):
            return _regex(read, operator, pattern)
        case Binary(
            operator=operator,
            left=Attribute(owner="") | Intrinsic(owner="") as read,
            right=Literally(value=value),
        ) if operator in _COMPARISONS:
            return _comparison(read, cast("CompareOperator", operator), value)
        case Binary(
            operator=operator,
            left=Literally(value=value),
            right=Attribute(owner="") | Intrinsic(owner="") as read,
        ) if operator in _COMPARISONS:
            return _comparison(read, cast("CompareOperator", _FLIPPED[operator]), value)
        case _:
            return None


def _index_reader(read: Attribute | Intrinsic) -> Callable[[Subject], Index]:
    """Return a reader of a field's index; after the first time it costs one look-up."""
    name = read.name
    if isinstance(read, Intrinsic):
        return lambda subject: intrinsic_index(subject, name)
    scope = read.scope
    key = attribute_index_key(scope, name)

    def index_of(subject: Subject) -> Index:
        found: Index | None = subject.cache.known(key)
        return found if found is not None else attribute_index(subject, scope, name)

    return index_of


def _comparison(read: Attribute | Intrinsic, operator: CompareOperator, value: Static) -> MaskTest:
    index_of = _index_reader(read)
    tag = tag_of(value)
    wanted = (tag, value)
    if operator == "=":
        return lambda subject: index_of(subject).nodes.get(wanted, 0)
    if operator == "!=":

        def differs(subject: Subject) -> int:
            index = index_of(subject)
            comparable = index.typed.get(tag, 0) | index.typed.get("array", 0)
            return comparable & ~index.nodes.get(wanted, 0)

        return differs
    scope = read.scope if isinstance(read, Attribute) else "intrinsic"
    key = ("ladder", scope, read.name, tag)

    def ordered(subject: Subject) -> int:
        ladder: Ladder | None = subject.cache.known(key)
        if ladder is None:
            ladder = subject.cache.get(key, lambda: Ladder(index_of(subject), tag))
        return ladder.compared(operator, value)

    return ordered


def _regex(read: Attribute | Intrinsic, operator: str, pattern: str) -> MaskTest:
    index_of = _index_reader(read)
    match = matcher_of(pattern)
    scope = read.scope if isinstance(read, Attribute) else "intrinsic"
    key = ("matched", scope, read.name, pattern)

    def matched(subject: Subject) -> int:
        found = 0
        for (tag, value), nodes in index_of(subject).nodes.items():
            if tag == "string" and match(cast("str", value)):
                found |= nodes
        return found

    if operator == "=~":
        return lambda subject: subject.cache.get(key, lambda: matched(subject))

    def differs(subject: Subject) -> int:
        index = index_of(subject)
        texts = index.typed.get("string", 0) | index.typed.get("array", 0)
        return texts & ~subject.cache.get(key, lambda: matched(subject))

    return differs
