"""What the values of one place looked like in good runs: types with counts, as a mergeable value.

It is the parametric inference of Baazizi, Colazzo, Ghelli and Sartiani ("Parametric schema
inference for massive JSON datasets", The VLDB Journal 28, 2019) with counting types and kind
equivalence: all objects of one place become one, all lists become one, and what was in how many of
them is counted.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from functools import reduce

import msgspec

from causewatch.model.value import Value

MAX_DEPTH_COUNT = 12
MAX_FIELDS_COUNT = 200
"""An object with more different keys has keys that are data; so has one of its likes."""
MAX_LOOKED_ITEMS_COUNT = 200
MAX_WORDS_COUNT = 8
"""How many different texts may be the words of an enumeration."""
MAX_WORD_CHARS = 40
FORMATS: tuple[tuple[str, re.Pattern[str]], ...] = (
    ("date", re.compile(r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])")),
    (
        "date-time",
        re.compile(
            r"[0-9]{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12][0-9]|3[01])T(?:[01][0-9]|2[0-3]):[0-5][0-9]"
            r":[0-5][0-9](?:\.[0-9]{1,9})?(?:Z|[+-](?:[01][0-9]|2[0-3]):[0-5][0-9])"
        ),
    ),
    ("uuid", re.compile(r"[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")),
)
"""Formats that are written in one way only, so that another good value has it, too."""
_ALL_FORMATS = frozenset(name for name, _ in FORMATS)
_MAX_FORMAT_CHARS = 64


class Texts(msgspec.Struct, frozen=True, kw_only=True):
    """The texts of one place. No text is kept but the few words of what may be an enumeration."""

    count: int = 0
    blank_count: int = 0
    formats: frozenset[str] = _ALL_FORMATS
    """The formats that every text had."""
    words: Mapping[str, int] | None = {}
    """How often each was there; ``None`` where they were too many, too long, or are not wanted."""


class Sketch(msgspec.Struct, frozen=True, kw_only=True):
    """All values of one place, by kind."""

    null_count: int = 0
    boolean_count: int = 0
    number_count: int = 0
    texts: Texts = Texts()
    list_count: int = 0
    empty_count: int = 0
    """How many of the lists had no item."""
    items: Sketch | None = None
    object_count: int = 0
    fields: Mapping[str, Sketch] | None = {}
    """By key; ``None`` where keys are data, then ``items`` of ``any_field``."""
    any_field: Sketch | None = None
    """All values of the objects together."""

    @property
    def count(self) -> int:
        """Return how many values there were."""
        plain = self.null_count + self.boolean_count + self.number_count + self.texts.count
        return plain + self.list_count + self.object_count


NOTHING = Sketch()


def sketch_of(value: Value, *, words: bool = False, depth: int = 0) -> Sketch:
    """Return one value as a sketch; below ``MAX_DEPTH_COUNT`` only its kind.

    Args:
        value: a JSON value.
        words: whether short texts are kept, as they may be the words of an enumeration.
        depth: how far down it stands.
    """
    match value:
        case str():
            return Sketch(texts=_text(value, words=words))
        case list():
            looked = value[:MAX_LOOKED_ITEMS_COUNT] if depth < MAX_DEPTH_COUNT else []
            items = fused_all(sketch_of(item, words=words, depth=depth + 1) for item in looked)
            return Sketch(list_count=1, empty_count=int(not value), items=items)
        case dict():
            return _object(value, words=words, depth=depth)
        case _:
            return _plain(value)


def fused_all(sketches: Iterable[Sketch]) -> Sketch:
    """Return all sketches as one."""
    return reduce(fused, sketches, NOTHING)


def fused(one: Sketch, other: Sketch) -> Sketch:
    """Return what both saw. Neither the order nor the grouping of several merges matters."""
    return Sketch(
        null_count=one.null_count + other.null_count,
        boolean_count=one.boolean_count + other.boolean_count,
        number_count=one.number_count + other.number_count,
        texts=_fused_texts(one.texts, other.texts),
        list_count=one.list_count + other.list_count,
        empty_count=one.empty_count + other.empty_count,
        items=_fused_maybe(one.items, other.items),
        object_count=one.object_count + other.object_count,
        fields=_fused_fields(one.fields, other.fields),
        any_field=_fused_maybe(one.any_field, other.any_field),
    )


def _plain(value: Value) -> Sketch:
    match value:
        case None:
            return Sketch(null_count=1)
        case bool():
            return Sketch(boolean_count=1)
        case int() | float():
            return Sketch(number_count=1)
        case _:
            return NOTHING


def _text(text: str, *, words: bool) -> Texts:
    short = text[: _MAX_FORMAT_CHARS + 1]
    kept = {text: 1} if words and len(text) <= MAX_WORD_CHARS and text.strip() else None
    return Texts(
        count=1,
        blank_count=int(not text.strip()),
        formats=frozenset(name for name, pattern in FORMATS if pattern.fullmatch(short)),
        words=kept,
    )


def _object(value: Mapping[str, Value], *, words: bool, depth: int) -> Sketch:
    if depth >= MAX_DEPTH_COUNT:
        return Sketch(object_count=1, fields=None)
    looked = list(value.items())[: MAX_FIELDS_COUNT + 1]
    fields = {key: sketch_of(each, words=words, depth=depth + 1) for key, each in looked}
    is_open = len(fields) > MAX_FIELDS_COUNT
    return Sketch(
        object_count=1,
        fields=None if is_open else fields,
        any_field=fused_all(fields.values()) if fields else None,
    )


def _fused_maybe(one: Sketch | None, other: Sketch | None) -> Sketch | None:
    if one is None or other is None:
        return one or other
    return fused(one, other)


def _fused_fields(
    one: Mapping[str, Sketch] | None, other: Mapping[str, Sketch] | None
) -> Mapping[str, Sketch] | None:
    if one is None or other is None:
        return None
    merged = dict(one)
    for key, sketch in other.items():
        merged[key] = fused(merged[key], sketch) if key in merged else sketch
    return merged if len(merged) <= MAX_FIELDS_COUNT else None


def _fused_texts(one: Texts, other: Texts) -> Texts:
    words: dict[str, int] | None = None
    if one.words is not None and other.words is not None:
        words = dict(one.words)
        for word, count in other.words.items():
            words[word] = words.get(word, 0) + count
        words = words if len(words) <= MAX_WORDS_COUNT else None
    return Texts(
        count=one.count + other.count,
        blank_count=one.blank_count + other.blank_count,
        formats=one.formats & other.formats,
        words=words,
    )
