"""Send ready-made OTLP requests with N in flight, and try again what was refused for now."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
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
    requests: int
    took_s: tuple[float, ...]
    """Of each request, in order: from its first attempt to its last answer."""


class Pace(NamedTuple):
    """How a load is sent."""

    in_flight: int
    """Requests at one time."""
    timeout_s: float
    """For the whole load."""
    requests_per_s: float = 0.0
    """Requests begun in a second, evenly; 0 for as fast as they are answered."""


def send_grpc(
    endpoint: str,
    bodies: Iterable[bytes],
    *,
    in_flight: int,
    timeout_s: float,
    requests_per_s: float = 0.0,
) -> Sent:
    """Send each body to the trace service at ``host:port``, uncompressed."""
    pace = Pace(in_flight, timeout_s, requests_per_s)
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

        return _send(attempt, bodies, pace)


def send_http(
    url: str,
    bodies: Iterable[bytes],
    *,
    in_flight: int,
    timeout_s: float,
    requests_per_s: float = 0.0,
) -> Sent:
    """Post each body to ``url``/v1/traces as protobuf, uncompressed."""
    pace = Pace(in_flight, timeout_s, requests_per_s)
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

        return _send(attempt, bodies, pace)


class _Delivered(NamedTuple):
    """What became of one request."""

    is_accepted: bool
    retries: int
    took_s: float


def _send(attempt: Callable[[bytes, float], Answer], bodies: Iterable[bytes], pace: Pace) -> Sent:
    """Deliver every body, by a thread for each that is in flight.

    No more bodies are asked for than are in flight, so that a load larger than memory can be sent.
    """
    begun = time.monotonic()
    deadline = begun + pace.timeout_s
    free = threading.Semaphore(pace.in_flight)

    def deliver(body: bytes) -> _Delivered:
        started = time.monotonic()
        try:
            is_accepted, tries = _deliver(attempt, body, deadline)
        finally:
            free.release()
        return _Delivered(is_accepted, tries, time.monotonic() - started)

    waiting: list[Future[_Delivered]] = []
    with ThreadPoolExecutor(max_workers=pace.in_flight) as pool:
        for number, body in enumerate(bodies):
            if pace.requests_per_s:
                time.sleep(max(0.0, begun + number / pace.requests_per_s - time.monotonic()))
            free.acquire()
            waiting.append(pool.submit(deliver, body))
        done = [one.result() for one in waiting]
    return Sent(
        accepted=sum(one.is_accepted for one in done),
        retries=sum(one.retries for one in done),
        seconds=time.monotonic() - begun,
        requests=len(done),
        took_s=tuple(one.took_s for one in done),
    )


def _deliver(
    attempt: Callable[[bytes, float], Answer], body: bytes, deadline: float
) -> tuple[bool, int]:
    """Try until a body is accepted or refused; return whether it was, and the tries before."""
    for tries in range(_MAX_ATTEMPTS):
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            return False, tries
        answer = attempt(body, left_s)
        if answer != "later":
            return answer == "accepted", tries
        time.sleep(min(_PAUSE_S, left_s))
    return False, _MAX_ATTEMPTS
