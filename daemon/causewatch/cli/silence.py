"""``causewatch silence``: let nobody be told of some alerts for a while."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from causewatch.cli.daemon_options import (
    ListByDefault,
    by_option,
    client,
    daemon_options,
    plain,
    who,
)
from causewatch.cli.options import format_option, is_json

DEFAULT_LENGTH = "2h"


@click.group(cls=ListByDefault)
def command() -> None:
    """Add, list and expire the silences of a running daemon.

    An incident all of whose alerts are silenced is told when the silence ends, if it is still open
    then. A maintenance that is planned is a silence with a --start. Without a command: `list`.
    """


@command.command()
@click.argument("matchers", nargs=-1, required=True)
@click.option("--comment", "-c", required=True, help="Why.")
@by_option
@click.option("--for", "length", default="", help=f"How long. Default {DEFAULT_LENGTH}.")
@click.option("--start", default="", help="When, such as 2026-11-23T22:00:00Z. Default: now.")
@click.option("--end", default="", help="Until when, in place of --for.")
@daemon_options
@format_option
def add(  # noqa: PLR0913, PLR0917  # click hands options in one by one
    matchers: tuple[str, ...],
    comment: str,
    by: str,
    length: str,
    start: str,
    end: str,
    url: str,
    token_file: Path | None,
    form: str,
) -> int:
    """Add a silence of the alerts that meet all MATCHERS; print its id.

    MATCHERS are as in routes: severity=ticket 'team=~"ai.*"' incident=ID.
    """
    if length and end:
        raise click.UsageError("give --for or --end, not both")
    starts = _time(start, "--start") if start else _now()
    ends = _time(end, "--end") if end else starts + _length(length or DEFAULT_LENGTH)
    asked: dict[str, Any] = {
        "matchers": list(matchers),
        "endsAt": ends.isoformat(),
        "createdBy": who(by),
        "comment": comment,
    }
    if start:
        asked["startsAt"] = starts.isoformat()
    made = client(url, token_file).ask("POST", "silences", body=asked)
    click.echo(json.dumps(made) if is_json(form) else made["silenceID"])
    return 0


@command.command("list")
@click.option("--all", "with_all", is_flag=True, help="Also those that are over.")
@daemon_options
@format_option
def list_silences(with_all: bool, url: str, token_file: Path | None, form: str) -> int:
    """Print one line a silence, those in force first."""
    query = "?all=true" if with_all else ""
    for silence in client(url, token_file).ask("GET", "silences", query=query)["silences"]:
        click.echo(json.dumps(silence) if is_json(form) else _line(silence))
    return 0


@command.command()
@click.argument("silence_ids", nargs=-1, required=True)
@daemon_options
def expire(silence_ids: tuple[str, ...], url: str, token_file: Path | None) -> int:
    """End silences now."""
    daemon = client(url, token_file)
    for silence_id in silence_ids:
        click.echo(daemon.ask("DELETE", "silences", silence_id)["silenceID"])
    return 0


def _line(silence: dict[str, Any]) -> str:
    matchers = " ".join(
        f"{m['name']}{_OPERATORS[m['isRegex'], m['isEqual']]}{json.dumps(m['value'])}"
        for m in silence["matchers"]
    )
    return plain(
        f"{silence['id']}  {silence['status']['state']:<8}until {silence['endsAt']}  {matchers}"
        f"  {silence['createdBy']}: {silence['comment']}"
    )


_OPERATORS = {(False, True): "=", (False, False): "!=", (True, True): "=~", (True, False): "!~"}


def _length(text: str) -> timedelta:
    from causewatch.rules.read import seconds_of  # noqa: PLC0415  # start-up

    seconds = seconds_of(text)
    if not seconds:
        raise click.BadParameter(f"a duration such as 90m or 1d, not {text!r}", param_hint="--for")
    try:
        return timedelta(seconds=seconds)
    except OverflowError:
        raise click.BadParameter("longer than any calendar", param_hint="--for") from None


def _time(text: str, option: str) -> datetime:
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        message = f"a time such as 2026-11-23T22:00:00Z, not {text!r}"
        raise click.BadParameter(message, param_hint=option) from None
    return found if found.tzinfo else found.astimezone()


def _now() -> datetime:
    from causewatch.app.clock import now_ns  # noqa: PLC0415  # start-up

    return datetime.fromtimestamp(now_ns() // 10**9, tz=UTC)
