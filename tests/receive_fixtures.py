"""Receivers on free loopback ports over a real inbox, or over one that answers by script."""

from __future__ import annotations

import contextlib
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future
from pathlib import Path
from typing import Literal

import grpc
import httpx
import msgspec

from causewatch.inbox.sqlite import SqliteInbox
from causewatch.receive.handler import Appender, Handler
from causewatch.receive.limits import Listen, ReceiveLimits, ReceiverAuth, ReceiverTls
from causewatch.receive.redact import Redactor
from causewatch.receive.serve import Receivers
from causewatch.telemetry.metrics import Metrics
from inbox_fixtures import opened

TRACES_METHOD = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
LOGS_METHOD = "/opentelemetry.proto.collector.logs.v1.LogsService/Export"
HEALTH_METHOD = "/grpc.health.v1.Health/Check"
PROTOBUF = {"content-type": "application/x-protobuf"}
JSON = {"content-type": "application/json"}


class ScriptedInbox:
    """An inbox that fails as told, then stores in memory.

    Args:
        failures: one for each of the first appends; raised, or set on the future.
    """

    def __init__(
        self, *failures: Exception, raised_by: Literal["append", "future"] = "append"
    ) -> None:
        self.failures = list(failures)
        self.raised_by = raised_by
        self.stored: list[tuple[str, bytes, int]] = []

    def append(self, signal: Literal["traces", "logs"], body: bytes, items: int) -> Future[int]:
        """Store, or fail."""
        future: Future[int] = Future()
        if self.failures:
            failure = self.failures.pop(0)
            if self.raised_by == "append":
                raise failure
            future.set_exception(failure)
            return future
        self.stored.append((signal, body, items))
        future.set_result(len(self.stored))
        return future


class Rig(msgspec.Struct, frozen=True, kw_only=True):
    """Started receivers, and clients for them."""

    receivers: Receivers
    metrics: Metrics
    channel: grpc.Channel
    http: httpx.Client

    def export(self, body: bytes, method: str = TRACES_METHOD, **kwargs: object) -> bytes:
        """Call a gRPC method with raw bytes."""
        answer: bytes = self.channel.unary_unary(method)(body, timeout=30, **kwargs)
        return answer

    def count(self, name: str, **labels: str) -> float:
        """Return a sample of a counter; 0 when it was never counted."""
        return self.metrics.registry.get_sample_value(f"{name}_total", labels) or 0.0


@contextlib.contextmanager
def receiving(
    inbox: Appender,
    *,
    limits: ReceiveLimits | None = None,
    auth: ReceiverAuth | None = None,
    metrics: Metrics | None = None,
    redact: Redactor | None = None,
) -> Iterator[Rig]:
    """Start both receivers over ``inbox`` for the length of a block."""
    metrics = metrics or Metrics()
    handler = Handler(inbox, limits=limits or ReceiveLimits(), metrics=metrics, redact=redact)
    listen = Listen(address="127.0.0.1:0", auth=auth)
    receivers = Receivers(handler, grpc=listen, http=listen)
    target = f"127.0.0.1:{receivers.grpc_port}"
    http = httpx.Client(base_url=f"http://127.0.0.1:{receivers.http_port}", trust_env=False)
    options = [("grpc.max_send_message_length", -1), ("grpc.enable_http_proxy", 0)]
    try:
        with http, grpc.insecure_channel(target, options=options) as channel:
            yield Rig(receivers=receivers, metrics=metrics, channel=channel, http=http)
    finally:
        receivers.stop(1)


@contextlib.contextmanager
def receiving_into(folder: Path) -> Iterator[tuple[Rig, SqliteInbox]]:
    """Start both receivers over a real inbox in ``folder``."""
    metrics = Metrics()
    with (
        opened(folder / "inbox.sqlite", metrics=metrics) as inbox,
        receiving(inbox, metrics=metrics) as rig,
    ):
        yield rig, inbox


class Certificates(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files of a small authority, a server and a client that it signed."""

    authority: Path
    server: ReceiverTls
    client_cert: Path
    client_key: Path


def made_certificates(folder: Path) -> Certificates:
    """Make an authority and two certificates by the ``openssl`` program."""
    authority, authority_key = folder / "ca.pem", folder / "ca.key"
    curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-noenc"]
    new = ["req", "-x509", "-days", "2", *curve]
    _openssl(*new, "-keyout", authority_key, "-out", authority, "-subj", "/CN=test authority")
    signed = ["-CA", authority, "-CAkey", authority_key]
    for name in ("server", "client"):
        files = ["-keyout", folder / f"{name}.key", "-out", folder / f"{name}.pem"]
        names = ["-subj", f"/CN={name}", "-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"]
        _openssl(*new, *files, *names, "-addext", "basicConstraints=critical,CA:FALSE", *signed)
    return Certificates(
        authority=authority,
        server=ReceiverTls(cert_file=folder / "server.pem", key_file=folder / "server.key"),
        client_cert=folder / "client.pem",
        client_key=folder / "client.key",
    )


def _openssl(*arguments: object) -> None:
    subprocess.run(["openssl", *map(str, arguments)], check=True, capture_output=True)
