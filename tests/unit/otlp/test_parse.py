from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.otlp import parse
from causewatch.otlp.decode import count_logs, count_traces, decode_traces
from causewatch.otlp.parse import mend
from causewatch.otlp.raw import Resources
from causewatch.otlp.reject import NotOtlpError
from otlp_fixtures import tag, traces_body

IDS = tag(1, b"t" * 16) + tag(2, b"s" * 8)
CUT_UTF8 = "caf\u00e9".encode()[:-1]


def in_request(*spans: bytes) -> bytes:
    """Return a trace request of encoded spans."""
    return tag(1, tag(2, b"".join(tag(2, each) for each in spans)))


def attribute(key: bytes, value: bytes) -> bytes:
    """Return an encoded attribute of a span; ``value`` is an encoded AnyValue."""
    return tag(9, tag(1, key) + tag(2, value))


def deep_value(depth: int) -> bytes:
    """Return an encoded AnyValue of ``depth`` lists inside each other."""
    value = tag(1, b"bottom")
    for _ in range(depth):
        value = tag(5, tag(1, value))
    return value


def test_a_string_cut_inside_a_character_does_not_cost_the_batch() -> None:
    """Go programs pass invalid UTF-8 on; the spans around it stay whole."""
    bad = IDS + tag(5, b"bad") + attribute(b"text", tag(1, CUT_UTF8))
    good = IDS + tag(5, b"good") + attribute(b"text", tag(1, b"fine"))
    with pytest.raises(Exception, match=r"UTF-8|parsing"):
        ExportTraceServiceRequest.FromString(in_request(bad))
    decoded = decode_traces(in_request(good, bad))
    assert [each.attributes for each in decoded.spans] == [
        {"text": "fine"},
        {"text": "caf\N{REPLACEMENT CHARACTER}"},
    ]
    assert count_traces(in_request(good, bad)).kept == 2


@pytest.mark.parametrize("depth", [40, 60, 500])
def test_a_value_deeper_than_the_runtime_allows_does_not_cost_the_batch(depth: int) -> None:
    """Only the value itself is dropped, and counted as dropped."""
    body = in_request(IDS + attribute(b"deep", deep_value(depth)), IDS + tag(5, b"good"))
    deep, good = decode_traces(body).spans
    assert (deep.attributes, deep.dropped_attributes_count) == ({}, 1)
    assert good.name == "good"


def test_mending_keeps_what_is_well() -> None:
    """A valid request passes through mending byte by byte, unknown fields and all."""
    known = traces_body(3)
    unknown = tag(99, b"from a later protocol") + b"\x98\x06\x07" + b"\x99\x06" + b"8" * 8
    for body in (known, known + unknown):
        assert mend(body, ExportTraceServiceRequest.DESCRIPTOR) == body


@pytest.mark.parametrize(
    "body",
    [
        b"\x0a\x05abc",
        b"\x0b",
        b"\x0a" + b"\x80" * 11,
        b"\x09123",
        b"\x0d1",
    ],
)
def test_what_is_no_message_cannot_be_mended(body: bytes) -> None:
    """Cut fields, groups and endless numbers are no OTLP."""
    with pytest.raises(NotOtlpError):
        mend(body, ExportTraceServiceRequest.DESCRIPTOR)


def test_mending_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Mending is slow: past its bound, spans that need it are kept without their content."""
    bad = IDS + tag(5, CUT_UTF8) + attribute(b"a", tag(1, b"text"))
    monkeypatch.setattr(parse, "MAX_MEND_BYTES", 2 * len(bad))
    decoded = decode_traces(in_request(bad, bad, IDS + tag(5, b"good"), bad))
    assert [each.attributes for each in decoded.spans] == [{"a": "text"}, {"a": "text"}, {}, {}]
    assert [each.dropped_attributes_count for each in decoded.spans] == [0, 0, 0, 1]


def test_mending_of_what_is_no_trace_request_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """A body past the bound is refused where it cannot be taken apart by spans."""
    body = tag(1, tag(1, tag(1, tag(1, CUT_UTF8)))) + in_request(IDS)
    assert count_traces(body).kept == 1
    monkeypatch.setattr(parse, "MAX_MEND_BYTES", len(body) - 1)
    with pytest.raises(NotOtlpError):
        count_traces(body)


@pytest.mark.parametrize(
    "broken",
    [
        tag(9, b"\xff"),
        tag(9, tag(1, b"key")[:-1]),
        tag(11, b"\x0b"),
        tag(13, tag(4, b"\x80")),
        attribute(b"list", tag(5, b"\x12\x7fcut")),
    ],
)
def test_content_that_cannot_be_read_costs_a_span_no_more_than_its_content(broken: bytes) -> None:
    """It keeps its place in the run, and says that something is missing; others keep all."""
    times = b"\x39" + (5).to_bytes(8, "little") + b"\x41" + (9).to_bytes(8, "little")
    head = IDS + tag(4, b"p" * 8) + tag(5, b"a " + CUT_UTF8) + times
    good = IDS + tag(5, b"good") + attribute(b"text", tag(1, b"fine"))
    body = in_request(good, head + broken, good)
    first, bare, last = decode_traces(body).spans
    assert first == last
    assert last.attributes == {"text": "fine"}
    assert (bare.parent_id, bare.name) == ((b"p" * 8).hex(), "a caf\N{REPLACEMENT CHARACTER}")
    assert (bare.start_ns, bare.end_ns, bare.attributes) == (5, 9, {})
    assert bare.dropped_attributes_count == 1
    assert [span.whole() for span in Resources().split(body)] == [first, bare, last]


def test_a_request_that_breaks_off_inside_a_span_is_refused() -> None:
    """There is no telling what else is missing, and the sender can be told."""
    for broken in (IDS + tag(5, b"name")[:-1], IDS + b"\x0b", IDS + b"\x80"):
        with pytest.raises(NotOtlpError):
            count_traces(in_request(IDS + tag(5, b"good"), broken))


@given(st.binary(max_size=200))
def test_no_bytes_do_more_than_not_being_otlp(body: bytes) -> None:
    """Any bytes decode, or are refused as not OTLP: nothing else ever leaves."""
    for function in (count_traces, count_logs, decode_traces):
        try:
            function(body)
        except NotOtlpError:
            continue


@given(st.data())
def test_no_damage_does_more_than_not_being_otlp(data: st.DataObject) -> None:
    """The same for requests that are nearly right: cut, or with bytes changed."""
    body = bytearray(traces_body(2))
    for _ in range(data.draw(st.integers(1, 4))):
        body[data.draw(st.integers(0, len(body) - 1))] = data.draw(st.integers(0, 255))
    damaged = bytes(body[: data.draw(st.integers(0, len(body)))])
    try:
        decoded = decode_traces(damaged)
    except NotOtlpError:
        return
    assert count_traces(damaged).kept == len(decoded.spans)
