"""``/api/v1/dead-letters``: the messages that were given up, and another try."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Protocol

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from causewatch.notify.times import iso
from causewatch.store.record import OutboxRow
from causewatch.web.handling import body_of, json_of

MAX_LISTED = 1_000
_BAD = 400


class LetterDesk(Protocol):
    """What the daemon does with dead letters."""

    def dead(self, *, target: str, limit: int) -> tuple[OutboxRow, ...]:
        """Return messages that were given up, newest first."""
        ...

    def replay(self, numbers: Sequence[int], *, target: str, with_all: bool) -> tuple[int, ...]:
        """Queue some again; return the numbers of those that are."""
        ...


class _Asked(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Which messages are to be sent again."""

    numbers: Annotated[tuple[int, ...], msgspec.Meta(max_length=MAX_LISTED)] = ()
    target: str = ""
    all: bool = False


def letter_routes(desk: LetterDesk) -> list[Route]:
    """Return the routes; each answers JSON, an error as ``{"error": sentence}``."""

    def show(request: Request) -> Response:
        """``GET /api/v1/dead-letters?target=T&limit=N``, newest first."""
        asked = request.query_params
        limit = asked.get("limit", str(MAX_LISTED))
        is_number = limit.isascii() and limit.isdigit() and len(limit) <= len(str(MAX_LISTED))
        if not is_number or not 1 <= int(limit) <= MAX_LISTED:
            return json_of({"error": f"limit is 1 to {MAX_LISTED}"}, _BAD)
        found = desk.dead(target=asked.get("target", ""), limit=int(limit))
        return json_of({"deadLetters": [letter_json(row) for row in found]})

    async def again(request: Request) -> Response:
        """``POST /api/v1/dead-letters/replay``: by ``numbers``, of a ``target``, or ``all``."""
        body = await body_of(request)
        if isinstance(body, Response):
            return body
        try:
            asked = msgspec.json.decode(body, type=_Asked)
        except msgspec.DecodeError as error:
            return json_of({"error": str(error)}, _BAD)
        if not (asked.numbers or asked.target or asked.all):
            return json_of({"error": "give `numbers`, a `target`, or `all`"}, _BAD)
        queued = await run_in_threadpool(
            desk.replay, asked.numbers, target=asked.target, with_all=asked.all
        )
        return json_of({"queued": queued})

    return [
        Route("/api/v1/dead-letters", show, methods=["GET"]),
        Route("/api/v1/dead-letters/replay", again, methods=["POST"]),
    ]


def letter_json(row: OutboxRow) -> dict[str, object]:
    """Return what is shown of a message: where it should have gone, of what, and why it did not."""
    return {
        "number": row.seq,
        "message_id": row.message_id,
        "target": row.target,
        "incident": row.incident.id,
        "title": row.incident.title,
        "action": row.action,
        "attempts": row.attempts,
        "created_at": iso(row.created_at_ns),
        "error": row.error,
        "possibly_sent": row.possibly_sent,
    }
