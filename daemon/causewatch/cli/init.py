"""``causewatch init``: a rules repository to start from."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from causewatch.cli.options import format_option, is_json


@click.command()
@click.argument("folder", metavar="DIR", type=click.Path(file_okay=False, path_type=Path))
@format_option
def command(folder: Path, form: str) -> int:
    """Write a rules repository into DIR: a rule, a contract, tests, editor settings, hooks, CI.

    Nothing is overwritten: when one of the files is there already, none is written and the exit
    code is 2.
    """
    from causewatch.app.starting import write_starter  # noqa: PLC0415  # start-up

    for name in write_starter(folder):
        path = str(folder / name)
        click.echo(msgspec.json.encode({"file": path}) if is_json(form) else path)
    if not is_json(form):
        click.echo(_next_steps(folder))
    return 0


def _next_steps(folder: Path) -> str:
    return f"""
What to do next
  1. cd {folder}
  2. causewatch test rules --coverage
  3. Change the names in rules/agents.yaml to those of your agents; record a run of yours as a
     fixture, and test against it."""
