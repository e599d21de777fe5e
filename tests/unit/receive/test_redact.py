"""What must not be stored is taken out before the durable write, and leaves a mark."""

from __future__ import annotations

import asyncio
import json
import random
import time
from collections import Counter
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from causewatch.dialects.needed import needed_keys
from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import LogRecord, Resource, Scope, Span, SpanEvent, SpanLink
from causewatch.model.value import Value
from causewatch.model.withheld import MARK_START, WITHHELD, holds_mark
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.encode import encode_logs, encode_traces
from causewatch.otlp.reject import NotOtlpError
from causewatch.receive.handler import Handler
from causewatch.receive.limits import ReceiveLimits
from causewatch.receive.outcome import Accepted
from causewatch.receive.redact import Redactor
from causewatch.receive.redaction import KIND_DOCS, KINDS, Redaction, Rule, kind
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import SPAN_ID, TRACE_ID, capture_lines, span, tag, traces_body
from receive_fixtures import ScriptedInbox

MAIL = "jo.doe+x@mail.example.com"
ALL = Redaction(rules=tuple(kind(name) for name in KINDS))
IS_READ = needed_keys(SHIPPED)


def redactor(redaction: Redaction, metrics: Metrics | None = None) -> Redactor:
    """Return a redactor that knows the shipped dialects."""
    return Redactor(redaction, is_read=IS_READ, metrics=metrics or Metrics())


def one(redaction: Redaction, value: Value, key: str = "text", **more: Any) -> Span:
    """Return a span with one attribute, redacted."""
    sent = replace(span(), attributes={key: value}, **more)
    (found,) = decode_traces(redactor(redaction)("traces", encode_traces([sent]))).spans
    return found


def text_of(redaction: Redaction, text: str) -> str:
    """Return a text, redacted."""
    found = one(redaction, text).attributes["text"]
    assert isinstance(found, str)
    return found


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("email", MAIL),
        ("email", "jürgen@büro.example.de"),
        ("credit_card", "4111 1111 1111 1111"),
        ("credit_card", "378282246310005"),
        ("credit_card", "5555-5555-5555-4444"),
        ("iban", "DE89 3704 0044 0532 0130 00"),
        ("iban", "GB82WEST12345698765432"),
        ("us_ssn", "123-45-6789"),
        ("phone", "+49 30 1234567"),
        ("phone", "(415) 555-2671"),
        ("phone", "0049 (0)30 123 4567"),
        ("ip", "192.168.17.4"),
        ("ip", "2001:db8::8a2e:370:7334"),
        ("ip", "2001:0db8:0000:0000:0000:8a2e:0370:7334"),
        ("secret", "sk-proj-" + "a1" * 20),
        ("secret", "AKIA" + "ABCD" * 4),
        ("secret", "ghp_" + "a1B2" * 9),
        ("secret", "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.c2lnbmF0dXJl"),
        ("secret", "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----"),
        ("secret", "://admin:hunter2@"),
    ],
)
def test_each_kind_is_found_wherever_it_stands(name: str, text: str) -> None:
    """Alone, in prose, in JSON, in JSON within JSON; what stands around it stays."""
    redaction = Redaction(rules=(kind(name),))
    mark = f"[redacted:{name}]"
    assert text_of(redaction, text) == mark
    assert text_of(redaction, f"it was {text}, they said") == f"it was {mark}, they said"
    inner = json.dumps({"a": [text, 1], "n": {"b": f"x {text}"}})
    clean = {"a": [mark, 1], "n": {"b": f"x {mark}"}}
    assert json.loads(text_of(redaction, inner)) == clean
    nested = json.dumps({"body": inner, "ok": True})
    found = json.loads(text_of(redaction, nested))
    assert (json.loads(found["body"]), found["ok"]) == (clean, True)


@pytest.mark.parametrize(
    "text",
    [
        "order 1764000000123 of 20261123",
        "version 1.2.3, build 4.5.6.7890",
        "2026-11-23T08:52:08.123+01:00",
        "4111 1111 1111 1112",
        "DE88370400440532013000",
        "+49 12",
        "a@b",
        "sk-short",
        "12:34:56",
        "550e8400-e29b-41d4-a716-446655440000",
    ],
)
def test_what_only_looks_so_stays(text: str) -> None:
    """Check digits, digit counts and forms tell numbers from each other."""
    assert text_of(ALL, text) == text


def test_a_number_beside_others_is_told_from_them() -> None:
    """Groups of digits before and after a card, words after an account, hide neither."""
    cards = Redaction(rules=(kind("credit_card"),))
    assert text_of(cards, "12 4111 1111 1111 1111 99") == "12 [redacted:credit_card] 99"
    accounts = Redaction(rules=(kind("phone"), kind("iban")))
    text = "DE89 3704 0044 0532 0130 00 PLEASE"
    assert text_of(accounts, text) == "[redacted:iban] PLEASE"


