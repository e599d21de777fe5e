"""``causewatch doctor``: what of recorded runs can be checked, and what would make the rest so."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    format_option,
    input_options,
    is_json,
    require_input,
)

if TYPE_CHECKING:
    from causewatch.app.coverage import Checkup
    from causewatch.blame.coverage import Coverage

_WORDS = {
    "handoff": "handoff",
    "tool_result": "results of",
    "model_input": "model inputs of",
    "agent": "steps done by",
    "trace": "missing spans",
    "log": "log records",
    "dialect": "spans of scope",
}


@click.command(cls=TracesCommand)
@click.argument("files", nargs=-1, metavar="FILE...")
@input_options
@dialects_option
@click.option("--strict", is_flag=True, help="Exit with 1 when something cannot be checked.")
@format_option
def command(  # noqa: PLR0913, PLR0917  # one parameter an option
    files: tuple[str, ...],
    traces: tuple[str, ...],
    store: Path | None,
    dialects: tuple[Path, ...],
    strict: bool,  # click passes options by name
    form: str,
) -> int:
    """Tell what can be checked in recorded runs, and which setting makes the rest checkable.

    For each service and dialect: handoffs, results of tools, inputs of models, whose work steps
    are, missing spans, log records without a span. Exits with 0, with --strict with 1 when
    something cannot be checked, with 3 when some input could not be read.
    """
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.app.coverage import check_up  # noqa: PLC0415
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.errors import InputError  # noqa: PLC0415

    paths = (*files, *traces)
    require_input(paths, store)
    errors: list[InputError] = []
    checkup = check_up(paths, errors, load_dialects(dialects), store)
    if is_json(form):
        for one in checkup.coverage:
            click.echo(msgspec.json.encode(_line(one)))
    else:
        click.echo("\n".join(_report(checkup)))
    for error in errors:
        click.echo(f"causewatch: {error}", err=True)
    if errors:
        return 3
    return 1 if strict and not checkup.is_whole else 0


def _line(one: Coverage) -> dict[str, object]:
    """Return the line of one boundary. Names come from spans and are made safe."""
    from causewatch.faults.text import bounded  # noqa: PLC0415  # start-up

    return {
        "service": bounded(one.service),
        "dialect": one.dialect or None,
        "scope": bounded(one.scope),
        "boundary": one.boundary,
        "name": bounded(one.name),
        "count": one.count,
        "checkable": one.checkable,
        "problems": [
            {
                "reason": bounded(problem.reason),
                "count": problem.count,
                "fix": problem.fix,
                "span_id": problem.span_id,
            }
            for problem in one.problems
        ],
    }


def _report(checkup: Checkup) -> Iterator[str]:
    if not checkup.coverage:
        yield f"Nothing to check: {checkup.spans} spans, and no work of an AI system among them."
        return
    place = ("", "", "")
    fixes: dict[str, None] = {}
    for one in checkup.coverage:
        if place != (place := (one.service, one.dialect, one.scope)):
            yield from _heading(one, fixes)
            fixes = {}
        yield from _lines(one)
        fixes.update(dict.fromkeys(problem.fix for problem in one.problems))
    yield from _fix_lines(fixes)
    total = sum(one.count for one in checkup.coverage)
    fine = sum(one.checkable for one in checkup.coverage)
    runs = f"{checkup.runs} run{'' if checkup.runs == 1 else 's'}"
    yield f"\n{fine} of {total} boundaries can be checked, in {runs}."


def _heading(one: Coverage, fixes: dict[str, None]) -> Iterator[str]:
    """Close the part before with what would mend it, and begin the next."""
    from causewatch.cli.tree import shown  # noqa: PLC0415  # start-up

    yield from _fix_lines(fixes)
    service = shown(one.service) or "no service.name"
    yield f"\n{service}: {one.dialect or 'no dialect'} ({shown(one.scope) or 'no scope'})"


def _lines(one: Coverage) -> Iterator[str]:
    from causewatch.cli.tree import shown  # noqa: PLC0415  # start-up

    mark = "ok " if one.checkable == one.count else "-- "
    what = f"{_WORDS[one.boundary]} {shown(one.name) or 'unnamed agent'}"
    if one.boundary == "trace":
        what = _WORDS[one.boundary]
    yield f"  {mark}{what}: {one.checkable} of {one.count}"
    for problem in one.problems:
        yield f"       {problem.count} x {shown(problem.reason)}, as in span {problem.span_id}"


def _fix_lines(fixes: dict[str, None]) -> Iterator[str]:
    if fixes:
        yield "  To check the rest:"
        yield from (f"   * {fix}" for fix in fixes)
