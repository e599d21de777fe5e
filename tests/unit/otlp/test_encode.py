from __future__ import annotations

import math

from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.model.span import LogRecord, Resource, Scope, Span, SpanEvent, SpanLink
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.encode import encode_logs, encode_traces
from otlp_fixtures import SPAN_ID, TRACE_ID, span

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)
scalars = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63 - 1)
    | st.floats(allow_nan=False)
    | texts
    | st.binary(max_size=8)
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3),
    max_leaves=8,
)
attributes = st.dictionaries(texts, values, max_size=4)
trace_ids = st.binary(min_size=16, max_size=16).filter(any).map(bytes.hex)
span_ids = st.binary(min_size=8, max_size=8).filter(any).map(bytes.hex)
times = st.integers(0, 2**63 - 1)
counts = st.integers(0, 2**32 - 1)
RESOURCES = [Resource(attributes={"service.name": name}) for name in "ab"]
SCOPES = [Scope(name="x"), Scope(name="y", version="2", attributes={"k": [1, "z"]})]

spans = st.builds(
    Span,
    trace_id=trace_ids,
    span_id=span_ids,
    parent_id=st.just("") | span_ids,
    name=texts,
    kind=st.sampled_from(["unspecified", "internal", "server", "client", "producer", "consumer"]),
    start_ns=times,
    end_ns=times,
    status=st.sampled_from(["unset", "ok", "error"]),
    status_message=texts,
    trace_state=texts,
    attributes=attributes,
    events=st.lists(
        st.builds(SpanEvent, name=texts, time_ns=times, attributes=attributes), max_size=2
    ).map(tuple),
    links=st.lists(
        st.builds(SpanLink, trace_id=trace_ids, span_id=span_ids, attributes=attributes),
        max_size=2,
    ).map(tuple),
    resource=st.sampled_from(RESOURCES),
    scope=st.sampled_from(SCOPES),
    dropped_attributes_count=counts,
    dropped_events_count=counts,
    dropped_links_count=counts,
)
records = st.builds(
    LogRecord,
    time_ns=times,
    trace_id=st.just("") | trace_ids,
    span_id=st.just("") | span_ids,
    event_name=texts,
    severity_number=st.integers(0, 24),
    body=values,
    attributes=attributes,
    resource=st.sampled_from(RESOURCES),
    scope=st.sampled_from(SCOPES),
)


def group_of(item: Span | LogRecord) -> tuple[int, int]:
    """Return the place of the group in which an item travels."""
    return RESOURCES.index(item.resource), SCOPES.index(item.scope)


@given(st.lists(spans, max_size=5))
def test_spans_come_back_as_they_went(given_spans: list[Span]) -> None:
    """Each group of one resource and scope comes back whole, equal and in order."""
    decoded = decode_traces(encode_traces(given_spans))
    assert decoded.rejected == ()
    for key in {group_of(each) for each in given_spans}:
        sent = [each for each in given_spans if group_of(each) == key]
        assert [each for each in decoded.spans if group_of(each) == key] == sent
    assert len(decoded.spans) == len(given_spans)


@given(st.lists(records, max_size=5))
def test_records_come_back_as_they_went(given_records: list[LogRecord]) -> None:
    """The same for log records; those without a time keep none."""
    decoded = decode_logs(encode_logs(given_records))
    for key in {group_of(each) for each in given_records}:
        sent = [each for each in given_records if group_of(each) == key]
        assert [each for each in decoded.records if group_of(each) == key] == sent
    assert len(decoded.records) == len(given_records)


def test_shared_resources_are_written_once() -> None:
    """A request is as small as its sender meant it: one group for one resource and scope."""
    request = ExportTraceServiceRequest.FromString(encode_traces([span(i) for i in range(5)]))
    assert len(request.resource_spans) == 1
    assert len(request.resource_spans[0].scope_spans) == 1


def test_nothing_is_empty_bytes() -> None:
    """No spans are an empty request, which receivers accept."""
    assert encode_traces([]) == encode_logs([]) == b""


def test_numbers_otlp_cannot_hold_become_floats() -> None:
    """JSON integers past 64 bits lose precision, as in any JSON parser, but not their size."""
    huge = Span(trace_id=TRACE_ID, span_id=SPAN_ID, attributes={"n": 2**70, "x": math.nan})
    (found,) = decode_traces(encode_traces([huge])).spans
    assert found.attributes["n"] == float(2**70)
    assert math.isnan(found.attributes["x"])  # type: ignore[arg-type]  # a float, or the test fails
