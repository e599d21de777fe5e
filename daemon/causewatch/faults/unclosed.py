"""JSON that begins and never closes: recognised, and read as far as it goes."""

from __future__ import annotations

import msgspec

from causewatch.model.value import Value

MIN_UNCLOSED_CHARS = 8
MAX_CUT_TRIES_COUNT = 12
_OPENINGS = ('{"', "[{", '["', "{ ", "{\n", "[\n", "[ ")
_CLOSING = {"{": "}", "[": "]"}


def is_unclosed(text: str) -> bool:
    """Tell whether a text starts as a JSON object or array of some size and never closes.

    A Python literal closes too, so it is no cut JSON, whatever its quotes.
    """
    return len(text) >= MIN_UNCLOSED_CHARS and bool(_missing(text.strip()))


def read_unclosed(text: str) -> Value:
    """Return the JSON value of a cut text as far as it goes, or the text where nothing can be read.

    The brackets that are missing are added; a member that was cut in the middle is left out.
    """
    rest = text.strip()
    for _ in range(MAX_CUT_TRIES_COUNT):
        missing = _missing(rest)
        if not missing:
            break
        try:
            value: Value = msgspec.json.decode(rest + missing)
        except (msgspec.DecodeError, RecursionError, UnicodeError):
            rest = rest[: max(rest.rfind(","), 0)]
        else:
            return value
    return text


def _missing(text: str) -> str:
    """Return the closing marks that a JSON text lacks; empty if it is whole, or no JSON."""
    if not text.startswith(_OPENINGS):
        return ""
    stack: list[str] = []
    quoted = escaped = False
    for char in text:
        if escaped:
            escaped = False
        elif quoted:
            escaped = char == "\\"
            quoted = char != '"'
        elif char == '"':
            quoted = True
        elif char in "{[":
            stack.append(_CLOSING[char])
        elif char in "}]" and stack:
            stack.pop()
            if not stack:
                return ""
    return ('"' if quoted else "") + "".join(reversed(stack))
