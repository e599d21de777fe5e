"""``causewatch query --backend tempo``: the same question to a Grafana Tempo."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.answers import print_answer
from causewatch.cli.options import is_json

if TYPE_CHECKING:
    from causewatch.app.querying import Question
    from causewatch.app.tempo import TempoQuery


def refuse_local(traces: tuple[str, ...], store: Path | None, *, raw: bool, why: bool) -> None:
    """Refuse options that only make sense for spans at hand."""
    given = {"--traces": traces, "--store": store, "--raw": raw, "--why": why}
    for option, value in given.items():
        if value:
            raise click.UsageError(f"{option} does not go with --backend tempo")


def tempo_query(url: str | None, since: str, limit: int, headers: tuple[str, ...]) -> TempoQuery:
    """Return where to search, from the options."""
    from causewatch.app.clock import NS_PER_S, now_ns  # noqa: PLC0415  # start-up
    from causewatch.app.tempo import TempoQuery  # noqa: PLC0415
    from causewatch.rules.read import seconds_of  # noqa: PLC0415

    if not url or not url.startswith(("http://", "https://")):
        raise click.UsageError("--backend tempo needs --url with an http or https address")
    since_s = seconds_of(since)
    if not since_s:
        raise click.UsageError(f"--since must be a duration such as 1h, not {since!r}")
    pairs = [header.partition("=") for header in headers]
    if not all(name and sign for name, sign, _ in pairs):
        raise click.UsageError("--header must be NAME=VALUE")
    end_s = now_ns() // NS_PER_S
    return TempoQuery(
        url=url,
        start_s=int(end_s - since_s),
        end_s=end_s,
        max_traces=limit,
        headers={name: value for name, _, value in pairs},
    )


def ask_tempo(questions: Sequence[Question], where: TempoQuery, form: str, *, single: bool) -> int:
    """Print Tempo's answers in the form of local ones; a bad single query exits with 2."""
    from causewatch.app.querying import Answer  # noqa: PLC0415  # start-up
    from causewatch.app.tempo import search  # noqa: PLC0415
    from causewatch.signatures.error import SignatureError  # noqa: PLC0415

    for question in questions:
        try:
            found = search(question.query, where)
            answer = Answer(question=question, result=found.result)
            if found.is_limited or found.cut_traces:
                click.echo(_remark(found.cut_traces, limited=found.is_limited), err=True)
        except SignatureError as error:
            if single:
                click.echo(error.render(), err=True)
                return 2
            answer = Answer(question=question, error=error)
        if is_json(form) or not single:
            click.echo(msgspec.json.encode(answer.as_json()))
        else:
            print_answer(answer)
    return 0


def _remark(cut_traces: int, *, limited: bool) -> str:
    parts = []
    if limited:
        parts.append("there may be more traces than --limit")
    if cut_traces:
        parts.append(f"Tempo left out spans of {cut_traces} traces")
    return f"causewatch: {'; '.join(parts)}"
