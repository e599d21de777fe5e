"""The table of what the API offers, of which the OpenAPI document is made."""

from __future__ import annotations

from typing import Any, Literal, TypeAlias

import msgspec

from causewatch.incidents.handle import DEEDS

Schema: TypeAlias = dict[str, Any]
Method: TypeAlias = Literal["get", "post", "delete"]


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One method of one path.

    ``answer`` is the schema of the answer 200, or its media type where that is not JSON.
    """

    method: Method
    path: str
    id: str
    summary: str
    answer: Schema | str
    query: tuple[tuple[str, str, Schema], ...] = ()
    """Name, meaning and schema of each parameter of the query."""
    body: Schema | None = None
    refusals: tuple[tuple[int, str], ...] = ()
    """Other answers, whose body has a sentence in ``error``."""
    is_open: bool = False
    """Whether it needs no token."""


def _ref(name: str) -> Schema:
    return {"$ref": f"#/components/schemas/{name}"}


def _listed(key: str, name: str) -> Schema:
    items = {"type": "array", "items": _ref(name)}
    return {"type": "object", "required": [key], "properties": {key: items}}


_ALL = ("all", "Also those that are over.", {"type": "boolean", "default": False})
_STATE: Schema = {"type": "string", "enum": ["open", "resolved"]}
_LIMIT: Schema = {"type": "integer", "minimum": 1, "maximum": 1000, "default": 200}
_TEXT = "text/plain"
_POSTED = (
    (400, "The body cannot be meant."),
    (413, "The body is too large."),
    (415, "The content type is not application/json."),
)
_SILENCE_ID: Schema = {
    "type": "object",
    "required": ["silenceID"],
    "properties": {"silenceID": {"type": "string"}},
}
_DONE: Schema = {
    "type": "object",
    "required": ["incident"],
    "properties": {"incident": _ref("Incident")},
}

_QUEUED: Schema = {
    "type": "object",
    "required": ["queued"],
    "properties": {"queued": {"type": "array", "items": {"type": "integer"}}},
}

OPERATIONS = (
    Operation(
        method="get",
        path="/api/v1/incidents",
        id="listIncidents",
        summary="Incidents, the newest first.",
        answer=_listed("incidents", "Incident"),
        query=(("state", "Only these.", _STATE), ("limit", "At most so many.", _LIMIT)),
        refusals=((400, "There is no such state, or the limit is out of bounds."),),
    ),
    Operation(
        method="get",
        path="/api/v1/incidents/{incident_id}",
        id="showIncident",
        summary="One incident, with what `causewatch explain` says of its newest run.",
        answer=_ref("Explained"),
        refusals=((404, "There is no such incident."),),
    ),
    Operation(
        method="post",
        path="/api/v1/incidents/{incident_id}/{deed}",
        id="handleIncident",
        summary=f"Do something to an incident: {', '.join(DEEDS)}.",
        answer=_DONE,
        body=_ref("AskedDeed"),
        refusals=(*_POSTED, (404, "No such incident or deed."), (409, "It is so already.")),
    ),
    Operation(
        method="get",
        path="/api/v1/alerts",
        id="listAlerts",
        summary="Pending and firing alerts.",
        answer=_listed("alerts", "Alert"),
        query=(_ALL,),
    ),
    Operation(
        method="get",
        path="/api/v1/silences",
        id="listSilences",
        summary="Silences, in the shape of Alertmanager's API.",
        answer=_listed("silences", "Silence"),
        query=(_ALL,),
    ),
    Operation(
        method="post",
        path="/api/v1/silences",
        id="addSilence",
        summary="Add a silence.",
        answer=_SILENCE_ID,
        body=_ref("AskedSilence"),
        refusals=_POSTED,
    ),
    Operation(
        method="delete",
        path="/api/v1/silences/{silence_id}",
        id="expireSilence",
        summary="End a silence now.",
        answer=_SILENCE_ID,
        refusals=((404, "There is no such silence."), (409, "It is over already.")),
    ),
    Operation(
        method="get",
        path="/api/v1/dead-letters",
        id="listDeadLetters",
        summary="Messages that were given up, the newest first.",
        answer=_listed("deadLetters", "DeadLetter"),
        query=(
            ("target", "Only those to it.", {"type": "string"}),
            ("limit", "At most so many.", _LIMIT | {"default": 1000}),
        ),
        refusals=((400, "The limit is out of bounds."),),
    ),
    Operation(
        method="post",
        path="/api/v1/dead-letters/replay",
        id="replayDeadLetters",
        summary="Queue some of them again: by number, of a target, or all.",
        answer=_QUEUED,
        body=_ref("AskedReplay"),
        refusals=_POSTED,
    ),
    Operation(
        method="get",
        path="/api/v1/rules",
        id="listRules",
        summary="Rule groups: how each rule is doing, and why one fails.",
        answer=_ref("Rules"),
    ),
    Operation(
        method="get",
        path="/api/v1/status",
        id="showStatus",
        summary="What is in force, what waits, and within which limits.",
        answer=_ref("Status"),
    ),
    Operation(
        method="get",
        path="/api/v1/openapi.json",
        id="showOpenapi",
        summary="This document.",
        answer={"type": "object"},
    ),
    Operation(
        method="get",
        path="/metrics",
        id="showMetrics",
        summary="Metrics for Prometheus.",
        answer=_TEXT,
    ),
    Operation(
        method="get",
        path="/-/healthy",
        id="isHealthy",
        summary="200, or 503 when a restart would help.",
        answer=_TEXT,
        is_open=True,
    ),
    Operation(
        method="get",
        path="/-/ready",
        id="isReady",
        summary="200, or 503 while it should get no traffic.",
        answer=_TEXT,
        is_open=True,
    ),
    Operation(
        method="post",
        path="/-/reload",
        id="reload",
        summary="Load configuration and rules now; 400 with all problems when they have some.",
        answer=_ref("Reloaded"),
    ),
    Operation(
        method="post",
        path="/-/purge",
        id="purge",
        summary="Forget runs; JSON lines of how far it is.",
        answer="application/x-ndjson",
        body={"type": "object"},
        refusals=((400, "It cannot be meant."), (413, "The body is too large, or has no length.")),
    ),
)
