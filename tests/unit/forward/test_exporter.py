"""The wire: both protocols against servers on loopback, and what they answer."""

from __future__ import annotations

import contextlib
import gzip
import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import grpc
import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceResponse,
)

from causewatch.errors import UserError
from causewatch.forward.destination import ClientTls, Destination
from causewatch.forward.exporter import (
    Exporter,
    exporter_of,
    host_and_port,
    traces_url,
)
from causewatch.forward.outcome import Delivered, Refused, TooLarge, TryLater
from causewatch.receive.status import status_protobuf
from forward_fixtures import T0_NS
from otlp_fixtures import traces_body

BODY = traces_body(3)
PARTIAL = ExportTraceServiceResponse(
    partial_success=ExportTracePartialSuccess(rejected_spans=2, error_message="too old")
).SerializeToString()


class Heard(msgspec.Struct, kw_only=True):
    """One request as a server saw it."""

    path: str
    headers: dict[str, str]
    body: bytes


class HttpServer:
    """Keeps what it is sent, and answers as told."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer: tuple[int, dict[str, str], bytes] = (200, {}, b"")
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["content-length"]))
                headers = {k.lower(): v for k, v in self.headers.items()}
                outer.heard.append(Heard(path=self.path, headers=headers, body=body))
                status, more, content = outer.answer
                self.send_response(status)
                for name, value in more.items():
                    self.send_header(name, value)
                self.send_header("content-length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"


@pytest.fixture
def http() -> Iterator[HttpServer]:
    """Return a started HTTP server."""
    found = HttpServer()
    thread = threading.Thread(target=found.server.serve_forever, args=(0.01,))
    thread.start()
    yield found
    found.server.shutdown()
    thread.join()
    found.server.server_close()


class GrpcServer(grpc.GenericRpcHandler):  # type: ignore[misc]  # grpc has no types
    """The same over gRPC; ``fail`` is a code, a message and trailers."""

    def __init__(self) -> None:
        self.heard: list[Heard] = []
        self.answer = b""
        self.fail: tuple[grpc.StatusCode, str, bytes] | None = None

    def service(self, details: Any) -> Any:
        """Serve whatever is called."""

        def export(body: bytes, context: Any) -> bytes:
            headers = {k: v for k, v in context.invocation_metadata() if isinstance(v, str)}
            self.heard.append(Heard(path=details.method, headers=headers, body=body))
            if self.fail is not None:
                code, message, status = self.fail
                context.set_trailing_metadata((("grpc-status-details-bin", status),))
                context.abort(code, message)
            return self.answer

        return grpc.unary_unary_rpc_method_handler(export)


@pytest.fixture
def rpc() -> Iterator[tuple[GrpcServer, str]]:
    """Return a started gRPC server and its URL."""
    handler = GrpcServer()
    server = grpc.server(futures.ThreadPoolExecutor(2), handlers=(handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield handler, f"http://127.0.0.1:{port}"
    server.stop(None).wait()


@contextlib.contextmanager
def sending(endpoint: str, **keys: Any) -> Iterator[Exporter]:
    """Yield an exporter, and close it."""
    destination = Destination(name="there", endpoint=endpoint, **keys)
    exporter = exporter_of(destination, lambda: T0_NS)
    try:
        yield exporter
    finally:
        exporter.close()


def test_http_posts_protobuf(http: HttpServer) -> None:
    """To ``/v1/traces`` below the endpoint, with the headers that were given."""
    with sending(
        f"{http.url}/otel", protocol="http", compression="none", headers={"X-Key": "k"}
    ) as e:
        assert e.send(BODY) == Delivered()
    (heard,) = http.heard
    assert (heard.path, heard.body) == ("/otel/v1/traces", BODY)
    assert heard.headers["content-type"] == "application/x-protobuf"
    assert heard.headers["x-key"] == "k"
    assert "content-encoding" not in heard.headers


def test_http_compresses(http: HttpServer) -> None:
    """By default, with gzip."""
    with sending(http.url, protocol="http") as exporter:
        assert exporter.send(BODY) == Delivered()
    (heard,) = http.heard
    assert heard.headers["content-encoding"] == "gzip"
    assert gzip.decompress(heard.body) == BODY


@pytest.mark.parametrize(
    ("answer", "wanted"),
    [
        ((200, {}, PARTIAL), Delivered(rejected_spans=2, message="too old")),
        ((200, {}, b"<html>thanks</html>"), Delivered()),
        ((200, {}, b"{}"), Delivered()),
        ((202, {}, b"x" * (1 << 21)), Delivered()),
        ((429, {"retry-after": "3"}, b""), TryLater(message="HTTP 429", retry_after_s=3)),
        ((503, {}, b"away"), TryLater(message="HTTP 503")),
        ((413, {}, b""), TooLarge(message="HTTP 413")),
        ((401, {}, b""), Refused(message="HTTP 401")),
        ((307, {"location": "http://127.0.0.1:1/"}, b""), Refused(message="HTTP 307")),
    ],
)
def test_http_answers(
    http: HttpServer, answer: tuple[int, dict[str, str], bytes], wanted: object
) -> None:
    """Statuses, Retry-After and partial success; redirects are not followed."""
    http.answer = answer
    with sending(http.url, protocol="http") as exporter:
        assert exporter.send(BODY) == wanted


def test_http_to_nobody_is_tried_again() -> None:
    """Refused connections, and servers that hang up."""
    with sending("http://127.0.0.1:1", protocol="http") as exporter:
        assert exporter.send(BODY) == TryLater(message="ConnectError")


def test_grpc_calls_export(rpc: tuple[GrpcServer, str]) -> None:
    """With the headers that were given, in lower case as gRPC wants them."""
    handler, url = rpc
    for compression in ("none", "gzip"):
        with sending(url, headers={"X-Key": "k"}, compression=compression) as exporter:
            assert exporter.send(BODY) == Delivered()
    for heard in handler.heard:
        assert heard.path == "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
        assert (heard.body, heard.headers["x-key"]) == (BODY, "k")


def test_grpc_answers(rpc: tuple[GrpcServer, str]) -> None:
    """Partial success, codes, RetryInfo."""
    handler, url = rpc
    with sending(url) as exporter:
        handler.answer = PARTIAL
        assert exporter.send(BODY) == Delivered(rejected_spans=2, message="too old")
        handler.fail = (grpc.StatusCode.UNAVAILABLE, "full", status_protobuf(14, "full", 1.5))
        assert exporter.send(BODY) == TryLater(message="UNAVAILABLE: full", retry_after_s=1.5)
        handler.fail = (grpc.StatusCode.INVALID_ARGUMENT, "no", b"")
        assert exporter.send(BODY) == Refused(message="INVALID_ARGUMENT: no")


def test_a_grpc_server_with_a_smaller_limit_gets_smaller_requests(
    rpc: tuple[GrpcServer, str],
) -> None:
    """Its 4 MiB are told from other exhaustion."""
    _, url = rpc
    with sending(url, compression="none") as exporter:
        assert isinstance(exporter.send(b"x" * (5 << 20)), TooLarge)


def test_grpc_to_nobody_is_tried_again() -> None:
    """Unavailable, by gRPC's own word."""
    with sending("http://127.0.0.1:1") as exporter:
        found = exporter.send(BODY)
    assert isinstance(found, TryLater)
    assert found.message.startswith("UNAVAILABLE")


