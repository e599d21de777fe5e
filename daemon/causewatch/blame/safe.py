"""Text from outside, made safe for a terminal: no control characters, no bidi tricks, no novels."""

from __future__ import annotations

MAX_LINE_CHARS = 400


def safe(text: str) -> str:
    """Return ``text`` on one line, with unprintable characters as blanks, at most 400 characters.

    Unprintable are escape sequences, line breaks, zero-width and bidirectional controls, private
    use characters and lone surrogates.
    """
    shown = "".join(char if char.isprintable() else " " for char in text[: 4 * MAX_LINE_CHARS])
    shown = " ".join(shown.split())
    return shown if len(shown) <= MAX_LINE_CHARS else shown[: MAX_LINE_CHARS - 1] + "…"
