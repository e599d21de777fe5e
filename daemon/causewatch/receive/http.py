"""OTLP over HTTP: ``/v1/traces`` and ``/v1/logs``, protobuf or JSON, answered in kind."""

from __future__ import annotations

import asyncio
import math
from typing import assert_never

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch.inbox.batch import Signal
from causewatch.receive.grpc import response_protobuf
from causewatch.receive.handler import Format, Handler
from causewatch.receive.inflate import Encoding
from causewatch.receive.limits import ReceiveLimits, ReceiverAuth
from causewatch.receive.outcome import (
    Accepted,
    Full,
    Invalid,
    Outcome,
    Refusal,
    TooLarge,
    Unauthenticated,
    Unavailable,
)
from causewatch.receive.status import (
    INVALID_ARGUMENT,
    NOT_FOUND,
    RESOURCE_EXHAUSTED,
    UNAUTHENTICATED,
    UNAVAILABLE,
    UNIMPLEMENTED,
    status_json,
    status_protobuf,
)

PATHS: dict[str, Signal] = {"/v1/traces": "traces", "/v1/logs": "logs"}

_FORMATS: dict[str, Format] = {"application/x-protobuf": "protobuf", "application/json": "json"}
_CONTENT_TYPES: dict[Format, str] = {name: text for text, name in _FORMATS.items()}
_ENCODINGS: dict[str, Encoding] = {
    "": "identity",
    "identity": "identity",
    "gzip": "gzip",
    "x-gzip": "gzip",
    "deflate": "deflate",
    "zstd": "zstd",
}
_REJECTED_KEYS: dict[Signal, str] = {"traces": "rejectedSpans", "logs": "rejectedLogRecords"}
_DRAINED_LIMITS = 4
"""A body that is too large is still read up to so many times the limit: a sender whose
connection is closed while it writes sees a network failure, and tries the same again for ever."""


class _RefusedError(Exception):
    """A request is refused before its body is handled."""

    def __init__(self, refusal: Refusal, status_code: int | None = None) -> None:
        super().__init__(refusal.message)
        self.refusal: Refusal = refusal
        self.status_code = status_code


class _Bodies:
    """Reads request bodies, within a bound for each and for all together."""

    def __init__(self, limits: ReceiveLimits) -> None:
        self._max_body_bytes = limits.max_message_bytes
        self._max_total_bytes = limits.max_buffered_bytes
        self._max_body_s = limits.max_body_s
        self._retry_after_s = limits.retry_after_s
        self._held_bytes = 0

    async def read(self, request: Request) -> bytes:
        """Return the body as sent.

        Raises:
            _RefusedError: it is too large or too slow, or too much is being read already.
            ClientDisconnect: the sender went away.
        """
        try:
            async with asyncio.timeout(self._max_body_s):
                return await self._read(request)
        except TimeoutError:
            message = f"the body was not sent within {self._max_body_s:g} seconds"
            raise _RefusedError(
                Unavailable(reason="slow_body", retry_after_s=self._retry_after_s, message=message)
            ) from None

    async def _read(self, request: Request) -> bytes:
        chunks: list[bytes] = []
        size_bytes = kept_bytes = 0
        refusal: Refusal | None = None
        try:
            async for chunk in request.stream():
                size_bytes += len(chunk)
                if size_bytes > self._max_body_bytes:
                    refusal = TooLarge(limit_bytes=self._max_body_bytes)
                elif self._held_bytes + len(chunk) > self._max_total_bytes:
                    refusal = Full(
                        reason="buffers_full",
                        retry_after_s=self._retry_after_s,
                        message="too many requests are being read",
                    )
                if refusal is None:
                    chunks.append(chunk)
                    kept_bytes += len(chunk)
                    self._held_bytes += len(chunk)
                elif size_bytes > self._max_body_bytes * _DRAINED_LIMITS:
                    break
        finally:
            self._held_bytes -= kept_bytes
        if refusal is not None:
            raise _RefusedError(refusal)
        return b"".join(chunks)


