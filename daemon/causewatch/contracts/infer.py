"""Writes a sketch of good values as a JSON Schema that a person would have written.

It stays open: what was never seen may come. It says which kinds a value has, which keys every
object had, and that lists and texts which never were empty are not; never a range of numbers.
"""

from __future__ import annotations

import re

from causewatch.contracts.sketch import Sketch
from causewatch.model.value import Value

MIN_SUPPORT_COUNT = 3
"""Fewer values prove nothing but their kind."""
MIN_FILLED_LISTS_COUNT = 5
MIN_FILLED_TEXTS_COUNT = 20
"""So many that were never empty say that one that is empty is not right."""
MIN_WORDS_SUPPORT_COUNT = 20
MIN_WORD_COUNT = 3
"""An enumeration needs so many texts in all, and each of its words so often."""
MIN_DATA_KEYS_COUNT = 6
_KEY = re.compile(r"[^\W\d][\w .$@:/-]{0,79}")
_MADE_UP = re.compile(r"\d{4}|[0-9a-fA-F]{8}|@.+\.")

Schema = dict[str, Value]


def schema_of(sketch: Sketch) -> Schema:
    """Return the JSON Schema (2020-12) of a place; ``{}`` where nothing was seen.

    Counts of support stand in ``$comment``. No value of a payload is in it but the words of
    enumerations, where the sketch kept words.
    """
    kinds = _kinds(sketch)
    if not kinds:
        return {}
    schema: Schema = {"type": kinds[0] if len(kinds) == 1 else list(kinds)}
    if sketch.object_count:
        schema |= _object(sketch)
    if sketch.list_count:
        schema |= _list(sketch)
    if sketch.texts.count:
        schema |= _texts(sketch, alone=len(kinds) == 1)
    return schema


def _kinds(sketch: Sketch) -> list[Value]:
    # A count that always was whole may be a fraction tomorrow: both are numbers.
    counts = {
        "object": sketch.object_count,
        "array": sketch.list_count,
        "string": sketch.texts.count,
        "number": sketch.number_count,
        "boolean": sketch.boolean_count,
        "null": sketch.null_count,
    }
    kinds: list[Value] = [kind for kind, count in counts.items() if count]
    # What was only ever nothing may be anything.
    return kinds if kinds != ["null"] else []


def _object(sketch: Sketch) -> Schema:
    if _has_data_keys(sketch):
        inner = schema_of(sketch.any_field) if sketch.any_field is not None else {}
        return {"additionalProperties": inner} if inner else {}
    fields = {key: each for key, each in (sketch.fields or {}).items() if is_plain_key(key)}
    total = sketch.object_count
    required: list[Value] = [
        key for key, each in fields.items() if each.count == total >= MIN_SUPPORT_COUNT
    ]
    properties: Schema = {}
    for key, each in fields.items():
        share = f"in all {total:,}" if each.count == total else f"in {each.count:,} of {total:,}"
        properties[key] = {**schema_of(each), "$comment": share}
    found: Schema = {"required": required} if required else {}
    return {**found, "properties": properties} if properties else found


def _has_data_keys(sketch: Sketch) -> bool:
    """Tell whether the keys of the objects are data: many, and hardly any in two objects."""
    if sketch.fields is None:
        return True
    fields = sketch.fields
    made_up = sum(not is_plain_key(key) for key in fields)
    if made_up > len(fields) / 2:
        return True
    usual = max((each.count for each in fields.values()), default=0)
    is_shared = 2 * usual >= sketch.object_count
    return len(fields) >= MIN_DATA_KEYS_COUNT and not is_shared


def is_plain_key(key: str) -> bool:
    """Tell whether a key is a name that people chose, not an id, an address or a number."""
    return _KEY.fullmatch(key) is not None and _MADE_UP.search(key) is None


def _list(sketch: Sketch) -> Schema:
    found: Schema = {}
    if not sketch.empty_count and sketch.list_count >= MIN_FILLED_LISTS_COUNT:
        found["minItems"] = 1
    inner = schema_of(sketch.items) if sketch.items is not None else {}
    if inner:
        found["items"] = inner
    return found


def _texts(sketch: Sketch, *, alone: bool) -> Schema:
    texts = sketch.texts
    if texts.count < MIN_SUPPORT_COUNT:
        return {}
    is_filled = not texts.blank_count and texts.count >= MIN_FILLED_TEXTS_COUNT
    found: Schema = {"minLength": 1} if is_filled else {}
    formats = sorted(texts.formats)
    if formats:
        found["format"] = formats[0]
    words = texts.words or {}
    is_closed = texts.count >= MIN_WORDS_SUPPORT_COUNT and not texts.blank_count
    if alone and is_closed and words and min(words.values()) >= MIN_WORD_COUNT:
        listed: list[Value] = [*sorted(words)]
        return {"enum": listed}
    return found
