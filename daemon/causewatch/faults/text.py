"""Texts and leaves of payloads: folded for comparison, bounded for people."""

from __future__ import annotations

from functools import lru_cache

from causewatch.model.facts import MAX_SCANNED_CHARS
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.step import Payload
from causewatch.model.value import Value, leaves

MAX_KEPT_CHARS = 2_048


def fold(text: str) -> str:
    """Return ``text`` in lower case with each run of white space as one blank."""
    return _kept(text) if len(text) <= MAX_KEPT_CHARS else _folded(text)


@lru_cache(maxsize=4096)
def _kept(text: str) -> str:
    return _folded(text)


def _folded(text: str) -> str:
    return " ".join(text[:MAX_SCANNED_CHARS].lower().split())


def has_word(word: str, text: str) -> bool:
    """Tell whether ``word`` stands in ``text`` with no letter, digit or underscore beside it."""
    at = text.find(word)
    while at >= 0:
        end = at + len(word)
        if not _is_of_word(text[at - 1 : at]) and not _is_of_word(text[end : end + 1]):
            return True
        at = text.find(word, at + 1)
    return False


def _is_of_word(char: str) -> bool:
    return char.isalnum() or char == "_"


def texts(value: Value) -> list[str]:
    """Return the strings inside of a value, in order."""
    if isinstance(value, str):
        return [value]
    return [leaf for _, leaf in leaves(value) if isinstance(leaf, str)]


def plain(payload: Payload | None) -> str:
    """Return all text of a payload, one leaf a line; empty for none."""
    if payload is None:
        return ""
    if isinstance(payload.value, str):
        return payload.value
    return "\n".join([str(leaf) for _, leaf in payload.leaves if leaf is not None])


def excerpt(text: str) -> str:
    """Return ``text`` as a quotation: one line, printable, at most the excerpt limit.

    What stems from a payload stands between “ and ” wherever people read it, and nothing else does:
    so it can be left out where payloads are private.
    """
    return f"“{bounded(text)}”"


def bounded(text: str) -> str:
    """Return ``text`` on one line, printable, without our quotation marks, cut at the limit."""
    limit = DEFAULT_PAYLOAD_LIMITS.max_excerpt_chars
    shown = text[: 4 * limit]
    if not shown.isprintable():
        shown = "".join([c if c.isprintable() else " " for c in shown])
    shown = " ".join(shown.split())
    shown = shown.replace("“", '"').replace("”", '"')
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