def test_values_of_all_types_and_places_are_looked_at() -> None:
    """Lists, maps with their keys, numbers, bytes; events, links, resource, scope, status."""
    sent = Span(
        trace_id=TRACE_ID,
        span_id=SPAN_ID,
        name="step",
        status="error",
        status_message=f"no {MAIL}",
        attributes={
            "list": ["x", [MAIL]],
            "map": {MAIL: {"deep": MAIL}},
            "bytes": f"<{MAIL}>".encode(),
            "card": 4111111111111111,
            "half": 0.5,
            "flag": True,
            "none": None,
        },
        events=(SpanEvent(name="e", time_ns=1, attributes={"a": MAIL}),),
        links=(SpanLink(trace_id=TRACE_ID, span_id=SPAN_ID, attributes={"a": MAIL}),),
        resource=Resource(attributes={"host": MAIL}),
        scope=Scope(name="s", attributes={"by": MAIL}),
    )
    metrics = Metrics()
    body = redactor(ALL, metrics)("traces", encode_traces([sent]))
    assert MAIL.encode() not in body
    (found,) = decode_traces(body).spans
    mark = "[redacted:email]"
    assert found.attributes == {
        "list": ["x", [mark]],
        "map": {mark: {"deep": mark}},
        "bytes": f"<{mark}>",
        "card": "[redacted:credit_card]",
        "half": 0.5,
        "flag": True,
        "none": None,
        WITHHELD: ["redact:email", "redact:credit_card"],
    }
    assert found.events[0].attributes == {"a": mark}
    assert found.links[0].attributes == {"a": mark}
    assert found.resource.attributes == {"host": mark}
    assert found.scope.attributes == {"by": mark}
    assert found.status_message == f"no {mark}"
    labels = {"signal": "traces", "what": "email"}
    name = "causewatch_redacted_values_total"
    assert metrics.registry.get_sample_value(name, labels) == 9


def test_log_records_are_looked_at_with_their_bodies() -> None:
    """A body is text, or has members that are read as attributes are."""
    records = [
        LogRecord(trace_id=TRACE_ID, body=f"mail {MAIL}", attributes={"a": MAIL}),
        LogRecord(trace_id=TRACE_ID, body={"content": MAIL, "secret.note": "x"}),
    ]
    redaction = Redaction(rules=(kind("email"),), drops=("secret.*",))
    first, second = decode_logs(redactor(redaction)("logs", encode_logs(records))).records
    assert first.body == "mail [redacted:email]"
    assert first.attributes == {"a": "[redacted:email]", WITHHELD: ["redact:email"]}
    assert second.body == {"content": "[redacted:email]"}


def test_dropped_attributes_leave_a_mark_where_something_reads_them() -> None:
    """What is missing then is unverifiable; what nobody reads is missed by nobody."""
    redaction = Redaction(drops=("user.*", "gen_ai.tool.call.result"))
    sent = replace(
        span(),
        attributes={"user.email": MAIL, "gen_ai.tool.call.result": "[]", "user": "stays"},
        events=(SpanEvent(name="e", time_ns=1, attributes={"user.id": "7", "k": 1}),),
        dropped_attributes_count=2,
    )
    metrics = Metrics()
    body = redactor(redaction, metrics)("traces", encode_traces([sent, span(2)]))
    first, second = decode_traces(body).spans
    assert first.attributes == {"user": "stays", WITHHELD: ["drop:gen_ai.tool.call.result"]}
    assert first.events[0].attributes == {"k": 1}
    assert first.dropped_attributes_count == 3
    assert second == span(2)
    name = "causewatch_dropped_attributes_total"
    assert metrics.registry.get_sample_value(name, {"signal": "traces"}) == 3


def test_rules_of_ones_own_may_be_for_some_attributes_only() -> None:
    """Elsewhere their pattern means nothing; the whole value is what ^ and $ stand for."""
    rule = Rule(name="customer", pattern=r"^CUST-\d+$", attributes=("order.*",))
    redaction = Redaction(rules=(rule,))
    assert one(redaction, "CUST-17", "order.by").attributes["order.by"] == "[redacted:customer]"
    assert one(redaction, "CUST-17", "other").attributes == {"other": "CUST-17"}
    found = one(redaction, '{"a": "CUST-17", "b": "x CUST-17"}', "order.all")
    assert found.attributes["order.all"] == '{"a": "[redacted:customer]", "b": "x CUST-17"}'


def test_json_stays_json() -> None:
    """Numbers become text, escapes are not torn apart, and the rest is as it was."""
    digits = Redaction(rules=(Rule(name="n", pattern=r"\d{3,}"),))
    assert text_of(digits, '{"a": 12345.50, "b": [1, 777]}') == (
        '{"a": "[redacted:n]", "b": [1, "[redacted:n]"]}'
    )
    letters = Redaction(rules=(Rule(name="n", pattern="n[a-z]+"),))
    assert text_of(letters, r'{"a": "x\nnew", "b":  1}') == r'{"a": "x\n[redacted:n]", "b":  1}'
    assert text_of(letters, r'["cut off\nnew') == '["cut off[redacted:n]'
    listed = '{"a": "1,4111111111111111,2"}'
    assert json.loads(text_of(ALL, listed)) == {"a": "1,[redacted:credit_card],2"}


