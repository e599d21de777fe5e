"""Serves the pages, the API and the metrics in a thread of its own."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Iterator
from typing import Any

import uvicorn

from causewatch.app.address import Address
from causewatch.errors import UserError

START_TIMEOUT_S = 10.0
STOP_TIMEOUT_S = 5.0


class WebServer:
    """A started server; ``port`` is the one it is bound to.

    Raises:
        UserError: the address cannot be bound.
    """

    def __init__(self, app: Any, listen: Address) -> None:
        bound = _bind(listen)
        self.port = int(bound.getsockname()[1])
        config = uvicorn.Config(
            app,
            lifespan="off",
            log_config=None,
            access_log=False,
            server_header=False,
            timeout_graceful_shutdown=round(STOP_TIMEOUT_S),
        )
        self._server = _QuietServer(config)
        self._thread = threading.Thread(
            target=self._server.run, args=([bound],), name="causewatch-web", daemon=True
        )
        self._thread.start()
        until_s = time.monotonic() + START_TIMEOUT_S
        while not self._server.started and time.monotonic() < until_s:
            time.sleep(0.01)

    def stop(self) -> None:
        """Answer what is at hand, then end."""
        self._server.should_exit = True
        self._thread.join(STOP_TIMEOUT_S + 1.0)


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves the signals of the process to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _bind(listen: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in listen.host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        bound.bind((listen.host, listen.port))
    except OSError as error:
        bound.close()
        raise UserError(f"cannot listen on {listen} for the web pages: {error.strerror}") from None
    return bound
