"""Text to tokens."""

from __future__ import annotations

import math
import re

from causewatch.signatures.error import SignatureError
from causewatch.signatures.token import DURATION_UNITS_NS, NAME_ENDS, OPERATORS, SCOPES, Token

MAX_TEXT_CHARS = 65_536

_WORD = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_DURATION = re.compile(r"(?:\d+(?:\.\d*)?|\.\d+)(?:ns|us|[µ\u03bc]s|ms|[smhdwy])", re.ASCII)
_FLOAT = re.compile(r"(?:\d+\.\d*|\.\d+)(?:[eE][+-]?\d+)?|\d+[eE][+-]?\d+", re.ASCII)
_INT = re.compile(r"\d+", re.ASCII)
_OPERATOR = re.compile("|".join(re.escape(operator) for operator in OPERATORS))
_ESCAPE = re.compile(
    r"\\(?:([abfnrtv\\\"])|x([0-9A-Fa-f]{2})|u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|([0-7]{3}))"
)
_SIMPLE_ESCAPES = {
    "a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v",
    "\\": "\\", '"': '"',
}  # fmt: skip
_MAX_INT = 2**63 - 1


def tokens_of(text: str) -> tuple[Token, ...]:
    """Return all tokens of ``text``, the last being ``end``.

    Raises:
        SignatureError: for text longer than 65,536 characters, an unknown character, an unfinished
            or wrongly escaped string, or a number past 64 bits.
    """
    if len(text) > MAX_TEXT_CHARS:
        raise SignatureError("parse", f"longer than {MAX_TEXT_CHARS} characters", text="", offset=0)
    return _Lexer(text).run()


