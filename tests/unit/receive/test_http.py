from __future__ import annotations

import gzip
import json
import socket
import ssl
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
import zstandard
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from causewatch.errors import FullError, UserError
from causewatch.inbox.batch import NotStoredError
from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiveLimits, ReceiverAuth, ReceiverTls
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import SPAN_ID, TRACE_ID, logs_body, tag, traces_body
from receive_fixtures import (
    JSON,
    PROTOBUF,
    ScriptedInbox,
    made_certificates,
    receiving,
    receiving_into,
)

LIMITS = ReceiveLimits(max_message_mib=1)
BAD_SPAN = tag(1, tag(2, tag(2, tag(5, b"no ids"))))
GOOD_JSON_SPAN = {"traceId": TRACE_ID, "spanId": SPAN_ID, "name": "n"}


def json_body(*spans: dict[str, Any]) -> bytes:
    """Return an OTLP/JSON trace request."""
    return json.dumps({"resourceSpans": [{"scopeSpans": [{"spans": spans}]}]}).encode()


def test_both_signals_are_stored_and_answered_in_kind(tmp_path: Path) -> None:
    """Protobuf answers protobuf, JSON answers JSON, and success says nothing more."""
    with receiving_into(tmp_path) as (rig, inbox):
        traces = rig.http.post("/v1/traces", content=traces_body(2), headers=PROTOBUF)
        logs = rig.http.post("/v1/logs", content=logs_body(1), headers=PROTOBUF)
        in_json = rig.http.post("/v1/traces", content=json_body(GOOD_JSON_SPAN), headers=JSON)
        assert [each.status_code for each in (traces, logs, in_json)] == [200, 200, 200]
        assert (traces.content, traces.headers["content-type"]) == (b"", PROTOBUF["content-type"])
        assert (in_json.content, in_json.headers["content-type"]) == (b"{}", JSON["content-type"])
        stored = inbox.read(0, 10, 10**6)
        assert [batch.signal for batch in stored] == ["traces", "logs", "traces"]
        assert stored[0].body == traces_body(2)
        assert rig.count("causewatch_received_items", signal="traces", transport="http") == 3


@pytest.mark.parametrize(
    ("encoding", "pack"),
    [("gzip", gzip.compress), ("zstd", zstandard.compress), ("identity", bytes)],
)
@pytest.mark.parametrize("body", [traces_body(9), json_body(GOOD_JSON_SPAN)])
def test_each_content_encoding(encoding: str, pack: Any, body: bytes) -> None:
    """The Collector's and SDKs' compressions are taken in both formats."""
    inbox = ScriptedInbox()
    content_type = JSON if body.startswith(b"{") else PROTOBUF
    with receiving(inbox) as rig:
        headers = {**content_type, "content-encoding": encoding}
        assert rig.http.post("/v1/traces", content=pack(body), headers=headers).is_success
    assert len(inbox.stored) == 1


def test_partial_success_in_both_formats() -> None:
    """How many and why; the count is a string in JSON, as 64-bit numbers are."""
    with receiving(ScriptedInbox()) as rig:
        answer = rig.http.post("/v1/traces", content=traces_body() + BAD_SPAN, headers=PROTOBUF)
        partial = ExportTraceServiceResponse.FromString(answer.content).partial_success
        assert (answer.status_code, partial.rejected_spans) == (200, 1)
        body = json_body(GOOD_JSON_SPAN, {"name": "no ids"})
        in_json = rig.http.post("/v1/traces", content=body, headers=JSON)
        assert in_json.json()["partialSuccess"] == {
            "rejectedSpans": "1",
            "errorMessage": partial.error_message,
        }