def test_tls_files_that_cannot_be_used_are_named() -> None:
    """At the start, not at the first run."""
    tls = ClientTls(ca_file="/nowhere/ca.pem")
    for protocol in ("grpc", "http"):
        with (
            pytest.raises(UserError, match="forward to 'there': TLS files cannot be used"),
            sending("https://localhost", protocol=protocol, tls=tls),
        ):
            pass


@pytest.mark.parametrize(
    ("endpoint", "url"),
    [
        ("http://a:4318", "http://a:4318/v1/traces"),
        ("http://a:4318/", "http://a:4318/v1/traces"),
        ("https://a/otel", "https://a/otel/v1/traces"),
        ("https://a/otel/v1/traces", "https://a/otel/v1/traces"),
    ],
)
def test_an_endpoint_is_a_base_or_the_whole(endpoint: str, url: str) -> None:
    """As exporters of SDKs take either."""
    assert traces_url(endpoint) == url


@pytest.mark.parametrize(
    ("endpoint", "wanted"),
    [
        ("http://tempo:4317", ("tempo", 4317)),
        ("https://api.honeycomb.io", ("api.honeycomb.io", 443)),
        ("http://[::1]:4317", ("::1", 4317)),
    ],
)
def test_an_endpoint_names_host_and_port(endpoint: str, wanted: tuple[str, int]) -> None:
    """The port of the scheme where it names none."""
    assert host_and_port(endpoint) == wanted
