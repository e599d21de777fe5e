"""Reads a content model, and the orders of ``required`` and ``forbidden``.

The grammar, with no precedence to learn: one group holds one of ``,``, ``|`` and ``&``::

    model   = unit { "," unit } | unit { "|" unit } | unit { "&" unit }
    unit    = [ "->" ] primary [ "*" | "+" | "?" | "{" m [ "," [ n ] ] "}" ]
    primary = name | "..." | "(" [ model ] ")"
    name    = [ "agent:" | "tool:" ] ( word | quoted )
    order   = name ( "before" | "after" ) name
"""

from __future__ import annotations

import re
from typing import Literal, cast

import msgspec

from causewatch.paths.ambiguity import counted, shared_count
from causewatch.paths.error import PathError
from causewatch.paths.lexer import Token, bounds_of, tokens_of
from causewatch.paths.limits import (
    MAX_ANY_ORDER_PARTS_COUNT,
    MAX_COUNT,
    MAX_DEPTH,
    MAX_INNER_COUNT,
    MAX_NAMES_COUNT,
    MAX_SHARED_PARTS_COUNT,
)
from causewatch.paths.syntax import (
    NOTHING,
    AnyOrder,
    Choice,
    Model,
    Name,
    Open,
    Pattern,
    PatternKind,
    Repeat,
    Sequence,
    opened,
)

OrderWord = Literal["before", "after"]

_PREFIXES: tuple[PatternKind, ...] = ("agent", "tool")
_NODE_PREFIXES: tuple[PatternKind, ...] = ("agent", "tool", "workflow")
_BETWEEN: dict[str, type[Sequence | Choice | AnyOrder]] = {
    ",": Sequence,
    "|": Choice,
    "&": AnyOrder,
}
_REPEATS: dict[str, tuple[int, int | None]] = {"*": (0, None), "+": (1, None), "?": (0, 1)}
_A_CHILD = ("a name", "'->'", "'('", "'...'")
_SPECIAL = re.compile(r"([*?\[])")


class Order(msgspec.Struct, frozen=True, kw_only=True):
    """``left before right`` or ``left after right``."""

    left: Pattern
    word: OrderWord
    right: Pattern
    text: str


def parse_model(text: str) -> Model:
    """Return the content model written in ``text``.

    Raises:
        PathError: with the place and what was expected there.
    """
    return _Parser(text).model()


def parse_order(text: str) -> Order:
    """Return an order such as ``agent:policy before tool:issue_refund``.

    Raises:
        PathError: with the place and what was expected there.
    """
    return _Parser(text).order()


def parse_node(text: str) -> Pattern:
    """Return the pattern of a node's key: all of it is the name, or the glob, after the prefix."""
    kind, _, name = text.partition(":")
    if name and kind in _NODE_PREFIXES:
        return _quoted_pattern(kind, name.strip())
    return _quoted_pattern("", text.strip())


def plain_pattern(kind: PatternKind, name: str) -> Pattern:
    """Return the pattern of exactly one name."""
    return Pattern(kind=kind, glob=_SPECIAL.sub(r"[\1]", name), text=name)


def _quoted_pattern(kind: PatternKind, written: str) -> Pattern:
    """Read a quoted name: ``*`` and ``?`` are wild, a backslash takes a character as it is."""
    glob, text = [], []
    characters = iter(written)
    for character in characters:
        is_escaped = character == "\\"
        shown = next(characters, "\\") if is_escaped else character
        is_wild = shown in "*?" and not is_escaped
        glob.append(shown if is_wild else _SPECIAL.sub(r"[\1]", shown))
        text.append(shown)
    return Pattern(kind=kind, glob="".join(glob), text="".join(text))


