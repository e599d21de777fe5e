"""``causewatch dialects``: what is recognised on spans, and how spans were understood."""

from __future__ import annotations

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
    from causewatch.dialects.table import Dialect


@click.group(invoke_without_command=True)
@dialects_option
@format_option
@click.pass_context
def command(context: click.Context, dialects: tuple[Path, ...], form: str) -> int:
    """List the dialects that are recognised, best first, and what each of them gives.

    ``causewatch dialects explain FILE...`` tells how the spans of a file were understood.
    """
    if context.invoked_subcommand is not None:
        return 0
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.dialects.detect import by_priority  # noqa: PLC0415

    for dialect in by_priority(load_dialects(dialects)):
        line = summary(dialect)
        click.echo(msgspec.json.encode(line) if is_json(form) else _text(line))
    return 0


def summary(dialect: Dialect) -> dict[str, object]:
    """Return what a dialect is called, and which kinds and fields its spans can have."""
    return {
        "id": dialect.id,
        "title": dialect.title,
        "shipped": dialect.shipped,
        "overlay": dialect.overlay,
        "kinds": sorted({rule.kind for rule in dialect.kinds} - {"other"}),
        "fields": [rule.field for rule in dialect.fields],
    }


def _text(line: dict[str, object]) -> str:
    kinds = ", ".join(map(str, line["kinds"])) if isinstance(line["kinds"], list) else ""
    own = "" if line["shipped"] else "  (from a file)"
    count = len(line["fields"]) if isinstance(line["fields"], list) else 0
    gives = f"{kinds or 'no kinds of its own'}; {count} fields"
    return f"{line['id']!s:<28}{line['title']}{own}\n{'':<28}{gives}"


@command.command("explain", cls=TracesCommand)
@click.argument("files", nargs=-1, metavar="FILE...")
@input_options
@dialects_option
@format_option
def explain(
    files: tuple[str, ...],
    traces: tuple[str, ...],
    store: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Tell for each span which dialect it is written in, why, and where every field came from.

    FILE is an OTLP file: .jsonl, .json, .pb, each also .gz or .zst; - is standard input. One JSON
    object a span, or text. Attributes that no field came from are listed as well. Exits with 3
    when some input could not be read (the rest is answered).
    """
    import msgspec  # noqa: PLC0415  # start-up

    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415
    from causewatch.app.understanding import understand_files  # noqa: PLC0415
    from causewatch.cli.origins import origins_json, origins_text  # noqa: PLC0415
    from causewatch.errors import InputError  # noqa: PLC0415

    paths = (*files, *traces)
    require_input(paths, store)
    errors: list[InputError] = []
    for understood in understand_files(paths, errors, load_dialects(dialects), store):
        if is_json(form):
            click.echo(msgspec.json.encode(origins_json(understood)))
        else:
            click.echo(origins_text(understood))
    for error in errors:
        click.echo(f"causewatch: {error}", err=True)
    return 3 if errors else 0
