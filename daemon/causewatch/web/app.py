"""The pages, the API and the probes, as a Starlette application.

Nothing here decides anything: it reads through ``IncidentReader`` and calls back into ``app``.
Handlers are plain functions, which Starlette runs in worker threads, since readers block.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator, Mapping
from http import HTTPStatus
from pathlib import Path
from typing import Any

import msgspec
from jinja2 import Environment, FileSystemLoader, StrictUndefined
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from causewatch.errors import UserError
from causewatch.model.incident import Incident, IncidentState
from causewatch.notify.config import Links
from causewatch.notify.links import runbook_url, trace_url
from causewatch.notify.times import iso
from causewatch.telemetry.metrics import Metrics
from causewatch.web.desk import IncidentDesk
from causewatch.web.guard import Guard
from causewatch.web.handling import handling_routes
from causewatch.web.letters import LetterDesk, letter_routes
from causewatch.web.openapi import openapi_routes
from causewatch.web.present import alert_json, incident_json, run_json, visible
from causewatch.web.reader import Health, IncidentReader, Reloaded
from causewatch.web.rules import RulesStatus, rules_routes
from causewatch.web.status import Status, status_routes

MAX_LISTED = 1000
DEFAULT_LISTED = 200
MAX_RUNS_LOOKED_AT = 20
MAX_PURGE_BYTES = 4 * 1024 * 1024
MAX_RUNS_SHOWN = 100
MAX_EXPLANATION_CHARS = 200_000
_HERE = Path(__file__).resolve().parent / "templates"
_STATES: dict[str, IncidentState | None] = {"": None, "open": "open", "resolved": "resolved"}


def create_web_app(  # noqa: PLR0913  # the daemon's ports, handed in one by one
    reader: IncidentReader,
    metrics: Metrics,
    *,
    health: Callable[[], Health],
    reload: Callable[[], Reloaded],
    desk: IncidentDesk | None = None,
    links: Callable[[], Links] = Links,
    bearer_token: str = "",
    purge: Callable[[bytes], Iterator[bytes]] | None = None,
    status: Callable[[], Status] | None = None,
    rules: Callable[[], RulesStatus] | None = None,
    letters: LetterDesk | None = None,
) -> Starlette:
    """Return the application; ``app`` serves it on the configured address.

    ``purge`` takes what is to be forgotten, and returns JSON lines of how far it is.
    """
    site = _Site(reader, metrics, health, reload, links)
    routes = [
        Route("/", site.index),
        Route("/incidents/{incident_id}", site.incident),
        Route("/style.css", site.style),
        Route("/api/v1/incidents", site.list_incidents),
        Route("/api/v1/incidents/{incident_id}", site.show_incident),
        Route("/api/v1/alerts", site.list_alerts),
        Route("/metrics", site.expose),
        Route("/-/healthy", site.healthy),
        Route("/-/ready", site.ready),
        Route("/-/reload", site.reload, methods=["POST"]),
        *(handling_routes(desk) if desk is not None else ()),
    ]
    if letters is not None:
        routes += letter_routes(letters)
    if status is not None:
        routes += status_routes(status)
    if rules is not None:
        routes += rules_routes(rules)
    if purge is not None:
        routes.append(Route("/-/purge", _purger(purge), methods=["POST"]))
    routes += openapi_routes(routes)
    guard = Middleware(Guard, bearer_token=bearer_token)
    return Starlette(routes=routes, middleware=[guard])


def _purger(
    purge: Callable[[bytes], Iterator[bytes]],
) -> Callable[[Request], Awaitable[Response]]:
    """Return the handler of ``POST /-/purge``: 400 for what cannot be meant, else JSON lines."""

    async def handle(request: Request) -> Response:
        if int(request.headers.get("content-length", MAX_PURGE_BYTES + 1)) > MAX_PURGE_BYTES:
            return _json({"error": f"at most {MAX_PURGE_BYTES} bytes, and how many"}, 413)
        try:
            lines = purge(await request.body())
        except UserError as error:
            return _json({"error": str(error)}, 400)
        return StreamingResponse(lines, media_type="application/x-ndjson")

    return handle


class _Site:
    """One handler a route."""

    def __init__(
        self,
        reader: IncidentReader,
        metrics: Metrics,
        health: Callable[[], Health],
        reload: Callable[[], Reloaded],
        links: Callable[[], Links],
    ) -> None:
        self._reader = reader
        self._metrics = metrics
        self._health = health
        self._reload = reload
        self._links = links
        self._pages = Environment(
            loader=FileSystemLoader(_HERE),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
            finalize=visible,
        )
        self._pages.filters["iso"] = iso
        self._css = (_HERE / "style.css").read_text(encoding="utf-8")

    def index(self, request: Request) -> Response:
        """``GET /``: open incidents, then the resolved ones."""
        del request
        found = self._reader.incidents(limit=DEFAULT_LISTED)
        ordered = sorted(found, key=lambda i: (i.state != "open", -i.updated_at_ns))
        return self._page("index.html", incidents=ordered)

    def incident(self, request: Request) -> Response:
        """``GET /incidents/ID``: one incident with the account of its newest run."""
        found = self._reader.incident(request.path_params["incident_id"])
        if found is None:
            return self._page("missing.html", status=HTTPStatus.NOT_FOUND)
        runs = (self._reader.run(run_id) for run_id in _newest_runs(found))
        run = next((run for run in runs if run is not None), None)
        return self._page(
            "incident.html",
            incident=found,
            run=run,
            runs=found.run_ids[::-1][:MAX_RUNS_SHOWN],
            explanation=run.explanation[:MAX_EXPLANATION_CHARS] if run else "",
            trace_url=trace_url(self._links(), found),
            runbook_url=runbook_url(found),
        )

    def style(self, request: Request) -> Response:
        """``GET /style.css``."""
        del request
        return Response(self._css, media_type="text/css")

    def list_incidents(self, request: Request) -> Response:
        """``GET /api/v1/incidents?state=open|resolved&limit=N``."""
        state, limit = request.query_params.get("state", ""), _limit(request)
        if state not in _STATES or limit is None:
            return _json({"error": f"state is open or resolved, limit 1 to {MAX_LISTED}"}, 400)
        found = self._reader.incidents(state=_STATES[state], limit=limit)
        return _json({"incidents": [incident_json(incident) for incident in found]})

    def show_incident(self, request: Request) -> Response:
        """``GET /api/v1/incidents/ID``: one incident, and its newest run as ``explain`` has it."""
        found = self._reader.incident(request.path_params["incident_id"])
        if found is None:
            return _json({"error": "there is no such incident"}, 404)
        runs = (self._reader.run(run_id) for run_id in _newest_runs(found))
        run = next((run for run in runs if run is not None), None)
        content = {
            "incident": incident_json(found),
            "explain": run_json(run) if run else None,
            "explanation": run.explanation[:MAX_EXPLANATION_CHARS] if run else "",
        }
        return _json(content)

    def list_alerts(self, request: Request) -> Response:
        """``GET /api/v1/alerts``: pending and firing alerts; ``?all=true`` for all."""
        active_only = request.query_params.get("all", "") != "true"
        found = self._reader.alerts(active_only=active_only)
        return _json({"alerts": [alert_json(alert) for alert in found]})

    def expose(self, request: Request) -> Response:
        """``GET /metrics`` for Prometheus."""
        del request
        content = generate_latest(self._metrics.registry)
        return Response(content, headers={"content-type": CONTENT_TYPE_LATEST})

    def healthy(self, request: Request) -> Response:
        """``GET /-/healthy``: 200, or 503 when a restart would help."""
        del request
        return _probe(self._health().unhealthy)

    def ready(self, request: Request) -> Response:
        """``GET /-/ready``: 200, or 503 while it should get no traffic."""
        del request
        health = self._health()
        return _probe((*health.unhealthy, *health.unready))

    def reload(self, request: Request) -> Response:
        """``POST /-/reload``: 200; 400 with the problems in the rules; 500 with why it failed."""
        del request
        done = self._reload()
        content = {"problems": list(done.problems), "revision": done.revision}
        if done.failed:
            return _json({"error": done.failed, **content}, 500)
        return _json(content, 400 if done.problems else 200)

    def _page(self, name: str, *, status: int = 200, **values: Any) -> Response:
        return HTMLResponse(self._pages.get_template(name).render(values), status)


def _newest_runs(incident: Incident) -> tuple[str, ...]:
    """Return the runs behind an incident, newest first, as many as are worth looking for."""
    return incident.run_ids[::-1][:MAX_RUNS_LOOKED_AT]


def _limit(request: Request) -> int | None:
    text = request.query_params.get("limit", str(DEFAULT_LISTED))
    if not (text.isascii() and text.isdigit() and len(text) <= len(str(MAX_LISTED))):
        return None
    return int(text) if 1 <= int(text) <= MAX_LISTED else None


def _probe(problems: tuple[str, ...]) -> Response:
    if problems:
        return PlainTextResponse("\n".join(problems) + "\n", 503)
    return PlainTextResponse("ok\n")


def _json(content: Mapping[str, Any], status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status, media_type="application/json")
