from __future__ import annotations

from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord as RawRecord
from opentelemetry.proto.trace.v1.trace_pb2 import Span as RawSpan
from opentelemetry.proto.trace.v1.trace_pb2 import Status as RawStatus

from causewatch.model.value import Value
from causewatch.otlp.decode import (
    MAX_NAME_BYTES,
    Counted,
    NotOtlpError,
    Rejected,
    count_logs,
    count_traces,
    decode_logs,
    decode_traces,
)
from causewatch.otlp.json import json_to_protobuf
from causewatch.otlp.values import MAX_VALUE_DEPTH, value_of
from otlp_fixtures import capture_lines, logs_body, span, tag, traces_body

GOOD_IDS: dict[str, Any] = {"trace_id": b"t" * 16, "span_id": b"s" * 8}


def request_of(*spans: RawSpan) -> bytes:
    """Return a trace request of raw spans."""
    request = ExportTraceServiceRequest()
    request.resource_spans.add().scope_spans.add().spans.extend(spans)
    return request.SerializeToString()


def logs_of(*records: RawRecord) -> bytes:
    """Return a logs request of raw records."""
    request = ExportLogsServiceRequest()
    request.resource_logs.add().scope_logs.add().log_records.extend(records)
    return request.SerializeToString()


MALFORMED_SPANS: list[tuple[str, dict[str, Any], str]] = [
    ("no trace id", {"trace_id": b""}, "trace_id"),
    ("short trace id", {"trace_id": b"t" * 8}, "trace_id"),
    ("long trace id", {"trace_id": b"t" * 17}, "trace_id"),
    ("zero trace id", {"trace_id": bytes(16)}, "trace_id"),
    ("no span id", {"span_id": b""}, "span_id"),
    ("long span id", {"span_id": b"s" * 16}, "span_id"),
    ("zero span id", {"span_id": bytes(8)}, "span_id"),
    ("short parent", {"parent_span_id": b"p" * 4}, "parent_id"),
    ("long name", {"name": "n" * (MAX_NAME_BYTES + 1)}, "name_bytes"),
    ("long name in bytes", {"name": "é" * (MAX_NAME_BYTES // 2 + 1)}, "name_bytes"),
    ("start past int64", {"start_time_unix_nano": 2**63}, "time_ns"),
    ("end past int64", {"end_time_unix_nano": 2**64 - 1}, "time_ns"),
]


@pytest.mark.parametrize(("_", "change", "reason"), MALFORMED_SPANS)
def test_a_malformed_span_is_rejected_alone(_: str, change: dict[str, Any], reason: str) -> None:
    """One bad span costs itself only, and says why; counting agrees with decoding."""
    good = RawSpan(**GOOD_IDS, name="good")
    body = request_of(good, RawSpan(**{**GOOD_IDS, **change}), good)
    decoded = decode_traces(body)
    assert [each.name for each in decoded.spans] == ["good", "good"]
    assert decoded.rejected == (Rejected(count=1, reason=reason),)  # type: ignore[arg-type]  # from a table
    assert count_traces(body) == Counted(kept=2, rejected=decoded.rejected)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"trace_id": b"t" * 15}, "trace_id"),
        ({"span_id": b"s" * 7}, "span_id"),
        ({"time_unix_nano": 2**63}, "time_ns"),
        ({"observed_time_unix_nano": 2**63}, "time_ns"),
    ],
)
def test_a_malformed_log_record_is_rejected_alone(change: dict[str, Any], reason: str) -> None:
    """Log ids may be missing, but not of a wrong length."""
    body = logs_of(RawRecord(event_name="kept"), RawRecord(**change))
    decoded = decode_logs(body)
    assert [each.event_name for each in decoded.records] == ["kept"]
    assert [(each.count, each.reason) for each in decoded.rejected] == [(1, reason)]
    assert count_logs(body) == Counted(kept=1, rejected=decoded.rejected)


