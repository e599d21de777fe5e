"""``google.rpc.Status`` with ``RetryInfo``, in protobuf and in JSON.

The messages are eight fields in all; encoding them here saves the dependency that carries the whole
of googleapis. Fields (google/rpc/status.proto and error_details.proto, google/protobuf/any.proto
and duration.proto): Status {1: int32 code, 2: string message, 3: repeated Any details};
Any {1: string type_url, 2: bytes value}; RetryInfo {1: Duration retry_delay};
Duration {1: int64 seconds, 2: int32 nanos}.
"""

from __future__ import annotations

import msgspec

INVALID_ARGUMENT, NOT_FOUND, RESOURCE_EXHAUSTED = 3, 5, 8
UNIMPLEMENTED, UNAVAILABLE, UNAUTHENTICATED = 12, 14, 16

_RETRY_INFO_URL = "type.googleapis.com/google.rpc.RetryInfo"
_VARINT, _BYTES = 0, 2
_NANOS = 1_000_000_000


def status_protobuf(code: int, message: str, retry_after_s: float | None = None) -> bytes:
    """Return the bytes of a ``Status``; with a ``RetryInfo`` when ``retry_after_s`` is given."""
    status = _number(1, code) + _content(2, message.encode())
    if retry_after_s is not None:
        seconds, nanos = divmod(round(retry_after_s * _NANOS), _NANOS)
        retry_info = _content(1, _number(1, seconds) + _number(2, nanos))
        status += _content(3, _content(1, _RETRY_INFO_URL.encode()) + _content(2, retry_info))
    return status


def status_json(code: int, message: str, retry_after_s: float | None = None) -> bytes:
    """Return the same in proto3 JSON."""
    status: dict[str, object] = {"code": code, "message": message}
    if retry_after_s is not None:
        # A Duration in JSON has up to nine fractional digits and the suffix s.
        delay = f"{retry_after_s:.9f}".rstrip("0").rstrip(".") + "s"
        status["details"] = [{"@type": _RETRY_INFO_URL, "retryDelay": delay}]
    return msgspec.json.encode(status)


def _number(field: int, value: int) -> bytes:
    """Return a varint field; zero is the default and takes no bytes."""
    return _varint(field << 3 | _VARINT) + _varint(value) if value else b""


def _content(field: int, content: bytes) -> bytes:
    return _varint(field << 3 | _BYTES) + _varint(len(content)) + content


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
