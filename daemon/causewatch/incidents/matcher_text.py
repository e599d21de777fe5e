"""Reads matchers as Alertmanager does, in both of its grammars.

The newer one (UTF-8) takes any text as a name or value, in double quotes with Go's escapes, or bare
without blanks and ``{}!=~,"'` ``. The classic one takes only names of letters, digits, ``_`` and
``:``, but nearly anything as a value. As in Alertmanager's default mode text is read by both: where
only one takes it that one counts, and where both take it and disagree the classic one does.
Source of the grammars: the Alertmanager documentation, "Alert matching", and its parsers' tests.
"""

from __future__ import annotations

import contextlib
import re
from typing import cast

from causewatch.incidents.matcher import Matcher, MatchOperator, problem_of

MAX_MATCHERS_CHARS = 8192
MAX_MATCHERS = 100
_TOKEN = re.compile(
    r"""(?P<blank>\s+)|(?P<open>\{)|(?P<close>\})|(?P<comma>,)|(?P<op>=~|!~|!=|=)"""
    r"""|(?P<quoted>"(?:[^"\\]|\\.)*")|(?P<bare>[^\s{}!=~,"'`\\]+)""",
    re.DOTALL,
)
# Blanks are those of ASCII here, those of Unicode above.
_CLASSIC = re.compile(
    r"[\t\n\f\r ]*([a-zA-Z_:][a-zA-Z0-9_:]*)[\t\n\f\r ]*(=~|=|!=|!~)"
    r"[\t\n\f\r ]*(.*?)[\t\n\f\r ]*\Z",
    re.DOTALL,
)
_ESCAPE = re.compile(
    r"""\\(?:(?P<plain>[abfnrtv\\"])|x(?P<x>[0-9a-fA-F]{2})|(?P<o>[0-3][0-7]{2})"""
    r"""|u(?P<u>[0-9a-fA-F]{4})|U(?P<U>[0-9a-fA-F]{8})|(?P<bad>.?))""",
    re.DOTALL,
)
_PLAIN = dict(zip('abfnrtv\\"', '\a\b\f\n\r\t\v\\"', strict=True))
_SURROGATES = range(0xD800, 0xE000)