def test_rejected_items_are_grouped_by_reason() -> None:
    """The most frequent reason is said first."""
    bad_span = RawSpan(trace_id=b"t" * 16)
    decoded = decode_traces(request_of(bad_span, RawSpan(), bad_span))
    assert [(each.reason, each.count) for each in decoded.rejected] == [
        ("span_id", 2),
        ("trace_id", 1),
    ]


def test_an_empty_request_is_fine() -> None:
    """The protocol allows empty requests: they hold nothing and fail nowhere."""
    assert decode_traces(b"").spans == ()
    assert decode_logs(b"").records == ()
    assert count_traces(b"") == count_logs(b"") == Counted(kept=0)


@pytest.mark.parametrize(
    "body",
    [
        b"hello world",
        b'{"resourceSpans":[]}',
        b"\x00",
        b"\xff" * 40,
        b"\x0a\x05abc",
        tag(7, b"some other message"),
        b"\x0a\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
        b"\x08",
    ],
)
def test_other_bytes_are_not_otlp(body: bytes) -> None:
    """Text, JSON, cut or foreign messages are told from OTLP, for both signals."""
    for function in (decode_traces, decode_logs, count_traces, count_logs):
        with pytest.raises(NotOtlpError):
            function(body)


def test_a_request_of_the_other_signal_keeps_nothing() -> None:
    """Traces and logs share their outer fields; their items do not pass for each other."""
    for function, body in ((count_traces, logs_body(3)), (count_logs, traces_body(3))):
        try:
            kept = function(body).kept
        except NotOtlpError:
            # Where one has text and the other a message, not even the outside fits.
            kept = 0
        assert kept == 0


def test_all_fields_of_a_span_arrive() -> None:
    """Ids become lower-case hex, enums names, links and events tuples."""
    raw = RawSpan(
        **GOOD_IDS,
        parent_span_id=b"\xab" * 8,
        name="n",
        kind=RawSpan.SPAN_KIND_CLIENT,
        start_time_unix_nano=5,
        end_time_unix_nano=9,
        trace_state="a=b",
        dropped_attributes_count=1,
        dropped_events_count=2,
        dropped_links_count=3,
    )
    raw.status.code = RawStatus.STATUS_CODE_ERROR
    raw.status.message = "no"
    raw.events.add(name="e", time_unix_nano=7).attributes.add(key="k").value.int_value = 4
    raw.links.add(trace_id=b"\x01" * 16, span_id=b"\x02" * 8)
    raw.links.add(trace_id=b"\x01" * 15, span_id=b"\x02" * 8)
    (found,) = decode_traces(request_of(raw)).spans
    assert (found.trace_id, found.span_id) == (b"t".hex() * 16, b"s".hex() * 8)
    assert (found.parent_id, found.kind, found.status) == ("ab" * 8, "client", "error")
    assert (found.start_ns, found.end_ns, found.status_message) == (5, 9, "no")
    assert (found.events[0].name, found.events[0].attributes) == ("e", {"k": 4})
    assert [link.trace_id for link in found.links] == ["01" * 16]
    assert (found.dropped_attributes_count, found.dropped_events_count) == (1, 2)
    # The malformed link is counted as dropped: the evidence is incomplete.
    assert found.dropped_links_count == 4


@pytest.mark.parametrize(
    ("number", "kind"), [(0, "unspecified"), (5, "consumer"), (77, "unspecified")]
)
def test_unknown_enum_numbers_are_unspecified(number: int, kind: str) -> None:
    """A later OTLP may add kinds and statuses; they are no error."""
    raw = RawSpan(**GOOD_IDS, kind=number)  # type: ignore[arg-type]  # an open enum
    raw.status.code = number  # type: ignore[assignment]  # an open enum: any int
    (found,) = decode_traces(request_of(raw)).spans
    assert found.kind == kind
    assert found.status == "unset"


def test_a_zero_parent_is_a_root() -> None:
    """Some senders write eight zero bytes where there is no parent."""
    (found,) = decode_traces(request_of(RawSpan(**GOOD_IDS, parent_span_id=bytes(8)))).spans
    assert found.parent_id == ""


