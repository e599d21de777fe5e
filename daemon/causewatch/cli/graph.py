"""``causewatch graph``: the causal graph of each run."""

from __future__ import annotations

from pathlib import Path

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    graph_format_option,
    input_options,
    is_json,
    require_input,
    rules_option,
)


@click.command(cls=TracesCommand)
@input_options
@rules_option
@dialects_option
@graph_format_option
def command(
    traces: tuple[str, ...],
    store: Path | None,
    rules: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Print agents, steps, handoffs and causal edges of each run."""
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.app.assess import assess_files  # noqa: PLC0415
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.blame.mermaid import graph_mermaid  # noqa: PLC0415
    from causewatch.blame.render import graph_json  # noqa: PLC0415
    from causewatch.cli.tree import graph_text  # noqa: PLC0415

    require_input(traces, store)
    result = assess_files(traces, rules, store, load_dialects(dialects))
    for assessment in result.assessments:
        if form == "mermaid":
            click.echo(graph_mermaid(assessment))
        elif is_json(form):
            click.echo(msgspec.json.encode(graph_json(assessment)))
        else:
            click.echo(graph_text(assessment))
    for error in result.errors:
        click.echo(f"causewatch: {error}", err=True)
    return 3 if result.errors else 0
