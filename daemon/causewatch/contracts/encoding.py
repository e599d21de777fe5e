"""The same text in another encoding: what code does to a text that a person never would."""

from __future__ import annotations

import base64
import binascii
import html
import unicodedata
from collections.abc import Callable
from urllib.parse import unquote_plus

from causewatch.contracts.equality import parsed
from causewatch.model.facts import unescaped
from causewatch.model.value import Value

MAX_DECODED_CHARS = 200_000
"""Longer texts are compared as they are: what they would decode to is not worked out."""
MIN_BASE64_CHARS = 8
_REPLACEMENTS = "?\ufffd"


def encoded_as(sent: str, received: str) -> str:
    """Return how ``received`` is ``sent`` in another encoding, as a phrase; empty if it is not."""
    if max(len(sent), len(received)) > MAX_DECODED_CHARS:
        return ""
    for phrase, decode in _DECODERS:
        if decode(received) == sent or decode(sent) == received:
            return phrase
    return "characters were replaced" if _is_replaced(sent, received) else ""


def _json(text: str) -> Value:
    return parsed(text) if text[:1] == '"' else None


def _escapes(text: str) -> str | None:
    return unescaped(text) if "\\" in text else None


def _entities(text: str) -> str | None:
    return html.unescape(text) if "&" in text else None


def _percents(text: str) -> str | None:
    return unquote_plus(text) if "%" in text else None


def _misread(text: str) -> str | None:
    """Return a text as it was before its UTF-8 bytes were read as Western characters."""
    if text.isascii():
        return None
    for charset in ("cp1252", "latin-1"):
        try:
            return text.encode(charset).decode("utf-8")
        except UnicodeError:
            continue
    return None


def _base64(text: str) -> str | None:
    if len(text) < MIN_BASE64_CHARS or len(text) % 4 or not text.isascii():
        return None
    try:
        return base64.b64decode(text, validate=True).decode("utf-8")
    except (binascii.Error, ValueError):
        return None


def _composed(text: str) -> str | None:
    return None if text.isascii() else unicodedata.normalize("NFC", text)


_DECODERS: tuple[tuple[str, Callable[[str], Value]], ...] = (
    ("JSON inside of a string", _json),
    ("its escapes are written out", _escapes),
    ("HTML entities", _entities),
    ("percent signs for characters", _percents),
    ("UTF-8 that was read as another encoding", _misread),
    ("Base64", _base64),
    ("another Unicode form", _composed),
)


def _is_replaced(sent: str, received: str) -> bool:
    """Tell whether only characters beyond ASCII were replaced, each by a mark or by nothing."""
    if sent.isascii() or len(received) > len(sent):
        return False
    if len(received) == len(sent):
        pairs = zip(sent, received, strict=True)
        return all(a == b or (b in _REPLACEMENTS and not a.isascii()) for a, b in pairs)
    return received == "".join(c for c in sent if c.isascii()) != ""
