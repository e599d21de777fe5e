"""Reads a YAML node against a shape: typed values with their places, and every problem at once."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from typing import TypeVar, assert_never

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
from causewatch.rules.yaml import Items, Node, Place, Problems, Scalar, Table

_DURATION = re.compile(
    r"(?:([0-9]{1,9})y)?(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:([0-9]{1,9})h)?"
    r"(?:([0-9]{1,9})m(?!s))?(?:([0-9]{1,9})s)?(?:([0-9]{1,9})ms)?\Z"
)
_DURATION_UNITS_S = (365 * 86400.0, 7 * 86400.0, 86400.0, 3600.0, 60.0, 1.0, 0.001)
_SIZE = re.compile(r"([0-9]{1,15}) ?([KMGT]i?)?B\Z")
_SIZE_UNITS: dict[str, int] = {
    letter + i: int((1024 if i else 1000) ** power)
    for power, letter in enumerate("KMGT", start=1)
    for i in ("", "i")
}
_EXPECTED: dict[type, str] = {
    Text: "text",
    Duration: "a duration such as 15m",
    Size: "a size such as 64KiB",
    Integer: "an integer",
    Number: "a number",
    Boolean: "true or false",
}
_NUMBER = re.compile(r"-?[0-9.]+\Z")

_LATER = "not supported by this version of causewatch"

_T = TypeVar("_T")
_ScalarKind = Text | Duration | Size | Integer | Number | Boolean | Choice


class Section:
    """A mapping read against its shape. A key that is absent or bad gives the default."""

    def __init__(
        self, node: Table, shape: Shape, values: Mapping[str, object], *, ok: bool
    ) -> None:
        self.node = node
        self.shape = shape
        self.ok = ok
        """False when this mapping, or anything in it, has a problem."""
        self._values = values

    @property
    def place(self) -> Place:
        """Return where the mapping starts."""
        return self.node.place

    def has(self, key: str) -> bool:
        """Return whether the key is written, even with a bad value."""
        return self.node.entry(key) is not None

    def is_good(self, key: str) -> bool:
        """Return whether the key is written, with a good value."""
        return key in self._values

    def place_of(self, key: str) -> Place:
        """Return the place of a key's value; of the whole mapping when the key is missing."""
        entry = self.node.entry(key)
        return entry.value.place if entry else self.place

    def key_place(self, key: str) -> Place:
        """Return the place of the key itself; of the whole mapping when it is missing."""
        entry = self.node.entry(key)
        return entry.key_place if entry else self.place

    def scalar(self, key: str) -> Scalar | None:
        """Return the scalar written for a key, to point into its text."""
        entry = self.node.entry(key)
        return entry.value if entry and isinstance(entry.value, Scalar) else None

    def node_of(self, key: str) -> Node | None:
        """Return the node of a key, or ``None``."""
        entry = self.node.entry(key)
        return entry.value if entry else None

    def text(self, key: str, default: str = "") -> str:
        """Return a text or a chosen word."""
        return self._get(key, str, default)

    def seconds(self, key: str, default: float = 0.0) -> float:
        """Return a duration in seconds."""
        return self._get(key, float, default)

    def integer(self, key: str, default: int = 0) -> int:
        """Return an integer, or a size in bytes."""
        return self._get(key, int, default)

    def number(self, key: str, default: float = 0.0) -> float:
        """Return a number."""
        return self._get(key, float, default)

    def boolean(self, key: str, *, default: bool = False) -> bool:
        """Return a boolean."""
        return self._get(key, bool, default)

    def section(self, key: str) -> Section | None:
        """Return a nested mapping."""
        found = self._values.get(key)
        return found if isinstance(found, Section) else None

    def sections(self, key: str) -> tuple[Section, ...]:
        """Return the mappings of a list; bad items are left out."""
        return tuple(item for item in self._list(key) if isinstance(item, Section))

    def texts(self, key: str) -> tuple[str, ...]:
        """Return the texts of a list; bad items are left out."""
        return tuple(item for item in self._list(key) if isinstance(item, str))

    def mapping(self, key: str) -> dict[str, object]:
        """Return a mapping from free names; bad values are left out."""
        found = self._values.get(key)
        return dict(found) if isinstance(found, dict) else {}

    def labels(self, key: str) -> dict[str, str]:
        """Return a mapping from names to text."""
        return {name: text for name, text in self.mapping(key).items() if isinstance(text, str)}

    def value(self, key: str) -> object:
        """Return what was read, for a key that may hold several kinds; ``None`` if absent."""
        return self._values.get(key)

    def _list(self, key: str) -> Sequence[object]:
        found = self._values.get(key)
        return found if isinstance(found, list) else ()

    def _get(self, key: str, kind: type[_T], default: _T) -> _T:
        found = self._values.get(key)
        return found if isinstance(found, kind) else default


