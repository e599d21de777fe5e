"""A stand-in for Slack's Web API on loopback, for ``causewatch demo``: keeps what it is sent."""

from __future__ import annotations

import json
import threading
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MAX_BODY_BYTES = 1024 * 1024


class SlackMirror:
    """Answers ``chat.*`` calls like Slack and keeps the newest state of each message."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._messages: dict[str, dict[str, Any]] = {}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler_of(self))
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)
        self._thread.start()

    @property
    def api_url(self) -> str:
        """Return what to put into a receiver's ``api_url``."""
        return f"http://127.0.0.1:{self._server.server_address[1]}/api/"

    def messages(self) -> list[dict[str, Any]]:
        """Return the messages of the channel (thread replies left out), oldest first."""
        with self._lock:
            return [m for m in self._messages.values() if not m.get("thread_ts")]

    def answer(self, method: str, sent: dict[str, Any]) -> dict[str, Any]:
        """Take one call and return Slack's answer."""
        with self._lock:
            if method == "chat.update" and sent.get("ts") in self._messages:
                ts = str(sent["ts"])
            else:
                ts = f"{1_000_000_000 + len(self._messages)}.000100"
            self._messages[ts] = {**self._messages.get(ts, {}), **sent}
        return {"ok": True, "channel": "C0DEMO", "ts": ts, "message": {"ts": ts}}

    def close(self) -> None:
        """Stop answering."""
        self._server.shutdown()
        self._server.server_close()


def _handler_of(mirror: SlackMirror) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """One call of the Web API, as JSON or as a form."""

        def do_POST(self) -> None:  # the library's name
            length = min(int(self.headers.get("Content-Length", 0)), MAX_BODY_BYTES)
            body = self.rfile.read(length)
            if "json" in self.headers.get("Content-Type", ""):
                sent = json.loads(body)
            else:
                form = urllib.parse.parse_qs(body.decode())
                sent = {key: values[0] for key, values in form.items()}
            if isinstance(sent.get("blocks"), str):
                sent["blocks"] = json.loads(sent["blocks"])
            answer = json.dumps(mirror.answer(self.path.rsplit("/", 1)[-1], sent)).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_args: object) -> None:
            """Say nothing: the demo tells the story itself."""

    return Handler
