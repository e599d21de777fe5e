"""``GET /api/v1/openapi.json``: the API as OpenAPI 3.1, made of the table of operations."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch import __version__
from causewatch.web.operations import OPERATIONS, Operation
from causewatch.web.schemas import SCHEMAS

OPENAPI = "3.1.0"
PATH = "/api/v1/openapi.json"
_PLACEHOLDER = re.compile(r"\{(\w+)\}")


def openapi_routes(routes: Iterable[Route]) -> tuple[Route, ...]:
    """Return the route of a document on these routes and itself."""

    def show(request: Request) -> Response:
        del request
        return Response(written, media_type="application/json")

    own = Route(PATH, show, methods=["GET"])
    written = msgspec.json.encode(document((*routes, own)))
    return (own,)


def document(routes: Iterable[Route]) -> dict[str, Any]:
    """Return the document on those operations that the routes serve."""
    served = {(m.lower(), r.path) for r in routes for m in r.methods or ()}
    paths: dict[str, dict[str, Any]] = {}
    for operation in OPERATIONS:
        if (operation.method, operation.path) in served:
            paths.setdefault(operation.path, {})[operation.method] = _operation(operation)
    return {
        "openapi": OPENAPI,
        "info": {"title": "causewatch", "version": __version__},
        "security": [{"token": []}],
        "paths": paths,
        "components": {
            "schemas": SCHEMAS,
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
    }


def _operation(operation: Operation) -> dict[str, Any]:
    described: dict[str, Any] = {
        "operationId": operation.id,
        "summary": operation.summary,
        "responses": _responses(operation),
    }
    if parameters := _parameters(operation):
        described["parameters"] = parameters
    if operation.body is not None:
        described["requestBody"] = {"required": True, "content": _json(operation.body)}
    if operation.is_open:
        described["security"] = []
    return described


def _responses(operation: Operation) -> dict[str, Any]:
    answer = operation.answer
    content = {answer: {}} if isinstance(answer, str) else _json(answer)
    found: dict[str, Any] = {"200": {"description": operation.summary, "content": content}}
    for status, why in operation.refusals:
        refusal = _json({"$ref": "#/components/schemas/Error"})
        found[str(status)] = {"description": why, "content": refusal}
    if not operation.is_open:
        found["401"] = {"description": "A bearer token is needed."}
    return found


def _parameters(operation: Operation) -> list[dict[str, Any]]:
    in_path = [
        {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
        for name in _PLACEHOLDER.findall(operation.path)
    ]
    in_query = [
        {"name": name, "in": "query", "description": meaning, "schema": schema}
        for name, meaning, schema in operation.query
    ]
    return in_path + in_query


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
