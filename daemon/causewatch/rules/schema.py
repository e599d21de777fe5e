"""Makes the JSON Schemas of rule, test and dialect files from the loader's keys, for editors.

``causewatch schema rules`` prints that of rule files; they are committed under ``schemas/``.
"""

from __future__ import annotations

import json
from typing import assert_never

from causewatch.model.value import Value
from causewatch.rules.dialect_keys import DIALECT_FILE
from causewatch.rules.keys import FILE
from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Either,
    Integer,
    Json,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Shape,
    Size,
    Text,
)
from causewatch.rules.test_keys import TEST_FILE

SCHEMA_URI = "https://json-schema.org/draft/2020-12/schema"
_SCHEMAS = "https://github.com/causewatch/causewatch/blob/main/schemas/"
RULES_ID = _SCHEMAS + "rules.schema.json"
TESTS_ID = _SCHEMAS + "tests.schema.json"
DIALECTS_ID = _SCHEMAS + "dialects.schema.json"
_UNITS = ("y", "w", "d", "h", "m", "s", "ms")
_DURATION_PATTERN = "^(?=.)" + "".join(f"([0-9]{{1,9}}{unit})?" for unit in _UNITS) + "$"
_SIZE_PATTERN = "^[0-9]{1,15} ?([KMGT]i?)?B$"


def rules_schema() -> dict[str, Value]:
    """Return the JSON Schema of a rule file. Text may be any scalar, as the loader takes it."""
    return schema_of(FILE, title="causewatch rule file", identity=RULES_ID)


def tests_schema() -> dict[str, Value]:
    """Return the JSON Schema of a test file."""
    return schema_of(TEST_FILE, title="causewatch test file", identity=TESTS_ID)


def dialects_schema() -> dict[str, Value]:
    """Return the JSON Schema of a dialect file."""
    return schema_of(DIALECT_FILE, title="causewatch dialect file", identity=DIALECTS_ID)


def schema_of(shape: Shape, *, title: str, identity: str) -> dict[str, Value]:
    """Return the JSON Schema of a file of some shape."""
    return {"$schema": SCHEMA_URI, "$id": identity, "title": title, **_mapping(shape)}


def rendered(schema: Value) -> str:
    """Return a schema as it is committed: in the loader's order of keys, two spaces deep."""
    return json.dumps(schema, indent=2, ensure_ascii=False) + "\n"


def _mapping(shape: Shape) -> dict[str, Value]:
    keys = [key for key in shape.keys if not key.later]
    schema: dict[str, Value] = {
        "type": "object",
        "additionalProperties": False,
        "properties": {key.name: _property(key) for key in keys},
    }
    required: list[Value] = [key.name for key in keys if key.required]
    return {**schema, "required": required} if required else schema


def _property(key: Key) -> dict[str, Value]:
    return {"description": key.doc, **_kind(key.kind)}


def _kind(kind: Kind) -> dict[str, Value]:
    schema: dict[str, Value]
    match kind:
        case Json():
            schema = {}
        case ListOf():
            schema = {"type": "array", "items": _kind(kind.item)}
        case MapOf():
            schema = {"type": "object", "additionalProperties": _kind(kind.value)}
        case Either():
            schema = {"anyOf": [_kind(kind.scalar), _kind(kind.full)]}
        case Shape():
            schema = _mapping(kind)
        case _:
            schema = _scalar(kind)
    return schema


def _scalar(
    kind: Text | Duration | Size | Integer | Number | Boolean | Choice,
) -> dict[str, Value]:
    schema: dict[str, Value]
    match kind:
        case Text():
            schema = {"type": ["string", "number", "boolean", "null"]}
            if kind.not_empty:
                schema = {"type": ["string", "number", "boolean"], "minLength": 1}
        case Duration():
            schema = {"type": "string", "pattern": _DURATION_PATTERN}
            if kind.bare_zero:
                schema = {"anyOf": [schema, {"const": 0}, {"const": "0"}]}
        case Size():
            schema = {"type": "string", "pattern": _SIZE_PATTERN}
        case Integer() | Number():
            schema = _number(kind)
        case Boolean():
            schema = {"type": "boolean"}
        case Choice():
            schema = {"enum": list(kind.words)}
        case _:
            assert_never(kind)
    return schema


def _number(kind: Integer | Number) -> dict[str, Value]:
    name = "integer" if isinstance(kind, Integer) else "number"
    return {"type": name, "minimum": kind.minimum, "maximum": kind.maximum}
