from __future__ import annotations

import base64
import json
from typing import Any

import pytest
from google.protobuf import json_format
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.otlp.decode import NotOtlpError, decode_logs, decode_traces
from causewatch.otlp.json import json_to_protobuf, parse_json
from otlp_fixtures import SPAN_ID, TRACE_ID, traces_body


def spans_of(*spans: dict[str, Any], raw: bytes | None = None) -> tuple[Span, ...]:
    """Return the spans of an OTLP/JSON request."""
    request = {"resourceSpans": [{"scopeSpans": [{"spans": list(spans)}]}]}
    body = raw if raw is not None else json.dumps(request).encode()
    return decode_traces(json_to_protobuf("traces", body)).spans


def one(**fields: Any) -> Span:
    """Return the span with these JSON fields and good ids."""
    (found,) = spans_of({"traceId": TRACE_ID, "spanId": SPAN_ID, **fields})
    return found


def value_from(value: dict[str, Any]) -> Value:
    """Return the value of an attribute in OTLP/JSON."""
    return one(attributes=[{"key": "k", "value": value}]).attributes["k"]


VALUES: list[tuple[dict[str, Any], Value]] = [
    ({}, None),
    ({"stringValue": "é\n"}, "é\n"),
    ({"stringValue": ""}, ""),
    ({"intValue": "9223372036854775807"}, 2**63 - 1),
    ({"intValue": -5}, -5),
    ({"intValue": 5.0}, 5),
    ({"int_value": 7}, 7),
    ({"doubleValue": 1.5}, 1.5),
    ({"doubleValue": "Infinity"}, float("inf")),
    ({"doubleValue": 3}, 3.0),
    ({"boolValue": False}, False),
    ({"bytesValue": "AP8="}, b"\x00\xff"),
    ({"bytesValue": "AP8"}, b"\x00\xff"),
    ({"bytesValue": "_-8="}, b"\xff\xef"),
    ({"arrayValue": {}}, []),
    ({"arrayValue": {"values": [{"intValue": "1"}, {}, {"stringValue": "x"}]}}, [1, None, "x"]),
    ({"kvlistValue": {"values": [{"key": "a", "value": {"boolValue": True}}]}}, {"a": True}),
    ({"stringValue": None}, None),
    ({"someLaterValue": 4}, None),
]


@pytest.mark.parametrize(("value", "expected"), VALUES)
def test_each_kind_of_value(value: dict[str, Any], expected: Value) -> None:
    """Values come as the protocol says, or as senders write them."""
    found = value_from(value)
    assert found == expected
    assert type(found) is type(expected)


@pytest.mark.parametrize(
    "fields",
    [
        {"startTimeUnixNano": "1700000000000000001", "kind": 3},
        {"startTimeUnixNano": 1700000000000000001, "kind": "SPAN_KIND_CLIENT"},
        {"start_time_unix_nano": "1700000000000000001", "kind": "3"},
        {"startTimeUnixNano": "1700000000000000001", "kind": 3, "later": {"x": [1]}, "name": None},
    ],
)
def test_names_numbers_and_enums_in_each_spelling(fields: dict[str, Any]) -> None:
    """Both cases of names, numbers or strings, enum names or numbers, unknown fields, nulls."""
    found = one(**fields)
    assert (found.start_ns, found.kind) == (1700000000000000001, "client")


@pytest.mark.parametrize(
    ("trace_id", "span_id"),
    [
        (TRACE_ID, SPAN_ID),
        (TRACE_ID.upper(), SPAN_ID.upper()),
        (
            base64.b64encode(bytes.fromhex(TRACE_ID)).decode(),
            base64.b64encode(bytes.fromhex(SPAN_ID)).decode(),
        ),
    ],
)
def test_ids_in_hex_or_base64(trace_id: str, span_id: str) -> None:
    """The protocol says hex; plain protobuf JSON writes base64."""
    (found,) = spans_of({"traceId": trace_id, "spanId": span_id, "parentSpanId": span_id})
    assert (found.trace_id, found.span_id, found.parent_id) == (TRACE_ID, SPAN_ID, SPAN_ID)


