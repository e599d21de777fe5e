"""Values in a payload by which it is known again elsewhere: ids, numbers, addresses, sub-trees.

A word proves nothing, as everybody uses it; who repeats an order number had it from somewhere.
"""

from __future__ import annotations

import re
import zlib
from functools import lru_cache
from typing import NamedTuple

from causewatch.graph.winnow import MAX_KEPT_CHARS, unescaped
from causewatch.model.value import Value

MIN_VALUE_CHARS = 3
MIN_STRONG_CHARS = 5
MIN_LONG_NUMBER_CHARS = 6
MAX_VALUE_CHARS = 200
MAX_TEXT_CHARS = 400_000
MAX_VALUES_COUNT = 5_000
"""Of more values in one payload the first are looked at."""
MAX_NODES_COUNT = 5_000
"""Of more objects and lists in one payload the first are looked at."""
MAX_DEPTH = 64
MIN_TREE_LEAVES_COUNT = 2
MIN_TREE_CHARS = 16
"""A smaller object, such as ``{"page": 1, "ok": true}``, is written by anybody."""
_TOKEN = re.compile(
    r"(?:[A-Za-z]{2}[0-9]{2}|[0-9]{4})(?: [0-9]{4}){2,}+(?: [0-9]{1,4})?+(?![0-9A-Za-z])"
    r"|[0-9]{1,3}(?:,[0-9]{3})++(?:\.[0-9]++)?(?![0-9A-Za-z])"
    r"|[A-Za-z0-9][A-Za-z0-9_.@:/#+-]*+"
)
"""Accounts in groups of four, numbers with grouped thousands, anything else without blanks."""
_DIGIT = re.compile(r"[0-9]")
_NUMBER = re.compile(r"[0-9]++(?:\.[0-9]++)?")
_DATE = re.compile(r"[0-9]{1,4}[-/.:][0-9]{1,2}(?:[-/.:][0-9t:.z+-]*)?")
_TREE = "tree "


def values_of(text: str) -> frozenset[str]:
    """Return the distinctive values of ``text`` in their normal form (2499.0 is 2,499 is 2499).

    Takes time linear in its length.
    """
    return _kept(text) if len(text) <= MAX_KEPT_CHARS else _found(text)


@lru_cache(maxsize=1024)
def _kept(text: str) -> frozenset[str]:
    return _found(text)


def _found(text: str) -> frozenset[str]:
    text = unescaped(text[:MAX_TEXT_CHARS])
    if "@" not in text and _DIGIT.search(text) is None:
        return frozenset()
    tokens = dict.fromkeys(_TOKEN.findall(text))
    found: set[str] = set()
    for token in tokens:
        if len(found) == MAX_VALUES_COUNT:
            break
        if (
            len(token) >= MIN_VALUE_CHARS
            and not token.isalpha()
            and (_DIGIT.search(token) or "@" in token)
        ):
            value = _normal(token)
            if len(value) >= MIN_VALUE_CHARS:
                found.add(value)
    return frozenset(found)


def _normal(token: str) -> str:
    token = token.replace(" ", "").rstrip(".:/,-#+")[:MAX_VALUE_CHARS].lower()
    plain = token.replace(",", "")
    if not _NUMBER.fullmatch(plain):
        return token.split("://", 1)[-1]
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return plain


def is_strong(value: str) -> bool:
    """Tell whether one such value alone shows where it comes from: an id, an address, a sub-tree.

    A number or a date may be the same by chance.
    """
    if value.startswith(_TREE) or "@" in value:
        return True
    if _NUMBER.fullmatch(value):
        return len(value) >= MIN_LONG_NUMBER_CHARS
    return len(value) >= MIN_STRONG_CHARS and not _DATE.fullmatch(value)


class _Node(NamedTuple):
    digest: int
    leaves: int
    chars: int


def trees_of(value: Value) -> frozenset[str]:
    """Return the digests of the objects and lists in ``value`` that are worth the name."""
    found: list[_Node] = []
    if isinstance(value, dict | list):
        _walk(value, 0, found)
    return frozenset(
        f"{_TREE}{node.digest:08x}{node.leaves}"
        for node in found
        if node.leaves >= MIN_TREE_LEAVES_COUNT and node.chars >= MIN_TREE_CHARS
    )


def _walk(value: dict[str, Value] | list[Value], depth: int, found: list[_Node]) -> _Node | None:
    """Return the digest of ``value`` from those of its parts, and note each object and list.

    ``None`` where a limit cut: what holds it is then not the same as what looks like it.
    """
    if depth == MAX_DEPTH:
        return None
    is_object = isinstance(value, dict)
    named = sorted(value.items()) if isinstance(value, dict) else [("", item) for item in value]
    content: list[str] = []
    leaves = chars = 0
    is_whole = True
    for key, member in named:
        if isinstance(member, dict | list):
            part = _walk(member, depth + 1, found)
            if part is None:
                is_whole = False
                continue
            content.append(f"{key}\1{part.digest:x}")
            leaves += part.leaves
            chars += len(key) + part.chars
        else:
            text = _spelled(member)
            content.append(f"{key}\1{zlib.crc32(text.encode('utf-8', 'surrogatepass')):x}")
            leaves += 1
            chars += len(key) + len(text)
    if not is_whole or len(found) == MAX_NODES_COUNT:
        return None
    whole = "\0".join(content).encode("utf-8", "surrogatepass")
    node = _Node(zlib.crc32(whole, is_object), leaves, chars)
    found.append(node)
    return node


def _spelled(value: Value) -> str:
    """Return a scalar as it compares: 2 is 2.0 is "2"."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    text = str(value).lower()
    return _normal(text) if text[:1].isdigit() and _NUMBER.fullmatch(text) else text
