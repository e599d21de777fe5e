"""What is said of a payload without its content: its digest, its size, and its shape.

The shape lists places inside of the payload, the whole first and then level by level, by JSON
pointer (RFC 6901), each as ``[type, size, digest, prefixes]``. ``prefixes`` are digests of the
first 32, 64, 128, ... characters of a longer text: of a text that was cut they are the same as far
as it goes, of another text they are not.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Iterator
from dataclasses import dataclass

from causewatch.instrument.canonical import Json, Spelled, spell

MAX_FIELDS_COUNT = 256
MAX_DEPTH = 6
MAX_ITEMS_COUNT = 64
FIELD_DIGEST_CHARS = 16
PREFIX_DIGEST_CHARS = 8
FIRST_PREFIX_CHARS = 32


@dataclass(frozen=True, slots=True, kw_only=True)
class Imprint:
    """A payload by digest and shape.

    ``text`` is the canonical JSON itself and ``size_bytes`` its size in UTF-8; ``fields`` is JSON
    text; ``dropped_count`` is how many places were come to that it does not list.
    """

    text: str
    sha256: str
    size_bytes: int
    fields: str
    dropped_count: int


def imprint_of(value: Json, key: bytes | None = None) -> Imprint:
    """Return the imprint of a JSON value, with a ``key`` its digests are HMAC-SHA-256."""
    whole = spell(value)
    content = whole.text.encode()
    fields, dropped_count = _fields(whole, value, key)
    return Imprint(
        text=whole.text,
        sha256=_digest(content, key),
        size_bytes=len(content),
        fields=spell(fields).text,
        dropped_count=dropped_count,
    )


def sha256_of(value: Json, key: bytes | None = None) -> tuple[str, int, str]:
    """Return the digest of a JSON value, the size of its canonical JSON in bytes, and its text."""
    text = spell(value).text
    content = text.encode()
    return _digest(content, key), len(content), text


def _digest(content: bytes, key: bytes | None) -> str:
    if key is None:
        return hashlib.sha256(content).hexdigest()
    return hmac.digest(key, content, "sha256").hex()


def _fields(whole: Spelled, value: Json, key: bytes | None) -> tuple[dict[str, Json], int]:
    fields: dict[str, Json] = {}
    dropped_count = 0
    level: list[tuple[str, Spelled, Json]] = [("", whole, value)]
    for depth in range(MAX_DEPTH + 1):
        following: list[tuple[str, Spelled, Json]] = []
        for pointer, each, own in level:
            if len(fields) >= MAX_FIELDS_COUNT:
                dropped_count += 1
                continue
            fields[pointer] = _field(each, own, key)
            inside = list(_inside(pointer, each, own)) if depth < MAX_DEPTH else []
            following += inside
            dropped_count += len(each.members) - len(inside)
        level = following
    return fields, dropped_count


def _inside(pointer: str, each: Spelled, own: Json) -> Iterator[tuple[str, Spelled, Json]]:
    if isinstance(own, dict):
        for name, member in each.members:
            token = name.replace("~", "~0").replace("/", "~1")
            yield f"{pointer}/{token}", member, own[name]
    elif isinstance(own, list):
        for (index, item), value in zip(each.members[:MAX_ITEMS_COUNT], own, strict=False):
            yield f"{pointer}/{index}", item, value


def _field(each: Spelled, own: Json, key: bytes | None) -> Json:
    digest = _digest(each.text.encode(), key)[:FIELD_DIGEST_CHARS]
    field: list[Json] = [each.type, each.size, digest]
    if isinstance(own, str) and each.size > FIRST_PREFIX_CHARS:
        field.append(list(_prefixes(own, key)))
    return field


def _prefixes(text: str, key: bytes | None) -> Iterator[str]:
    length = FIRST_PREFIX_CHARS
    while length < len(text):
        yield _digest(spell(text[:length]).text.encode(), key)[:PREFIX_DIGEST_CHARS]
        length *= 2
