"""``GET /api/v1/status``: what is in force, and why it is not what the files say."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch.notify.times import iso


class FileStatus(msgspec.Struct, frozen=True, kw_only=True):
    """What is in force of some files; with problems it is the last that was good."""

    loaded_at_ns: int = 0
    problems: tuple[str, ...] = ()
    """Each with file, line and column."""
    restart_needed: tuple[str, ...] = ()
    """Keys of ``causewatch.yaml`` whose change waits for a restart."""
    revision: str = ""
    sha256: str = ""


class Vitals(msgspec.Struct, frozen=True, kw_only=True):
    """What comes in, what waits, and within which limits."""

    lag_batches: int = 0
    """Stored batches that were not read yet."""
    inbox_bytes: int = 0
    """Stored batches, compressed."""
    live_runs_count: int = 0
    """Runs that are being assembled."""
    outbox: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Messages by state."""
    dialects: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Steps understood since the start, by dialect; ``none`` where none was told."""
    limits: Mapping[str, int] = msgspec.field(default_factory=dict)
    """Each with its unit in its name."""


class Status(msgspec.Struct, frozen=True, kw_only=True):
    """How a daemon is doing."""

    version: str
    started_at_ns: int
    config: FileStatus
    rules: FileStatus
    vitals: Vitals = Vitals()


def status_routes(status: Callable[[], Status]) -> tuple[Route, ...]:
    """Return the route of the status."""

    def show(request: Request) -> Response:
        del request
        found = status()
        content: dict[str, Any] = {
            "version": found.version,
            "startedAt": iso(found.started_at_ns),
            "config": {
                "loadedAt": iso(found.config.loaded_at_ns),
                "problems": found.config.problems,
                "restartNeeded": found.config.restart_needed,
            },
            "rules": {
                "loadedAt": iso(found.rules.loaded_at_ns),
                "problems": found.rules.problems,
                "revision": found.rules.revision,
                "sha256": found.rules.sha256,
            },
        }
        content |= _vitals_json(found.vitals)
        return Response(msgspec.json.encode(content), media_type="application/json")

    return (Route("/api/v1/status", show),)


def _vitals_json(vitals: Vitals) -> dict[str, Any]:
    return {
        "ingest": {
            "lagBatches": vitals.lag_batches,
            "inboxBytes": vitals.inbox_bytes,
            "liveRuns": vitals.live_runs_count,
        },
        "outbox": vitals.outbox,
        "dialects": vitals.dialects,
        "limits": vitals.limits,
    }
