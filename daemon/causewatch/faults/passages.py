"""What a result says in passages of free text, and what in the fields of a record.

A value in a field of a record is what the tool was asked for. A value in the middle of a text was
chosen by whoever wrote the text. Many tools answer in YAML or in ``key: value`` lines, so a text is
taken apart line by line, without a parser whose cost or errors it could choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from causewatch.faults.expand import expand
from causewatch.faults.text import fold
from causewatch.model.value import Value, leaves

MIN_PASSAGE_CHARS = 25
MIN_DENSE_CHARS = 10
MAX_RESULT_CHARS = 60_000
MAX_PASSAGES_COUNT = 400
MAX_VALUES_COUNT = 60
MIN_HEADING_WORDS_COUNT = 3
"""What stands before a colon is the name of a field; more words are the beginning of a sentence."""
_SCHEME = re.compile(r"https?://(?:www\.)?|\bwww\.")
_GROUPED = re.compile(r"(?<=\d),(?=\d{3}(?!\d))")
_ESCAPED_FOLD = re.compile(r"\\\n\s*(?:\\(?= ))?")
_FIELD = re.compile(r"[\s-]{0,80}([^\W\d][\w .-]{0,40}):(?:\s+(.*))?$")
_ITEM = re.compile(r"\s{0,80}- ()(.*)$")
_DENSE = re.compile(r"[\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f]")
"""Scripts that write sentences without blanks."""
_WORD = re.compile(r"[^\W_]+")


class Content(msgspec.Struct, frozen=True, kw_only=True):
    """A result taken apart, all texts normalised."""

    fields: frozenset[str]
    passages: tuple[str, ...]
    """The paragraphs of free text."""


def normal(text: str) -> str:
    """Return ``text`` folded, without URL schemes and without the commas that group digits."""
    text = fold(text)
    if "://" in text or "www." in text:
        text = _SCHEME.sub("", text)
    return _GROUPED.sub("", text) if "," in text else text


def words_of(text: str) -> frozenset[str]:
    """Return the words of a normalised text."""
    return frozenset(_WORD.findall(text))


def content_of(value: Value) -> Content:
    """Take a result apart; only its first ``MAX_RESULT_CHARS`` characters are looked at."""
    return content_in(expand(value))


def content_in(opened: Value) -> Content:
    """Take apart a result of which the JSON inside of its strings is already read."""
    fields: set[str] = set()
    passages: dict[str, None] = {}
    left = MAX_RESULT_CHARS
    for _, leaf in leaves(opened):
        if isinstance(leaf, bool) or leaf is None or left <= 0:
            continue
        text = str(leaf)[:left]
        left -= len(text)
        if not isinstance(opened, str) and not _is_prose(text):
            fields.add(_value(text))
            continue
        for is_field, part in _parts(text):
            if is_field:
                fields.add(_value(part))
            elif _is_prose(found := normal(part)):
                passages[found] = None
    kept = tuple(passages)[:MAX_PASSAGES_COUNT]
    return Content(fields=frozenset(fields), passages=kept)


def values_of(value: Value) -> dict[str, str]:
    """Return the distinct scalars of a call's arguments, normalised, each with its nearest key."""
    found: dict[str, str] = {}
    for key, leaf in leaves(value):
        if leaf is not None and not isinstance(leaf, bool) and (text := _value(str(leaf))):
            found.setdefault(text, key)
            if len(found) == MAX_VALUES_COUNT:
                break
    return found


def _value(text: str) -> str:
    found = normal(text).strip("'\"").rstrip("/")
    # A float that a model wrote as 2499.0 stands in a text as 2499 or 2499.00.
    return found.removesuffix(".0") if found[:1].isdigit() else found


def _is_prose(text: str) -> bool:
    if len(text) >= MIN_PASSAGE_CHARS:
        return " " in text.strip() or bool(_DENSE.search(text))
    return len(text) >= MIN_DENSE_CHARS and bool(_DENSE.search(text))


def _parts(text: str) -> Iterator[tuple[bool, str]]:
    """Yield the fields and the paragraphs of a text, each with whether it is a field."""
    paragraph: list[str] = []
    for line in _unfolded(text).split("\n"):
        found = _FIELD.match(line) or _ITEM.match(line)
        if line.strip() and found is None:
            paragraph.append(line)
            continue
        if paragraph:
            yield False, " ".join(paragraph)
            paragraph = []
        # A long value goes on in the next lines: it is the beginning of a paragraph.
        key, rest = (found[1], (found[2] or "").strip()) if found is not None else ("", "")
        is_heading = len(key.split()) >= MIN_HEADING_WORDS_COUNT
        if is_heading and (_is_prose(rest) or not rest):
            paragraph.append(line.strip())
        elif _is_prose(rest):
            paragraph.append(rest)
        elif rest:
            yield True, rest
    if paragraph:
        yield False, " ".join(paragraph)


def _unfolded(text: str) -> str:
    """Return a text without the escapes of a quoted YAML or JSON string."""
    if "\\" in text:
        text = _ESCAPED_FOLD.sub("", text).replace("\\n", "\n").replace('\\"', '"')
    return text.replace("''", "'")
