"""``causewatch query``: run a signature over spans in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    format_option,
    input_options,
    is_json,
    require_input,
    rules_option,
)
from causewatch.errors import InputError

if TYPE_CHECKING:
    from causewatch.app.querying import Answer, Question, Why

_MAX_PART_CHARS = 100


@click.command(cls=TracesCommand)
@click.argument("query", required=False)
@click.option("--queries", type=click.Path(path_type=Path), help='Lines of {"dataset", "query"}.')
@click.option(
    "--raw", is_flag=True, help="Spans as received, one trace at a time, nothing derived."
)
@click.option("--why", is_flag=True, help="Also say what each part of the query selects.")
@input_options
@rules_option
@dialects_option
@format_option
def command(  # noqa: PLR0913, PLR0917  # one parameter an option
    query: str | None,
    queries: Path | None,
    raw: bool,  # click passes options by name
    why: bool,
    traces: tuple[str, ...],
    store: Path | None,
    rules: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Print the spans that QUERY matches, or the answers to all of --queries in order.

    A bad QUERY exits with 2; with --queries it is an "error" line and changes no exit code.
    """
    from causewatch.app.assess import all_requests  # noqa: PLC0415  # start-up
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.app.querying import Question, Scenes, answer  # noqa: PLC0415

    require_input(traces, store)
    if (query is None) == (queries is None):
        raise click.UsageError("give either one QUERY or --queries FILE")
    errors: list[InputError] = []
    requests = all_requests(traces, store, errors)
    known = load_dialects(dialects)
    scenes = Scenes(requests, raw=raw, rules=rules, errors=errors, dialects=known)
    questions = [Question(query=query)] if query is not None else _questions(queries)
    failed = False
    for question in questions:
        answered = answer(question, scenes, why=why)
        if answered.error is not None and query is not None:
            click.echo(answered.error.render(), err=True)
            failed = True
        elif queries is not None or is_json(form):
            click.echo(msgspec.json.encode(answered.as_json()))
        else:
            _print_text(answered)
    for error in errors:
        click.echo(f"causewatch: {error}", err=True)
    if failed:
        return 2
    return 3 if errors else 0


def _questions(path: Path | None) -> Iterator[Question]:
    """Read the lines of ``--queries``; a line that is no question is unreadable input."""
    from causewatch.app.querying import Question  # noqa: PLC0415  # start-up

    if path is None:
        return
    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield msgspec.json.decode(line, type=Question)
        except (msgspec.DecodeError, msgspec.ValidationError) as error:
            raise InputError(f"{path}:{number}: {error}") from None


def _print_text(answered: Answer) -> None:
    result = answered.result or {}
    if not result:
        click.echo("no match")
    for trace_id, sets in result.items():
        for spans in sets:
            click.echo(f"{trace_id}  {_counted(len(spans), 'span')}: {' '.join(spans)}")
    if answered.why is not None:
        _print_why(answered.why, len(result))


def _print_why(why: Why, matched: int) -> None:
    click.echo(f"\nmatched {matched} of {_counted(why.subjects, 'run')}; by parts:")
    rows = [
        ("  " * part.depth + part.part, _selected(part.spans, part.subjects)) for part in why.parts
    ]
    width = min(max((len(text) for text, _ in rows), default=0), _MAX_PART_CHARS)
    for text, selected in rows:
        click.echo(f"  {text:<{width}}  {selected}")
    kinds = ["portable" if why.portable else "not portable to Tempo"]
    kinds.append("monotone" if why.monotone else "judged when the run is complete")
    click.echo(f"  ({', '.join(kinds)})")
    for remark in why.remarks:
        click.echo(f"  note: {remark}")
    if why.limited:
        click.echo(f"  note: an evaluation limit was met in {_counted(why.limited, 'run')}")


def _selected(spans: int | None, subjects: int | None) -> str:
    if spans is None or subjects is None:
        return "depends on what a name stands for"
    return f"{_counted(spans, 'span')} in {_counted(subjects, 'run')}" if spans else "nothing"


def _counted(count: int, what: str) -> str:
    return f"{count:,} {what}" if count == 1 else f"{count:,} {what}s"
