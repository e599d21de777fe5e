"""``causewatch alerts``: what fires, and what people do about it."""

from __future__ import annotations

import json
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


@click.group(cls=ListByDefault)
def command() -> None:
    """List the alerts and incidents of a running daemon, and handle incidents.

    Without a command: `list`.
    """


@command.command("list")
@click.option("--all", "with_all", is_flag=True, help="Also those that are resolved.")
@daemon_options
@format_option
def list_alerts(with_all: bool, url: str, token_file: Path | None, form: str) -> int:
    """Print one line an alert: its state, name and labels."""
    query = "?all=true" if with_all else ""
    for alert in client(url, token_file).ask("GET", "alerts", query=query)["alerts"]:
        click.echo(json.dumps(alert) if is_json(form) else _alert(alert))
    return 0


@command.command()
@click.option("--all", "with_all", is_flag=True, help="Also those that are resolved.")
@daemon_options
@format_option
def incidents(with_all: bool, url: str, token_file: Path | None, form: str) -> int:
    """Print one line an incident: its id, state, severity and title."""
    query = "" if with_all else "?state=open"
    for incident in client(url, token_file).ask("GET", "incidents", query=query)["incidents"]:
        click.echo(json.dumps(incident) if is_json(form) else _incident(incident))
    return 0


def _deed(name: str, summary: str) -> None:
    @command.command(name, help=summary)
    @click.argument("incident_ids", metavar="INCIDENT...", nargs=-1, required=True)
    @click.option("--comment", "-c", default="", help="Why; it is in the message.")
    @by_option
    @daemon_options
    @format_option
    def do(  # noqa: PLR0913, PLR0917  # click hands options in one by one
        incident_ids: tuple[str, ...],
        comment: str,
        by: str,
        url: str,
        token_file: Path | None,
        form: str,
    ) -> int:
        daemon, asked = client(url, token_file), {"by": who(by), "comment": comment}
        for incident_id in incident_ids:
            done = daemon.ask("POST", "incidents", incident_id, name, body=asked)["incident"]
            click.echo(json.dumps(done) if is_json(form) else _incident(done))
        return 0


_deed(
    "acknowledge",
    "Say that somebody works on incidents: they are not told again while nothing about them"
    " changes.",
)
_deed(
    "resolve",
    "Resolve incidents by hand, while alerts of them fire: they stay so until an alert comes up"
    " anew.",
)
_deed("reopen", "Take back that incidents were acknowledged, or resolved by hand.")


def _alert(alert: dict[str, Any]) -> str:
    labels = " ".join(f"{k}={json.dumps(v)}" for k, v in sorted(alert["labels"].items()))
    since = alert["fired_at"] or alert["active_at"]
    return plain(f"{alert['state']:<12}{alert['alertname']}  since {since}  {labels}")


def _incident(incident: dict[str, Any]) -> str:
    by = incident["acknowledged_by"]
    mark = f"  (acknowledged by {by})" if by else ""
    head = f"{incident['id']}  {incident['state']:<9}{incident['severity']:<9}"
    return plain(f"{head}{incident['title']}{mark}")
