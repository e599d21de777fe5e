"""Texts and leaves of payloads: folded for comparison, bounded for people."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import repeat

from causewatch.model.facts import MAX_SCANNED_CHARS
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.step import Payload
from causewatch.model.value import Value

MAX_LEAVES_COUNT = 5_000


def fold(text: str) -> str:
    """Return ``text`` in lower case with each run of white space as one blank."""
    return " ".join(text[:MAX_SCANNED_CHARS].lower().split())


def leaves(value: Value) -> list[tuple[str, Value]]:
    """Return each scalar inside of a value with its nearest key, at most ``MAX_LEAVES_COUNT``."""
    if not isinstance(value, dict | list):
        return [("", value)]
    found: list[tuple[str, Value]] = []
    open_: list[Iterator[tuple[str, Value]]] = [iter((("", value),))]
    while open_:
        for member in open_[-1]:
            item = member[1]
            if isinstance(item, dict):
                open_.append(iter(item.items()))
                break
            if isinstance(item, list):
                open_.append(zip(repeat(member[0]), item, strict=False))
                break
            found.append(member)
            if len(found) == MAX_LEAVES_COUNT:
                return found
        else:
            open_.pop()
    return found


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
    return "\n".join([str(leaf) for _, leaf in leaves(payload.value) if leaf is not None])


def excerpt(text: str) -> str:
    """Return ``text`` as a quotation: one line, printable, at most the excerpt limit.

    What stems from a payload stands between “ and ” wherever people read it, and nothing else does:
    so it can be left out where payloads are private.
    """
    return f"“{bounded(text)}”"


def bounded(text: str) -> str:
    """Return ``text`` on one line, printable, without our quotation marks, cut at the limit."""
    limit = DEFAULT_PAYLOAD_LIMITS.max_excerpt_chars
    shown = " ".join("".join(c if c.isprintable() else " " for c in text[: 4 * limit]).split())
    shown = shown.replace("“", '"').replace("”", '"')
    return shown if len(shown) <= limit else shown[: limit - 1] + "…"
