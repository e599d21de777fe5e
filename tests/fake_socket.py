"""The far end of Socket Mode on loopback: presses buttons, and sees how they are answered."""

from __future__ import annotations

import json
import queue
import threading
from typing import Any, Self

from websockets.exceptions import ConnectionClosed
from websockets.sync.server import Server, ServerConnection, serve

PATIENCE_S = 10.0


class FakeSocket:
    """A websocket server like Slack's: says hello, sends envelopes, takes acknowledgements."""

    def __init__(self) -> None:
        self.acks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
        self._connections: queue.SimpleQueue[ServerConnection] = queue.SimpleQueue()
        self._sent = 0
        self._server: Server = serve(self._serve, "127.0.0.1", 0)
        self._thread = threading.Thread(target=self._server.serve_forever, daemon=True)

    @property
    def url(self) -> str:
        return f"ws://127.0.0.1:{self._server.socket.getsockname()[1]}/link"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """End all connections; a client then need not wait until its reading times out."""
        self._server.shutdown()
        self._thread.join()

    def connection(self) -> ServerConnection:
        """Wait for the next connection."""
        return self._connections.get(timeout=PATIENCE_S)

    def send(self, to: ServerConnection, payload: Any, kind: str = "interactive") -> dict[str, Any]:
        """Send one envelope; return the acknowledgement of it."""
        self._sent += 1
        envelope = {"type": kind, "envelope_id": f"e{self._sent}", "payload": payload}
        to.send(json.dumps(envelope | {"accepts_response_payload": True}))
        ack = self.acks.get(timeout=PATIENCE_S)
        assert ack["envelope_id"] == f"e{self._sent}"
        return ack

    def _serve(self, connection: ServerConnection) -> None:
        connection.send(json.dumps({"type": "hello", "num_connections": 1}))
        self._connections.put(connection)
        try:
            for message in connection:
                self.acks.put(json.loads(message))
        except ConnectionClosed:
            return


def press(action: dict[str, Any], *, user: str = "U0000001", url: str = "") -> dict[str, Any]:
    """Return what Slack sends when a user presses a button of a message."""
    return {
        "type": "block_actions",
        "user": {"id": user, "username": "ana", "name": "ana", "team_id": "T1"},
        "api_app_id": "A1",
        "channel": {"id": "C0000001", "name": "agents"},
        "message": {"ts": "1.1", "text": "…"},
        "response_url": url,
        "actions": [{"block_id": "b", "action_ts": "1700000000.1", **action}],
    }
