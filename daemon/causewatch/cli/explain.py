"""``causewatch explain``: who corrupted each run, who passed it on, where it surfaced."""

from __future__ import annotations

from pathlib import Path

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    format_option,
    input_options,
    is_coloured,
    is_json,
    require_input,
    rules_option,
)


@click.command(cls=TracesCommand)
@input_options
@rules_option
@dialects_option
@format_option
def command(
    traces: tuple[str, ...],
    store: Path | None,
    rules: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Tell for each run whether it was corrupted, by which step, and along which path.

    Exits with 1 when a run is corrupted, 3 when some input could not be read (the rest is
    answered).
    """
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.app.assess import assess_files  # noqa: PLC0415
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.blame.render import explain_json, explain_text  # noqa: PLC0415

    require_input(traces, store)
    corrupted = False
    result = assess_files(traces, rules, store, load_dialects(dialects))
    for assessment in result.assessments:
        corrupted = corrupted or assessment.blame.verdict == "corrupted"
        if is_json(form):
            click.echo(msgspec.json.encode(explain_json(assessment)))
        else:
            click.echo(explain_text(assessment, colour=is_coloured()))
    for error in result.errors:
        click.echo(f"causewatch: {error}", err=True)
    if result.errors:
        return 3
    return 1 if corrupted else 0
