"""``causewatch learn paths``: path templates inferred from good runs."""

from __future__ import annotations

from pathlib import Path

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    input_options,
    require_input,
)


@click.command("paths", cls=TracesCommand)
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
    """Infer the path template of each workflow from good runs.

    Runs that are judged corrupted are left out. The rule file goes to standard output, with how
    often each child was seen as comments. Exits with 3 when some input could not be read.
    """
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415  # start-up
    from causewatch.app.path_lessons import learn_paths  # noqa: PLC0415

    require_input(traces, store)
    lesson = learn_paths(traces, store, load_dialects(dialects), workflow=workflow)
    click.echo(lesson.text, nl=False)
    for note in lesson.notes:
        click.echo(f"causewatch: {note}", err=True)
    for error in lesson.errors:
        click.echo(f"causewatch: {error}", err=True)
    return 3 if lesson.errors else 0
