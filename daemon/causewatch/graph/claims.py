"""Reads what an agent's own instrumentation says of a handoff: who, to whom, what went and came.

The words are those that ``causewatch.instrument`` writes. They are *claimed*: a digest that does
not fit the content beside it is put right here and told; one without content stays a claim.
"""

from __future__ import annotations

import hashlib
from typing import Any

import msgspec

from causewatch.graph.imprints import MAX_FIELDS_COUNT, imprint_of
from causewatch.model.imprint import Claim, FieldPrint, Imprint, PlainType
from causewatch.model.limits import DEFAULT_PAYLOAD_LIMITS
from causewatch.model.span import Attributes, Span
from causewatch.model.step import Payload, Step
from causewatch.model.value import Value
from causewatch.model.withheld import holds_mark, is_withheld_from

MARK = "causewatch.instrument"
"""The attribute that makes a span one of our instrumentation's; its value is the version."""
HANDOFF = "causewatch.handoff."
MAX_FIELDS_CHARS = 256 * 1024
MAX_PREFIXES_COUNT = 32
MAX_DIGEST_CHARS = 64
_SIDES = ("sent", "received")
_TYPES: frozenset[PlainType] = frozenset({"null", "boolean", "number", "string", "array", "object"})
CLAIMED_KEYS = frozenset(
    {
        MARK,
        *(HANDOFF + name for name in ("id", "from", "to", "mode", "keyed")),
        *(
            f"{HANDOFF}{side}{part}"
            for side in _SIDES
            for part in ("", ".sha256", ".bytes", ".fields", ".fields.dropped", ".left_out")
        ),
    }
)
"""All that is believed of a span with the mark, and keeps its name."""


class Told(msgspec.Struct, frozen=True, kw_only=True):
    """What one instrumented span tells of a handoff: its claim, and the content it records."""

    claim: Claim
    sent: Payload | None = None
    received: Payload | None = None


def told_by(span: Span) -> Told | None:
    """Return what an instrumented span tells of a handoff, ``None`` for any other span."""
    attributes = span.attributes
    if MARK not in attributes:
        return None
    sides = {side: _side(attributes, side) for side in _SIDES}
    if all(payload is None and imprint is None for payload, imprint in sides.values()):
        return None
    keyed = attributes.get(f"{HANDOFF}keyed") in (True, "true")
    checked = {side: _checked(*sides[side], keyed=keyed) for side in _SIDES}
    claim = Claim(
        id=_text(attributes, "id"),
        sent=checked["sent"][0],
        received=checked["received"][0],
        keyed=keyed,
        wrong=tuple(side for side in ("sent", "received") if checked[side][1]),
    )
    return Told(claim=claim, sent=sides["sent"][0], received=sides["received"][0])


def is_call(step: Step) -> bool:
    """Tell whether a step is a told handoff within one process: below it the receiver works."""
    is_told = step.kind == "handoff" and MARK in step.span.attributes
    return is_told and step.span.kind != "producer"


def joined(sender: Told, receiver: Told) -> Told:
    """Return what two spans tell of one handoff: each of them knows its own side best."""
    one, other = sender.claim, receiver.claim
    claim = Claim(
        id=one.id or other.id,
        sent=one.sent or other.sent,
        received=other.received or one.received,
        keyed=one.keyed or other.keyed,
        wrong=(
            *(side for side in one.wrong if side == "sent"),
            *(side for side in other.wrong if side == "received"),
        ),
    )
    return Told(
        claim=claim,
        sent=sender.sent or receiver.sent,
        received=receiver.received or sender.received,
    )


