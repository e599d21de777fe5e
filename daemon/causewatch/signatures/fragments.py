"""What of a pattern is plain text: which texts cannot fit is seen without running it.

A pattern is read as alternatives, each a row of literal texts and gaps. What this module does not
read (rare syntax, too many alternatives) has no fragments, and whoever asks must run the pattern.
After R. Cox, "Regular Expression Matching with a Trigram Index", 2012, which keeps to literals too.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Iterable
from typing import TypeAlias

import msgspec

MAX_ALTERNATIVES_COUNT = 64
MAX_CLASS_CHARS = 4
"""Larger classes of characters are gaps."""
MIN_NEEDLE_CHARS = 2
_FLAGS = re.compile(r"\(\?([ims]+)\)")
_REPEAT = re.compile(r"[*+?]|\{\d{1,4}(?:,\d{0,4})?\}")
_PLAIN_CLASS = re.compile(r"\[(?!\^)((?:[^][\\^-]|\\[^\w\s])+)\]")
_CLASS = re.compile(r"\[\^?\]?(?:[^][\\]|\\.)*\]", re.DOTALL)
_SPECIAL = frozenset("*+?{}[]()|^$\\.")


class Gap(enum.Enum):
    """What stands between literal texts."""

    ANY = "any"
    """Whatever there is, also nothing."""
    SOME = "some"


Alternative: TypeAlias = "tuple[str | Gap, ...]"


class Fragments(msgspec.Struct, frozen=True, kw_only=True):
    """The alternatives of a pattern; ``is_folded`` says that case does not count."""

    alternatives: tuple[Alternative, ...]
    is_folded: bool

    @property
    def needles(self) -> tuple[str, ...]:
        """Return texts of which one is in whatever fits; none where that cannot be said.

        Where case does not count they are lower-case ASCII.
        """
        found: dict[str, None] = {}
        for alternative in self.alternatives:
            texts = [part for part in alternative if isinstance(part, str)]
            longest = max(texts, key=len, default="")
            if self.is_folded:
                longest = max(_ascii_parts(texts), key=len, default="").lower()
            if len(longest) < MIN_NEEDLE_CHARS:
                return ()
            found[longest] = None
        return tuple(found)


def fragments_of(pattern: str) -> Fragments | None:
    """Return the fragments of a valid RE2 pattern, ``None`` where it holds what is not read."""
    flags = _FLAGS.match(pattern)
    start = flags.end() if flags else 0
    try:
        alternatives, at = _alternatives(pattern, start, 0)
    except _UnreadError:
        return None
    if at != len(pattern):
        return None
    is_folded = flags is not None and "i" in flags.group(1)
    joined = tuple(dict.fromkeys(_joined(each) for each in alternatives))
    return Fragments(alternatives=joined, is_folded=is_folded)


class _UnreadError(Exception):
    """The pattern has a part that this module does not read."""


MAX_DEPTH = 20


def _alternatives(pattern: str, at: int, depth: int) -> tuple[list[Alternative], int]:
    """Read up to the end of a group or of the pattern."""
    if depth > MAX_DEPTH:
        raise _UnreadError
    found: list[Alternative] = []
    row: list[Alternative] = [()]
    while at < len(pattern) and pattern[at] != ")":
        if pattern[at] == "|":
            found += row
            row, at = [()], at + 1
            continue
        parts, at = _atom(pattern, at, depth)
        row = [(*one, *other) for one in row for other in parts]
        if len(row) + len(found) > MAX_ALTERNATIVES_COUNT:
            raise _UnreadError
    return found + row, at


def _atom(pattern: str, at: int, depth: int) -> tuple[list[Alternative], int]:
    """Read one part with what repeats it."""
    start = at
    parts, at = _single(pattern, at, depth)
    repeat = _REPEAT.match(pattern, at)
    if repeat is None:
        if pattern[at : at + 1] == "{":
            raise _UnreadError
        return parts, at
    at = repeat.end()
    is_any = pattern[start:at] == ".*"
    if pattern[at : at + 1] == "?":
        at += 1
    if pattern[at : at + 1] in {"*", "+", "{"}:
        raise _UnreadError
    if repeat.group() == "?":
        return [(), *parts], at
    if repeat.group() == "+":
        # Once at least: the first time is what it is.
        return [(*part, Gap.SOME) for part in parts], at
    return [(Gap.ANY if is_any else Gap.SOME,)], at


def _single(pattern: str, at: int, depth: int) -> tuple[list[Alternative], int]:
    char = pattern[at]
    if char == "(":
        return _group(pattern, at, depth)
    if char == "[":
        return _class(pattern, at)
    if char == "\\":
        return _escaped(pattern, at)
    if char == ".":
        return [(Gap.SOME,)], at + 1
    if char in {"^", "$"}:
        return [(Gap.SOME,)], at + 1
    if char in _SPECIAL:
        raise _UnreadError
    return [(char,)], at + 1


def _group(pattern: str, at: int, depth: int) -> tuple[list[Alternative], int]:
    at += 1
    if pattern.startswith("?", at):
        if not pattern.startswith("?:", at):
            raise _UnreadError
        at += 2
    parts, at = _alternatives(pattern, at, depth + 1)
    if not pattern.startswith(")", at):
        raise _UnreadError
    return parts, at + 1


def _class(pattern: str, at: int) -> tuple[list[Alternative], int]:
    plain = _PLAIN_CLASS.match(pattern, at)
    if plain is not None:
        chars = re.sub(r"\\(.)", r"\1", plain.group(1))
        if len(chars) <= MAX_CLASS_CHARS:
            return [(char,) for char in chars], plain.end()
        return [(Gap.SOME,)], plain.end()
    other = _CLASS.match(pattern, at)
    if other is None or "[:" in pattern or "\\Q" in pattern:
        raise _UnreadError
    return [(Gap.SOME,)], other.end()


def _escaped(pattern: str, at: int) -> tuple[list[Alternative], int]:
    char = pattern[at + 1 : at + 2]
    if char and char in "dDsSwWbB":
        return [(Gap.SOME,)], at + 2
    if not char or char.isalnum() or char == "_":
        raise _UnreadError
    return [(char,)], at + 2


def _joined(alternative: Alternative) -> Alternative:
    """Return an alternative with its neighbouring texts as one."""
    found: list[str | Gap] = []
    for part in alternative:
        if isinstance(part, str) and found and isinstance(found[-1], str):
            found[-1] += part
        else:
            found.append(part)
    return tuple(found)


_FOLDS_BEYOND = re.compile(r"[^\x00-\x7f]|[kKsS]")


def _ascii_parts(texts: Iterable[str]) -> list[str]:
    """Return what of these folds to nothing but ASCII: k and s have kin elsewhere."""
    return [part for text in texts for part in _FOLDS_BEYOND.split(text)]
