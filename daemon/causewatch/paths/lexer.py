"""Cuts a content model into tokens with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Literal

import msgspec

from causewatch.paths.error import PathError

MAX_MODEL_CHARS = 10_000

TokenKind = Literal["name", "quoted", "count", "sign", "end"]

_BLANK = re.compile(r"\s*")
_SIGN = re.compile(r"->|\.\.\.|[,|&*+?()]")
_NAME = re.compile(r"(?:[\w./:@$]|-(?!>))+")
_COUNT = re.compile(r"\{\s*([0-9]*)\s*(?:(,)\s*([0-9]*)\s*)?\}")
_QUOTED = re.compile(r""""((?:[^"\\]|\\.)*)"|'((?:[^'\\]|\\.)*)'""", re.DOTALL)


class Token(msgspec.Struct, frozen=True, kw_only=True):
    """One word or sign; ``text`` is as written, for a quoted name what stands between the marks."""

    kind: TokenKind
    text: str
    offset: int
    end: int


def tokens_of(text: str) -> tuple[Token, ...]:
    """Return the tokens of ``text``, the last one of kind ``end``.

    Raises:
        PathError: a character that begins nothing, an open quotation mark, a bad count.
    """
    if len(text) > MAX_MODEL_CHARS:
        message = f"a content model has at most {MAX_MODEL_CHARS:,} characters"
        raise PathError(message, text=text, offset=MAX_MODEL_CHARS)
    return tuple(_tokens(text))


def _tokens(text: str) -> Iterator[Token]:
    offset = _after_blank(text, 0)
    while offset < len(text):
        token = _token(text, offset)
        yield token
        offset = _after_blank(text, token.end)
    yield Token(kind="end", text="", offset=len(text), end=len(text))


def _after_blank(text: str, offset: int) -> int:
    found = _BLANK.match(text, offset)
    return found.end() if found else offset


def _token(text: str, offset: int) -> Token:
    if found := _SIGN.match(text, offset):
        return Token(kind="sign", text=found[0], offset=offset, end=found.end())
    if found := _NAME.match(text, offset):
        return Token(kind="name", text=found[0], offset=offset, end=found.end())
    if found := _COUNT.match(text, offset):
        if not found[1] and not found[3]:
            raise PathError("a count needs a number: {2}, {1,3}, {2,}", text=text, offset=offset)
        return Token(kind="count", text=found[0], offset=offset, end=found.end())
    if found := _QUOTED.match(text, offset):
        inner = found[1] if found[1] is not None else found[2]
        return Token(kind="quoted", text=inner, offset=offset, end=found.end())
    raise _stray(text, offset)


def _stray(text: str, offset: int) -> PathError:
    character = text[offset]
    if character in "\"'":
        return PathError("a quotation mark that is not closed", text=text, offset=offset)
    if character == "{":
        return PathError("a count is written {2}, {1,3} or {2,}", text=text, offset=offset)
    message = f"{character!r} stands for nothing here; names with it go in quotation marks"
    return PathError(message, text=text, offset=offset)


def bounds_of(count: Token) -> tuple[int, int | None]:
    """Return the least and the most of a count; no most is ``None``."""
    found = _COUNT.fullmatch(count.text)
    if found is None:
        raise ValueError(count.text)
    least, comma, most = found[1], found[2], found[3]
    if not comma:
        return int(least), int(least)
    return int(least or 0), int(most) if most else None
