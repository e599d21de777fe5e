"""A browser for tests: calls an ASGI application without a socket."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping

import httpx
from starlette.types import ASGIApp


class Browser:
    """Sends requests to an application; what a handler raises is raised here."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    def get(self, path: str, headers: Mapping[str, str | bytes] | None = None) -> httpx.Response:
        """Ask for a path."""
        return asyncio.run(self._ask("GET", path, headers))

    def post(
        self,
        path: str,
        headers: Mapping[str, str | bytes] | None = None,
        *,
        content: bytes | None = None,
    ) -> httpx.Response:
        """Post nothing, or some bytes, to a path."""
        return asyncio.run(self._ask("POST", path, headers, content))

    def send(self, method: str, path: str, body: object) -> httpx.Response:
        """Send JSON to a path."""
        content = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"content-type": "application/json"}
        return asyncio.run(self._ask(method, path, headers, content))

    async def _ask(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str | bytes] | None,
        content: bytes | None = None,
    ) -> httpx.Response:
        transport = httpx.ASGITransport(app=self._app)
        sent = [
            (k.encode(), v if isinstance(v, bytes) else v.encode())
            for k, v in (headers or {}).items()
        ]
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, headers=sent, content=content)
