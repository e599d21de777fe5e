"""Variants of the OTLP trace messages that know less than the real ones, and so cost less to parse.

They are made from OTLP as it is installed, with the same numbers and types; what a variant does not
know, the protobuf runtime steps over in C. ``merged`` makes a repeated message a single one: by the
rules of the encoding each further one is merged into the first, lists are joined.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from google.protobuf import descriptor_pb2, message_factory
from google.protobuf.descriptor import Descriptor
from google.protobuf.descriptor_pool import DescriptorPool
from opentelemetry.proto.collector.trace.v1 import trace_service_pb2
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

_Field = descriptor_pb2.FieldDescriptorProto
_REQUEST = trace_service_pb2.ExportTraceServiceRequest.DESCRIPTOR


def variant(
    known: Mapping[str, Collection[str]],
    *,
    merged: Collection[str] = (),
    as_bytes: Collection[str] = (),
    of: Descriptor = _REQUEST,
) -> Any:
    """Return the class of a message in a variant.

    Args:
        known: which fields of which messages stay; a message that is not named keeps all.
        merged: names of repeated fields that become single ones.
        as_bytes: names of fields that become lists of what was sent, unparsed.
        of: the message, by default the whole request.
    """
    pool = DescriptorPool()
    for module in (common_pb2, resource_pb2, trace_pb2, trace_service_pb2):
        file = descriptor_pb2.FileDescriptorProto()
        module.DESCRIPTOR.CopyToProto(file)
        for message in file.message_type:
            fields = [f for f in message.field if f.name in known.get(message.name, (f.name,))]
            for field in fields:
                if field.name in merged:
                    field.label = _Field.LABEL_OPTIONAL
                if field.name in as_bytes and message.name in known:
                    field.label, field.type = _Field.LABEL_REPEATED, _Field.TYPE_BYTES
                    field.ClearField("type_name")
            del message.field[:]
            message.field.extend(fields)
        pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(of.full_name))
