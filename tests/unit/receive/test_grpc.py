from __future__ import annotations

import gzip
from collections.abc import Iterator
from pathlib import Path

import grpc
import msgspec
import pytest
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from causewatch.errors import FullError, UserError
from causewatch.inbox.batch import NotStoredError
from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiveLimits, ReceiverAuth, ReceiverTls
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics
from otlp_fixtures import logs_body, tag, traces_body
from receive_fixtures import (
    HEALTH_METHOD,
    LOGS_METHOD,
    TRACES_METHOD,
    Certificates,
    Rig,
    ScriptedInbox,
    made_certificates,
    receiving,
    receiving_into,
)

LIMITS = ReceiveLimits(max_message_mib=1)
BAD_SPAN = tag(1, tag(2, tag(2, tag(5, b"no ids"))))


def refusal(rig: Rig, body: bytes, method: str = TRACES_METHOD, **kwargs: object) -> grpc.RpcError:
    """Return the error that a call ends with."""
    with pytest.raises(grpc.RpcError) as caught:
        rig.export(body, method, **kwargs)
    return caught.value


def retry_after_s(error: grpc.RpcError) -> float | None:
    """Return the delay in the ``RetryInfo`` of an error, as official classes read it."""
    trailers = dict(error.trailing_metadata() or ())
    status = Status.FromString(trailers["grpc-status-details-bin"])
    assert status.code == error.code().value[0]
    assert status.message == error.details()
    for detail in status.details:
        info = RetryInfo()
        assert detail.Unpack(info)
        return float(info.retry_delay.ToNanoseconds() / 1e9)
    return None


def test_both_signals_are_stored_and_answered(tmp_path: Path) -> None:
    """Full success is an empty response: ``partial_success`` must be unset."""
    with receiving_into(tmp_path) as (rig, inbox):
        assert rig.export(traces_body(2)) == b""
        assert rig.export(logs_body(3), LOGS_METHOD) == b""
        assert [(b.signal, b.body) for b in inbox.read(0, 10, 10**6)] == [
            ("traces", traces_body(2)),
            ("logs", logs_body(3)),
        ]
        assert rig.count("causewatch_received_items", signal="logs", transport="grpc") == 3


def test_partial_success_tells_the_count_and_reason() -> None:
    """Each signal has its own message for it."""
    with receiving(ScriptedInbox()) as rig:
        answer = ExportTraceServiceResponse.FromString(rig.export(traces_body() + BAD_SPAN))
        assert answer.partial_success.rejected_spans == 1
        assert "trace id" in answer.partial_success.error_message
        bad_record = tag(1, tag(2, tag(2, tag(9, b"short"))))
        logs = ExportLogsServiceResponse.FromString(rig.export(bad_record, LOGS_METHOD))
        assert logs.partial_success.rejected_log_records == 1


def test_gzip_is_taken(tmp_path: Path) -> None:
    """Collectors compress by default; the inbox gets the plain request."""
    with receiving_into(tmp_path) as (rig, inbox):
        rig.export(traces_body(50), compression=grpc.Compression.Gzip)
        assert [batch.body for batch in inbox.read(0, 10, 10**6)] == [traces_body(50)]


def test_a_message_past_four_mib_is_taken() -> None:
    """A default Collector sends such batches; grpcio's own limit would lose them."""
    inbox = ScriptedInbox()
    with receiving(inbox) as rig:
        rig.export(traces_body(1, text="x" * (8 * 1024 * 1024)))
    assert len(inbox.stored) == 1


@pytest.mark.parametrize("compression", [grpc.Compression.NoCompression, grpc.Compression.Gzip])
def test_a_message_past_the_limit_is_refused_for_good(compression: grpc.Compression) -> None:
    """RESOURCE_EXHAUSTED without retry, unpacked size counting; the server goes on."""
    inbox = ScriptedInbox()
    with receiving(inbox, limits=LIMITS) as rig:
        error = refusal(rig, traces_body(1, text="x" * 1024 * 1024), compression=compression)
        assert error.code() is grpc.StatusCode.RESOURCE_EXHAUSTED
        assert "larger than max" in error.details()
        rig.export(traces_body())
    assert len(inbox.stored) == 1


@pytest.mark.parametrize("body", [b"hello world", gzip.compress(traces_body())])
def test_what_is_not_otlp_is_an_invalid_argument(body: bytes) -> None:
    """Senders drop it, and learn why; there is nothing to retry."""
    with receiving(ScriptedInbox()) as rig:
        error = refusal(rig, body)
        assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
        assert "not an OTLP request" in error.details()
        assert retry_after_s(error) is None


@pytest.mark.parametrize(
    ("failure", "delay_s"),
    [
        (FullError("full", retry_after_s=1.5), 1.5),
        (NotStoredError("disk"), 2.0),
        (RuntimeError("anything"), 2.0),
        (KeyError("anything"), 2.0),
    ],
)
def test_our_failures_are_unavailable_with_a_delay(failure: Exception, delay_s: float) -> None:
    """Never UNKNOWN or INTERNAL, at which senders drop; the same request then succeeds."""
    inbox = ScriptedInbox(failure)
    with receiving(inbox) as rig:
        error = refusal(rig, traces_body())
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        assert retry_after_s(error) == delay_s
        rig.export(traces_body())
    assert len(inbox.stored) == 1


