"""``causewatch learn accepted``: reviewed edges and shapes, to paste into the rules."""

from __future__ import annotations

from pathlib import Path

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    input_options,
    require_input,
)


@click.command("accepted", cls=TracesCommand)
@input_options
@dialects_option
@click.option(
    "--workflow",
    default="*",
    show_default=True,
    metavar="GLOB",
    help="Only runs of workflows whose name fits.",
)
def command(
    *, traces: tuple[str, ...], store: Path | None, dialects: tuple[Path, ...], workflow: str
) -> int:
    """Print the edges and shapes to accept into the rules, ready to paste.

    With --store those that the daemon told as new, with the run and the time; with --traces all
    that the good runs in the files have, so that a daemon without a past knows them. Exits with 3
    when some input could not be read.
    """
    from causewatch.app.acceptance import acceptance  # noqa: PLC0415  # start-up
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415

    require_input(traces, store)
    found = acceptance(traces, store, load_dialects(dialects), workflow=workflow)
    click.echo(found.text, nl=False)
    for note in (*found.notes, *found.errors):
        click.echo(f"causewatch: {note}", err=True)
    return 3 if found.errors else 0
