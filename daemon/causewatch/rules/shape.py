"""Shapes: which keys a mapping may have and what may stand there, as data.

The reader (``read.py``) checks files against shapes, the JSON Schemas and the reference pages are
generated from them; so a key exists in one place only.
"""

from __future__ import annotations

import msgspec


class Text(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Any scalar, taken as it is written: ``no``, ``010`` and ``2026-01-02`` stay text."""

    not_empty: bool = False


class Duration(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A span of time with its unit, such as ``15m`` or ``1h30m``; read as seconds."""

    not_zero: bool = False
    bare_zero: bool = False
    """Whether ``0`` needs no unit, as in Alertmanager's files."""


class Size(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A number of bytes with its unit, such as ``64KiB`` or ``2MB``; read as bytes."""


class Integer(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A decimal integer of at least ``minimum`` and at most ``maximum``."""

    minimum: int = 0
    maximum: int = 2**53


class Number(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """An integer or a float of at least ``minimum`` and at most ``maximum``."""

    minimum: float = 0.0
    maximum: float = 2.0**53


class Boolean(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """``true`` or ``false``."""


class Choice(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """One of a closed set of words. ``later`` are words known, but not supported yet."""

    words: tuple[str, ...]
    later: tuple[str, ...] = ()


class Json(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """Anything at all."""


class ListOf(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A sequence of one kind of thing."""

    item: Kind


class MapOf(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A mapping from free names to one kind of thing."""

    value: Kind


class Either(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A scalar for the plain case, or something larger for the full one."""

    scalar: Text | Choice | Integer | Number
    full: Shape | MapOf | ListOf


class Shape(msgspec.Struct, frozen=True, kw_only=True, tag=True):
    """A mapping with known keys. ``name`` is what messages call it."""

    name: str
    keys: tuple[Key, ...]

    def key(self, name: str) -> Key | None:
        """Return the key of this name, or ``None``."""
        return next((key for key in self.keys if key.name == name), None)


Kind = (
    Text | Duration | Size | Integer | Number | Boolean | Choice | Json
    | ListOf | MapOf | Either | Shape
)  # fmt: skip


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a mapping. ``later`` says that it is known, but not supported yet."""

    name: str
    kind: Kind
    doc: str
    required: bool = False
    later: bool = False
    why: str = ""
    """Of a key that is not supported: the reason, or what to write in its place."""
