"""Starting and stopping the receivers: HTTP by uvicorn, and both in a thread of their own."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
import threading
from collections.abc import Coroutine, Iterator
from typing import Any, TypeVar

import uvicorn
import uvloop

from causewatch.errors import CausewatchError, UserError
from causewatch.receive.grpc import GrpcServer, serve_grpc
from causewatch.receive.handler import Handler
from causewatch.receive.http import http_app
from causewatch.receive.limits import Listen, host_and_port

_BACKLOG = 1024
_KEEP_ALIVE_S = 75
_STARTED_POLL_S = 0.01
_START_TIMEOUT_S = 30.0
_STOP_MARGIN_S = 5.0

_Result = TypeVar("_Result")


class HttpServer:
    """A started receiver; ``port`` is the one it is bound to."""

    def __init__(self, server: uvicorn.Server, task: asyncio.Task[None], port: int) -> None:
        self.port = port
        self._server = server
        self._task = task

    async def stop(self, grace_s: float) -> None:
        """Take no new requests, and answer those at hand for up to ``grace_s`` seconds."""
        self._server.config.timeout_graceful_shutdown = max(1, round(grace_s))
        self._server.should_exit = True
        await self._task


async def serve_http(handler: Handler, listen: Listen) -> HttpServer:
    """Start the HTTP receiver on the running loop.

    Raises:
        UserError: the address cannot be bound, or the TLS files cannot be used.
    """
    config = _config(handler, listen)
    bound = _bind(listen.address)
    server = _QuietServer(config)
    task = asyncio.get_running_loop().create_task(server.serve(sockets=[bound]))
    while not server.started:
        if task.done():
            await task
            raise CausewatchError("the HTTP receiver ended while it was starting")
        await asyncio.sleep(_STARTED_POLL_S)
    return HttpServer(server, task, bound.getsockname()[1])


class _QuietServer(uvicorn.Server):
    """uvicorn that leaves the signals of the process to the process."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


def _config(handler: Handler, listen: Listen) -> uvicorn.Config:
    tls = listen.tls
    config = uvicorn.Config(
        http_app(handler, listen.auth),
        http="httptools",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=_BACKLOG,
        timeout_keep_alive=_KEEP_ALIVE_S,
        ssl_certfile=tls.cert_file if tls else None,
        ssl_keyfile=tls.key_file if tls else None,
        ssl_ca_certs=str(tls.client_ca_file) if tls and tls.client_ca_file else None,
        ssl_cert_reqs=ssl.CERT_REQUIRED if tls and tls.client_ca_file else ssl.CERT_NONE,
    )
    try:
        config.load()
    except (OSError, ssl.SSLError) as error:
        raise UserError(f"TLS of {listen.address} cannot be used: {error}") from error
    return config


def _bind(address: str) -> socket.socket:
    host, port = host_and_port(address)
    family = socket.AF_INET6 if ":" in host or not host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host or "::", port))
    except OSError as error:
        bound.close()
        raise UserError(f"cannot listen on {address} for HTTP: {error.strerror}") from error
    bound.set_inheritable(False)
    return bound


class Receivers:
    """The receivers in a thread with a loop of its own, apart from whatever else runs.

    Attributes:
        grpc_port: the bound port; 0 without a gRPC receiver.
        http_port: the bound port; 0 without an HTTP receiver.
    """

    def __init__(self, handler: Handler, *, grpc: Listen | None, http: Listen | None) -> None:
        """Start them.

        Raises:
            UserError: an address cannot be bound, or TLS files cannot be used; nothing runs then.
        """
        self._loop = uvloop.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="causewatch-receive", daemon=True
        )
        self._servers: list[GrpcServer | HttpServer] = []
        self._thread.start()
        self.grpc_port = self.http_port = 0
        try:
            if grpc is not None:
                self.grpc_port = self._started(serve_grpc(handler, grpc))
            if http is not None:
                self.http_port = self._started(serve_http(handler, http))
        except BaseException:
            self.stop(0)
            raise

    def stop(self, grace_s: float) -> None:
        """Drain all receivers at once, then end the thread. May be called twice."""
        if self._loop.is_closed():
            return
        self._run(self._stop_all(grace_s), grace_s + _STOP_MARGIN_S)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _stop_all(self, grace_s: float) -> None:
        await asyncio.gather(*(server.stop(grace_s) for server in self._servers))
        await asyncio.get_running_loop().shutdown_default_executor()

    def _started(self, starting: Coroutine[Any, Any, GrpcServer | HttpServer]) -> int:
        server = self._run(starting, _START_TIMEOUT_S)
        self._servers.append(server)
        return server.port

    def _run(self, work: Coroutine[Any, Any, _Result], timeout_s: float) -> _Result:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(timeout_s)
