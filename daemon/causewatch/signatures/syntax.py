"""The parts of a parsed signature. Places are offsets into the text."""

from __future__ import annotations

import enum
from typing import Literal, TypeAlias

import msgspec

Scope = Literal["", "span", "resource", "event", "link", "instrumentation"]
FieldOperator = Literal[
    "+", "-", "*", "/", "%", "^", "=", "!=", "<", "<=", ">", ">=", "=~", "!~", "&&", "||"
]
CompareOperator = Literal["=", "!=", "<", "<=", ">", ">="]
ArithmeticOperator = Literal["+", "-", "*", "/", "%", "^"]
LogicOperator = Literal["&&", "||"]
TreeOperator = Literal[">", ">>", "<", "<<", "~"]
EdgeName = Literal["call", "return", "link", "handoff", "data", "before"]
FLOW: tuple[EdgeName, ...] = ("data", "link", "handoff")
"""What ``flow`` stands for."""
AggregateFunction = Literal["count", "min", "max", "avg", "sum"]
Form = Literal["plain", "both", "not"]
"""Which side an operator returns: the right one, both, or those without a partner."""
LiteralType = Literal["string", "int", "float", "duration", "bool", "status", "kind"]


class Status(enum.Enum):
    """A span's status as a value; it equals no string."""

    OK = "ok"
    ERROR = "error"
    UNSET = "unset"


class Kind(enum.Enum):
    """A span's OTLP kind as a value; it equals no string."""

    UNSPECIFIED = "unspecified"
    INTERNAL = "internal"
    SERVER = "server"
    CLIENT = "client"
    PRODUCER = "producer"
    CONSUMER = "consumer"


Static: TypeAlias = "str | int | float | bool | Status | Kind"


class Part(msgspec.Struct, frozen=True, kw_only=True):
    """Anything with a place."""

    at: int = 0


class Literally(Part, frozen=True, kw_only=True):
    """A constant; durations in nanoseconds."""

    value: Static
    type: LiteralType


class Attribute(Part, frozen=True, kw_only=True):
    """``span.x``; ``owner`` is empty, ``parent`` or an ``as`` name."""

    scope: Scope
    name: str
    owner: str = ""


class Intrinsic(Part, frozen=True, kw_only=True):
    """``span:duration``; ``name`` is always the scoped form, whatever was written."""

    name: str
    owner: str = ""


class Unary(Part, frozen=True, kw_only=True):
    """``!e`` or ``-e``."""

    operator: Literal["!", "-"]
    operand: Field


class Binary(Part, frozen=True, kw_only=True):
    """``l op r`` inside of a filter."""

    operator: FieldOperator
    left: Field
    right: Field


class IsNil(Part, frozen=True, kw_only=True):
    """``e = nil``, or ``e != nil`` when ``negated``."""

    operand: Field
    negated: bool


Field: TypeAlias = "Literally | Attribute | Intrinsic | Unary | Binary | IsNil"


class Filter(Part, frozen=True, kw_only=True):
    """``{ condition }``; ``None`` takes every span."""

    condition: Field | None


class Named(Part, frozen=True, kw_only=True):
    """``operand as name``."""

    operand: Spanset
    name: str


class Combine(Part, frozen=True, kw_only=True):
    """``A && B`` or ``A || B`` between span sets."""

    operator: LogicOperator
    left: Spanset
    right: Spanset


class Relate(Part, frozen=True, kw_only=True):
    """A structural operator on the span tree, such as ``A >> B``."""

    operator: TreeOperator
    form: Form
    left: Spanset
    right: Spanset


class Hops(msgspec.Struct, frozen=True, kw_only=True):
    """From ``least`` to ``most`` hops; ``most`` is ``None`` for any number."""

    least: int = 1
    most: int | None = 1


class Follow(Part, frozen=True, kw_only=True):
    """A typed causal edge, ``A -[types ! guard]-> B``."""

    types: tuple[EdgeName, ...]
    guard: Filter | None
    hops: Hops
    form: Form
    left: Spanset
    right: Spanset


class Absent(Part, frozen=True, kw_only=True):
    """``!{ ... }``: no such span in the run."""

    operand: Spanset


Spanset: TypeAlias = "Filter | Named | Combine | Relate | Follow | Absent | Pipeline"


class Aggregate(Part, frozen=True, kw_only=True):
    """``count()``, ``max(e)`` and so on."""

    function: AggregateFunction
    operand: Field | None


class Measured(Part, frozen=True, kw_only=True):
    """``({a} | count())``: an aggregate of a pipeline of its own."""

    stages: tuple[Stage, ...]
    scalar: Scalar


class Arithmetic(Part, frozen=True, kw_only=True):
    """``l op r`` between scalars."""

    operator: ArithmeticOperator
    left: Scalar
    right: Scalar


Scalar: TypeAlias = "Literally | Aggregate | Measured | Arithmetic"


class Compare(Part, frozen=True, kw_only=True):
    """A scalar filter: ``count() > 2``."""

    operator: CompareOperator
    left: Scalar
    right: Scalar


class GroupBy(Part, frozen=True, kw_only=True):
    """``by(e)``."""

    key: Field


class Coalesce(Part, frozen=True, kw_only=True):
    """``coalesce()``."""


class Select(Part, frozen=True, kw_only=True):
    """``select(a, b)``: fetches, filters nothing."""

    fields: tuple[Attribute | Intrinsic, ...]


class Origin(Part, frozen=True, kw_only=True):
    """``origin(t)``: only spans with no other result span upstream."""

    types: tuple[EdgeName, ...]


class PathTo(Part, frozen=True, kw_only=True):
    """``path(t)``: attaches how each result span was reached."""

    types: tuple[EdgeName, ...]


Stage: TypeAlias = "Spanset | Compare | GroupBy | Coalesce | Select | Origin | PathTo"


class Pipeline(Part, frozen=True, kw_only=True):
    """``stage | stage``, also in parentheses as one side of an operator."""

    stages: tuple[Stage, ...]


class Metric(Part, frozen=True, kw_only=True):
    """A metrics function with its arguments; read and checked, never run."""

    function: str
    fields: tuple[Field, ...] = ()
    filter: Filter | None = None
    by: tuple[Field, ...] = ()


class MetricRank(Part, frozen=True, kw_only=True):
    """``topk(n)``, ``bottomk(n)`` or a comparison with a number behind a metric."""

    function: str
    value: Literally


class MetricQuery(Part, frozen=True, kw_only=True):
    """``pipeline | metric | second stages``."""

    stages: tuple[Stage, ...]
    metric: Metric
    ranks: tuple[MetricRank, ...] = ()


class MetricMath(Part, frozen=True, kw_only=True):
    """Arithmetic between metrics, or of one with a number."""

    operator: ArithmeticOperator
    left: MetricRoot
    right: MetricRoot
    ranks: tuple[MetricRank, ...] = ()


MetricRoot: TypeAlias = "MetricQuery | MetricMath | Literally"


class Hint(Part, frozen=True, kw_only=True):
    """``name=value`` of ``with(...)``."""

    name: str
    value: Literally


class Query(msgspec.Struct, frozen=True, kw_only=True):
    """A parsed signature.

    ``mixed`` holds the offsets of ``&&`` and ``||`` that follow one another without parentheses:
    legal, but read from left to right, which surprises.
    """

    text: str
    root: Pipeline | MetricQuery | MetricMath
    hints: tuple[Hint, ...] = ()
    mixed: tuple[int, ...] = ()
