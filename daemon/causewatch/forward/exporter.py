"""Sends one request over the wire, and tells how that ended; the only part that knows a network."""

from __future__ import annotations

import gzip
import ssl
from collections.abc import Callable
from pathlib import Path
from typing import Protocol
from urllib.parse import urlsplit

import grpc
import httpx
from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse

from causewatch.errors import UserError
from causewatch.forward.destination import ClientTls, Destination
from causewatch.forward.outcome import (
    Delivered,
    Outcome,
    TryLater,
    outcome_of_grpc,
    outcome_of_http,
)

TRACES_PATH = "/v1/traces"
_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_DETAILS = "grpc-status-details-bin"
_GZIP_LEVEL = 1
"""Spans are mostly text: a higher level costs several times as much for a tenth of the size."""
_MAX_ANSWER_BYTES = 1024 * 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}


class Exporter(Protocol):
    """Sends requests to one endpoint, one at a time."""

    def send(self, body: bytes) -> Outcome:
        """Send one request; never raises for what the other side or the network does."""

    def close(self) -> None:
        """Give the connection back."""


def exporter_of(destination: Destination, now_ns: Callable[[], int]) -> Exporter:
    """Return what sends to a destination; nothing is connected yet.

    Raises:
        UserError: when its TLS files cannot be used.
    """
    try:
        if destination.protocol == "grpc":
            return GrpcExporter(destination)
        return HttpExporter(destination, now_ns)
    except OSError as error:
        message = f"forward to {destination.name!r}: TLS files cannot be used: {error}"
        raise UserError(message) from None


def traces_url(endpoint: str) -> str:
    """Return where OTLP/HTTP is posted: the endpoint, with ``/v1/traces`` unless it ends so."""
    base = endpoint.rstrip("/")
    return base if base.endswith(TRACES_PATH) else base + TRACES_PATH


def host_and_port(endpoint: str) -> tuple[str, int]:
    """Return what an endpoint's URL names; the port of its scheme where it names none."""
    parts = urlsplit(endpoint)
    return parts.hostname or "", parts.port or _DEFAULT_PORTS.get(parts.scheme, 0)


class HttpExporter:
    """OTLP/HTTP with protobuf bodies. Redirects are not followed: headers are for one host."""

    def __init__(self, destination: Destination, now_ns: Callable[[], int]) -> None:
        self._url = traces_url(destination.endpoint)
        self._is_gzip = destination.compression == "gzip"
        self._now_ns = now_ns
        headers = {"content-type": "application/x-protobuf", "user-agent": "causewatch"}
        if self._is_gzip:
            headers["content-encoding"] = "gzip"
        self._client = httpx.Client(
            headers={**headers, **destination.headers},
            timeout=destination.timeout_s,
            verify=_verify(destination.tls),
            follow_redirects=False,
            trust_env=False,
        )

    def send(self, body: bytes) -> Outcome:
        """Post one request."""
        content = gzip.compress(body, _GZIP_LEVEL) if self._is_gzip else body
        try:
            with self._client.stream("POST", self._url, content=content) as response:
                now_s = self._now_ns() / 1e9
                found = outcome_of_http(response.status_code, response.headers, now_s)
                return found or _partial(_read(response))
        except (httpx.HTTPError, httpx.StreamError) as error:
            return TryLater(message=type(error).__name__)

    def close(self) -> None:
        """Give the connection back."""
        self._client.close()


class GrpcExporter:
    """OTLP/gRPC; ``https`` endpoints with TLS."""

    def __init__(self, destination: Destination) -> None:
        host, port = host_and_port(destination.endpoint)
        self._timeout_s = destination.timeout_s
        self._metadata = tuple((k.lower(), v) for k, v in destination.headers.items())
        is_gzip = destination.compression == "gzip"
        self._compression = grpc.Compression.Gzip if is_gzip else grpc.Compression.NoCompression
        options = [
            ("grpc.max_receive_message_length", _MAX_ANSWER_BYTES),
            ("grpc.enable_http_proxy", 0),
        ]
        target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
        if urlsplit(destination.endpoint).scheme == "https":
            credentials = _credentials(destination.tls)
            self._channel = grpc.secure_channel(target, credentials, options=options)
        else:
            self._channel = grpc.insecure_channel(target, options=options)
        self._export = self._channel.unary_unary(_METHOD)

    def send(self, body: bytes) -> Outcome:
        """Call ``Export`` once."""
        try:
            answer = self._export(
                body,
                timeout=self._timeout_s,
                metadata=self._metadata,
                compression=self._compression,
            )
        except grpc.RpcError as error:
            trailers = dict(error.trailing_metadata() or ())
            details = trailers.get(_DETAILS, b"")
            return outcome_of_grpc(
                error.code().name,
                error.details() or "",
                details if isinstance(details, bytes) else b"",
            )
        return _partial(answer)

    def close(self) -> None:
        """Give the connection back."""
        self._channel.close()


def _partial(answer: bytes) -> Outcome:
    """Return what the body of an accepted request says of a rejected part."""
    try:
        partial = ExportTraceServiceResponse.FromString(answer).partial_success
    except DecodeError:
        # Taken all the same: some servers answer in JSON, or with a page.
        return Delivered()
    return Delivered(rejected_spans=max(0, partial.rejected_spans), message=partial.error_message)


def _read(response: httpx.Response) -> bytes:
    found = b""
    for chunk in response.iter_bytes():
        found += chunk
        if len(found) > _MAX_ANSWER_BYTES:
            return b""
    return found


def _verify(tls: ClientTls) -> ssl.SSLContext | bool:
    if not tls.ca_file and not tls.cert_file:
        return True
    context = ssl.create_default_context(cafile=tls.ca_file or None)
    if tls.cert_file:
        context.load_cert_chain(tls.cert_file, tls.key_file or None)
    return context


def _credentials(tls: ClientTls) -> grpc.ChannelCredentials:
    return grpc.ssl_channel_credentials(
        root_certificates=Path(tls.ca_file).read_bytes() if tls.ca_file else None,
        private_key=Path(tls.key_file).read_bytes() if tls.key_file else None,
        certificate_chain=Path(tls.cert_file).read_bytes() if tls.cert_file else None,
    )
