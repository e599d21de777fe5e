"""What every request passes: the bearer token, and headers that lock the pages down."""

from __future__ import annotations

import hmac

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

OPEN_PATHS = frozenset({"/-/healthy", "/-/ready"})
"""What probes ask; it says nothing of incidents."""
SECURITY_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none';"
        " frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "cache-control": "no-store",
}


class Guard:
    """ASGI middleware. An empty token lets everybody in: ``app`` allows that on loopback only."""

    def __init__(self, app: ASGIApp, bearer_token: str = "") -> None:
        self._app = app
        self._token = bearer_token.encode()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer 401 or 403, or pass the request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return

        async def send_locked(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(SECURITY_HEADERS)
            await send(message)

        await (self._refusal(scope) or self._app)(scope, receive, send_locked)

    def _refusal(self, scope: Scope) -> ASGIApp | None:
        headers = Headers(scope=scope)
        if scope["path"] not in OPEN_PATHS and not self._is_known(headers.get("authorization", "")):
            challenge = {"www-authenticate": 'Bearer realm="causewatch"'}
            return PlainTextResponse("a bearer token is needed\n", 401, challenge)
        # Another site's page may make a browser post here; a browser says so.
        if scope["method"] in {"POST", "DELETE"} and headers.get("sec-fetch-site", "none") not in {
            "none",
            "same-origin",
        }:
            return PlainTextResponse("posts from other sites are refused\n", 403)
        return None

    def _is_known(self, authorization: str) -> bool:
        if not self._token:
            return True
        scheme, _, token = authorization.partition(" ")
        given = token.strip().encode("utf-8", "surrogateescape")
        return scheme.lower() == "bearer" and hmac.compare_digest(given, self._token)