def read(node: Node, shape: Shape, problems: Problems) -> Section | None:
    """Return a mapping read against ``shape``; ``None`` when it is no mapping.

    Unknown keys (with "did you mean"), missing keys and bad values go to ``problems``.
    """
    return _Reader(problems).section(node, shape)


class _Reader:
    def __init__(self, problems: Problems) -> None:
        self._problems = problems

    def section(self, node: Node, shape: Shape) -> Section | None:
        if not isinstance(node, Table):
            self._wrong(node, f"{_a(shape.name)} must be a mapping, not {_name_of(node)}")
            return None
        before = len(self._problems)
        values: dict[str, object] = {}
        for entry in node.entries:
            key = shape.key(entry.key)
            if key is None:
                self._unknown(entry.key, entry.key_place, shape)
            elif key.later:
                why = f": {key.why}" if key.why else ""
                message = f"{entry.key!r} is {_LATER}{why}"
                self._problems.add(entry.key_place, "unsupported", message)
            else:
                found = self._value(entry.value, key.kind, repr(entry.key))
                if found is not None:
                    values[entry.key] = found
        for key in shape.keys:
            if key.required and node.entry(key.name) is None:
                self._problems.add(
                    node.place, "missing-key", f"{_a(shape.name)} needs the key {key.name!r}"
                )
        return Section(node, shape, values, ok=len(self._problems) == before)

    def _value(self, node: Node, kind: Kind, what: str) -> object | None:
        """Return what was read (text, number, Section, list, dict, node); ``None`` when bad."""
        if isinstance(node, Scalar) and node.kind == "broken":
            return None
        if isinstance(kind, Either):
            is_scalar = isinstance(node, Scalar)
            return self._value(node, kind.scalar if is_scalar else kind.full, what)
        found: object | None
        match kind:
            case Shape():
                found = self.section(node, kind)
            case ListOf():
                found = self._list(node, kind, what)
            case MapOf():
                found = self._map(node, kind, what)
            case Json():
                found = node
            case Text() | Duration() | Size() | Integer() | Number() | Boolean() | Choice():
                found = self._scalar(node, kind, what)
            case _:
                assert_never(kind)
        return found

    def _list(self, node: Node, kind: ListOf, what: str) -> list[object] | None:
        if not isinstance(node, Items):
            self._wrong(node, f"{what} must be a list, not {_name_of(node)}")
            return None
        read_items = (self._value(item, kind.item, f"an item of {what}") for item in node.nodes)
        return [item for item in read_items if item is not None]

    def _map(self, node: Node, kind: MapOf, what: str) -> dict[str, object] | None:
        if not isinstance(node, Table):
            self._wrong(node, f"{what} must be a mapping, not {_name_of(node)}")
            return None
        pairs = ((e.key, self._value(e.value, kind.value, repr(e.key))) for e in node.entries)
        return {key: value for key, value in pairs if value is not None}

    def _scalar(self, node: Node, kind: _ScalarKind, what: str) -> object | None:
        if not isinstance(node, Scalar):
            self._wrong(node, f"{what} must be {_expected(kind)}, not {_name_of(node)}")
            return None
        try:
            return _scalar_value(node, kind)
        except _BadError as bad:
            self._problems.add(node.place, bad.check, f"{what} {bad}")
            return None

    def _unknown(self, key: str, place: Place, shape: Shape) -> None:
        known = [known.name for known in shape.keys if not known.later]
        hint = did_you_mean(key, known) or f"; known are {', '.join(known)}"
        self._problems.add(place, "unknown-key", f"{_a(shape.name)} has no key {key!r}{hint}")

    def _wrong(self, node: Node, message: str) -> None:
        if not (isinstance(node, Scalar) and node.kind == "broken"):
            self._problems.add(node.place, "value", message)