class _Parser:
    """One text being read: its tokens, and how far they are used up."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = tokens_of(text)
        self._at = 0
        self._names_count = 0

    @property
    def _next(self) -> Token:
        return self._tokens[self._at]

    @property
    def _has_ended(self) -> bool:
        return self._next.kind == "end"

    def _take(self) -> Token:
        token = self._next
        self._at += token.kind != "end"
        return token

    def _is_sign(self, *signs: str) -> bool:
        return self._next.kind == "sign" and self._next.text in signs

    def _error(self, message: str, token: Token, expected: tuple[str, ...] = ()) -> PathError:
        return PathError(message, text=self._text, offset=token.offset, expected=expected)

    def _unexpected(self, *expected: str) -> PathError:
        token = self._next
        found = "the end" if token.kind == "end" else repr(token.text)
        return self._error(f"unexpected {found}", token, expected)

    def model(self) -> Model:
        if self._has_ended:
            raise self._error("an empty content model: write () for no children", self._next)
        model = self._group(depth=1, is_handoff=False)
        if not self._has_ended:
            raise self._after_unit()
        return model

    def order(self) -> Order:
        left = self._pattern()
        word = self._take()
        if word.kind != "name" or word.text not in {"before", "after"}:
            self._at -= word.kind != "end"
            raise self._unexpected("'before'", "'after'")
        right = self._pattern()
        if self._next.kind != "end":
            raise self._unexpected("the end")
        return Order(
            left=left, word=cast("OrderWord", word.text), right=right, text=self._text.strip()
        )

    def _group(self, *, depth: int, is_handoff: bool) -> Model:
        """Read units with one sign between them."""
        if depth > MAX_DEPTH:
            raise self._error(f"more than {MAX_DEPTH} levels of parentheses", self._next)
        parts = [self._unit(depth=depth, is_handoff=is_handoff)]
        between = self._next
        if not self._is_sign(*_BETWEEN):
            return parts[0]
        while self._is_sign(between.text):
            self._take()
            parts.append(self._unit(depth=depth, is_handoff=is_handoff))
        if self._is_sign(*_BETWEEN):
            message = f"{between.text!r} and {self._next.text!r} in one group: write parentheses"
            raise self._error(message, self._next)
        if between.text == "&" and len(parts) > MAX_ANY_ORDER_PARTS_COUNT:
            message = f"more than {MAX_ANY_ORDER_PARTS_COUNT} parts in any order"
            raise self._error(message, between)
        group = _BETWEEN[between.text](parts=tuple(parts))
        if isinstance(group, AnyOrder) and shared_count(group) > MAX_SHARED_PARTS_COUNT:
            message = f"more than {MAX_SHARED_PARTS_COUNT} parts in any order that share a name"
            raise self._error(message, between)
        return group

    def _unit(self, *, depth: int, is_handoff: bool) -> Model:
        if self._is_sign("->"):
            self._take()
            is_handoff = True
        part = self._primary(depth=depth, is_handoff=is_handoff)
        token = self._next
        if token.kind != "count" and not self._is_sign(*_REPEATS):
            return part
        if isinstance(part, Repeat) and isinstance(part.part, Open):
            raise self._error("'...' is already any number of children", token)
        self._take()
        least, most = bounds_of(token) if token.kind == "count" else _REPEATS[token.text]
        self._check_count(token, least, most)
        self._check_nested(token, part, max(least, most or 1))
        if self._next.kind == "count" or self._is_sign(*_REPEATS):
            raise self._error("one count too many: write parentheses around the first", self._next)
        return Repeat(part=part, least=least, most=most)

    def _check_count(self, token: Token, least: int, most: int | None) -> None:
        if max(least, most or 0) > MAX_COUNT:
            raise self._error(f"a count goes up to {MAX_COUNT:,}", token)
        if most is not None and least > most:
            raise self._error(f"from {least} to {most} is no range", token)
        if most == 0:
            raise self._error("a count of 0 allows nothing: leave the name out", token)
        self._check_glob(token)

    def _check_nested(self, token: Token, part: Model, count: int) -> None:
        inner = counted(part)
        if inner > MAX_INNER_COUNT or inner * count > MAX_COUNT:
            message = (
                f"a count within a repetition goes up to {MAX_INNER_COUNT},"
                f" and both together up to {MAX_COUNT:,}"
            )
            raise self._error(message, token)

    def _check_glob(self, token: Token) -> None:
        """Refuse ``kb_*``, which reads like a glob and is a repetition of ``kb_``."""
        before, after = self._tokens[self._at - 2], self._next
        if token.text not in {"*", "?"} or before.kind != "name" or before.end != token.offset:
            return
        is_joined = after.kind == "name" and after.offset == token.end
        if is_joined or not before.text[-1].isalnum():
            glob = f'"{before.text}{token.text}{after.text if is_joined else ""}"'
            raise self._error(f"globs go in quotation marks: write {glob}", before)

    def _primary(self, *, depth: int, is_handoff: bool) -> Model:
        if self._is_sign("..."):
            self._take()
            return opened(is_handoff=is_handoff)
        if self._is_sign("("):
            return self._parentheses(depth=depth, is_handoff=is_handoff)
        if self._is_sign("*", "?") and self._tokens[self._at + 1].kind == "name":
            glob = f'"{self._next.text}{self._tokens[self._at + 1].text}"'
            raise self._error(f"globs go in quotation marks: write {glob}", self._next)
        if self._next.kind not in {"name", "quoted"}:
            raise self._unexpected(*_A_CHILD)
        token = self._next
        pattern = self._pattern()
        if is_handoff and pattern.kind == "tool":
            raise self._error("a handoff goes to an agent, not to a tool", token)
        self._names_count += 1
        if self._names_count > MAX_NAMES_COUNT:
            raise self._error(f"more than {MAX_NAMES_COUNT} names in one content model", token)
        return Name(pattern=pattern, is_handoff=is_handoff)

    def _parentheses(self, *, depth: int, is_handoff: bool) -> Model:
        opening = self._take()
        if self._is_sign(")"):
            self._take()
            return NOTHING
        model = self._group(depth=depth + 1, is_handoff=is_handoff)
        if not self._is_sign(")"):
            if self._has_ended:
                raise self._error("a parenthesis that is not closed", opening)
            raise self._after_unit()
        self._take()
        return model

    def _after_unit(self) -> PathError:
        """Return what is wrong where a unit has ended and something else follows."""
        token = self._next
        if token.kind == "sign" and token.text == ")":
            return self._error("a ')' that nothing opens", token)
        return self._unexpected("','", "'|'", "'&'", "a count", "the end")

    def _pattern(self) -> Pattern:
        token = self._next
        if token.kind == "quoted":
            self._take()
            return self._named("", token)
        if token.kind != "name":
            raise self._unexpected("a name")
        self._take()
        kind, colon, name = token.text.partition(":")
        if not colon or kind not in _PREFIXES:
            self._check_prefix(kind if colon else "", token)
            return plain_pattern("", token.text)
        if name:
            return plain_pattern(kind, name)
        if self._next.kind != "quoted" or self._next.offset != token.end:
            raise self._error(f"'{kind}:' needs a name right after it", token)
        return self._named(kind, self._take())

    def _named(self, kind: PatternKind, token: Token) -> Pattern:
        if not token.text:
            raise self._error("an empty name", token)
        return _quoted_pattern(kind, token.text)

    def _check_prefix(self, kind: str, token: Token) -> None:
        """Names may hold colons, but not what looks like a kind of child that there is not."""
        others = {"workflow": "", "retrieval": "tool", "handoff": "->", "model": ""}
        if kind in others:
            instead = f"; write {others[kind]}" if others[kind] else ""
            message = f"a child is agent: or tool:, not {kind}:{instead}"
            raise self._error(message, token)
