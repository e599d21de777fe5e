"""The canonical JSON of RFC 8785 (JCS), so that one value has one digest in every language.

Written here because an agent should not need a dependency for it; held equal to the ``rfc8785``
package by its tests. Beyond the RFC, integers that no double holds keep all their digits, and what
JSON has no number for (NaN, infinities) is ``null``, as JavaScript writes it.
"""

from __future__ import annotations

import json.encoder
import math
from collections.abc import Mapping, Sequence
from typing import Literal, NamedTuple, TypeAlias

Json: TypeAlias = "str | bool | int | float | Sequence[Json] | Mapping[str, Json] | None"
JsonType = Literal["null", "boolean", "number", "string", "array", "object"]

_MAX_PLAIN_EXPONENT = 21
"""Numbers below 10 to this power are written without exponent (ECMA-262, Number::toString)."""
_MIN_PLAIN_EXPONENT = -6

_quoted = json.encoder.encode_basestring


class Spelled(NamedTuple):
    """A value with its canonical text, and its members or items by their name or index.

    ``size`` is the characters (code points) of a string, the items or members of a container, else
    0.
    """

    type: JsonType
    size: int
    text: str
    members: tuple[tuple[str, Spelled], ...] = ()


def spell(value: Json) -> Spelled:
    """Return a JSON value with the canonical text of it and of everything inside.

    Raises:
        TypeError: of what is no JSON value.
        RecursionError: of values nested too deeply for the interpreter.
    """
    match value:
        case None:
            return Spelled("null", 0, "null")
        case bool():
            return Spelled("boolean", 0, "true" if value else "false")
        case str():
            return Spelled("string", len(value), _quoted(value))
        case int() | float():
            return Spelled("number", 0, number(value))
        case dict() | Mapping():
            members = tuple((key, spell(value[key])) for key in _ordered(value))
            inside = ",".join(f"{_quoted(key)}:{each.text}" for key, each in members)
            return Spelled("object", len(members), f"{{{inside}}}", members)
        case list() | Sequence():
            items = tuple((str(index), spell(item)) for index, item in enumerate(value))
            return Spelled("array", len(items), f"[{','.join(e.text for _, e in items)}]", items)
    raise TypeError(f"no JSON value: {type(value).__name__}")


def canonical_bytes(value: Json) -> bytes:
    """Return the RFC 8785 bytes of a JSON value; raises what ``spell`` raises."""
    return spell(value).text.encode()


def _ordered(value: Mapping[str, Json]) -> list[str]:
    """Return the keys in the order of their UTF-16 code units."""
    if all(map(str.isascii, value)):
        return sorted(value)
    return sorted(value, key=lambda key: key.encode("utf-16-be"))


def number(value: float) -> str:
    """Return a number as ECMAScript writes it, the integers beyond doubles with all digits."""
    if isinstance(value, int):
        if -(2**53) <= value <= 2**53:
            return str(value)
        try:
            nearest = float(value)
        except OverflowError:
            return str(value)
        if int(nearest) != value:
            return str(value)
        value = nearest
    if not math.isfinite(value):
        return "null"
    return ("-" if value < 0 else "") + _unsigned(abs(value)) if value else "0"


def _unsigned(value: float) -> str:
    mantissa, _, exponent = repr(value).partition("e")
    whole, _, fraction = mantissa.partition(".")
    digits = (whole + fraction).lstrip("0")
    # The value is 0.DIGITS times ten to the power of `point`.
    point = len(whole) + int(exponent or 0) - (len(whole + fraction) - len(digits))
    digits = digits.rstrip("0")
    if _MIN_PLAIN_EXPONENT < point <= 0:
        return f"0.{'0' * -point}{digits}"
    if 0 < point <= _MAX_PLAIN_EXPONENT:
        padded = digits.ljust(point, "0")
        return padded[:point] + (f".{padded[point:]}" if padded[point:] else "")
    power = point - 1
    rest = f".{digits[1:]}" if digits[1:] else ""
    return f"{digits[0]}{rest}e{'+' if power >= 0 else '-'}{abs(power)}"
