"""``causewatch explain``: who corrupted each run, who passed it on, where it surfaced."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from causewatch.cli.options import (
    TracesCommand,
    baseline_option,
    dialects_option,
    explain_format_option,
    input_options,
    is_coloured,
    is_json,
    page_width,
    require_input,
    rules_option,
)

if TYPE_CHECKING:
    from causewatch.model.judgement import Assessment


@click.command(cls=TracesCommand)
@input_options
@rules_option
@dialects_option
@click.option(
    "--failed",
    is_flag=True,
    help="The runs are known to have ended wrong: name the likeliest origin of each.",
)
@click.option(
    "--symptom",
    default="",
    metavar="SPAN",
    help="The span where it was seen (an id, or its beginning): trace back from there.",
)
@baseline_option
@explain_format_option
def command(  # noqa: PLR0913  # one an option
    *,
    traces: tuple[str, ...],
    store: Path | None,
    rules: Path | None,
    dialects: tuple[Path, ...],
    failed: bool,
    symptom: str,
    baseline: tuple[str, ...],
    form: str,
) -> int:
    """Tell for each run whether it was corrupted, by which step, and along which path.

    With --failed or --symptom an origin is named whatever the evidence; the verdict and the
    confidence say how much there is of it. --format svg draws the paths of the first 50 runs that
    are not healthy, as one document. Exits with 1 when a run is corrupted, 3 when some input
    could not be read (the rest is answered).
    """
    from causewatch.app.assess import assess_files  # noqa: PLC0415  # start-up
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.blame.ending import Ending  # noqa: PLC0415

    require_input(traces, store)
    corrupted, drawn = False, []
    ending = Ending(failed=failed, symptom=symptom.strip())
    result = assess_files(
        traces, rules, store, load_dialects(dialects), ending=ending, baseline=baseline
    )
    for assessment in result.assessments:
        corrupted = corrupted or assessment.blame.verdict == "corrupted"
        if form == "svg":
            drawn.append(assessment)
        else:
            click.echo(_shown(assessment, form))
    if form == "svg":
        click.echo(_picture(drawn), nl=False)
    for error in result.errors:
        click.echo(f"causewatch: {error}", err=True)
    if result.errors:
        return 3
    return 1 if corrupted else 0


def _picture(assessments: list[Assessment]) -> bytes:
    """Return one document for all runs: several after each other would be none."""
    from causewatch.notify.picture.runs import runs_drawing  # noqa: PLC0415  # start-up
    from causewatch.notify.picture.svg import svg_of  # noqa: PLC0415

    return svg_of(runs_drawing(assessments))


def _shown(assessment: Assessment, form: str) -> str | bytes:
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.blame.mermaid import explain_mermaid  # noqa: PLC0415
    from causewatch.blame.render import explain_json  # noqa: PLC0415
    from causewatch.blame.story import explain_text  # noqa: PLC0415

    if form == "mermaid":
        return explain_mermaid(assessment)
    if is_json(form):
        return msgspec.json.encode(explain_json(assessment))
    return explain_text(assessment, colour=is_coloured(), width=page_width())
