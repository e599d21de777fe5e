from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent import futures
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import grpc
import pytest
from bench.send import send_grpc, send_http

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


class Answers:
    """What a server answers, one after the other; the last for ever. Keeps the bodies it took."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.taken: list[bytes] = []
        self._lock = threading.Lock()

    def next(self, body: bytes) -> Any:
        """Return the next answer; an accepted body is kept."""
        with self._lock:
            answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            if answer in {200, None}:
                self.taken.append(body)
            return answer


@pytest.fixture
def http(request: pytest.FixtureRequest) -> Iterator[tuple[str, Answers]]:
    """Yield the address of an HTTP server that gives the test's answers."""
    answers = Answers(*request.param)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["content-length"]))
            self.send_response(answers.next(body) if self.path == "/v1/traces" else 404)
            self.send_header("content-length", "0")
            self.end_headers()

        def log_message(self, *unused: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}", answers
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def rpc(request: pytest.FixtureRequest) -> Iterator[tuple[str, Answers]]:
    """Yield the address of a gRPC server that gives the test's answers."""
    answers = Answers(*request.param)

    def export(body: bytes, context: grpc.ServicerContext) -> bytes:
        code = answers.next(body)
        if code is not None:
            context.abort(code, "as told")
        return b""

    server = grpc.server(futures.ThreadPoolExecutor(4))
    method = grpc.unary_unary_rpc_method_handler(export)
    handler = grpc.method_handlers_generic_handler(SERVICE, {"Export": method})
    server.add_generic_rpc_handlers((handler,))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    yield f"127.0.0.1:{port}", answers
    server.stop(0).wait()


BODIES = [b"one", b"two", b"three"]


@pytest.mark.parametrize(
    ("http", "accepted", "retries"),
    [((200,), 3, 0), ((503, 429, 200), 3, 2), ((400, 200), 2, 0), ((500,), 0, 0)],
    indirect=["http"],
)
def test_http_answers_are_told_apart(
    http: tuple[str, Answers], accepted: int, retries: int
) -> None:
    """An answer "not now" is tried again, "no" is not, and each success counts once."""
    url, answers = http
    sent = send_http(url, BODIES, in_flight=2, timeout_s=20)
    assert (sent.accepted, sent.retries) == (accepted, retries)
    assert len(answers.taken) == accepted
    assert set(answers.taken) <= set(BODIES)


@pytest.mark.parametrize(
    ("rpc", "accepted", "retries"),
    [
        ((None,), 3, 0),
        ((grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED, None), 3, 2),
        ((grpc.StatusCode.INVALID_ARGUMENT, None), 2, 0),
        ((grpc.StatusCode.INTERNAL,), 0, 0),
    ],
    indirect=["rpc"],
)
def test_grpc_answers_are_told_apart(rpc: tuple[str, Answers], accepted: int, retries: int) -> None:
    """The same over gRPC."""
    endpoint, answers = rpc
    sent = send_grpc(endpoint, BODIES, in_flight=2, timeout_s=20)
    assert (sent.accepted, sent.retries) == (accepted, retries)
    assert len(answers.taken) == accepted


@pytest.mark.parametrize("http", [(503,)], indirect=True)
def test_the_time_limit_holds_for_all_requests_together(http: tuple[str, Answers]) -> None:
    """A server that never accepts does not hold the sender up for longer than it may."""
    sent = send_http(http[0], BODIES * 10, in_flight=2, timeout_s=0.5)
    assert sent.accepted == 0
    assert sent.seconds < 5
