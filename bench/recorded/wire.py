"""OTLP messages as templates: the bytes once, with holes where a run has values of its own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from operator import itemgetter
from typing import Any

from google.protobuf.descriptor import FieldDescriptor
from google.protobuf.message import Message

from bench.recorded.draw import Slot
from bench.recorded.facts import Fact, Known, facts_in

_LENGTH_DELIMITED = 2
_FIXED64 = 1
_TIMES = {"start_time_unix_nano", "end_time_unix_nano", "time_unix_nano"}
_IDS: dict[str, Any] = {"trace_id": "trace", "span_id": "span", "parent_span_id": "span"}
Part = bytes | Slot


class Piece:
    """One message with its field number and length before it: rendered by its slots' values."""

    def __init__(self, parts: Sequence[Part], numbers: dict[Slot, int]) -> None:
        slots = [numbers[part] for part in parts if isinstance(part, Slot)]
        self._format = b"".join(
            b"%b" if isinstance(part, Slot) else part.replace(b"%", b"%%") for part in parts
        )
        # With two at least, itemgetter returns a tuple.
        self._values = itemgetter(*slots) if len(slots) > 1 else None
        self._slots = slots
        self.size_bytes = size_of(parts)

    def render(self, values: Sequence[bytes]) -> bytes:
        """Return the bytes with these values of all slots of the recording."""
        if self._values is not None:
            found: tuple[bytes, ...] = self._values(values)
            return self._format % found
        return self._format % tuple(values[slot] for slot in self._slots)


class Encoder:
    """Encodes the messages of one recording; ``slots`` numbers what they have holes for."""

    def __init__(self, known: Known) -> None:
        self._known = known
        self.slots: dict[Slot, int] = {}

    def piece(self, message: Message, field: int) -> Piece:
        """Return a message as the value of a length-delimited field."""
        return Piece(delimited(field, self.parts(message)), self.slots)

    def parts(self, message: Message) -> list[Part]:
        """Return the parts of a message without its length."""
        found: list[Part] = []
        for field, value in message.ListFields():
            values = value if field.is_repeated else [value]
            for one in values:
                found += self._field(message, field, one)
        return found

    def _field(self, owner: Message, field: FieldDescriptor, value: Any) -> list[Part]:
        match field.type:
            case FieldDescriptor.TYPE_MESSAGE:
                return delimited(field.number, self.parts(value))
            case FieldDescriptor.TYPE_STRING if field.name != "key":
                return delimited(field.number, list(self._text(value)))
            case FieldDescriptor.TYPE_BYTES if field.name in _IDS and value:
                slot = Slot(Fact(_IDS[field.name], value.hex(), value.hex()), is_raw=True)
                return delimited(field.number, [self._hole(slot)])
            case FieldDescriptor.TYPE_FIXED64 if field.name in _TIMES and value:
                slot = Slot(Fact("time", str(value), ""), is_raw=True)
                return [_tag(field.number, _FIXED64), self._hole(slot)]
            case _:
                return [_alone(type(owner)(), field, value)]

    def _text(self, text: str) -> Iterator[Part]:
        for part in facts_in(text, self._known):
            yield part.encode() if isinstance(part, str) else self._hole(Slot(part, is_raw=False))

    def _hole(self, slot: Slot) -> Slot:
        self.slots.setdefault(slot, len(self.slots))
        return slot


def delimited(field: int, parts: Sequence[Part]) -> list[Part]:
    """Return the parts of a length-delimited field."""
    return [_tag(field, _LENGTH_DELIMITED) + varint(size_of(parts)), *parts]


def head(field: int, size_bytes: int) -> bytes:
    """Return what stands before the value of a length-delimited field."""
    return _tag(field, _LENGTH_DELIMITED) + varint(size_bytes)


def size_of(parts: Sequence[Part]) -> int:
    """Return how many bytes parts take, whatever their values."""
    return sum(part.size_bytes if isinstance(part, Slot) else len(part) for part in parts)


def varint(value: int) -> bytes:
    """Return a number as protobuf writes it."""
    found = bytearray()
    while value > 0x7F:
        found.append(value & 0x7F | 0x80)
        value >>= 7
    found.append(value)
    return bytes(found)


def _tag(field: int, wire_type: int) -> bytes:
    return varint(field << 3 | wire_type)


def _alone(message: Message, field: FieldDescriptor, value: Any) -> bytes:
    """Return one scalar field as protobuf itself encodes it."""
    if field.is_repeated:
        getattr(message, field.name).append(value)
    else:
        setattr(message, field.name, value)
    return bytes(message.SerializeToString())