class _Lexer:
    """A position in one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def run(self) -> tuple[Token, ...]:
        """Return the tokens from the current position to the end."""
        tokens = []
        length = len(self._text)
        while True:
            while self._at < length and self._text[self._at].isspace():
                self._at += 1
            if self._at >= length:
                tokens.append(Token(kind="end", text="", start=length, end=length))
                return tuple(tokens)
            tokens.append(self._next())

    def _next(self) -> Token:
        char = self._text[self._at]
        if char == '"':
            return self._quoted()
        if char == "`":
            return self._raw()
        if char in "0123456789" or (
            char == "." and self._text[self._at + 1 : self._at + 2] in _DIGITS
        ):
            return self._number()
        if char == ".":
            return self._attribute(self._at, "", "")
        word = _WORD.match(self._text, self._at)
        if word is not None:
            return self._word(word.group())
        operator = _OPERATOR.match(self._text, self._at)
        if operator is None:
            raise self._error(f"unexpected character {char!r}", self._at)
        start, self._at = self._at, operator.end()
        return Token(kind="operator", text=operator.group(), start=start, end=self._at)

    def _word(self, word: str) -> Token:
        """Read a word, and what a dot or colon right behind it makes of it."""
        start = self._at
        self._at += len(word)
        follows = self._text[self._at : self._at + 1]
        if follows == ":":
            name = _WORD.match(self._text, self._at + 1)
            if name is None:
                raise self._error(f"no name after `{word}:`", self._at + 1)
            self._at = name.end()
            return Token(kind="intrinsic", text=name.group(), scope=word, start=start, end=self._at)
        if follows != ".":
            return Token(kind="word", text=word, start=start, end=self._at)
        if word in SCOPES:
            return self._attribute(start, "", word)
        scope = next((s for s in SCOPES if self._text.startswith(s + ".", self._at + 1)), "")
        self._at += 1 + len(scope) if scope else 0
        if not scope and word != "parent":
            raise self._error(
                f"`{word}.` needs a scope",
                start,
                (f"{word}.span.x", f"{word}.resource.x", "span.x", ".x"),
            )
        return self._attribute(start, word, scope)

    def _attribute(self, start: int, owner: str, scope: str) -> Token:
        """Read the dot at the current position and the name behind it."""
        self._at += 1
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                parts.append(self._quoted_part())
            elif char.isspace() or char in NAME_ENDS:
                break
            else:
                parts.append(char)
                self._at += 1
        name = "".join(parts)
        if not name:
            raise self._error("an attribute without a name", self._at, ("the attribute's name",))
        return Token(
            kind="attribute", text=name, owner=owner, scope=scope, start=start, end=self._at
        )

    def _quoted_part(self) -> str:
        """Read a quoted part of an attribute's name; only a quote and a backslash are escaped."""
        start = self._at
        self._at += 1
        parts: list[str] = []
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return "".join(parts)
            if char == "\\" and self._text[self._at + 1 : self._at + 2] in ('"', "\\"):
                self._at += 1
                char = self._text[self._at]
            parts.append(char)
            self._at += 1
        raise self._error("this quoted name never ends", start, ('a closing `"`',))

    def _quoted(self) -> Token:
        """Read a string in double quotes, with Go's escapes."""
        start = self._at
        parts: list[str] = []
        self._at += 1
        while self._at < len(self._text):
            char = self._text[self._at]
            if char == '"':
                self._at += 1
                return Token(
                    kind="string", text="", value="".join(parts), start=start, end=self._at
                )
            if char == "\n":
                break
            if char == "\\":
                parts.append(self._escape())
            else:
                parts.append(char)
                self._at += 1
        raise self._error("this string never ends", start, ('a closing `"`',))

    def _escape(self) -> str:
        match = _ESCAPE.match(self._text, self._at)
        if match is None:
            raise self._error(
                "unknown escape in a string", self._at, ("`\\\\` for a backslash", "a raw `string`")
            )
        self._at = match.end()
        simple, *numbers, octal = match.groups()
        if simple is not None:
            return _SIMPLE_ESCAPES[simple]
        code = int(octal, 8) if octal is not None else int(next(n for n in numbers if n), 16)
        if code > 0x10FFFF:
            raise self._error("this escape is no character", match.start())
        return chr(code)

    def _raw(self) -> Token:
        """Read a string in back quotes, without escapes."""
        start = self._at
        end = self._text.find("`", start + 1)
        if end < 0:
            raise self._error("this string never ends", start, ("a closing back quote",))
        self._at = end + 1
        return Token(
            kind="string", text="", value=self._text[start + 1 : end], start=start, end=self._at
        )

    def _number(self) -> Token:
        """Read a duration, a float or an integer."""
        start = self._at
        duration = self._duration()
        if duration is not None:
            return duration
        match = _FLOAT.match(self._text, start)
        if match is not None:
            self._at = match.end()
            value = float(match.group())
            if value == math.inf:
                raise self._error("this number does not fit 64 bits", start)
            return Token(kind="float", text=match.group(), value=value, start=start, end=self._at)
        match = _INT.match(self._text, start)
        digits = match.group() if match is not None else "0"
        self._at = start + len(digits)
        if len(digits) > 19 or int(digits) > _MAX_INT:
            raise self._error("this number does not fit 64 bits", start)
        return Token(kind="int", text=digits, value=int(digits), start=start, end=self._at)

    def _duration(self) -> Token | None:
        """Read ``1h30m`` and the like, or nothing."""
        start = self._at
        total_ns = 0.0
        exact_ns = 0
        while True:
            match = _DURATION.match(self._text, self._at)
            if match is None:
                break
            number = match.group().rstrip("nsumhdwyµμ")
            unit_ns = DURATION_UNITS_NS[match.group()[len(number) :]]
            if "." in number:
                total_ns += float(number) * unit_ns
            else:
                exact_ns += int(number[:20]) * unit_ns
            self._at = match.end()
        if self._at == start:
            return None
        value = exact_ns + round(total_ns) if total_ns < _MAX_INT else _MAX_INT + 1
        if value > _MAX_INT:
            raise self._error("this duration does not fit 64 bits of nanoseconds", start)
        text = self._text[start : self._at]
        return Token(kind="duration", text=text, value=value, start=start, end=self._at)

    def _error(self, message: str, offset: int, expected: tuple[str, ...] = ()) -> SignatureError:
        return SignatureError("parse", message, text=self._text, offset=offset, expected=expected)


_DIGITS = frozenset("0123456789")
