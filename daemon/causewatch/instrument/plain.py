"""Makes a JSON value of whatever an agent hands over, within limits, and says what it left out."""

from __future__ import annotations

import dataclasses
import datetime as dt
import decimal
import enum
import os
import uuid
from collections.abc import Iterable, Mapping
from collections.abc import Set as AbstractSet
from typing import Any

from causewatch.instrument.canonical import Json, spell

MAX_VALUES_COUNT = 100_000
MAX_DEPTH = 64
MAX_INTEGER_BITS = 4096
MAX_PAYLOAD_CHARS = 8 * 1024 * 1024
MAX_LEFT_OUT_COUNT = 8


class TooLargeError(Exception):
    """A payload is past a limit of this module; its message names the limit."""


class Plainer:
    """Turns one payload into JSON; ``left_out`` then names what has no JSON form.

    Tuples become arrays, sets sorted arrays, data classes and models objects, times ISO 8601 text,
    bytes their UTF-8 text. What has no JSON form is there by the name of its class, since a text
    with an address in it would be another one each time.
    """

    def __init__(self) -> None:
        self.left_out: list[str] = []
        self._values_count = 0
        self._chars_count = 0

    def plain(self, value: object, depth: int = 0) -> Json:
        """Return the JSON value for ``value``.

        Raises:
            TooLargeError: past ``MAX_VALUES_COUNT``, ``MAX_DEPTH`` or ``MAX_PAYLOAD_CHARS``.
        """
        self._count(depth)
        made: Json
        match value:
            case None | bool():
                made = value
            case enum.Enum():
                made = self.plain(value.value, depth + 1)
            case str():
                made = self._text(value)
            case int():
                made = self._integer(value)
            case float():
                made = float(value)
            case dict() | Mapping():
                made = self._members(((_key(k), v) for k, v in value.items()), depth)
            case list() | tuple():
                made = [self.plain(item, depth + 1) for item in value]
            case _:
                made = self._other(value, depth)
        return made

    def _count(self, depth: int) -> None:
        self._values_count += 1
        if self._values_count > MAX_VALUES_COUNT:
            raise TooLargeError(f"more than {MAX_VALUES_COUNT} values")
        if depth > MAX_DEPTH:
            raise TooLargeError(f"more than {MAX_DEPTH} levels")

    def _members(self, members: Iterable[tuple[str, object]], depth: int) -> Json:
        return {self._text(key): self.plain(member, depth + 1) for key, member in members}

    def _text(self, value: str) -> str:
        self._chars_count += len(value)
        if self._chars_count > MAX_PAYLOAD_CHARS:
            raise TooLargeError(f"more than {MAX_PAYLOAD_CHARS} characters")
        if not value.isascii():
            # Lone surrogates have no UTF-8: as in other languages they become U+FFFD.
            value = value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        return str(value)

    def _integer(self, value: int) -> Json:
        if value.bit_length() > MAX_INTEGER_BITS:
            return self._named(value)
        return int(value)

    def _other(self, value: object, depth: int) -> Json:
        """Return the JSON value of what JSON does not know, in the way of well-known libraries."""
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            names = (each.name for each in dataclasses.fields(value))
            return self._members(((name, getattr(value, name)) for name in names), depth)
        if isinstance(value, dt.date | dt.time):
            return value.isoformat()
        if isinstance(value, uuid.UUID | decimal.Decimal | os.PathLike):
            return self._text(str(value))
        if isinstance(value, bytes | bytearray | memoryview):
            return self._text(bytes(value).decode("utf-8", "replace"))
        if isinstance(value, AbstractSet):
            return sorted(
                (self.plain(item, depth + 1) for item in value), key=lambda item: spell(item).text
            )
        return self._model(value, depth)

    def _model(self, value: object, depth: int) -> Json:
        if isinstance(value, type):
            return self._named(value)
        dump: Any = getattr(value, "model_dump", None)  # pydantic
        if callable(dump):
            return self.plain(dump(mode="json"), depth + 1)
        names: Any = getattr(value, "__struct_fields__", None)  # msgspec
        if isinstance(names, tuple):
            return self._members(((name, getattr(value, name)) for name in names), depth)
        return self._named(value)

    def _named(self, value: object) -> str:
        name = type(value).__name__
        note = f"a value of type {name}: it has no JSON form"
        if note not in self.left_out and len(self.left_out) < MAX_LEFT_OUT_COUNT:
            self.left_out.append(note)
        return f"<{name}>"


def _key(key: object) -> str:
    """Return a mapping's key as ``json.dumps`` writes it."""
    match key:
        case str():
            return key.value if isinstance(key, enum.Enum) else key
        case None:
            return "null"
        case bool():
            return "true" if key else "false"
        case int() | float():
            return repr(key)
        case _:
            return f"<{type(key).__name__}>"