class _BadError(Exception):
    """A scalar that is not what is wanted; the message goes on after the name of the key."""

    def __init__(self, message: str, check: str = "value") -> None:
        super().__init__(message)
        self.check = check


def _scalar_value(node: Scalar, kind: _ScalarKind) -> object:
    match kind:
        case Text():
            if kind.not_empty and not node.text.strip():
                raise _BadError("must not be empty")
            return node.text
        case Duration():
            return _duration(node.text, kind)
        case Size():
            return _size(node.text)
        case Integer() | Number():
            return _number(node, kind)
        case Boolean():
            if node.kind != "bool":
                raise _BadError(f"must be true or false, not {_name_of(node)}")
            return node.text == "true"
        case Choice():
            return _choice(node.text, kind)
        case _:
            assert_never(kind)


def _duration(text: str, kind: Duration) -> float:
    if text == "0" and kind.bare_zero:
        return 0.0
    if _NUMBER.match(text):
        raise _BadError(f"needs a unit: write {text}s, {text}m or {text}h", "unit")
    seconds = seconds_of(text)
    if seconds is None:
        raise _BadError(f"must be a duration such as 15m or 1h30m, not {text!r}")
    if kind.not_zero and seconds == 0:
        raise _BadError(f"must be longer than {text}")
    return seconds


def _size(text: str) -> int:
    if _NUMBER.match(text):
        raise _BadError(f"needs a unit: write {text}B, {text}KiB or {text}MiB", "unit")
    found = _SIZE.match(text)
    if found is None:
        raise _BadError(f"must be a size such as 64KiB or 2MB, not {text!r}")
    return int(found[1]) * _SIZE_UNITS.get(found[2] or "", 1)


def _number(node: Scalar, kind: Integer | Number) -> float:
    wanted = {"int"} if isinstance(kind, Integer) else {"int", "float"}
    if node.kind not in wanted:
        raise _BadError(f"must be {_expected(kind)}, not {_name_of(node)}")
    value = int(node.text) if isinstance(kind, Integer) else float(node.text)
    if value < kind.minimum:
        raise _BadError(f"must be at least {kind.minimum}, not {node.text}")
    if value > kind.maximum:
        raise _BadError(f"must be at most {kind.maximum}, not {node.text}")
    return value


def _choice(text: str, kind: Choice) -> str:
    if text in kind.later:
        raise _BadError(f"= {text!r} is {_LATER}", "unsupported")
    if text not in kind.words:
        words = ", ".join(kind.words)
        raise _BadError(f"must be one of {words}, not {text!r}{did_you_mean(text, kind.words)}")
    return text


def seconds_of(text: str) -> float | None:
    """Return a duration as Prometheus writes it (``1h30m``, ``7d``, ``500ms``) in seconds."""
    found = _DURATION.match(text)
    if not text or found is None:
        return None
    pairs = zip(found.groups(), _DURATION_UNITS_S, strict=True)
    return sum(int(count) * unit for count, unit in pairs if count)


def did_you_mean(word: str, known: Sequence[str]) -> str:
    """Return ``; did you mean 'x'?`` for the known word nearest to ``word``, or nothing."""
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"; did you mean {near[0]!r}?" if near else ""


def keys_of(shape: Shape) -> tuple[Key, ...]:
    """Return the keys of a shape that this version supports."""
    return tuple(key for key in shape.keys if not key.later)


def _expected(kind: _ScalarKind) -> str:
    if isinstance(kind, Choice):
        return f"one of {', '.join(kind.words)}"
    return _EXPECTED[type(kind)]


def _name_of(node: Node) -> str:
    match node:
        case Table():
            return "a mapping"
        case Items():
            return "a list"
        case Scalar():
            return "nothing" if node.kind == "null" else repr(node.text)


def _a(name: str) -> str:
    return f"an {name}" if name[:1] in "aeiou" else f"a {name}"
