"""``causewatch check``: are the rule files, or the queries, right?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click
import msgspec

from causewatch.cli.options import check_format_option, is_json
from causewatch.errors import InputError, Problem


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--queries", type=click.Path(path_type=Path), help='Lines of {"query"} to check.')
@check_format_option
def command(paths: tuple[Path, ...], queries: Path | None, form: str) -> int:
    """Print one line for each problem in PATHS, nothing when all is well.

    PATHS are rule files, folders of them, or a causewatch.yaml. Exits with 1 when there is an
    error. With --queries: one line of JSON for each query, exit code 0.
    """
    if queries is not None:
        _check_queries(queries)
        return 0
    if not paths:
        raise click.UsageError("name the rule files or folders to check")
    from causewatch.app.checking import check_paths  # noqa: PLC0415  # start-up

    problems = check_paths(paths)
    _print(problems, form)
    return 1 if any(problem.severity == "error" for problem in problems) else 0


def _print(problems: Sequence[Problem], form: str) -> None:
    if form == "sarif":
        from causewatch.cli.sarif import sarif_of  # noqa: PLC0415  # start-up

        click.echo(sarif_of(problems))
        return
    for problem in problems:
        if form == "github":
            from causewatch.cli.annotation import annotation_of  # noqa: PLC0415  # start-up

            click.echo(annotation_of(problem))
        else:
            click.echo(msgspec.json.encode(problem) if is_json(form) else _coloured(problem))


def _coloured(problem: Problem) -> str:
    colours = {"error": "red", "warning": "yellow", "info": "cyan"}
    where = click.style(f"{problem.file}:{problem.line}:{problem.column}", bold=True)
    severity = click.style(problem.severity, fg=colours[problem.severity])
    return f"{where}: {severity}: {problem.message} [{problem.check}]"


def _check_queries(path: Path) -> None:
    from causewatch.signatures.error import SignatureError  # noqa: PLC0415
    from causewatch.signatures.signature import compile_query  # noqa: PLC0415  # start-up

    try:
        lines = path.read_bytes().splitlines()
    except OSError as error:
        raise InputError(f"{path}: {error.strerror}") from None
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            query = str(msgspec.json.decode(line)["query"])
        except (msgspec.DecodeError, KeyError, TypeError):
            raise InputError(f'{path}:{number}: not a line of {{"query": "..."}}') from None
        answer: dict[str, object] = {"query": query, "ok": True, "stage": None, "error": None}
        try:
            signature = compile_query(query)
            answer |= {"kind": signature.kind, "portable": signature.portable}
            answer["monotone"] = signature.monotone
        except SignatureError as error:
            answer |= {"ok": False, "stage": error.stage, "error": error.message}
            answer |= {"kind": None, "portable": None, "monotone": None}
            answer |= {"line": error.line, "column": error.column}
        click.echo(msgspec.json.encode(answer))
