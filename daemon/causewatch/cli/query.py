"""``causewatch query``: run a signature over spans in files."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.answers import print_answer
from causewatch.cli.options import (
    TracesCommand,
    baseline_option,
    dialects_option,
    format_option,
    input_options,
    is_json,
    require_input,
    rules_option,
)
from causewatch.cli.tempo import ask_tempo, refuse_local, tempo_query
from causewatch.errors import InputError

if TYPE_CHECKING:
    from causewatch.app.querying import Question


@click.command(cls=TracesCommand)
@click.argument("query", required=False)
@click.option("--queries", type=click.Path(path_type=Path), help='Lines of {"dataset", "query"}.')
@click.option(
    "--raw", is_flag=True, help="Spans as received, one trace at a time, nothing derived."
)
@click.option("--why", is_flag=True, help="Also say what each part of the query selects.")
@click.option(
    "--backend",
    type=click.Choice(["files", "tempo"]),
    default="files",
    show_default=True,
    help="Where the spans are: in --traces or --store, or in a Grafana Tempo at --url.",
)
@click.option("--url", help="Base address of a Tempo, such as http://localhost:3200.")
@click.option("--since", default="1h", show_default=True, help="How far back Tempo searches.")
@click.option(
    "--limit", default=1_000, show_default=True, help="At most so many traces from Tempo."
)
@click.option(
    "--header", "headers", multiple=True, metavar="NAME=VALUE", help="Sent to Tempo, repeatable."
)
@input_options
@baseline_option
@rules_option
@dialects_option
@format_option
def command(  # noqa: PLR0913, PLR0917  # one parameter an option
    query: str | None,
    queries: Path | None,
    raw: bool,  # click passes options by name
    why: bool,
    backend: str,
    url: str | None,
    since: str,
    limit: int,
    headers: tuple[str, ...],
    traces: tuple[str, ...],
    store: Path | None,
    baseline: tuple[str, ...],
    rules: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Print the spans that QUERY matches, or the answers to all of --queries in order.

    A bad QUERY exits with 2; with --queries it is an "error" line and changes no exit code.
    """
    from causewatch.app.assess import all_requests, past_of  # noqa: PLC0415  # start-up
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.app.querying import Question, Scenes, answer  # noqa: PLC0415

    if (query is None) == (queries is None):
        raise click.UsageError("give either one QUERY or --queries FILE")
    questions = [Question(query=query)] if query is not None else list(_questions(queries))
    if backend == "tempo":
        refuse_local(traces, store, raw=raw, why=why)
        where = tempo_query(url, since, limit, headers)
        return ask_tempo(questions, where, form, single=query is not None)
    require_input(traces, store)
    errors: list[InputError] = []
    requests = all_requests(traces, store, errors)
    known = load_dialects(dialects)
    past = past_of(baseline, store, known, errors)
    scenes = Scenes(requests, raw=raw, rules=rules, errors=errors, dialects=known, past=past)
    failed = False
    for question in questions:
        answered = answer(question, scenes, why=why)
        if answered.error is not None and query is not None:
            click.echo(answered.error.render(), err=True)
            failed = True
        elif queries is not None or is_json(form):
            click.echo(msgspec.json.encode(answered.as_json()))
        else:
            print_answer(answered)
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
