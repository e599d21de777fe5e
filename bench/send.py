"""Send ready-made OTLP requests with N in flight, and try again what was refused for now."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Literal, NamedTuple

import grpc
import httpx

Answer = Literal["accepted", "later", "refused"]
_EXPORT = "/opentelemetry.proto.collector.trace.v1.TraceService/Export"
_MAX_ATTEMPTS = 200
_PAUSE_S = 0.1
_MAX_MESSAGE_BYTES = 64 * 1024 * 1024
_LATER_GRPC = {grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.RESOURCE_EXHAUSTED}
_LATER_HTTP = {429, 502, 503, 504}


class Sent(NamedTuple):
    """What became of a load."""

    accepted: int
    """Requests answered with success."""
    retries: int
    """Attempts that were answered "not now"."""
    seconds: float
    """Wall time from the first send to the last answer."""


def send_grpc(endpoint: str, bodies: Sequence[bytes], *, in_flight: int, timeout_s: float) -> Sent:
    """Send each body to the trace service at ``host:port``, uncompressed."""
    options = [
        ("grpc.max_send_message_length", _MAX_MESSAGE_BYTES),
        ("grpc.use_local_subchannel_pool", 1),
    ]
    with grpc.insecure_channel(endpoint, options=options) as channel:
        export = channel.unary_unary(_EXPORT)

        def attempt(body: bytes, left_s: float) -> Answer:
            try:
                export(body, timeout=left_s)
            except grpc.RpcError as error:
                return "later" if error.code() in _LATER_GRPC else "refused"
            return "accepted"

        return _send(attempt, bodies, in_flight=in_flight, timeout_s=timeout_s)


def send_http(url: str, bodies: Sequence[bytes], *, in_flight: int, timeout_s: float) -> Sent:
    """Post each body to ``url``/v1/traces as protobuf, uncompressed."""
    limits = httpx.Limits(max_connections=in_flight, max_keepalive_connections=in_flight)
    headers = {"content-type": "application/x-protobuf"}
    with httpx.Client(limits=limits, headers=headers, trust_env=False) as client:

        def attempt(body: bytes, left_s: float) -> Answer:
            try:
                code = client.post(f"{url}/v1/traces", content=body, timeout=left_s).status_code
            except httpx.TransportError:
                return "later"
            if code in _LATER_HTTP:
                return "later"
            return "accepted" if code == httpx.codes.OK else "refused"

        return _send(attempt, bodies, in_flight=in_flight, timeout_s=timeout_s)


def _send(
    attempt: Callable[[bytes, float], Answer],
    bodies: Sequence[bytes],
    *,
    in_flight: int,
    timeout_s: float,
) -> Sent:
    """Deliver every body with ``in_flight`` threads, within ``timeout_s`` for them all."""
    begun = time.monotonic()
    deadline = begun + timeout_s

    def deliver(body: bytes) -> tuple[bool, int]:
        for tries in range(_MAX_ATTEMPTS):
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                return False, tries
            answer = attempt(body, left_s)
            if answer != "later":
                return answer == "accepted", tries
            time.sleep(min(_PAUSE_S, left_s))
        return False, _MAX_ATTEMPTS

    with ThreadPoolExecutor(max_workers=in_flight) as pool:
        done = list(pool.map(deliver, bodies))
    return Sent(
        accepted=sum(ok for ok, _ in done),
        retries=sum(itertools.starmap(lambda _, tries: tries, done)),
        seconds=time.monotonic() - begun,
    )
