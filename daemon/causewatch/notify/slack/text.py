"""What a Slack message says, as plain text for terminals and logs. Pure."""

from __future__ import annotations

import html
import re
from collections.abc import Iterator
from typing import Any

from causewatch.notify.slack.render import SlackMessage

_MARKUP = re.compile(r"<([^<>|]*)(?:\|([^<>]*))?>")
_EMPHASIS = re.compile(r"(?<!\w)([*_])([^*_\n]+)\1(?!\w)")


def plain_text(message: SlackMessage) -> str:
    """Return the message as lines of text, free of markup and control characters."""
    parts = [text for block in message.blocks for text in _texts(block)]
    lines = "\n\n".join(part for part in parts if part).splitlines()
    return "\n".join("".join(c for c in line if c.isprintable()).rstrip() for line in lines)


def _texts(block: dict[str, Any]) -> Iterator[str]:
    """Yield the paragraphs of one block."""
    match block:
        case {"type": "header", "text": {"text": str(text)}}:
            yield html.unescape(text)
        case {"type": "section", "fields": list(fields)}:
            yield "\n".join(_plain(field["text"]).replace("\n", ": ", 1) for field in fields)
        case {"type": "section", "text": {"text": str(text)}}:
            yield _plain(text)
        case {"type": "actions", "elements": list(elements)}:
            yield "\n".join(map(_element, elements))
        case {"type": "context", "elements": list(elements)}:
            yield " ".join(_plain(element["text"]) for element in elements)
        case _:
            return


def _element(element: dict[str, Any]) -> str:
    """Return a button, with its address where it has one, or a menu."""
    name = element.get("text") or element.get("placeholder") or {}
    return f"[{name.get('text', '')}] {element.get('url', '')}".rstrip()


def _plain(markup: str) -> str:
    """Return markup as people read it: links as their label, entities as characters."""
    shown = _MARKUP.sub(lambda found: found.group(2) or _mention(found.group(1)), markup)
    shown = _EMPHASIS.sub(r"\2", shown).replace("`", "")
    return html.unescape(shown)


def _mention(target: str) -> str:
    """Return a mention without Slack's punctuation: ``!subteam^S1`` is ``@S1``."""
    return re.sub(r"^!(subteam\^)?", "@", target)