def http_app(handler: Handler, auth: ReceiverAuth | None = None) -> Starlette:
    """Return the ASGI application of the HTTP receiver."""
    bodies = _Bodies(handler.limits)

    async def export(request: Request) -> Response:
        signal = PATHS[request.url.path]
        body_format: Format = "protobuf"
        try:
            _authenticate(request, auth)
            body_format = _format_of(request)
            encoding = _encoding_of(request)
            body = await bodies.read(request)
        except _RefusedError as error:
            handler.count_refusal(signal, "http", error.refusal)
            return _refused(error.refusal, body_format, error.status_code)
        except ClientDisconnect:
            return Response(status_code=400)
        outcome: Outcome = await handler.handle(
            signal, "http", body, encoding=encoding, body_format=body_format
        )
        if isinstance(outcome, Accepted):
            return _accepted(signal, outcome, body_format)
        return _refused(outcome, body_format)

    routes = [Route(path, export, methods=["POST"]) for path in PATHS]
    routes.append(Route("/health", _health, methods=["GET"]))
    return Starlette(routes=routes, exception_handlers={HTTPException: _routing_error})


def _authenticate(request: Request, auth: ReceiverAuth | None) -> None:
    if auth is not None and not auth.permits(request.headers.get(auth.header)):
        raise _RefusedError(Unauthenticated())


async def _health(_: Request) -> Response:
    return Response(b'{"status":"ok"}', media_type="application/json")


def _format_of(request: Request) -> Format:
    name = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if name not in _FORMATS:
        message = f"content-type must be one of {', '.join(_FORMATS)}"
        raise _RefusedError(Invalid(reason="content_type", message=message), 415)
    return _FORMATS[name]


def _encoding_of(request: Request) -> Encoding:
    name = request.headers.get("content-encoding", "").strip().lower()
    if name not in _ENCODINGS:
        message = "content-encoding must be one of gzip, deflate, zstd, identity"
        raise _RefusedError(Invalid(reason="encoding", message=message), 415)
    return _ENCODINGS[name]


def _accepted(signal: Signal, accepted: Accepted, body_format: Format) -> Response:
    if body_format == "protobuf":
        content = response_protobuf(signal, accepted)
    elif accepted.rejected_count:
        # A 64-bit integer is a string in proto3 JSON.
        counts = {_REJECTED_KEYS[signal]: str(accepted.rejected_count)}
        content = msgspec.json.encode(
            {"partialSuccess": {**counts, "errorMessage": accepted.message}}
        )
    else:
        content = b"{}"
    return Response(content, media_type=_CONTENT_TYPES[body_format])


def _refused(refusal: Refusal, body_format: Format, status_code: int | None = None) -> Response:
    """Return the HTTP status of ``refusal`` (or ``status_code``), ``Retry-After`` where it may."""
    headers: dict[str, str] = {}
    retry_after_s = None
    match refusal:
        case Invalid():
            http_code, code = 400, INVALID_ARGUMENT
        case TooLarge():
            http_code, code = 413, RESOURCE_EXHAUSTED
        case Unauthenticated():
            http_code, code = 401, UNAUTHENTICATED
            headers["www-authenticate"] = "Bearer"
        case Full():
            http_code, code = 429, RESOURCE_EXHAUSTED
            retry_after_s = refusal.retry_after_s
        case Unavailable():
            http_code, code = 503, UNAVAILABLE
            retry_after_s = refusal.retry_after_s
        case _:
            assert_never(refusal)
    if retry_after_s is not None:
        headers["retry-after"] = str(max(1, math.ceil(retry_after_s)))
    write = status_json if body_format == "json" else status_protobuf
    content = write(code, refusal.message, retry_after_s)
    media_type = _CONTENT_TYPES[body_format]
    return Response(content, status_code or http_code, headers, media_type=media_type)


async def _routing_error(request: Request, error: Exception) -> Response:
    """Answer a wrong path or method as a ``Status`` too."""
    is_json = request.headers.get("content-type", "").startswith("application/json")
    body_format: Format = "json" if is_json else "protobuf"
    status_code = error.status_code if isinstance(error, HTTPException) else 500
    headers = dict(error.headers or {}) if isinstance(error, HTTPException) else {}
    code = UNIMPLEMENTED if status_code == 405 else NOT_FOUND
    message = f"{request.method} {request.url.path}: no such OTLP endpoint"
    content = (status_json if is_json else status_protobuf)(code, message)
    return Response(content, status_code, headers, media_type=_CONTENT_TYPES[body_format])
