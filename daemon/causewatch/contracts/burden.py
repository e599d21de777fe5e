"""Schemas that never end, or hardly ever: found before a payload meets them.

A validator applies several subschemas to one and the same value: those of ``allOf`` and its like,
and what a ``$ref`` names. Where these lead back to where they began, the schema says nothing; and
where each of a chain refers twice to the next, thirty lines are a thousand million checks.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.contracts.pointer import found_at
from causewatch.model.value import Value

MAX_APPLIED_COUNT = 100_000
"""So many subschemas may be applied to one value."""
MAX_CHAIN_COUNT = 100
"""So long may the way from one to the next be."""
_LISTS = ("allOf", "anyOf", "oneOf")
_SINGLES = ("not", "if", "then", "else")


class Burden(msgspec.Struct, frozen=True, kw_only=True):
    """Why a schema is refused, and where in it."""

    pointer: str
    message: str


class _Heavy(Exception):  # noqa: N818 - it ends the walk, and is no error of ours
    def __init__(self, burden: Burden) -> None:
        super().__init__(burden.message)
        self.burden = burden


def burden_of(schema: Value) -> Burden | None:
    """Return why a schema would not come to an end, or ``None``.

    References into other files are left aside: each file's own schema is looked at by itself.
    """
    walk = _Walk(schema)
    try:
        for pointer in _subschemas(schema):
            walk.count(pointer, ())
    except _Heavy as heavy:
        return heavy.burden
    return None


class _Walk:
    """Counts, for each place of a schema, the subschemas that are applied to one value there."""

    def __init__(self, root: Value) -> None:
        self._root = root
        self._counts: dict[str, int] = {}

    def count(self, pointer: str, chain: tuple[str, ...]) -> int:
        if pointer in chain:
            message = "this leads back to itself without looking into the value"
            raise _Heavy(Burden(pointer=pointer, message=message))
        if len(chain) > MAX_CHAIN_COUNT:
            message = f"more than {MAX_CHAIN_COUNT} subschemas lead from one to the next"
            raise _Heavy(Burden(pointer=pointer, message=message))
        if pointer not in self._counts:
            inner = (self.count(each, (*chain, pointer)) for each in self._applied(pointer))
            self._counts[pointer] = 1 + sum(inner)
        if self._counts[pointer] > MAX_APPLIED_COUNT:
            message = f"more than {MAX_APPLIED_COUNT} subschemas would be applied to one value"
            raise _Heavy(Burden(pointer=pointer, message=message))
        return self._counts[pointer]

    def _applied(self, pointer: str) -> Iterator[str]:
        """Yield the places that are applied to the same value as the schema at one place."""
        schema = next((value for _, value in found_at(self._root, pointer)), None)
        if not isinstance(schema, dict):
            return
        reference = schema.get("$ref")
        if isinstance(reference, str) and (reference == "#" or reference.startswith("#/")):
            yield reference[1:]
        for key in _LISTS:
            items = schema.get(key)
            if isinstance(items, list):
                yield from (f"{pointer}/{key}/{i}" for i in range(len(items)))
        yield from (f"{pointer}/{key}" for key in _SINGLES if isinstance(schema.get(key), dict))


def _subschemas(schema: Value) -> Iterator[str]:
    """Yield the places of all objects inside of a schema: a superset of its subschemas."""
    stack: list[tuple[str, Value]] = [("", schema)]
    while stack:
        pointer, value = stack.pop()
        if isinstance(value, dict):
            yield pointer
            stack.extend(
                (f"{pointer}/{key.replace('~', '~0').replace('/', '~1')}", member)
                for key, member in value.items()
            )
        elif isinstance(value, list):
            stack.extend((f"{pointer}/{i}", item) for i, item in enumerate(value))