WRONG: list[tuple[str, str, str, dict[str, str], bytes, int]] = [
    ("not OTLP", "POST", "/v1/traces", PROTOBUF, b"hello", 400),
    ("not JSON", "POST", "/v1/traces", JSON, b"hello", 400),
    ("not gzip", "POST", "/v1/traces", {**PROTOBUF, "content-encoding": "gzip"}, b"hello", 400),
    ("other encoding", "POST", "/v1/traces", {**PROTOBUF, "content-encoding": "br"}, b"x", 415),
    ("other type", "POST", "/v1/traces", {"content-type": "text/plain"}, b"x", 415),
    ("no type", "POST", "/v1/logs", {}, b"x", 415),
    ("too large", "POST", "/v1/traces", PROTOBUF, traces_body(1, text="x" * 2**20), 413),
    (
        "bomb",
        "POST",
        "/v1/traces",
        {**PROTOBUF, "content-encoding": "gzip"},
        gzip.compress(bytes(2**21)),
        413,
    ),
    ("other method", "GET", "/v1/traces", PROTOBUF, b"", 405),
    ("other signal", "POST", "/v1/metrics", PROTOBUF, b"", 404),
]


@pytest.mark.parametrize(("_", "method", "path", "headers", "body", "status_code"), WRONG)
def test_a_wrong_request_has_its_code_and_a_status_body(
    _: str, method: str, path: str, headers: dict[str, str], body: bytes, status_code: int
) -> None:
    """Errors are ``google.rpc.Status`` in the format of the request; none may be retried."""
    inbox = ScriptedInbox()
    with receiving(inbox, limits=LIMITS) as rig:
        answer = rig.http.request(method, path, content=body, headers=headers)
    assert answer.status_code == status_code
    assert "retry-after" not in answer.headers
    if headers == JSON:
        assert answer.json()["message"]
        assert answer.headers["content-type"] == "application/json"
    else:
        status = Status.FromString(answer.content)
        assert status.code > 0
        assert status.message
    assert inbox.stored == []


@pytest.mark.parametrize(
    ("failure", "status_code", "retry_after"),
    [
        (FullError("full", retry_after_s=1.2), 429, "2"),
        (FullError("full", retry_after_s=0.1), 429, "1"),
        (NotStoredError("disk"), 503, "2"),
        (RuntimeError("anything"), 503, "2"),
    ],
)
def test_our_failures_are_retryable_with_a_delay(
    failure: Exception, status_code: int, retry_after: str
) -> None:
    """429 or 503 with ``Retry-After`` in whole seconds; the same request then succeeds."""
    inbox = ScriptedInbox(failure)
    with receiving(inbox) as rig:
        answer = rig.http.post("/v1/traces", content=traces_body(), headers=PROTOBUF)
        assert answer.status_code == status_code
        assert answer.headers["retry-after"] == retry_after
        assert len(Status.FromString(answer.content).details) == 1
        assert rig.http.post("/v1/traces", content=traces_body(), headers=PROTOBUF).is_success
    assert len(inbox.stored) == 1


def test_the_token_is_wanted_but_for_health() -> None:
    """401 without it or with another; probes need none."""
    with receiving(ScriptedInbox(), auth=ReceiverAuth(tokens=("right",))) as rig:
        for value, status_code in (("", 401), ("Bearer wrong", 401), ("Bearer right", 200)):
            headers = {**PROTOBUF, "authorization": value} if value else PROTOBUF
            answer = rig.http.post("/v1/traces", content=traces_body(), headers=headers)
            assert answer.status_code == status_code
            assert ("www-authenticate" in answer.headers) == (status_code == 401)
        assert rig.http.get("/health").status_code == 200


def test_bodies_being_read_are_bounded_together() -> None:
    """Many slow senders cannot fill the memory: past the bound they are asked to wait."""
    inbox = ScriptedInbox()
    limits = ReceiveLimits(max_message_mib=4, max_buffered_mib=1)
    with receiving(inbox, limits=limits) as rig:
        large = traces_body(1, text="x" * (2 * 2**20))
        answer = rig.http.post("/v1/traces", content=large, headers=PROTOBUF)
        assert (answer.status_code, answer.headers["retry-after"]) == (429, "2")
        assert rig.http.post("/v1/traces", content=traces_body(), headers=PROTOBUF).is_success
    assert len(inbox.stored) == 1


