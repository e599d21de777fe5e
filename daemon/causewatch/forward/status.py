"""Reads ``RetryInfo`` out of a ``google.rpc.Status``.

The few fields are walked by hand: the dependency that carries their messages carries the whole of
googleapis. Fields (google/rpc/status.proto and error_details.proto, google/protobuf/any.proto and
duration.proto): Status {3: repeated Any details}; Any {1: string type_url, 2: bytes value};
RetryInfo {1: Duration retry_delay}; Duration {1: int64 seconds, 2: int32 nanos}.
"""

from __future__ import annotations

from collections.abc import Iterator

_RETRY_INFO = b"google.rpc.RetryInfo"
_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
_NANOS = 1_000_000_000
_MAX_SHIFT = 63


def retry_after_of(status: bytes) -> float | None:
    """Return the seconds that a status says to wait, ``None`` where it does not, or is broken."""
    try:
        for field, detail in _fields(status):
            if field == 3 and isinstance(detail, bytes):
                parts = dict(_fields(detail))
                url, value = parts.get(1, b""), parts.get(2, b"")
                is_text = isinstance(url, bytes) and url.rpartition(b"/")[2] == _RETRY_INFO
                if is_text and isinstance(value, bytes):
                    return _delay(value)
    except (IndexError, ValueError):
        return None
    return None


def _delay(retry_info: bytes) -> float:
    duration = dict(_fields(retry_info)).get(1, b"")
    parts = dict(_fields(duration)) if isinstance(duration, bytes) else {}
    seconds, nanos = parts.get(1, 0), parts.get(2, 0)
    # Of a broken one what is no number counts as none.
    whole = 0 if isinstance(seconds, bytes) else seconds
    return float(whole) + (0 if isinstance(nanos, bytes) else nanos) / _NANOS


def _fields(message: bytes) -> Iterator[tuple[int, int | bytes]]:
    """Yield the fields of a message.

    Raises:
        IndexError, ValueError: the bytes are no message.
    """
    at = 0
    while at < len(message):
        tag, at = _varint(message, at)
        kind = tag & 7
        if kind == _VARINT:
            value, at = _varint(message, at)
            yield tag >> 3, value
            continue
        if kind == _BYTES:
            size, at = _varint(message, at)
        elif kind in {_FIXED64, _FIXED32}:
            size = 8 if kind == _FIXED64 else 4
        else:
            raise ValueError(kind)
        if at + size > len(message):
            raise IndexError(at)
        yield tag >> 3, message[at : at + size]
        at += size


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7
        if shift > _MAX_SHIFT:
            raise ValueError(at)
