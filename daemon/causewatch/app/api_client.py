"""Asks a running daemon's API, for the commands that change something or list what is."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Mapping
from http.client import HTTPException
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote

from causewatch.errors import UnreachableError, UserError

DEFAULT_URL = "http://127.0.0.1:9319"
TIMEOUT_S = 10.0
MAX_ANSWER_BYTES = 64 * 1024 * 1024


class _NoRedirect(urllib.request.HTTPRedirectHandler):
    """Another address must not get the token."""

    def redirect_request(self, *_args: Any, **_more: Any) -> None:
        """Follow nothing."""


class ApiClient:
    """A daemon's API at its web address; ``token`` is sent where it is not empty.

    Raises:
        UserError: when the address is none.
    """

    def __init__(self, url: str, token: str = "") -> None:
        if not url.startswith(("http://", "https://")):
            raise UserError(f"--url must be an http or https address, not {url!r}")
        self._url = url.rstrip("/")
        self._token = token
        self._opener = urllib.request.build_opener(_NoRedirect)

    def ask(
        self, method: str, *path: str, body: Mapping[str, Any] | None = None, query: str = ""
    ) -> dict[str, Any]:
        """Return the answer to a request; the parts of the path are quoted.

        Raises:
            UserError: when the daemon refuses what is asked for.
            UnreachableError: when it cannot be asked.
        """
        address = "/".join([self._url, "api", "v1", *(quote(part, safe="") for part in path)])
        request = urllib.request.Request(  # noqa: S310  # the scheme is checked above
            f"{address}{query}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"},
            method=method,
        )
        if self._token:
            request.add_header("Authorization", f"Bearer {self._token}")
        try:
            with self._opener.open(request, timeout=TIMEOUT_S) as answer:
                return _decoded(answer.read(MAX_ANSWER_BYTES), self._url)
        except urllib.error.HTTPError as error:
            self._refused(error)
        except (OSError, HTTPException) as error:
            reason = getattr(error, "reason", None) or error
            raise UnreachableError(f"{self._url}: {reason}") from None

    def _refused(self, error: urllib.error.HTTPError) -> NoReturn:
        said = error.read(MAX_ANSWER_BYTES).decode("utf-8", "replace").strip()
        try:
            reason = str(json.loads(said)["error"])
        except (ValueError, KeyError, TypeError):
            reason = said.splitlines()[0] if said else error.reason
        if error.code in {400, 404, 409, 413, 415}:
            raise UserError(reason)
        raise UnreachableError(f"{self._url}: {reason} (HTTP {error.code})")


def read_token(path: Path | None) -> str:
    """Return the bearer token in a file; empty without one.

    Raises:
        UserError: when the file cannot be read.
    """
    try:
        return path.read_text(encoding="utf-8").strip() if path else ""
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(f"{path}: {getattr(error, 'strerror', None) or 'not text'}") from None


def _decoded(content: bytes, url: str) -> dict[str, Any]:
    try:
        found = json.loads(content)
    except ValueError:
        found = None
    if not isinstance(found, dict):
        raise UnreachableError(f"{url}: this is not the API of causewatch")
    return found
