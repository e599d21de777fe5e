"""``causewatch notify dead``: messages that were given up."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import click

from causewatch.cli.daemon_options import ListByDefault, client, daemon_options, plain
from causewatch.cli.options import format_option, is_json
from causewatch.errors import UserError


@click.group("dead", cls=ListByDefault)
def dead() -> None:
    """List the messages that a running daemon gave up, and send them again.

    Without a command: `list`.
    """


@dead.command("list")
@click.option("--target", default="", help="Only of this one, as the list names it.")
@click.option("--limit", type=click.IntRange(1, 1000), default=100, show_default=True)
@daemon_options
@format_option
def list_letters(target: str, limit: int, url: str, token_file: Path | None, form: str) -> int:
    """Print one line a message, newest first: its number, target, incident and why."""
    query = f"?{urlencode({'target': target, 'limit': limit})}"
    found = client(url, token_file).ask("GET", "dead-letters", query=query)["deadLetters"]
    for letter in found:
        click.echo(json.dumps(letter) if is_json(form) else _letter(letter))
    if not found and not is_json(form):
        click.echo("no message was given up", err=True)
    return 0


@dead.command()
@click.argument("numbers", metavar="[NUMBER]...", nargs=-1, type=click.IntRange(min=1))
@click.option("--target", default="", help="All of this one.")
@click.option("--all", "with_all", is_flag=True, help="All there are, at most 1000 at a time.")
@daemon_options
@format_option
def replay(  # noqa: PLR0913, PLR0917  # click hands options in one by one
    numbers: tuple[int, ...],
    target: str,
    with_all: bool,
    url: str,
    token_file: Path | None,
    form: str,
) -> int:
    """Send messages again, under the ids they had; exits with 1 when one is no dead letter.

    A webhook that was switched off because it answered 410 is tried again from then on.
    """
    if bool(numbers) + bool(target) + with_all != 1:
        raise UserError("give numbers of messages, or --target, or --all")
    asked = {"numbers": list(numbers), "target": target, "all": with_all}
    answer = client(url, token_file).ask("POST", "dead-letters", "replay", body=asked)
    queued = answer["queued"]
    if is_json(form):
        click.echo(json.dumps(answer))
    else:
        click.echo(f"{len(queued)} queued again")
    missing = sorted(set(numbers) - set(queued))
    if missing:
        click.echo(f"no dead letters: {', '.join(map(str, missing))}", err=True)
    return 1 if missing else 0


def _letter(letter: dict[str, Any]) -> str:
    where = f"{letter['number']}  {letter['created_at']}  {letter['target']}"
    what = f"{letter['action']} of {letter['incident']} “{letter['title']}”"
    tries = f"{letter['attempts']} attempt{'s' * (letter['attempts'] != 1)}"
    return plain(f"{where}  {what}: {letter['error']} ({tries})")
