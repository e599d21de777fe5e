"""Has a running daemon purge: both ends of the call, as JSON lines over HTTP.

Each line is a step (``what``, ``done``, ``total``), or the last one: ``purged``, or the ``error``
that ended it. The daemon goes on when whoever asked hangs up.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterator
from functools import partial
from typing import Protocol, TypeAlias

import httpx
import msgspec
import structlog

from causewatch.app.purge import OnStep
from causewatch.app.purge_scope import Purged, Wanted, checked
from causewatch.errors import CausewatchError, UnreachableError, UserError

PATH = "/-/purge"
CONNECT_TIMEOUT_S = 5.0
SILENCE_TIMEOUT_S = 900.0
"""Between two lines: one step may be to write a large store anew."""

log = structlog.get_logger("causewatch.purge")


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is asked for; ``is_dry`` only counts."""

    wanted: Wanted
    is_dry: bool = False


class Step(msgspec.Struct, frozen=True, kw_only=True):
    """How far it is."""

    what: str
    done: int
    total: int


class Line(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """One line of the answer; one of these is there."""

    step: Step | None = None
    purged: Purged | None = None
    error: str = ""


class Do(Protocol):
    """Purges."""

    def __call__(self, wanted: Wanted, on_step: OnStep, /, *, is_dry: bool) -> Purged:
        """Return how much it was."""
        ...


_Lines: TypeAlias = "queue.SimpleQueue[Line]"


def answer_purge(request: bytes, do: Do) -> Iterator[bytes]:
    """Begin what is asked for in a thread of its own; return the lines of the answer.

    Raises:
        UserError: nobody can tell what is asked for.
    """
    try:
        asked = msgspec.json.decode(request, type=Request)
    except msgspec.DecodeError as error:
        raise UserError(str(error)) from None
    wanted = checked(asked.wanted)
    lines: _Lines = queue.SimpleQueue()
    work = partial(_work, wanted, do, lines, is_dry=asked.is_dry)
    threading.Thread(target=work, name="causewatch-purge", daemon=True).start()
    return _encoded(lines)


def _work(wanted: Wanted, do: Do, lines: _Lines, *, is_dry: bool) -> None:
    def on_step(what: str, done: int, total: int) -> None:
        lines.put(Line(step=Step(what=what, done=done, total=total)))

    try:
        lines.put(Line(purged=do(wanted, on_step, is_dry=is_dry)))
    except Exception as error:
        if not isinstance(error, CausewatchError):
            log.exception("purge failed")
        lines.put(Line(error=str(error) or type(error).__name__))


def _encoded(lines: _Lines) -> Iterator[bytes]:
    while True:
        line = lines.get()
        yield msgspec.json.encode(line) + b"\n"
        if line.step is None:
            return


def ask_purge(url: str, token: str, wanted: Wanted, on_step: OnStep, *, is_dry: bool) -> Purged:
    """Have the daemon at ``url`` purge; return how much it was.

    Raises:
        UserError: it does not let us.
        UnreachableError: it does not answer, or could not finish.
    """
    body = msgspec.json.encode(Request(wanted=wanted, is_dry=is_dry))
    headers = {"authorization": f"Bearer {token}"} if token else {}
    timeout = httpx.Timeout(SILENCE_TIMEOUT_S, connect=CONNECT_TIMEOUT_S)
    address = url.rstrip("/") + PATH
    try:
        with httpx.stream(
            "POST", address, content=body, headers=headers, timeout=timeout, trust_env=False
        ) as answer:
            if answer.status_code != httpx.codes.OK:
                answer.read()
                raise UserError(f"{address}: {answer.status_code} {answer.text.strip()}")
            return _last(answer.iter_lines(), url, on_step)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(f"{address}: {error}") from None


def _last(lines: Iterator[str], url: str, on_step: OnStep) -> Purged:
    for text in lines:
        line = msgspec.json.decode(text, type=Line)
        if line.error:
            raise UnreachableError(f"{url}: {line.error}")
        if line.purged is not None:
            return line.purged
        if line.step is not None:
            on_step(line.step.what, line.step.done, line.step.total)
    raise UnreachableError(f"{url}: the daemon ended; purge again to finish")
