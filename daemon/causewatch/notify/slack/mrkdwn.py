"""Text in Slack's markup: escaping, cutting to limits, code, links and times. Pure.

Slack reads ``&``, ``<`` and ``>`` as its own (mentions, links, commands); nothing that comes from
outside may contain them. Limits count the escaped text.
"""

from __future__ import annotations

from causewatch.incidents.title import one_line
from causewatch.notify.times import utc_text

_NS_PER_S = 1_000_000_000
_ENTITIES = str.maketrans({"&": "&amp;", "<": "&lt;", ">": "&gt;"})
_CODE = str.maketrans({"`": "'"})


def escape(text: str, limit: int) -> str:
    """Return one line of text, escaped, its escaped form at most ``limit`` characters long."""
    line = one_line(text, limit)
    escaped = line.translate(_ENTITIES)
    if len(escaped) <= limit:
        return escaped
    kept, room = "", limit - 1
    for letter in line:
        piece = letter.translate(_ENTITIES)
        if len(piece) > room:
            break
        kept, room = kept + piece, room - len(piece)
    return kept + "…"


def code(text: str, limit: int) -> str:
    """Return a name in code font; a back-tick inside cannot end it early."""
    return f"`{escape(text.translate(_CODE), limit) or ' '}`"


def moment(time_ns: int) -> str:
    """Return a time that Slack shows in the reader's zone, with UTC text where it cannot."""
    seconds = time_ns // _NS_PER_S
    return f"<!date^{seconds}^{{date_short_pretty}} {{time}}|{utc_text(time_ns)}>"


def joined(lines: list[str], limit: int) -> str:
    """Return whole lines up to ``limit`` characters, and how many more there were."""
    kept: list[str] = []
    room = limit - len("\n… and 9999 more")
    for line in lines:
        if room < len(line) + 1:
            break
        kept.append(line)
        room -= len(line) + 1
    more = len(lines) - len(kept)
    return "\n".join([*kept, f"… and {more} more"] if more else kept)
