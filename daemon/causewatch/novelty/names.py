"""Names without what frameworks make up for each run."""

from __future__ import annotations

import re
from functools import lru_cache

MAX_NAME_CHARS = 120
NAMELESS = "?"
_MIN_HEX_CHARS = 8
_MIN_MIXED_CHARS = 12
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_WORD = re.compile(r"[^\W_]+")
_MARK = "\0"
_LEFT_OVER = re.compile(r"[\s_\-./:#=,|~\[({]*\0[\])}]*")
_SPACE = re.compile(r"\s+")


@lru_cache(4_000)
def plain_name(name: str) -> str:
    """Return a name without generated parts: UUIDs, numbers, hex digests, random ids.

    ``worker-7``, ``worker_3f2a9c81`` and ``worker`` are one name; words that merely end in digits
    (``agent2``, ``search_v2``) stay. Unprintable characters become spaces, and what is longer than
    ``MAX_NAME_CHARS`` is cut: whoever sends spans chooses names.
    """
    shown = "".join(c if c.isprintable() else " " for c in name[: 2 * MAX_NAME_CHARS])
    marked = _WORD.sub(_without_id, _UUID.sub(_MARK, shown))
    kept = _SPACE.sub(" ", _LEFT_OVER.sub("", marked)).strip(" _-./:#=,|~")
    return kept[:MAX_NAME_CHARS] or NAMELESS


def _without_id(word: re.Match[str]) -> str:
    return _MARK if _is_id(word.group()) else word.group()


def _is_id(word: str) -> bool:
    digits = sum(letter.isdigit() for letter in word)
    if digits == len(word):
        return True
    is_hex = all(letter in "0123456789abcdefABCDEF" for letter in word)
    if is_hex and digits and len(word) >= _MIN_HEX_CHARS:
        return True
    # A random id mixes digits into its letters; a word such as "gpt35turbo" is shorter than one.
    return len(word) >= _MIN_MIXED_CHARS and digits * 5 >= len(word)
