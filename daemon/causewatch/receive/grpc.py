"""OTLP over gRPC: raw bytes in, an answer that a Collector or SDK understands out.

Which codes make a sender keep its data is told by the OTLP specification ("Failures"): UNAVAILABLE
always, RESOURCE_EXHAUSTED only with ``RetryInfo``, INTERNAL and UNKNOWN never. So every failure of
ours is UNAVAILABLE with ``RetryInfo``.
"""

from __future__ import annotations

import socket
from collections.abc import Awaitable, Callable
from typing import TypeAlias, assert_never

import grpc
import grpc.aio
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import (
    ExportLogsPartialSuccess,
    ExportLogsServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from causewatch.errors import UserError
from causewatch.inbox.batch import Signal
from causewatch.receive.handler import Handler
from causewatch.receive.limits import Listen, ReceiverAuth, ReceiverTls, host_and_port
from causewatch.receive.outcome import (
    Accepted,
    Full,
    Invalid,
    Outcome,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from causewatch.receive.status import status_protobuf

SERVICES: dict[str, Signal] = {
    "opentelemetry.proto.collector.trace.v1.TraceService": "traces",
    "opentelemetry.proto.collector.logs.v1.LogsService": "logs",
}
HEALTH_SERVICE = "grpc.health.v1.Health"

_SERVING, _NOT_SERVING = b"\x08\x01", b"\x08\x02"
"""``HealthCheckResponse {1: enum status}`` with SERVING = 1 and NOT_SERVING = 2."""

_MIN_PING_INTERVAL_MS = 10_000
_Method: TypeAlias = Callable[[bytes, "grpc.aio.ServicerContext[bytes, bytes]"], Awaitable[bytes]]


class GrpcServer:
    """A started receiver; ``port`` is the one it is bound to."""

    def __init__(self, server: grpc.aio.Server, port: int, health: _Health) -> None:
        self.port = port
        self._server = server
        self._health = health

    async def stop(self, grace_s: float) -> None:
        """Take no new requests, and answer those at hand for up to ``grace_s`` seconds."""
        self._health.is_serving = False
        await self._server.stop(grace_s)


async def serve_grpc(handler: Handler, listen: Listen) -> GrpcServer:
    """Start the gRPC receiver on the running loop.

    Raises:
        UserError: the address cannot be bound, or the TLS files cannot be used.
    """
    limits = handler.limits
    server = grpc.aio.server(
        options=[
            ("grpc.max_receive_message_length", limits.max_message_bytes),
            ("grpc.max_concurrent_streams", limits.max_streams_per_connection),
            # Two processes on one port would share the senders between them unnoticed.
            ("grpc.so_reuseport", 0),
            # Collectors with keepalive configured would be sent away for too many pings.
            ("grpc.http2.min_recv_ping_interval_without_data_ms", _MIN_PING_INTERVAL_MS),
            ("grpc.keepalive_permit_without_calls", 1),
        ]
    )
    health = _Health()
    for service, signal in SERVICES.items():
        export = _Export(handler, signal, listen.auth)
        server.add_generic_rpc_handlers((_raw_service(service, "Export", export),))
    server.add_generic_rpc_handlers((_raw_service(HEALTH_SERVICE, "Check", health),))
    port = _bind(server, listen)
    await server.start()
    return GrpcServer(server, port, health)


class _Export:
    """The ``Export`` method of one signal."""

    def __init__(self, handler: Handler, signal: Signal, auth: ReceiverAuth | None) -> None:
        self._handler = handler
        self._signal: Signal = signal
        self._auth = auth

    async def __call__(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        if self._auth is not None and not _is_permitted(self._auth, context):
            refusal = Unauthenticated()
            self._handler.count_refusal(self._signal, "grpc", refusal)
            outcome: Outcome = refusal
        else:
            outcome = await self._handler.handle(self._signal, "grpc", body)
        if isinstance(outcome, Accepted):
            return response_protobuf(self._signal, outcome)
        code, details = _status(outcome)
        trailers = (("grpc-status-details-bin", details),)
        await context.abort(code, outcome.message, trailing_metadata=trailers)
        return b""  # Never reached: abort raises.


class _Health:
    """``grpc.health.v1.Health/Check``, which load balancers and Kubernetes ask."""

    def __init__(self) -> None:
        self.is_serving = True

    async def __call__(self, body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        # HealthCheckRequest {1: string service}; the names are shorter than 128 bytes.
        name = body[2:].decode("utf-8", "replace")
        if name and name not in SERVICES:
            await context.abort(grpc.StatusCode.NOT_FOUND, "unknown service")
        return _SERVING if self.is_serving else _NOT_SERVING


def response_protobuf(signal: Signal, accepted: Accepted) -> bytes:
    """Return the export response; ``partial_success`` is unset on full success, as it must be."""
    if not accepted.rejected_count:
        return b""
    if signal == "traces":
        return ExportTraceServiceResponse(
            partial_success=ExportTracePartialSuccess(
                rejected_spans=accepted.rejected_count, error_message=accepted.message
            )
        ).SerializeToString()
    return ExportLogsServiceResponse(
        partial_success=ExportLogsPartialSuccess(
            rejected_log_records=accepted.rejected_count, error_message=accepted.message
        )
    ).SerializeToString()


def _status(refusal: Refusal) -> tuple[grpc.StatusCode, bytes]:
    """Return the code of ``refusal`` and its details, which say when to try again where one may."""
    retry_after_s = None
    match refusal:
        case Invalid():
            code = grpc.StatusCode.INVALID_ARGUMENT
        case TooLarge():
            code = grpc.StatusCode.RESOURCE_EXHAUSTED
        case Unauthenticated():
            code = grpc.StatusCode.UNAUTHENTICATED
        case Full() | Unavailable():
            # Not RESOURCE_EXHAUSTED: a sender that overlooks RetryInfo would drop its data.
            code = grpc.StatusCode.UNAVAILABLE
            retry_after_s = refusal.retry_after_s
        case _:
            assert_never(refusal)
    return code, status_protobuf(code.value[0], refusal.message, retry_after_s)


def _is_permitted(auth: ReceiverAuth, context: grpc.aio.ServicerContext[bytes, bytes]) -> bool:
    metadata = context.invocation_metadata() or ()
    values = [value for key, value in metadata if key == auth.header.lower()]
    return len(values) == 1 and isinstance(values[0], str) and auth.permits(values[0])


def _raw_service(service: str, method: str, behaviour: _Method) -> grpc.GenericRpcHandler:
    """Return a service of one method whose messages stay bytes."""

    # grpcio calls a coroutine function; a callable object would be taken for a blocking one.
    async def run(body: bytes, context: grpc.aio.ServicerContext[bytes, bytes]) -> bytes:
        return await behaviour(body, context)

    handlers = {method: grpc.unary_unary_rpc_method_handler(run)}
    return grpc.method_handlers_generic_handler(service, handlers)


def _bind(server: grpc.aio.Server, listen: Listen) -> int:
    host, port = host_and_port(listen.address)
    _check_free(listen.address, host, port)
    target = f"[{host}]:{port}" if ":" in host else f"{host or '[::]'}:{port}"
    try:
        if listen.tls is None:
            return int(server.add_insecure_port(target))
        return int(server.add_secure_port(target, _credentials(listen.tls)))
    except RuntimeError as error:
        raise UserError(f"cannot listen on {listen.address} for gRPC: {error}") from error


def _check_free(address: str, host: str, port: int) -> None:
    """Say that a port is taken in one line; gRPC itself would write its own to standard error."""
    if not port:
        return
    try:
        family, _, _, _, where = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM)[0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(where)
    except OSError as error:
        why = error.strerror or str(error)
        raise UserError(f"cannot listen on {address} for gRPC: {why}") from error


def _credentials(tls: ReceiverTls) -> grpc.ServerCredentials:
    try:
        pair = (tls.key_file.read_bytes(), tls.cert_file.read_bytes())
        client_ca = tls.client_ca_file.read_bytes() if tls.client_ca_file else None
    except OSError as error:
        raise UserError(f"{error.filename}: {error.strerror}") from error
    return grpc.ssl_server_credentials(
        [pair], root_certificates=client_ca, require_client_auth=client_ca is not None
    )