def test_an_escape_hides_nothing() -> None:
    """What JSON writes with escapes is what it says."""
    hidden = r'{"mail": "jo\u0040mail.example.com"}'
    assert json.loads(text_of(ALL, hidden)) == {"mail": "[redacted:email]"}
    lone = r'{"a": "\ud83d jo@mail.example.com"}'
    assert "jo@" not in text_of(ALL, lone)


def test_a_match_over_several_strings_goes_as_well() -> None:
    """A pattern may name the key that stands before a value."""
    rule = Rule(name="pin", pattern=r'"pin": *"\d+"')
    assert "4711" not in text_of(Redaction(rules=(rule,)), '{"pin": "4711", "x": 1}')


def test_marks_are_not_redacted_again() -> None:
    """The words of a mark are no payload, whatever a later rule looks for."""
    rules = (kind("email"), Rule(name="word", pattern="[a-z]{4,}"))
    text = text_of(Redaction(rules=rules), f"mail {MAIL}")
    assert text.count("[redacted:") == text.count("]")
    again = Redaction(rules=(Rule(name="word", pattern="[a-z]{4,}"),))
    assert text_of(again, "[redacted:email] some") == "[redacted:email] [redacted:word]"


def test_what_a_span_said_of_an_earlier_redaction_stays() -> None:
    """Another causewatch may have taken something out before."""
    sent = replace(span(), attributes={"a": MAIL, WITHHELD: ["redact:pin"]})
    (found,) = decode_traces(redactor(ALL)("traces", encode_traces([sent]))).spans
    assert found.attributes[WITHHELD] == ["redact:pin", "redact:email"]


def test_fields_that_nobody_knows_are_not_stored() -> None:
    """They may hold anything, and nobody could have looked at them."""
    unknown = traces_body() + tag(77, MAIL.encode())
    assert MAIL.encode() not in redactor(ALL)("traces", unknown)


def test_what_is_no_request_is_refused() -> None:
    """As it is without redaction."""
    redact = redactor(ALL)
    with pytest.raises(NotOtlpError):
        redact("traces", b"\xff\xff")
    with pytest.raises(NotOtlpError):
        redact("logs", b"\xff\xff")


def test_nothing_found_changes_nothing() -> None:
    """A request without anything to take out is stored as it means."""
    redact = redactor(Redaction(rules=(Rule(name="x", pattern="no such text at all"),)))
    for line in list(capture_lines())[:20]:
        request = json.loads(line)
        if "resourceSpans" not in request:
            continue
        from_json = asyncio.run(stored(line, redact))
        assert decode_traces(from_json) == decode_traces(asyncio.run(stored(line, None)))


async def stored(line: bytes, redact: Redactor | None) -> bytes:
    """Return what the receivers store of a line of OTLP/JSON."""
    inbox = ScriptedInbox()
    handler = Handler(inbox, limits=ReceiveLimits(), metrics=Metrics(), redact=redact)
    outcome = await handler.handle("traces", "http", line, body_format="json")
    assert outcome == Accepted()
    return inbox.stored[0][1]


def test_it_happens_before_the_durable_write() -> None:
    """What the inbox is given has nothing left in it."""
    line = json.dumps(
        {
            "resourceSpans": [
                {
                    "scopeSpans": [
                        {
                            "spans": [
                                {
                                    "traceId": TRACE_ID,
                                    "spanId": SPAN_ID,
                                    "name": "step",
                                    "attributes": [{"key": "a", "value": {"stringValue": MAIL}}],
                                }
                            ]
                        }
                    ]
                }
            ]
        }
    ).encode()
    assert MAIL.encode() in asyncio.run(stored(line, None))
    body = asyncio.run(stored(line, redactor(ALL)))
    assert MAIL.encode() not in body
    assert MARK_START.encode() in body


@given(st.text(max_size=60), st.text(max_size=60), st.sampled_from(sorted(KINDS)))
def test_any_text_around_it_makes_no_difference(before: str, after: str, name: str) -> None:
    """No text makes it fail, and an address between blanks is found in any."""
    text = f"{before} {MAIL} {after}"
    found = text_of(Redaction(rules=(kind(name), *(kind(n) for n in KINDS if n != name))), text)
    assert MAIL not in found
    assert holds_mark(found)


def test_time_is_linear_in_the_text() -> None:
    """Twice the text takes about twice the time, also of texts that are made to take longer."""
    chance = random.Random(5)
    hard = ['"\\', '"\\"', f"{MAIL} ", '{"a": 4111111111111111}, ', "4 1 1 1 ", "\\u00", "a@"]
    for piece in hard:
        times = []
        for count in (500, 4_000):
            text = '{"' + piece * count + chance.choice("abc")
            began_s = time.perf_counter()
            text_of(ALL, text)
            times.append(time.perf_counter() - began_s)
        assert times[1] < 32 * max(times[0], 0.005), piece


def test_every_kind_is_told_of() -> None:
    """What each finds is said where it is configured."""
    assert KINDS.keys() == KIND_DOCS.keys()
    assert Counter(len(text) > 0 for text in KIND_DOCS.values()) == {True: len(KINDS)}