AUTH = ReceiverAuth(tokens=("right",))


@pytest.fixture
def guarded() -> Iterator[Rig]:
    """Receivers that want a token."""
    with receiving(ScriptedInbox(), auth=AUTH) as rig:
        yield rig


@pytest.mark.parametrize(
    "metadata",
    [
        (),
        (("authorization", "Bearer wrong"),),
        (("authorization", "right"),),
        (("authorization", "Bearer right"), ("authorization", "Bearer wrong")),
        (("x-authorization", "Bearer right"),),
    ],
)
def test_a_call_without_the_token_is_refused(
    guarded: Rig, metadata: tuple[tuple[str, str], ...]
) -> None:
    """UNAUTHENTICATED, counted, and nothing is stored."""
    error = refusal(guarded, traces_body(), metadata=metadata)
    assert error.code() is grpc.StatusCode.UNAUTHENTICATED
    labels = {"signal": "traces", "transport": "grpc", "reason": "unauthenticated"}
    assert guarded.count("causewatch_refused_batches", **labels) == 1


def test_a_call_with_the_token_is_taken(guarded: Rig) -> None:
    """Health needs none: load balancers have no tokens."""
    guarded.export(traces_body(), metadata=(("authorization", "Bearer right"),))
    assert guarded.export(b"", HEALTH_METHOD) == b"\x08\x01"


def test_health_knows_the_services() -> None:
    """SERVING for the server and each service, NOT_FOUND for others."""
    with receiving(ScriptedInbox()) as rig:
        trace_service = TRACES_METHOD.split("/")[1].encode()
        assert rig.export(b"", HEALTH_METHOD) == b"\x08\x01"
        assert rig.export(tag(1, trace_service), HEALTH_METHOD) == b"\x08\x01"
        error = refusal(rig, tag(1, b"other"), HEALTH_METHOD)
        assert error.code() is grpc.StatusCode.NOT_FOUND


def test_other_methods_are_unimplemented() -> None:
    """A Collector that sends metrics here is told so, and does not retry."""
    with receiving(ScriptedInbox()) as rig:
        method = "/opentelemetry.proto.collector.metrics.v1.MetricsService/Export"
        assert refusal(rig, b"", method).code() is grpc.StatusCode.UNIMPLEMENTED


def test_a_taken_port_is_the_users_mistake() -> None:
    """Two receivers never share a port: senders would be split between them unnoticed."""
    with receiving(ScriptedInbox()) as rig:
        handler = Handler(ScriptedInbox(), limits=LIMITS, metrics=Metrics())
        taken = Listen(address=f"127.0.0.1:{rig.receivers.grpc_port}")
        with pytest.raises(UserError, match="cannot listen"):
            Receivers(handler, grpc=taken, http=None)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    """Return certificates made for these tests."""
    return made_certificates(tmp_path_factory.mktemp("tls"))


def secure_export(port: int, certificates: Certificates, *, with_client: bool) -> bytes:
    """Export over TLS, showing the client's certificate or not."""
    credentials = grpc.ssl_channel_credentials(
        certificates.authority.read_bytes(),
        certificates.client_key.read_bytes() if with_client else None,
        certificates.client_cert.read_bytes() if with_client else None,
    )
    with grpc.secure_channel(f"localhost:{port}", credentials) as channel:
        answer: bytes = channel.unary_unary(TRACES_METHOD)(traces_body(), timeout=10)
    return answer


def test_tls_and_client_certificates(certificates: Certificates) -> None:
    """TLS alone takes any client; with a client CA only those it signed."""
    inbox = ScriptedInbox()
    handler = Handler(inbox, limits=LIMITS, metrics=Metrics())
    mutual = msgspec.structs.replace(certificates.server, client_ca_file=certificates.authority)
    for tls, needs_client in ((certificates.server, False), (mutual, True)):
        receivers = Receivers(handler, grpc=Listen(address="127.0.0.1:0", tls=tls), http=None)
        try:
            secure_export(receivers.grpc_port, certificates, with_client=True)
            if needs_client:
                with pytest.raises(grpc.RpcError):
                    secure_export(receivers.grpc_port, certificates, with_client=False)
            else:
                secure_export(receivers.grpc_port, certificates, with_client=False)
        finally:
            receivers.stop(0)
    assert len(inbox.stored) == 3


def test_missing_tls_files_are_the_users_mistake(tmp_path: Path) -> None:
    """The start fails and names the file; nothing listens in the clear instead."""
    handler = Handler(ScriptedInbox(), limits=LIMITS, metrics=Metrics())
    tls = ReceiverTls(cert_file=tmp_path / "no.pem", key_file=tmp_path / "no.key")
    with pytest.raises(UserError, match=r"no\.key"):
        Receivers(handler, grpc=Listen(address="127.0.0.1:0", tls=tls), http=None)
