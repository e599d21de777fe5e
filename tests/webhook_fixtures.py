"""A webhook on loopback for tests, and what is sent to it."""

from __future__ import annotations

import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from causewatch.notify.outcome import Delivery
from causewatch.store.record import Action, OutboxRow
from notify_fixtures import NOW, an_alert, opened, resolved, then


class Hook(ThreadingHTTPServer):
    """A webhook that keeps what it gets and answers as told."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        self.answer_headers: dict[str, str] = {}
        self.scheme = "http"

    def secure(self, context: ssl.SSLContext) -> None:
        """Speak TLS from now on."""
        self.scheme = "https"
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        """Say nothing of clients that break a connection off: that is what is tested."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}/hook"


class _Handler(BaseHTTPRequestHandler):
    server: Hook

    def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # the library's name
        pass

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["content-length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.server.got.append((self.path, headers, body))
        if self.server.status == 0:
            return  # the connection is closed without an answer
        self.send_response(self.server.status)
        for name, value in self.server.answer_headers.items():
            self.send_header(name, value)
        self.send_header("content-length", "0")
        self.end_headers()


@contextmanager
def serving(context: ssl.SSLContext | None = None) -> Iterator[Hook]:
    """Serve a webhook for a while, over TLS where it is told how."""
    hook = Hook()
    if context is not None:
        hook.secure(context)
    thread = threading.Thread(target=hook.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield hook
    hook.shutdown()
    hook.server_close()
    thread.join()


def a_delivery(action: Action = "open") -> Delivery:
    """Return the delivery of an incident that opens or resolves."""
    change = opened() if action == "open" else then(opened().incident, resolved(an_alert()))
    row = OutboxRow(
        message_id=f"msg_{action}",
        target="team/webhook/x",
        incident=change.incident,
        action=action,
        reason=change.reason,
        created_at_ns=NOW,
        due_at_ns=NOW,
    )
    return Delivery(row=row)
