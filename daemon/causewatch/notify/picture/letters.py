"""How wide text is, and lines that fit a width. Pure; no font is read.

The widths are those of a wide sans-serif font (DejaVu Sans), rounded up: what is drawn with a
narrower one leaves room, and never runs out of its box.
"""

from __future__ import annotations

import unicodedata

from causewatch.blame.safe import safe

BOLD_RATIO = 1.12
MAX_MARKS_COUNT = 2
"""Of combining marks on one letter: more of them are drawn over the lines around."""
_NARROW = frozenset("ijl|!'.,:;I ()[]{}ftr/\\-`\"")
_WIDE = frozenset("mwMW@%&—…")
_SPRAWLING = frozenset("\ufdfa\ufdfb\ufdfc\ufdfd")


def drawable(text: str) -> str:
    """Return text on one line, without control characters and towers of combining marks."""
    kept: list[str] = []
    marks = 0
    for char in safe(text):
        marks = marks + 1 if unicodedata.category(char) in {"Mn", "Me"} else 0
        if marks <= MAX_MARKS_COUNT:
            kept.append(char)
    return "".join(kept)


def width_px(text: str, size_px: float, *, bold: bool = False) -> float:
    """Return how many pixels a line of text takes at most."""
    return sum(_em(char) for char in text) * size_px * (BOLD_RATIO if bold else 1.0)


def cut(text: str, room_px: float, size_px: float, *, bold: bool = False) -> str:
    """Return the text, or as much of its beginning as fits, with the mark of a cut."""
    return "".join(wrapped(text, room_px, size_px, max_lines_count=1, bold=bold))


def wrapped(
    text: str, room_px: float, size_px: float, *, max_lines_count: int, bold: bool = False
) -> list[str]:
    """Return text in lines that fit ``room_px``, broken between words where that is possible.

    What does not fit into ``max_lines_count`` lines is cut off, and marked with ``…``.
    """
    room = room_px / size_px / (BOLD_RATIO if bold else 1.0)
    lines, used = [""], 0.0
    for word in drawable(text).split():
        size = sum(map(_em, word))
        if lines[-1] and used + _em(" ") + size <= room:
            lines[-1] += f" {word}"
            used += _em(" ") + size
            continue
        if lines[-1]:
            lines.append("")
        for piece, piece_size in _pieces(word, size, room):
            lines[-1:] = [piece, ""]
            used = piece_size
        lines.pop()
        if len(lines) > max_lines_count:
            return [*lines[: max_lines_count - 1], _marked(lines[max_lines_count - 1], room)]
    return [line for line in lines if line]


def _pieces(word: str, size: float, room: float) -> list[tuple[str, float]]:
    """Return a word in pieces that fit, each with its width; most words are one piece."""
    if size <= room:
        return [(word, size)]
    pieces, used, begin = [], 0.0, 0
    for at, char in enumerate(word):
        if used + _em(char) > room and at > begin:
            pieces.append((word[begin:at], used))
            begin, used = at, 0.0
        used += _em(char)
    return [*pieces, (word[begin:], used)]


def _marked(line: str, room: float) -> str:
    left = sum(map(_em, line)) + _em("…")
    while line and left > room:
        left -= _em(line[-1])
        line = line[:-1]
    return line.rstrip() + "…"


def _em(char: str) -> float:
    if char in _NARROW:
        return 0.42
    if char in _WIDE:
        return 1.0
    if char.isascii():
        return 0.72 if char.isupper() else 0.64
    if unicodedata.category(char) in {"Mn", "Me"}:
        return 0.0
    if char in _SPRAWLING or "\U00012000" <= char <= "\U0001254f":
        return 11.0  # words written as one letter: in some fonts as wide as a line
    return 1.05 if unicodedata.east_asian_width(char) in "WF" else 0.85