def _side(attributes: Attributes, side: str) -> tuple[Payload | None, Imprint | None]:
    """Return the content and the imprint of one side, as far as they are there."""
    text = attributes.get(HANDOFF + side)
    payload = _payload(text, HANDOFF + side) if isinstance(text, str) else None
    if payload is not None and is_withheld_from(attributes) and holds_mark(payload.value):
        payload = msgspec.structs.replace(payload, cut=True)
    digest = _text(attributes, f"{side}.sha256").lower()
    if not digest or len(digest) > MAX_DIGEST_CHARS:
        return payload, None
    size = attributes.get(f"{HANDOFF}{side}.bytes")
    dropped = attributes.get(f"{HANDOFF}{side}.fields.dropped")
    fields = attributes.get(f"{HANDOFF}{side}.fields")
    return payload, Imprint(
        sha256=digest,
        size_bytes=size if isinstance(size, int) and size >= 0 else -1,
        fields=_fields(fields) if isinstance(fields, str) else {},
        dropped_count=dropped if isinstance(dropped, int) and dropped > 0 else 0,
    )


def _payload(text: str, key: str) -> Payload:
    """Return recorded content: always JSON, so what cannot be read was cut on its way to us."""
    limits = DEFAULT_PAYLOAD_LIMITS
    few = text.count("{") + text.count("[") <= limits.max_json_depth
    try:
        value: Value = msgspec.json.decode(text.encode("utf-8", "surrogatepass"))
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return Payload(value=text, raw=text, key=key, cut=True)
    if len(text) > limits.max_payload_bytes or not (few or _is_shallow(value)):
        return Payload(value=text, raw=text, key=key)
    return Payload(value=value, raw=text, key=key)


def _is_shallow(value: Value) -> bool:
    level: list[Value] = [value]
    for _ in range(DEFAULT_PAYLOAD_LIMITS.max_json_depth):
        level = [
            inner
            for item in level
            if isinstance(item, dict | list)
            for inner in (item.values() if isinstance(item, dict) else item)
        ]
        if not level:
            return True
    return False


def _checked(
    payload: Payload | None, imprint: Imprint | None, *, keyed: bool
) -> tuple[Imprint | None, bool]:
    """Return the imprint to go by, and whether the claimed one is wrong.

    Whole content decides. Under a key, or where telemetry cut the content, nothing can be checked.
    """
    if payload is None or payload.cut or (keyed and imprint is not None):
        return imprint, False
    # A canonical text may hold a number that reads as another one: then its own bytes decide.
    text = payload.raw.encode("utf-8", "surrogatepass")
    is_right = imprint is not None and imprint.sha256 in {
        payload.sha256,
        hashlib.sha256(text).hexdigest(),
    }
    if imprint is not None and is_right and imprint.fields:
        return imprint, False
    return imprint_of(payload.value), imprint is not None and not is_right


def _fields(text: str) -> dict[str, FieldPrint]:
    """Return the places of a shape; what is not of the agreed form is left out."""
    if len(text) > MAX_FIELDS_CHARS:
        return {}
    try:
        listed = msgspec.json.decode(text, type=dict[str, list[Any]])
    except (msgspec.MsgspecError, RecursionError, UnicodeError):
        return {}
    found: dict[str, FieldPrint] = {}
    for pointer, parts in listed.items():
        field = _field(parts) if len(found) < MAX_FIELDS_COUNT else None
        if field is not None:
            found[pointer] = field
    # From the whole inwards, whatever order they were written in.
    return dict(sorted(found.items(), key=lambda each: each[0].count("/")))


def _field(parts: list[Any]) -> FieldPrint | None:
    match parts:
        case [str() as kind, int() as size, str() as digest, *rest] if kind in _TYPES:
            prefixes = rest[0] if rest and isinstance(rest[0], list) else []
            texts = tuple(each for each in prefixes if isinstance(each, str))
            return FieldPrint(
                type=kind,
                size=max(size, 0),
                digest=digest,
                prefixes=texts[:MAX_PREFIXES_COUNT],
            )
        case _:
            return None


def _text(attributes: Attributes, name: str) -> str:
    value = attributes.get(HANDOFF + name)
    return value if isinstance(value, str) else ""