def test_spans_of_one_group_share_their_resource() -> None:
    """The resource is decoded once, whatever the number of spans."""
    spans = decode_traces(traces_body(3)).spans
    assert len({id(each.resource) for each in spans}) == 1
    assert spans[0].resource.service_name == "desk"
    assert spans == tuple(span(index) for index in range(3))


def nested_list(depth: int) -> AnyValue:
    """Return a value with ``depth`` values inside each other."""
    value = AnyValue(string_value="bottom")
    for _ in range(depth - 1):
        outer = AnyValue()
        outer.array_value.values.append(value)
        value = outer
    return value


@pytest.mark.parametrize(
    ("depth", "is_kept"), [(MAX_VALUE_DEPTH, True), (MAX_VALUE_DEPTH + 1, False)]
)
def test_a_value_too_deep_is_dropped_and_counted(depth: int, is_kept: bool) -> None:
    """Depth is bounded; what the bound costs is told as a dropped attribute."""
    raw = RawSpan(**GOOD_IDS)
    raw.attributes.add(key="deep").value.CopyFrom(nested_list(depth))
    raw.attributes.add(key="flat").value.bool_value = False
    (found,) = decode_traces(request_of(raw)).spans
    assert set(found.attributes) == ({"deep", "flat"} if is_kept else {"flat"})
    assert found.dropped_attributes_count == (0 if is_kept else 1)


def test_a_log_body_too_deep_is_empty() -> None:
    """A record without its body is still worth its ids and attributes."""
    record = RawRecord(event_name="e")
    record.body.CopyFrom(nested_list(MAX_VALUE_DEPTH + 1))
    (found,) = decode_logs(logs_of(record)).records
    assert (found.event_name, found.body) == ("e", None)


def any_value(**fields: Any) -> AnyValue:
    """Return a value with one member set."""
    return AnyValue(**fields)


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (any_value(), None),
        (any_value(string_value=""), ""),
        (any_value(string_value="x"), "x"),
        (any_value(int_value=0), 0),
        (any_value(int_value=-(2**63)), -(2**63)),
        (any_value(double_value=0.0), 0.0),
        (any_value(bool_value=False), False),
        (any_value(bytes_value=b""), b""),
        (any_value(array_value={}), []),
        (any_value(kvlist_value={}), {}),
        (any_value(string_value_strindex=3), None),
    ],
)
def test_each_kind_of_value(value: AnyValue, expected: Value) -> None:
    """Zero values are values; nothing set, or a member unknown here, is None."""
    found = value_of(value)
    assert found == expected
    assert type(found) is type(expected)


def test_the_last_of_equal_keys_wins() -> None:
    """Equal keys are against the protocol, and do not fail."""
    raw = RawSpan(**GOOD_IDS)
    for number in (1, 2):
        raw.attributes.add(key="k").value.int_value = number
    (found,) = decode_traces(request_of(raw)).spans
    assert found.attributes == {"k": 2}


def test_a_record_without_a_time_has_the_time_it_was_seen() -> None:
    """``observed_time`` stands in, as the logs data model says."""
    body = logs_of(RawRecord(observed_time_unix_nano=8), RawRecord(time_unix_nano=7))
    assert [each.time_ns for each in decode_logs(body).records] == [8, 7]


def test_an_event_time_past_the_limit_is_bounded() -> None:
    """An event does not cost its span, and stores never meet a time they cannot hold."""
    raw = RawSpan(**GOOD_IDS)
    raw.events.add(name="e", time_unix_nano=2**64 - 1)
    (found,) = decode_traces(request_of(raw)).spans
    assert found.events[0].time_ns == 2**63 - 1


def test_recorded_captures_decode_whole() -> None:
    """What real frameworks sent loses nothing, and counting agrees."""
    decoded_count = 0
    for line in capture_lines():
        if b'"resourceSpans"' not in line[:40]:
            continue
        body = json_to_protobuf("traces", line)
        decoded = decode_traces(body)
        assert decoded.rejected == ()
        assert (
            count_traces(body).kept
            == len(decoded.spans)
            == line.count(b'"spanId"') - sum(len(each.links) for each in decoded.spans)
        )
        decoded_count += len(decoded.spans)
    assert decoded_count > 100
