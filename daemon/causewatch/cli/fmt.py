"""``causewatch fmt``: signatures in one layout, alone or in rule files."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from causewatch.cli.options import format_option, is_json


@click.command()
@click.argument("texts", nargs=-1, metavar="PATH|QUERY...")
@click.option("--check", is_flag=True, help="Write nothing; exit with 1 if a file would change.")
@click.option("--diff", is_flag=True, help="Write nothing; print what would change.")
@format_option
def command(texts: tuple[str, ...], check: bool, diff: bool, form: str) -> int:
    """Lay out the signatures in rule files (or folders of them), or print one QUERY laid out.

    What is no signature, comments among it, stays as it was written. A file with a mistake is
    reported, and then no file is written.
    """
    if not texts:
        raise click.UsageError("name the rule files or folders, or give a query")
    queries = [text for text in texts if not Path(text).exists() and _is_query(text)]
    if queries and len(queries) < len(texts):
        raise click.UsageError("give either queries or paths")
    if queries:
        return _print_queries(queries, form)
    return _format_files([Path(text) for text in texts], form, write=not (check or diff), diff=diff)


def _is_query(text: str) -> bool:
    return text.lstrip().startswith(("{", "(", "!"))


def _print_queries(queries: list[str], form: str) -> int:
    from causewatch.signatures.error import SignatureError  # noqa: PLC0415  # start-up
    from causewatch.signatures.layout import layout  # noqa: PLC0415
    from causewatch.signatures.parser import parse  # noqa: PLC0415

    failed = False
    for query in queries:
        try:
            laid_out = layout(parse(query))
        except SignatureError as error:
            click.echo(error.render(), err=True)
            failed = True
            continue
        line = msgspec.json.encode({"query": query, "formatted": laid_out})
        click.echo(line if is_json(form) and form != "auto" else laid_out)
    return 2 if failed else 0


def _format_files(paths: list[Path], form: str, *, write: bool, diff: bool) -> int:
    from causewatch.app.formatting import format_files  # noqa: PLC0415  # start-up
    from causewatch.app.formatting import write as write_file  # noqa: PLC0415
    from causewatch.errors import ProblemsError  # noqa: PLC0415

    try:
        files = format_files(paths)
    except ProblemsError as error:
        for problem in error.problems:
            click.echo(
                f"{problem.file}:{problem.line}:{problem.column}: {problem.message}", err=True
            )
        return 1
    changed = [formatted for formatted in files if formatted.is_changed]
    for formatted in changed:
        if write:
            write_file(formatted)
        if diff:
            click.echo("".join(formatted.diff()), nl=False)
        elif is_json(form):
            click.echo(msgspec.json.encode({"file": formatted.file, "changed": True}))
        else:
            click.echo(f"{'laid out' if write else 'would lay out'} {formatted.file}")
    return 0 if write or not changed else 1
