"""The words of the signature language."""

from __future__ import annotations

from typing import Literal

import msgspec

from causewatch.model.value import Value

TokenKind = Literal[
    "operator", "word", "attribute", "intrinsic", "string", "int", "float", "duration", "end"
]

OPERATORS: tuple[str, ...] = (
    "]->>", "&>>", "&<<", "!>>", "!<<", "!-[", "&-[", "]->",
    "&&", "||", ">>", "<<", "!>", "!<", "!~", "&>", "&<", "&~", "!=", ">=", "<=", "=~", "-[",
    "{", "}", "(", ")", ",", "|", "=", "<", ">", "~", "!", "+", "-", "*", "/", "%", "^",
)  # fmt: skip
"""All operators, longest first, so that the first that fits is the one meant."""

SCOPES: tuple[str, ...] = ("span", "resource", "event", "link", "instrumentation")
"""Scopes of attributes: ``span.x`` and so on; the empty scope is ``.x``."""

NAME_ENDS = frozenset("{}()=~!<>&|^,")
"""What ends an attribute's name, besides white space."""

DURATION_UNITS_NS: dict[str, int] = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # the micro sign
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60 * 1_000_000_000,
    "h": 3_600 * 1_000_000_000,
    "d": 86_400 * 1_000_000_000,
    "w": 7 * 86_400 * 1_000_000_000,
    "y": 365 * 86_400 * 1_000_000_000,
}
"""Nanoseconds of each unit of a duration; ``y`` is 365 days."""


class Token(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """One word with its place.

    ``text`` is the operator, the word, the attribute's name or the intrinsic's name. ``owner`` is
    empty, ``parent`` or an ``as`` name; ``scope`` is the attribute's or intrinsic's scope.
    ``value`` is that of a literal (a duration in nanoseconds). ``start`` and ``end`` are offsets
    into the text.
    """

    kind: TokenKind
    text: str
    start: int
    end: int
    value: Value = None
    owner: str = ""
    scope: str = ""

    def describe(self) -> str:
        """Return how a message names this token."""
        match self.kind:
            case "attribute":
                dotted = ".".join(part for part in (self.owner, self.scope) if part)
                return f"{dotted}.{self.text}"
            case "intrinsic":
                return f"{self.owner or self.scope}:{self.text}"
            case "string":
                return "a string"
            case "operator":
                return f"`{self.text}`"
            case _:
                return self.text
