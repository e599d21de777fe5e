"""Finds what was handed over within all that the receiver was given.

Frameworks pass a whole conversation or state on, in a form of their own: with headings, with the
words of others around. What counts is what became of the payload in it.
"""

from __future__ import annotations

from collections.abc import Sequence

BEGINNING_CHARS = 32
"""A text that is not there whole is found again by so many characters of its beginning."""


def survived(sent: Sequence[str], given: str) -> list[str]:
    """Return those texts of ``sent`` that are part of ``given``, a cut one as far as it goes."""
    return [found for text in sent if (found := survived_text(text, given)) is not None]


def survived_text(text: str, given: str) -> str | None:
    """Return ``text`` where ``given`` holds it, the part of it that it holds, else ``None``."""
    if text in given:
        return text
    if len(text) <= BEGINNING_CHARS:
        return None
    at = given.find(text[:BEGINNING_CHARS])
    return None if at < 0 else given[at : at + len(text)]
