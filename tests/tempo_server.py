"""A search API that answers as Grafana Tempo documents it, on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit

FOUND = {
    "traces": [
        {
            "traceID": "2f3e0cee77ae5dc9c17ade3689eb2e54",
            "rootServiceName": "shop-backend",
            "rootTraceName": "update-billing",
            "startTimeUnixNano": "1684778327699392724",
            "durationMs": 557,
            "spanSet": {"spans": [{"spanID": "563d623c76514f8e"}], "matched": 1},
            "spanSets": [
                {
                    "spans": [
                        {
                            "spanID": "563d623c76514f8e",
                            "startTimeUnixNano": "1684778327735077898",
                            "durationNanos": "446979497",
                            "attributes": [{"key": "status", "value": {"stringValue": "error"}}],
                        },
                        {"spanID": "a12", "startTimeUnixNano": "1", "durationNanos": "1"},
                    ],
                    "matched": 2,
                },
                {"spans": [{"spanID": "0000000000000001"}], "matched": 1},
            ],
        },
        {"traceID": "4f", "spanSets": [{"spans": [{"spanID": "1"}], "matched": 7}]},
    ],
    "metrics": {"inspectedTraces": 150, "inspectedBytes": "295446", "totalBlocks": 3},
}
"""An answer with two span sets in one trace, ids without leading zeros, and a cut span set."""


class Tempo:
    """What the server was asked, and what it says."""

    def __init__(self) -> None:
        self.url = ""
        self.status = 200
        self.body: bytes = json.dumps(FOUND).encode()
        self.asked: list[dict[str, str]] = []
        self.headers: list[dict[str, str]] = []


@contextmanager
def running_tempo() -> Iterator[Tempo]:
    """Yield a server that runs until the block ends."""
    tempo = Tempo()

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            tempo.asked.append({name: each[0] for name, each in parse_qs(asked.query).items()})
            tempo.headers.append({name.lower(): value for name, value in self.headers.items()})
            known = asked.path == "/tempo/api/search"
            self.send_response(tempo.status if known else 404)
            self.send_header("Content-Length", str(len(tempo.body)))
            self.end_headers()
            self.wfile.write(tempo.body)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    tempo.url = f"http://127.0.0.1:{server.server_port}/tempo/"
    try:
        yield tempo
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
