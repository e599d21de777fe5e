"""The part of the API that changes something: silences, and deeds done to incidents."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch.incidents.handle import DEEDS
from causewatch.incidents.silence import Refusal
from causewatch.web.asked import MAX_BODY_BYTES, asked_deed, asked_silence
from causewatch.web.desk import IncidentDesk
from causewatch.web.present import incident_json, silence_json

_OK, _BAD, _MISSING, _CONFLICT, _LARGE, _MEDIA = 200, 400, 404, 409, 413, 415


def handling_routes(desk: IncidentDesk) -> list[Route]:
    """Return the routes; each answers JSON, an error as ``{"error": sentence}``."""
    handling = _Handling(desk)
    return [
        Route("/api/v1/silences", handling.list_silences, methods=["GET"]),
        Route("/api/v1/silences", handling.add_silence, methods=["POST"]),
        Route("/api/v1/silences/{silence_id}", handling.expire_silence, methods=["DELETE"]),
        Route("/api/v1/incidents/{incident_id}/{deed}", handling.do, methods=["POST"]),
    ]


class _Handling:
    """One handler a route."""

    def __init__(self, desk: IncidentDesk) -> None:
        self._desk = desk

    def list_silences(self, request: Request) -> Response:
        """``GET /api/v1/silences``; ``?all=true`` also those that are over."""
        with_all = request.query_params.get("all", "") == "true"
        found = [
            silence_json(silence, state)
            for silence, state in self._desk.silences()
            if with_all or state != "expired"
        ]
        return json_of({"silences": found})

    async def add_silence(self, request: Request) -> Response:
        """``POST /api/v1/silences``: Alertmanager's silence; 400 with the reason of a refusal."""
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        asked = asked_silence(body)
        if isinstance(asked, Refusal):
            return json_of({"error": asked.reason}, _BAD)
        made = await run_in_threadpool(
            self._desk.silence,
            asked.matchers,
            starts_at_ns=asked.starts_at_ns,
            ends_at_ns=asked.ends_at_ns,
            created_by=asked.created_by,
            comment=asked.comment,
        )
        if isinstance(made, Refusal):
            return json_of({"error": made.reason}, _BAD)
        return json_of({"silenceID": made.id})

    def expire_silence(self, request: Request) -> Response:
        """``DELETE /api/v1/silences/ID``: 409 when it is over already."""
        ended = self._desk.expire(request.path_params["silence_id"])
        if ended is None:
            return json_of({"error": "there is no such silence"}, _MISSING)
        if isinstance(ended, Refusal):
            return json_of({"error": ended.reason}, _CONFLICT)
        return json_of({"silenceID": ended.id})

    async def do(self, request: Request) -> Response:
        """``POST /api/v1/incidents/ID/acknowledge``, ``resolve`` or ``reopen``."""
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        asked, named = asked_deed(body), request.path_params["deed"]
        deed = next((deed for deed in DEEDS if deed == named), None)
        if deed is None:
            return json_of({"error": f"an incident takes {', '.join(DEEDS)}"}, _MISSING)
        if isinstance(asked, Refusal):
            return json_of({"error": asked.reason}, _BAD)
        incident_id = request.path_params["incident_id"]
        done = await run_in_threadpool(
            self._desk.handle, incident_id, deed, by=asked.by, comment=asked.comment
        )
        if done is None:
            return json_of({"error": "there is no such incident"}, _MISSING)
        if isinstance(done, Refusal):
            return json_of({"error": done.reason}, _CONFLICT)
        return json_of({"incident": incident_json(done)})


async def body_of(request: Request) -> bytes | Response:
    """Return the body of a request, of limited size; a form of another site's page is refused."""
    kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if kind != "application/json":
        return json_of({"error": "the content type is application/json"}, _MEDIA)
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            return json_of({"error": f"a body has at most {MAX_BODY_BYTES} bytes"}, _LARGE)
    return body


def json_of(content: Mapping[str, Any], status: int = _OK) -> Response:
    """Return an answer."""
    return Response(msgspec.json.encode(content), status, media_type="application/json")