def test_a_sender_that_goes_away_leaves_no_trace() -> None:
    """A body that never arrives is neither stored nor a failure of the next request."""
    inbox = ScriptedInbox()
    with receiving(inbox) as rig:
        with socket.create_connection(("127.0.0.1", rig.receivers.http_port)) as connection:
            connection.sendall(
                b"POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-length: 1000\r\n"
                b"content-type: application/x-protobuf\r\n\r\nhalf"
            )
        assert rig.http.post("/v1/traces", content=traces_body(), headers=PROTOBUF).is_success
    assert len(inbox.stored) == 1


def test_tls_and_client_certificates(tmp_path: Path) -> None:
    """TLS alone takes any client; with a client CA only those it signed."""
    certificates = made_certificates(tmp_path)
    inbox = ScriptedInbox()
    handler = Handler(inbox, limits=LIMITS, metrics=Metrics())
    anyone = ssl.create_default_context(cafile=str(certificates.authority))
    known = ssl.create_default_context(cafile=str(certificates.authority))
    known.load_cert_chain(certificates.client_cert, certificates.client_key)
    mutual = msgspec.structs.replace(certificates.server, client_ca_file=certificates.authority)
    for tls, refuses_anyone in ((certificates.server, False), (mutual, True)):
        receivers = Receivers(handler, grpc=None, http=Listen(address="127.0.0.1:0", tls=tls))
        url = f"https://localhost:{receivers.http_port}/v1/traces"
        try:
            for context, is_refused in ((known, False), (anyone, refuses_anyone)):
                with httpx.Client(verify=context, trust_env=False) as client:
                    if is_refused:
                        with pytest.raises(httpx.TransportError):
                            client.post(url, content=traces_body(), headers=PROTOBUF)
                    else:
                        answer = client.post(url, content=traces_body(), headers=PROTOBUF)
                        assert answer.status_code == 200
        finally:
            receivers.stop(0)
    assert len(inbox.stored) == 3


def test_a_taken_port_or_missing_tls_files_are_the_users_mistake(tmp_path: Path) -> None:
    """The start fails with a sentence, and what was started before is stopped again."""
    handler = Handler(ScriptedInbox(), limits=LIMITS, metrics=Metrics())
    tls = ReceiverTls(cert_file=tmp_path / "no.pem", key_file=tmp_path / "no.key")
    anywhere = Listen(address="127.0.0.1:0")
    with receiving(ScriptedInbox()) as rig:
        taken = Listen(address=f"127.0.0.1:{rig.receivers.http_port}")
        with pytest.raises(UserError, match="cannot listen"):
            Receivers(handler, grpc=anywhere, http=taken)
    with pytest.raises(UserError, match="TLS"):
        Receivers(handler, grpc=None, http=msgspec.structs.replace(anywhere, tls=tls))


def test_a_sender_that_stalls_holds_nothing_for_ever() -> None:
    """Half a body and then silence: it is refused in time, and others are served again."""
    limits = ReceiveLimits(max_message_mib=2, max_buffered_mib=2, max_body_s=0.3)
    body = traces_body(1, text="x" * 1_500_000)
    head = (
        "POST /v1/traces HTTP/1.1\r\nhost: x\r\ncontent-type: application/x-protobuf\r\n"
        f"content-length: {len(body)}\r\n\r\n"
    )
    inbox = ScriptedInbox()
    with receiving(inbox, limits=limits) as rig:
        address = ("127.0.0.1", rig.receivers.http_port)
        with socket.create_connection(address, timeout=10) as stalled:
            stalled.sendall(head.encode() + body[:-1])
            assert stalled.recv(12) == b"HTTP/1.1 503"
        answer = rig.http.post("/v1/traces", content=body, headers=PROTOBUF)
        assert answer.status_code == 200
    labels = {"signal": "traces", "transport": "http", "reason": "slow_body"}
    assert rig.count("causewatch_refused_batches", **labels) == 1
