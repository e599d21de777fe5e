"""What is known of a payload without its content: its digest, its size, and its shape."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

PlainType = Literal["null", "boolean", "number", "string", "array", "object"]
"""The types of JSON, as ``causewatch.instrument`` writes them."""


class FieldPrint(msgspec.Struct, frozen=True, kw_only=True):
    """One place inside of a payload.

    ``size`` is the characters of a string, the items or members of a container, else 0. ``digest``
    begins the digest of the value at this place. ``prefixes`` begin the digests of the first 32,
    64, 128, ... characters of a longer string, so that a cut is seen as a cut.
    """

    type: PlainType
    size: int
    digest: str
    prefixes: tuple[str, ...] = ()


class Imprint(msgspec.Struct, frozen=True, kw_only=True):
    """One side of a handoff without its content.

    ``fields`` go by JSON pointer, the whole value is at the empty one; ``dropped_count`` is how
    many places beyond a limit are not listed. ``size_bytes`` is that of the canonical JSON, -1
    where it is not said.
    """

    sha256: str
    size_bytes: int = -1
    fields: Mapping[str, FieldPrint] = msgspec.field(default_factory=dict)
    dropped_count: int = 0


class Claim(msgspec.Struct, frozen=True, kw_only=True):
    """What an instrumented agent says of a handoff: claimed until content that is there agrees.

    ``keyed`` says that the digests are made with a key of the user's, so they can be compared with
    each other but not with content. ``wrong`` names the sides whose recorded content is not what
    their digest says; there the imprint is that of the content.
    """

    id: str = ""
    sent: Imprint | None = None
    received: Imprint | None = None
    keyed: bool = False
    wrong: tuple[Literal["sent", "received"], ...] = ()
