"""Payloads are private: what evidence quotes of them is left out unless it may be shown. Pure.

Evidence sentences put payload text between “ and ”: that is never shown. Other quoted names,
pointers and types (``"order_id"``, ``'/items/0'``) are not payload and stay.
"""

from __future__ import annotations

import re

MAX_TEXT_CHARS = 4000
_QUOTED = re.compile(r"\"([^\"]*)\"|(?<!\w)'([^']*)'(?!\w)|`([^`]*)`|“([^”]*)”|«([^»]*)»")
_NAME = re.compile(r"[A-Za-z_/$*][A-Za-z0-9_\-./$*:]{0,63}")
_OPENED = re.compile(r"[\"`“«]|(?<!\w)'")


def without_excerpts(text: str) -> str:
    """Return a sentence whose quoted excerpts are replaced by their length in characters."""
    cut = _QUOTED.sub(_masked, text[:MAX_TEXT_CHARS])
    return _without_open_quote(cut)


def _masked(quoted: re.Match[str]) -> str:
    content = next(group for group in quoted.groups() if group is not None)
    if quoted.group()[0] != "“" and (not content or _NAME.fullmatch(content)):
        return quoted.group()
    return f"[{len(content)} characters]"


def _without_open_quote(text: str) -> str:
    """Drop an excerpt whose closing quote was cut off, up to the last mark of a cut."""
    rest = _QUOTED.sub(lambda quoted: " " * len(quoted.group()), text)
    opened = _OPENED.search(rest)
    if opened is None:
        return text
    cut_at = text.rfind("…", opened.start())
    after = text[cut_at + 1 :] if cut_at >= 0 else ""
    return f"{text[: opened.start()].rstrip()} […]{after}"
