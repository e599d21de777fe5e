"""What of a JSON Schema can be told from digests and shapes, where content is not recorded.

Types, required members, sizes and lengths are in the shape; a constant is known by its digest. What
a shape cannot tell (patterns, number ranges, references, alternatives) is a gap, never a guess.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import islice

import msgspec

from causewatch.graph.imprints import DIGEST_CHARS
from causewatch.model.imprint import FieldPrint, Imprint
from causewatch.model.value import Value, sha256_of

MAX_PROBLEMS_COUNT = 20
MAX_STEPS_COUNT = 10_000
NO_SHAPE = "no shape is recorded, only a digest"
_ANNOTATIONS = frozenset(
    {
        "$schema", "$id", "$comment", "$anchor", "$defs", "definitions", "title", "description",
        "default", "examples", "deprecated", "readOnly", "writeOnly", "format",
        "contentMediaType", "contentEncoding",
    }
)  # fmt: skip
_ONLY_OF: Mapping[str, str] = {
    "pattern": "string", "minimum": "number", "maximum": "number", "exclusiveMinimum": "number",
    "exclusiveMaximum": "number", "multipleOf": "number", "uniqueItems": "array",
    "contains": "array", "minContains": "array", "maxContains": "array",
    "patternProperties": "object", "propertyNames": "object", "dependentRequired": "object",
    "dependentSchemas": "object",
}  # fmt: skip
"""Keywords that a shape cannot tell, and the only type that they say anything of."""


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """A place that breaks a schema, or, as a gap, one of which that cannot be told."""

    pointer: str
    keyword: str
    message: str
    is_gap: bool = False


def findings_in(schema: Value, imprint: Imprint, *, keyed: bool = False) -> tuple[Finding, ...]:
    """Return where a payload of this imprint breaks ``schema``, and what cannot be told.

    ``keyed`` says that the digests are made with a key, so that constants cannot be compared.
    """
    whole = imprint.fields.get("")
    if whole is None:
        return (Finding(pointer="", keyword="", message=NO_SHAPE, is_gap=True),)
    reader = _Reader(imprint, keyed=keyed)
    return tuple(islice(reader.walk(schema, "", whole), MAX_PROBLEMS_COUNT))


class _Reader:
    """Walks a schema and a shape together, a bounded number of steps."""

    def __init__(self, imprint: Imprint, *, keyed: bool) -> None:
        self.imprint = imprint
        self.keyed = keyed
        self.left = MAX_STEPS_COUNT
        self.children: dict[str, list[str]] = {}
        for pointer in imprint.fields:
            if pointer:
                self.children.setdefault(pointer.rpartition("/")[0], []).append(pointer)
        self.tests: dict[str, Callable[[Value, str, FieldPrint], Iterator[Finding]]] = {
            "type": self._type,
            "required": self._required,
            "properties": self._properties,
            "items": self._items,
            "prefixItems": self._prefix_items,
            "const": lambda value, pointer, field: self._one_of([value], pointer, field),
            "enum": self._one_of,
        }

    def walk(self, schema: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        """Yield what a place breaks, and what cannot be told of it."""
        self.left -= 1
        if self.left < 0 or schema is True:
            return
        if not isinstance(schema, dict):
            yield _finding(pointer, "false", "nothing is allowed here")
            return
        for keyword, value in schema.items():
            if keyword in self.tests:
                yield from self.tests[keyword](value, pointer, field)
            elif keyword in _SIZES:
                yield from _sized(keyword, value, pointer, field)
            elif keyword == "additionalProperties":
                yield from self._additional(schema, pointer, field)
            elif keyword not in _ANNOTATIONS and _ONLY_OF.get(keyword, field.type) == field.type:
                yield _gap(pointer, keyword, f"whether {keyword} holds cannot be told")

    def _type(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        names = value if isinstance(value, list) else [value]
        if field.type in names:
            return
        if field.type == "number" and "integer" in names:
            yield _gap(pointer, "type", "whether the number is whole cannot be told")
            return
        wanted = " or ".join(each for each in names if isinstance(each, str))
        yield _finding(pointer, "type", f"{field.type} where {wanted} is asked for")

    def _required(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        if field.type != "object" or not isinstance(value, list):
            return
        for name in (each for each in value if isinstance(each, str)):
            if self._member(pointer, name) not in self.imprint.fields:
                if self._is_listed(pointer, field):
                    yield _finding(pointer, "required", f"“{name}” is a required member")
                else:
                    yield _gap(pointer, "required", "not all members are listed")

    def _properties(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        if field.type != "object" or not isinstance(value, dict):
            return
        for name, schema in value.items():
            place = self._member(pointer, name)
            if (inner := self.imprint.fields.get(place)) is not None:
                yield from self.walk(schema, place, inner)

    def _additional(
        self, schema: Mapping[str, Value], pointer: str, field: FieldPrint
    ) -> Iterator[Finding]:
        named = schema.get("properties")
        known = {self._member(pointer, name) for name in named} if isinstance(named, dict) else ()
        rest = schema["additionalProperties"]
        if field.type != "object" or rest is True or "patternProperties" in schema:
            return
        for place in self.children.get(pointer, ()):
            if place not in known:
                if rest is False:
                    yield _finding(place, "additionalProperties", "the member is not allowed")
                else:
                    yield from self.walk(rest, place, self.imprint.fields[place])
        if not self._is_listed(pointer, field):
            yield _gap(pointer, "additionalProperties", "not all members are listed")

    def _items(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        if field.type != "array" or value is True:
            return
        for place in self.children.get(pointer, ()):
            yield from self.walk(value, place, self.imprint.fields[place])
        if not self._is_listed(pointer, field):
            yield _gap(pointer, "items", "not all items are listed")

    def _prefix_items(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        for index, schema in enumerate(value if isinstance(value, list) else ()):
            inner = self.imprint.fields.get(f"{pointer}/{index}")
            if field.type == "array" and inner is not None:
                yield from self.walk(schema, f"{pointer}/{index}", inner)

    def _one_of(self, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
        if self.keyed:
            yield _gap(pointer, "enum", "constants cannot be compared with keyed digests")
        elif isinstance(value, list) and not any(
            sha256_of(each)[:DIGEST_CHARS] == field.digest for each in value
        ):
            yield _finding(pointer, "enum", "none of the values that are allowed")

    def _is_listed(self, pointer: str, field: FieldPrint) -> bool:
        return len(self.children.get(pointer, ())) >= field.size

    @staticmethod
    def _member(pointer: str, name: str) -> str:
        return f"{pointer}/{name.replace('~', '~0').replace('/', '~1')}"


_SIZES: Mapping[str, tuple[str, str, bool]] = {
    "minItems": ("array", "items", True), "maxItems": ("array", "items", False),
    "minProperties": ("object", "members", True), "maxProperties": ("object", "members", False),
    "minLength": ("string", "characters", True), "maxLength": ("string", "characters", False),
}  # fmt: skip
"""Of which type, in what unit, and whether it is the least."""


def _sized(keyword: str, value: Value, pointer: str, field: FieldPrint) -> Iterator[Finding]:
    kind, unit, is_least = _SIZES[keyword]
    if field.type != kind or not isinstance(value, int | float):
        return
    if field.size < value if is_least else field.size > value:
        bound = "at least" if is_least else "at most"
        message = f"{field.size} {unit} where {bound} {value} are asked for"
        yield _finding(pointer, keyword, message)


def _finding(pointer: str, keyword: str, message: str) -> Finding:
    return Finding(pointer=pointer, keyword=keyword, message=message)


def _gap(pointer: str, keyword: str, message: str) -> Finding:
    return Finding(pointer=pointer, keyword=keyword, message=message, is_gap=True)
