"""The keys of a destination in the ``forward`` section of ``causewatch.yaml``."""

from __future__ import annotations

from typing import get_args

from causewatch.forward.destination import Compression, Mode, Protocol, Verdict
from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Either,
    Integer,
    Key,
    ListOf,
    MapOf,
    Shape,
    Text,
)
from causewatch.sampling.keys import SAMPLING

_HEADER = Either(
    scalar=Text(not_empty=True),
    full=Shape(
        name="header",
        keys=(
            Key(name="value", kind=Text(not_empty=True), doc="The value."),
            Key(name="value_file", kind=Text(not_empty=True), doc="File with the value."),
        ),
    ),
)

_FILTER = Shape(
    name="filter",
    keys=(
        Key(
            name="verdict",
            kind=ListOf(item=Choice(words=get_args(Verdict))),
            doc="Only runs with one of these verdicts.",
        ),
        Key(
            name="workflow",
            kind=ListOf(item=Text(not_empty=True)),
            doc="Only runs whose workflow fits one of these globs, such as `billing-*`.",
        ),
        Key(
            name="service",
            kind=ListOf(item=Text(not_empty=True)),
            doc="Only runs with a span whose `service.name` fits one of these globs.",
        ),
    ),
)

_TLS = Shape(
    name="client tls section",
    keys=(
        Key(name="ca_file", kind=Text(not_empty=True), doc="CAs to believe instead (PEM)."),
        Key(name="cert_file", kind=Text(not_empty=True), doc="Our certificate (PEM), for mTLS."),
        Key(name="key_file", kind=Text(not_empty=True), doc="Its private key (PEM)."),
    ),
)

FORWARD = Shape(
    name="destination",
    keys=(
        Key(
            name="name",
            kind=Text(not_empty=True),
            doc="What metrics and the queue's file call it: letters, digits, `-` and `_`.",
            required=True,
        ),
        Key(
            name="endpoint",
            kind=Text(not_empty=True),
            doc="URL, such as `http://tempo:4317`; `https` means TLS, with gRPC too. With `http`,"
            " `/v1/traces` is appended unless it ends so.",
            required=True,
        ),
        Key(
            name="protocol",
            kind=Choice(words=get_args(Protocol)),
            doc="OTLP over gRPC, or over HTTP with protobuf bodies. Default `grpc`.",
        ),
        Key(
            name="headers",
            kind=MapOf(value=_HEADER),
            doc="Headers by name: a value (`${env:NAME}` keeps secrets out of the file), or"
            " `{value_file: FILE}`.",
        ),
        Key(name="tls", kind=_TLS, doc="Certificates other than the usual ones."),
        Key(
            name="compression",
            kind=Choice(words=get_args(Compression)),
            doc="How requests are compressed. Default `gzip`.",
        ),
        Key(name="filter", kind=_FILTER, doc="Which runs it gets. Default: every run."),
        Key(
            name="sampled",
            kind=Boolean(),
            doc="Whether runs that `sampling` does not keep are held back. Default true.",
        ),
        Key(
            name="sampling",
            kind=SAMPLING,
            doc="Policies of this destination alone, instead of those of `sampling`.",
        ),
        Key(
            name="mode",
            kind=Choice(words=get_args(Mode)),
            doc="`annotated` adds `causewatch.*` attributes and a span for each derived handoff;"
            " `unmodified` sends the spans as they came. Default `annotated`.",
        ),
        Key(
            name="queue_mib",
            kind=Integer(minimum=1, maximum=1 << 20),
            doc="How much may wait on disk, in MiB; past it the oldest is dropped. Default 256.",
        ),
        Key(
            name="max_age",
            kind=Duration(not_zero=True),
            doc="What has waited for so long is dropped. Default 1d.",
        ),
        Key(
            name="max_request_mib",
            kind=Integer(minimum=1, maximum=64),
            doc="Largest request, uncompressed, in MiB; a larger span goes by itself. Default 3:"
            " most servers take 4 over gRPC.",
        ),
        Key(name="timeout", kind=Duration(not_zero=True), doc="Of one request. Default 20s."),
    ),
)
