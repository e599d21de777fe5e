"""Whatever way a request takes, wherever in it a value stands: the inbox never gets to see it."""

from __future__ import annotations

import base64
import gzip
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal

import pytest
from google.protobuf.json_format import MessageToDict
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.dialects.needed import needed_keys
from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import LogRecord, Resource, Scope, Span, SpanEvent, SpanLink
from causewatch.model.value import Value
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.encode import encode_logs, encode_traces
from causewatch.receive.redact import Redactor
from causewatch.receive.redaction import KINDS, Redaction, Rule, kind
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import RESOURCE, SPAN_ID, TRACE_ID, span
from receive_fixtures import (
    JSON,
    LOGS_METHOD,
    PROTOBUF,
    TRACES_METHOD,
    Rig,
    ScriptedInbox,
    receiving,
)

Signal = Literal["traces", "logs"]
OWN = Rule(name="customer", pattern="C-[0-9]{6}")
REDACTION = Redaction(rules=(OWN, *(kind(name) for name in KINDS)), drops=("private.*",))
MAX_WRAPS = 3
PATHS = {"traces": "/v1/traces", "logs": "/v1/logs"}
METHODS = {"traces": TRACES_METHOD, "logs": LOGS_METHOD}


def luhn(digits: str) -> str:
    """Return digits with the one that makes them a card's number."""
    doubled = [int(d) * (2 - at % 2) for at, d in enumerate(reversed(digits))]
    total = sum(each // 10 + each % 10 for each in doubled)
    return f"{digits}{-total % 10}"


def secrets() -> st.SearchStrategy[str]:
    """Return values that must not be stored."""
    word = st.text("abcdefghijklmnopqrstuvwxyz0123456789", min_size=12, max_size=16)
    digits = st.text("0123456789", min_size=11, max_size=11)
    return st.one_of(
        word.map(lambda w: f"{w}@mail.example.com"),
        word.map(lambda w: f"sk-proj-{w}{w}{w}"),
        digits.map(lambda d: luhn(f"4111{d}")),
        digits.map(lambda d: f"C-{d[:6]}"),
    )


def escaped(text: str) -> str:
    """Return JSON of a text, every sign of it escaped."""
    return '"' + "".join(f"\\u{ord(sign):04x}" for sign in text) + '"'


WRAPS: dict[str, Callable[[Any], Value]] = {
    "list": lambda value: ["x", value],
    "map": lambda value: {"deep": value, "n": 1},
    "json": lambda value: json.dumps({"text": value, "n": 1}),
    "json list": lambda value: json.dumps([1, {"a": [value]}]),
    "sentence": lambda value: f"it said {value} and went on",
}


@st.composite
def values(draw: st.DrawFn) -> tuple[str, Value]:
    """Return a secret, and a value that holds it somewhere."""
    secret = draw(secrets())
    around = draw(st.text(st.characters(exclude_categories=["Cs", "L", "N"]), max_size=6))
    value: Any = f"{around} {secret} {around}"
    if draw(st.booleans()):
        value = f'{{"a": {escaped(value)}}}'
    for name in draw(st.lists(st.sampled_from(sorted(WRAPS)), max_size=MAX_WRAPS)):
        if isinstance(value, str) or name in ("list", "map"):
            value = WRAPS[name](value)
    if isinstance(value, str) and draw(st.booleans()):
        value = value.encode()
    return secret, value


SPANS: dict[str, Callable[[Value], Span]] = {
    "attribute": lambda value: replace(span(), attributes={"text": value}),
    "key": lambda value: replace(span(), attributes={"map": {_text(value): 1}}),
    "dropped": lambda value: replace(span(), attributes={"private.note": value}),
    "content": lambda value: replace(span(), attributes={"gen_ai.input.messages": value}),
    "event": lambda value: replace(
        span(), events=(SpanEvent(name="e", time_ns=1, attributes={"a": value}),)
    ),
    "link": lambda value: replace(
        span(), links=(SpanLink(trace_id=TRACE_ID, span_id=SPAN_ID, attributes={"a": value}),)
    ),
    "resource": lambda value: replace(span(), resource=Resource(attributes={"host": value})),
    "scope": lambda value: replace(span(), scope=Scope(name="s", attributes={"by": value})),
    "status": lambda value: replace(span(), status="error", status_message=_text(value)),
}
RECORDS: dict[str, Callable[[Value], LogRecord]] = {
    "body": lambda value: LogRecord(trace_id=TRACE_ID, body=value, resource=RESOURCE),
    "member": lambda value: LogRecord(trace_id=TRACE_ID, body={"content": value}),
    "attribute": lambda value: LogRecord(trace_id=TRACE_ID, body="x", attributes={"a": value}),
    "resource": lambda value: LogRecord(
        trace_id=TRACE_ID, body="x", resource=Resource(attributes={"host": value})
    ),
    "scope": lambda value: LogRecord(
        trace_id=TRACE_ID, body="x", scope=Scope(name="s", attributes={"by": value})
    ),
}


def _text(value: Value) -> str:
    if isinstance(value, bytes):
        return value.decode()
    return value if isinstance(value, str) else json.dumps(value)


def as_json(signal: Signal, body: bytes) -> bytes:
    """Return a request as OTLP/JSON, in which ids are hexadecimal."""
    made = ExportTraceServiceRequest() if signal == "traces" else ExportLogsServiceRequest()
    made.ParseFromString(body)
    return json.dumps(with_hex_ids(MessageToDict(made))).encode()


def with_hex_ids(node: Any) -> Any:
    """Return a part of a request with ids as OTLP/JSON wants them."""
    if isinstance(node, list):
        return [with_hex_ids(each) for each in node]
    if not isinstance(node, dict):
        return node
    return {
        key: base64.b64decode(each).hex()
        if key in ("traceId", "spanId", "parentSpanId")
        else with_hex_ids(each)
        for key, each in node.items()
    }


def sent(rig: Rig, signal: Signal, body: bytes) -> None:
    """Send a request by each way there is."""
    rig.export(body, METHODS[signal])
    path = PATHS[signal]
    packed = {**PROTOBUF, "content-encoding": "gzip"}
    for content, headers in (
        (body, PROTOBUF),
        (gzip.compress(body), packed),
        (as_json(signal, body), JSON),
    ):
        assert rig.http.post(path, content=content, headers=headers).status_code == 200


def told(value: Any) -> Iterator[str]:
    """Yield all texts of a value, and of the JSON in them."""
    if isinstance(value, bytes):
        value = value.decode("utf-8", "replace")
    if isinstance(value, str):
        yield value
        try:
            inner = json.loads(value)
        except ValueError:
            return
        if inner != value:
            yield from told(inner)
    elif isinstance(value, dict):
        for key, each in value.items():
            yield from told(key)
            yield from told(each)
    elif isinstance(value, list | tuple):
        for each in value:
            yield from told(each)


def texts_in(signal: Signal, body: bytes) -> Iterator[str]:
    """Yield all texts that a reader of a stored request would find."""
    if signal == "logs":
        for record in decode_logs(body).records:
            yield from told(record.body)
            yield from told([record.attributes, record.resource.attributes])
            yield from told(record.scope.attributes)
        return
    for each in decode_traces(body).spans:
        yield each.status_message
        yield from told([event.attributes for event in each.events])
        yield from told([link.attributes for link in each.links])
        yield from told([each.attributes, each.resource.attributes, each.scope.attributes])


@pytest.fixture(scope="module")
def rig() -> Iterator[tuple[Rig, ScriptedInbox]]:
    """Return started receivers that redact, and what they store to."""
    inbox, metrics = ScriptedInbox(), Metrics()
    redactor = Redactor(REDACTION, is_read=needed_keys(SHIPPED), metrics=metrics)
    with receiving(inbox, metrics=metrics, redact=redactor) as made:
        yield made, inbox


def assert_unseen(rig: tuple[Rig, ScriptedInbox], signal: Signal, secret: str, body: bytes) -> None:
    """Send a request, and look for a secret in all that was stored of it."""
    receivers, inbox = rig
    inbox.stored.clear()
    sent(receivers, signal, body)
    assert len(inbox.stored) == 4
    for _, stored, count in inbox.stored:
        assert count == 1
        assert secret.encode() not in stored
        assert [text for text in texts_in(signal, stored) if secret in text] == []
    assert len({stored for _, stored, _ in inbox.stored}) == 1


@settings(max_examples=60, deadline=None)
@given(held=values(), place=st.sampled_from(sorted(SPANS)))
def test_no_way_for_spans_leads_past_it(
    rig: tuple[Rig, ScriptedInbox], held: tuple[str, Value], place: str
) -> None:
    """gRPC, HTTP as protobuf, compressed, as JSON: each stores the same, without the value."""
    secret, value = held
    assert_unseen(rig, "traces", secret, encode_traces([SPANS[place](value)]))


@settings(max_examples=40, deadline=None)
@given(held=values(), place=st.sampled_from(sorted(RECORDS)))
def test_no_way_for_logs_leads_past_it(
    rig: tuple[Rig, ScriptedInbox], held: tuple[str, Value], place: str
) -> None:
    """As for spans."""
    secret, value = held
    assert_unseen(rig, "logs", secret, encode_logs([RECORDS[place](value)]))


def test_without_it_the_value_is_found() -> None:
    """The measure of the above: receivers that do not redact store it, by each of the ways."""
    secret = "C-123456"  # the test's own
    bodies: dict[Signal, bytes] = {
        "traces": encode_traces([SPANS["event"]({"a": [escaped(secret)]})]),
        "logs": encode_logs([RECORDS["body"](secret)]),
    }
    for signal, body in bodies.items():
        inbox = ScriptedInbox()
        with receiving(inbox) as rig:
            sent(rig, signal, body)
        found = [any(secret in t for t in texts_in(signal, b)) for _, b, _ in inbox.stored]
        assert found == [True] * 4
