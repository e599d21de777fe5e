"""OTLP/JSON to OTLP protobuf, by tables made from the protobuf descriptors.

OTLP/JSON is proto3 JSON with hex ids (OpenTelemetry protocol specification, "JSON Protobuf
Encoding"): names in lowerCamelCase, 64-bit integers as strings or numbers, enums as numbers,
unknown fields ignored. Beyond it we take what senders write in fact: snake_case names, enum
names, ids in base64 (the plain proto3 JSON of them), and strings with half a surrogate pair, which
JavaScript produces where it cuts a long attribute.
"""

from __future__ import annotations

import base64
import functools
import json
from collections.abc import Callable
from typing import Any, Literal, NamedTuple, TypeAlias

import msgspec
from google.protobuf.descriptor import Descriptor, EnumDescriptor, FieldDescriptor
from google.protobuf.message import EncodeError, Message
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.otlp.parse import MAX_MESSAGE_DEPTH
from causewatch.otlp.reject import NotOtlpError

_ID_FIELDS = frozenset({"trace_id", "span_id", "parent_span_id"})
_MALFORMED_ID = b"\x00"
"""No id has one byte: decoding rejects the item, and counts it."""

_Scalar: TypeAlias = "str | bytes | int | float | bool"


class _Field(NamedTuple):
    """One field of a message; ``convert`` is None for a message, else makes the scalar."""

    name: str
    is_repeated: bool
    convert: Callable[[Any], _Scalar] | None
    descriptor: FieldDescriptor


def json_to_protobuf(signal: Literal["traces", "logs"], body: bytes) -> bytes:
    """Return the protobuf bytes of an OTLP/JSON request.

    Ids that are neither hex nor base64 are kept as malformed, so that decoding rejects only
    their items. Values nested too deep become empty.

    Raises:
        NotOtlpError: no JSON, or not the JSON of such a request; says where.
    """
    return object_to_protobuf(signal, parse_json(body))


def object_to_protobuf(signal: Literal["traces", "logs"], value: object) -> bytes:
    """Return the protobuf bytes of an OTLP/JSON request that is parsed already.

    Raises:
        NotOtlpError: not the JSON of such a request; says where.
    """
    request = ExportTraceServiceRequest() if signal == "traces" else ExportLogsServiceRequest()
    _fill(request, value, depth=1)
    if value and isinstance(value, dict) and not value.keys() & _table(request.DESCRIPTOR).keys():
        raise NotOtlpError(f"not an OTLP {signal} request: none of its fields in it")
    try:
        return request.SerializeToString()
    except EncodeError as error:
        raise NotOtlpError(f"not an OTLP {signal} request: {error}") from error


def parse_json(body: bytes) -> Any:
    """Return the parsed JSON, with lone surrogates replaced.

    Raises:
        NotOtlpError: it is not JSON.
    """
    try:
        return msgspec.json.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        pass
    # The fast parser refuses lone surrogates, invalid UTF-8 and numbers past a double.
    try:
        text = body.decode("utf-8", "replace")
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise NotOtlpError(f"not JSON: {error}") from error


@functools.cache
def _table(descriptor: Descriptor) -> dict[str, _Field]:
    """Return the fields of a message by each of their two JSON names."""
    table = {}
    for field in descriptor.fields:
        entry = _Field(field.name, field.is_repeated, _converter(field), field)
        table[field.name] = table[field.json_name] = entry
    return table


def _converter(field: FieldDescriptor) -> Callable[[Any], _Scalar] | None:
    if field.message_type is not None:
        return None
    if field.name in _ID_FIELDS:
        return _id
    if field.enum_type is not None:
        return functools.partial(_enum, field.enum_type)
    found: Callable[[Any], _Scalar] = _CONVERTERS.get(field.type, _integer)
    return found


def _fill(message: Message, value: object, depth: int) -> None:
    """Set the fields of ``message`` from a JSON object."""
    if not isinstance(value, dict):
        raise NotOtlpError(f"not OTLP/JSON: {message.DESCRIPTOR.name} is no object")
    table = _table(message.DESCRIPTOR)
    for key, item in value.items():
        field = table.get(key)
        if field is None or item is None:
            continue
        if field.convert is None:
            _fill_messages(message, field, item, depth + 1)
            continue
        try:
            if field.is_repeated:
                getattr(message, field.name).extend(map(field.convert, _list(field, item)))
            else:
                setattr(message, field.name, field.convert(item))
        except (ValueError, TypeError, OverflowError) as error:
            where = field.descriptor.full_name
            raise NotOtlpError(f"not OTLP/JSON: {where} cannot be {str(item)[:80]!r}") from error


def _fill_messages(message: Message, field: _Field, item: object, depth: int) -> None:
    if depth > MAX_MESSAGE_DEPTH:
        return
    if field.is_repeated:
        target = getattr(message, field.name)
        for each in _list(field, item):
            _fill(target.add(), {} if each is None else each, depth)
        return
    child = getattr(message, field.name)
    child.SetInParent()
    _fill(child, item, depth)


def _list(field: _Field, item: object) -> list[Any]:
    if not isinstance(item, list):
        raise NotOtlpError(f"not OTLP/JSON: {field.descriptor.full_name} is no array")
    return item


def _string(item: Any) -> str:
    if not isinstance(item, str):
        raise TypeError
    if item.isascii():
        return item
    try:
        item.encode()
    except UnicodeEncodeError:
        return item.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    return item


def _bool(item: Any) -> bool:
    if not isinstance(item, bool):
        raise TypeError
    return item


def _integer(item: Any) -> int:
    if isinstance(item, bool):
        raise TypeError
    if isinstance(item, float) and not item.is_integer():
        raise ValueError
    return int(item)


def _float(item: Any) -> float:
    if isinstance(item, bool):
        raise TypeError
    return float(item)


def _enum(kind: EnumDescriptor, item: Any) -> int:
    named = kind.values_by_name.get(item) if isinstance(item, str) else None
    return named.number if named is not None else _integer(item)


def _id(item: Any) -> bytes:
    if not isinstance(item, str):
        return _MALFORMED_ID
    try:
        return bytes.fromhex(item)
    except ValueError:
        pass
    try:
        return base64.b64decode(item, validate=True)
    except ValueError:
        return _MALFORMED_ID


def _base64(item: Any) -> bytes:
    """Return the bytes of standard or URL-safe base64, padded or not."""
    if not isinstance(item, str):
        raise TypeError
    text = item.rstrip("=").replace("-", "+").replace("_", "/")
    return base64.b64decode(text + "=" * (-len(text) % 4), validate=True)


_CONVERTERS: dict[int, Callable[[Any], _Scalar]] = {
    FieldDescriptor.TYPE_STRING: _string,
    FieldDescriptor.TYPE_BYTES: _base64,
    FieldDescriptor.TYPE_BOOL: _bool,
    FieldDescriptor.TYPE_DOUBLE: _float,
    FieldDescriptor.TYPE_FLOAT: _float,
}
