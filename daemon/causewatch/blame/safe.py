"""Text from outside, made safe for a terminal: no control characters, no bidi tricks, no novels."""

from __future__ import annotations

import unicodedata

MAX_LINE_CHARS = 400


def safe(text: str) -> str:
    """Return ``text`` on one line, with unprintable characters as blanks, at most 400 characters.

    Unprintable are escape sequences, line breaks, zero-width and bidirectional controls, private
    use characters and lone surrogates.
    """
    shown = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_LINE_CHARS])
    shown = " ".join(shown.split())
    return shown if len(shown) <= MAX_LINE_CHARS else shown[: MAX_LINE_CHARS - 1] + "…"


def cells_of(text: str) -> int:
    """Return how many columns of a terminal ``text`` takes: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(
        0 if unicodedata.combining(char) else 2 if unicodedata.east_asian_width(char) in "WF" else 1
        for char in text
    )


def wrapped(text: str, width: int) -> list[str]:
    """Return ``text`` in lines of at most ``width`` columns, broken between words where it can be.

    Args:
        text: one line, such as ``safe`` returns.
        width: in columns; at least 2 are used.
    """
    width = max(width, 2)
    lines: list[str] = [""]
    for word in text.split(" "):
        joined = f"{lines[-1]} {word}" if lines[-1] else word
        if cells_of(joined) <= width:
            lines[-1] = joined
            continue
        if lines[-1]:
            lines.append("")
        lines[-1:] = _broken(word, width)
    return lines


def _broken(word: str, width: int) -> list[str]:
    """Return one word in pieces of at most ``width`` columns."""
    pieces = [""]
    room = width
    for char in word:
        size = cells_of(char)
        if size > room:
            pieces.append("")
            room = width
        pieces[-1] += char
        room -= size
    return pieces
