"""The real OpenTelemetry SDK exporters against the receivers."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import grpc
import pytest
from opentelemetry.exporter.otlp.proto.grpc.trace_exporter import OTLPSpanExporter as GrpcExporter
from opentelemetry.exporter.otlp.proto.http import Compression
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter as HttpExporter
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor, SpanExporter
from opentelemetry.trace import Link, SpanKind, StatusCode

from causewatch.errors import FullError
from causewatch.inbox.batch import NotStoredError
from causewatch.otlp.decode import decode_traces
from causewatch.receive.limits import ReceiverAuth
from receive_fixtures import Rig, ScriptedInbox, receiving, receiving_into

Make = Callable[..., SpanExporter]


def grpc_exporter(rig: Rig, **kwargs: Any) -> SpanExporter:
    """Return the SDK's gRPC exporter."""
    endpoint = f"127.0.0.1:{rig.receivers.grpc_port}"
    options = (("grpc.enable_http_proxy", "0"),)
    return GrpcExporter(endpoint=endpoint, insecure=True, channel_options=options, **kwargs)


def http_exporter(rig: Rig, **kwargs: Any) -> SpanExporter:
    """Return the SDK's HTTP exporter."""
    return HttpExporter(endpoint=f"http://127.0.0.1:{rig.receivers.http_port}/v1/traces", **kwargs)


CASES: list[tuple[Make, dict[str, Any]]] = [
    (grpc_exporter, {}),
    (grpc_exporter, {"compression": grpc.Compression.Gzip}),
    (http_exporter, {}),
    (http_exporter, {"compression": Compression.Gzip}),
    (http_exporter, {"compression": Compression.Deflate}),
]


def record(exporter: SpanExporter) -> None:
    """Record one span with everything on it, and export it."""
    provider = TracerProvider(resource=Resource({"service.name": "desk"}))
    provider.add_span_processor(SimpleSpanProcessor(exporter))
    tracer = provider.get_tracer("tests", "1")
    outer = tracer.start_span("outer", kind=SpanKind.SERVER)
    with tracer.start_as_current_span("step", links=[Link(outer.get_span_context())]) as span:
        span.set_attribute("list", ["a", "b"])
        span.add_event("event", {"n": 1})
        span.set_status(StatusCode.ERROR, "failed")
    provider.shutdown()


@pytest.mark.parametrize(("make", "kwargs"), CASES)
def test_spans_of_the_sdk_arrive_whole(tmp_path: Path, make: Make, kwargs: dict[str, Any]) -> None:
    """Each transport and compression of the SDK delivers its span to the inbox."""
    with receiving_into(tmp_path) as (rig, inbox):
        record(make(rig, **kwargs))
        (batch,) = inbox.read(0, 10, 10**6)
    (span,) = decode_traces(batch.body).spans
    assert (span.name, span.status, span.status_message) == ("step", "error", "failed")
    assert (span.resource.service_name, span.scope.name) == ("desk", "tests")
    assert (span.attributes["list"], span.events[0].attributes) == (["a", "b"], {"n": 1})
    assert len(span.links) == 1


@pytest.mark.parametrize("make", [grpc_exporter, http_exporter])
@pytest.mark.parametrize(
    "failure",
    [FullError("full", retry_after_s=0.01), NotStoredError("disk"), RuntimeError("anything")],
)
def test_the_sdk_keeps_and_retries_what_we_could_not_take(make: Make, failure: Exception) -> None:
    """Refused once, the exporter waits and sends the same again; nothing is lost."""
    inbox = ScriptedInbox(failure)
    with receiving(inbox) as rig:
        record(make(rig, timeout=20))
        refused = rig.metrics.registry.get_sample_value
        assert (
            sum(
                refused(
                    "causewatch_refused_batches_total",
                    {"signal": "traces", "transport": transport, "reason": reason},
                )
                or 0.0
                for transport in ("grpc", "http")
                for reason in ("inbox_full", "not_stored", "unexpected")
            )
            == 1
        )
    assert len(inbox.stored) == 1


@pytest.mark.parametrize("make", [grpc_exporter, http_exporter])
def test_the_sdk_passes_a_token(make: Make) -> None:
    """The header that the documentation tells users to set is the one we read."""
    inbox = ScriptedInbox()
    with receiving(inbox, auth=ReceiverAuth(tokens=("right",))) as rig:
        record(make(rig, headers={"authorization": "Bearer right"}))
    assert len(inbox.stored) == 1
