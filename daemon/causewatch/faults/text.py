"""Texts and leaves of payloads: folded for comparison, bounded for people."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.model.facts import MAX_SCANNED_CHARS
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.step import Payload
from causewatch.model.value import Value

MAX_LEAVES_COUNT = 5_000


def fold(text: str) -> str:
    """Return ``text`` in lower case with each run of white space as one blank."""
    return " ".join(text[:MAX_SCANNED_CHARS].lower().split())


def leaves(value: Value) -> Iterator[tuple[str, Value]]:
    """Yield each scalar inside of a value with its nearest key, at most ``MAX_LEAVES_COUNT``."""
    if not isinstance(value, dict | list):
        yield "", value
        return
    stack: list[tuple[str, Value]] = [("", value)]
    left = MAX_LEAVES_COUNT
    while stack and left:
        key, item = stack.pop()
        if isinstance(item, dict):
            stack.extend(reversed(item.items()))
        elif isinstance(item, list):
            stack.extend([(key, member) for member in reversed(item)])
        else:
            left -= 1
            yield key, item


def texts(value: Value) -> Iterator[str]:
    """Yield the strings inside of a value, in order."""
    return (leaf for _, leaf in leaves(value) if isinstance(leaf, str))


def plain(payload: Payload | None) -> str:
    """Return all text of a payload, one leaf a line; empty for none."""
    if payload is None:
        return ""
    if isinstance(payload.value, str):
        return payload.value
    return "\n".join(str(leaf) for _, leaf in leaves(payload.value) if leaf is not None)


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