class MatcherError(ValueError):
    """Text that is no list of matchers; ``offset`` counts the characters before what is wrong."""

    def __init__(self, message: str, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


def parse_matchers(text: str) -> tuple[Matcher, ...]:
    """Return the matchers of a text such as ``severity="page", team=~"ai.*"``; braces may stand.

    Raises:
        MatcherError: when neither grammar takes it, or a pattern is no regular expression.
    """
    if len(text) > MAX_MATCHERS_CHARS:
        raise MatcherError(f"more than {MAX_MATCHERS_CHARS} characters of matchers", 0)
    try:
        found = _Reader(text).read()
    except MatcherError as error:
        try:
            found = _classic(text)
        except MatcherError:
            raise error from None
    else:
        with contextlib.suppress(MatcherError):
            found = _classic(text)  # where the two disagree the older one has the word
    if len(found) > MAX_MATCHERS:
        raise MatcherError(f"more than {MAX_MATCHERS} matchers", 0)
    for matcher in found:
        problem = problem_of(matcher)
        if problem:
            raise MatcherError(problem, max(0, text.find(matcher.value)))
    return found


class _Reader:
    """The UTF-8 grammar: ``{ name op value , ... }``, the braces and a last comma optional."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens_of(text)
        self._next = 0

    def read(self) -> tuple[Matcher, ...]:
        found: list[Matcher] = []
        has_brace = self._take("open") is not None
        while (matcher := self._matcher()) is not None:
            found.append(matcher)
            if self._take("comma") is None:
                break
        if has_brace and self._take("close") is None:
            raise self._wrong("a closing brace is missing")
        if self._next < len(self._tokens):
            raise self._wrong("a comma or the end is expected")
        return tuple(found)

    def _matcher(self) -> Matcher | None:
        name = self._text_of("quoted", "bare")
        if name is None:
            return None
        if not name:
            raise self._wrong("a label's name must not be empty")
        op = self._take("op")
        if op is None:
            raise self._wrong("one of =, !=, =~ and !~ is expected after the name")
        value = self._text_of("quoted", "bare")
        if value is None:
            raise self._wrong('a value is expected, such as "page"')
        return Matcher(name=name, op=cast("MatchOperator", op), value=value)

    def _take(self, *kinds: str) -> str | None:
        if self._next < len(self._tokens) and self._tokens[self._next][0] in kinds:
            self._next += 1
            return self._tokens[self._next - 1][1]
        return None

    def _text_of(self, *kinds: str) -> str | None:
        token = self._take(*kinds)
        if token is None or not token.startswith('"'):
            return token
        return _unquoted(token, self._tokens[self._next - 1][2])

    def _wrong(self, message: str) -> MatcherError:
        at_end = self._next >= len(self._tokens)
        return MatcherError(message, len(self._text) if at_end else self._tokens[self._next][2])


def _tokens_of(text: str) -> list[tuple[str, str, int]]:
    """Return kind, text and offset of each token."""
    found: list[tuple[str, str, int]] = []
    offset = 0
    while offset < len(text):
        token = _TOKEN.match(text, offset)
        if token is None:
            is_open = text[offset] == '"'
            message = "a closing quote is missing" if is_open else f"{text[offset]!r} needs quotes"
            raise MatcherError(message, offset)
        if token.lastgroup and token.lastgroup != "blank":
            found.append((token.lastgroup, token.group(), offset))
        offset = token.end()
    return found


def _unquoted(token: str, offset: int) -> str:
    """Return what a Go string in double quotes stands for. Bytes (hex and octal) make up UTF-8."""
    inner = token[1:-1]
    if "\n" in inner:
        raise MatcherError("a line ends within quotes: write \\n", offset)
    parts: list[bytes] = []
    end = 0
    for found in _ESCAPE.finditer(inner):
        parts.append(inner[end : found.start()].encode("utf-8", "surrogatepass"))
        parts.append(_escaped(found, offset + 1 + found.start()))
        end = found.end()
    parts.append(inner[end:].encode("utf-8", "surrogatepass"))
    return b"".join(parts).decode("utf-8", "replace")


def _escaped(found: re.Match[str], offset: int) -> bytes:
    if found["plain"]:
        return _PLAIN[found["plain"]].encode()
    if found["x"]:
        return bytes([int(found["x"], 16)])
    if found["o"]:
        return bytes([int(found["o"], 8)])
    code = int(found["u"] or found["U"] or "-1", 16)
    if code in _SURROGATES or not 0 <= code <= 0x10FFFF:
        raise MatcherError(f"{found.group()!r} is no escape", offset)
    return chr(code).encode()


def _classic(text: str) -> tuple[Matcher, ...]:
    inner = text.removeprefix("{").removesuffix("}")
    return tuple(_classic_matcher(part) for part in _split(inner))


def _split(text: str) -> list[str]:
    """Return the parts between commas that stand outside of quotes."""
    parts, part = [], ""
    quoted = escaped = False
    for letter in text:
        if letter == "," and not quoted:
            parts.append(part)
            part = ""
            continue
        if letter == '"' and not escaped:
            quoted = not quoted
        escaped = letter == "\\" and not escaped
        part += letter
    return [*parts, part.strip()] if part.strip() else parts


def _classic_matcher(text: str) -> Matcher:
    found = _CLASSIC.match(text)
    if found is None:
        raise MatcherError("no matcher", 0)
    name, op, raw = found.groups()
    quoted = raw.startswith('"')
    inner = raw[1:] if quoted else raw
    value, escaped, closed = "", False, False
    for index, letter in enumerate(inner):
        is_last = index == len(inner) - 1
        if escaped:
            escaped = False
            value += {"n": "\n", '"': '"', "\\": "\\"}.get(letter, "\\" + letter)
        elif letter == "\\" and not is_last:
            escaped = True
        elif letter == '"':
            if not (quoted and is_last):
                raise MatcherError("a quote within a value", 0)
            closed = True
        else:
            value += letter
    if quoted and not closed:
        raise MatcherError("a closing quote is missing", 0)
    return Matcher(name=name, op=cast("MatchOperator", op), value=value)
