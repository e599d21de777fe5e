"""Answers of ``causewatch query`` as text for people."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from causewatch.app.querying import Answer, Why

_MAX_PART_CHARS = 100


def print_answer(answered: Answer) -> None:
    """Print the span sets of each trace or run, and why it is these."""
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