@pytest.mark.parametrize("bad", ["xyz!", "abc", 17, {}, "0" * 31])
def test_a_malformed_id_rejects_its_span_only(bad: Any) -> None:
    """A bad id is counted by decoding, and a bad parent does not become a root."""
    good = {"traceId": TRACE_ID, "spanId": SPAN_ID}
    spans = [good, {**good, "traceId": bad}, {**good, "spanId": bad}, {**good, "parentSpanId": bad}]
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()
    decoded = decode_traces(json_to_protobuf("traces", body))
    assert len(decoded.spans) == 1
    assert {each.reason for each in decoded.rejected} == {"trace_id", "span_id", "parent_id"}


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"hello",
        b"[]",
        b'"resourceSpans"',
        b'{"resourceLogs":[{"scopeLogs":[]}]}',
        b'{"resourceSpans":{}}',
        b'{"resourceSpans":[3]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":7}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":"soon"}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":-1}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"startTimeUnixNano":1.5}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"kind":true}]}]}]}',
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"status":[]}]}]}]}',
        b"[" * 100_000,
    ],
)
def test_other_json_is_not_otlp(body: bytes) -> None:
    """Wrong shapes and types are refused with a reason, never with another error."""
    with pytest.raises(NotOtlpError, match=r"JSON|OTLP"):
        json_to_protobuf("traces", body)


@pytest.mark.parametrize("body", [b"{}", b'{"resourceSpans":[]}', b'{"resourceSpans":[{}]}'])
def test_an_empty_request_is_fine(body: bytes) -> None:
    """Nothing to store is no error."""
    assert spans_of(raw=body) == ()


def test_an_error_says_where() -> None:
    """The sender learns the field, and a bounded part of what it wrote there."""
    body = json.dumps({"resourceSpans": [{"scopeSpans": [{"schemaUrl": ["x" * 1000]}]}]}).encode()
    with pytest.raises(NotOtlpError, match=r"ScopeSpans\.schema_url") as caught:
        json_to_protobuf("traces", body)
    assert len(str(caught.value)) < 200


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (rb"\ud83d", "\N{REPLACEMENT CHARACTER}"),
        (rb"cut \ud83d", "cut \N{REPLACEMENT CHARACTER}"),
        (rb"\ude00 cut", "\N{REPLACEMENT CHARACTER} cut"),
        (rb"\ud83d\ude00", "\N{GRINNING FACE}"),
        (b"caf\xc3", "caf\N{REPLACEMENT CHARACTER}"),
    ],
)
def test_half_characters_do_not_cost_the_request(text: bytes, expected: str) -> None:
    """JavaScript cuts long attributes inside an emoji, other senders inside a character."""
    raw = (
        b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"traceId":"%b","spanId":"%b",'
        b'"name":"%b"}]}]}]}' % (TRACE_ID.encode(), SPAN_ID.encode(), text)
    )
    (found,) = spans_of(raw=raw)
    assert found.name == expected


def test_values_too_deep_become_empty() -> None:
    """Depth is bounded here too; decoding then counts the attribute as dropped."""
    value: dict[str, Any] = {"stringValue": "bottom"}
    for _ in range(200):
        value = {"arrayValue": {"values": [value]}}
    found = one(attributes=[{"key": "deep", "value": value}], name="kept")
    assert (found.name, found.attributes, found.dropped_attributes_count) == ("kept", {}, 1)


def test_logs_have_the_same_rules() -> None:
    """Log records share the converter: ids, bodies and attributes arrive."""
    record = {
        "timeUnixNano": "5",
        "traceId": TRACE_ID,
        "severityNumber": 9,
        "eventName": "e",
        "body": {"kvlistValue": {"values": [{"key": "a", "value": {"intValue": "1"}}]}},
    }
    body = json.dumps({"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}).encode()
    (found,) = decode_logs(json_to_protobuf("logs", body)).records
    assert (found.time_ns, found.trace_id, found.event_name) == (5, TRACE_ID, "e")
    assert (found.body, found.severity_number) == ({"a": 1}, 9)


def test_numbers_past_a_double_are_still_json() -> None:
    """The fast parser refuses 1e400; it is valid JSON, and arrives as infinity."""
    assert parse_json(b'{"a":1e400}') == {"a": float("inf")}


def test_it_agrees_with_protobuf_json() -> None:
    """The standard JSON of a request gives the same request: an independent converter's word."""
    body = traces_body(4)
    text = json_format.MessageToJson(ExportTraceServiceRequest.FromString(body)).encode()
    assert decode_traces(json_to_protobuf("traces", text)) == decode_traces(body)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(
                    ["resourceSpans", "scopeSpans", "spans", "attributes", "value", "key"]
                ),
                inner,
                max_size=3,
            )
        ),
        max_leaves=20,
    )
)
def test_no_json_does_more_than_not_being_otlp(value: Any) -> None:
    """Any JSON converts, or is refused as not OTLP."""
    try:
        decode_traces(json_to_protobuf("traces", json.dumps(value).encode()))
    except NotOtlpError:
        return
