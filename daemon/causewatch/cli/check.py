"""``causewatch check``: are the rule files, or the queries, right?"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.options import check_format_option, is_json
from causewatch.errors import InputError, Problem

if TYPE_CHECKING:
    from causewatch.app.checking import Linting


@click.command()
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--queries", type=click.Path(path_type=Path), help='Lines of {"query"} to check.')
@click.option("--lint", is_flag=True, help="Say also what could be better in rules that load.")
@click.option(
    "--disable",
    multiple=True,
    metavar="CHECK",
    help="With --lint: leave a check out; may be given several times.",
)
@click.option(
    "--enable",
    multiple=True,
    metavar="CHECK",
    help="With --lint: add a check that is off unless asked for (portable).",
)
@click.option("--strict", is_flag=True, help="Exit with 1 at a warning, too.")
@check_format_option
def command(  # noqa: PLR0913  # click hands over one parameter for each option
    *,
    paths: tuple[Path, ...],
    queries: Path | None,
    lint: bool,
    disable: tuple[str, ...],
    enable: tuple[str, ...],
    strict: bool,
    form: str,
) -> int:
    """Print one line for each problem in PATHS, nothing when all is well.

    PATHS are rule files, folders of them, or a causewatch.yaml. Exits with 1 when there is an
    error, with --strict also at a warning. With --queries: one line of JSON for each query, exit
    code 0.
    """
    if queries is not None:
        _check_queries(queries)
        return 0
    if (disable or enable) and not lint:
        raise click.UsageError("--disable and --enable choose among the checks of --lint")
    if not paths:
        raise click.UsageError("name the rule files or folders to check")
    from causewatch.app.checking import check_paths  # noqa: PLC0415  # start-up

    problems = check_paths(paths, _linting(disable, enable) if lint else None)
    _print(problems, form)
    fatal = {"error", "warning"} if strict else {"error"}
    return 1 if any(problem.severity in fatal for problem in problems) else 0


def _linting(disable: tuple[str, ...], enable: tuple[str, ...]) -> Linting:
    """Return how to lint; a check that is not known would silently go on being asked.

    Raises:
        click.UsageError: when a name is none of a check.
    """
    from causewatch.app.checking import Linting  # noqa: PLC0415  # start-up
    from causewatch.app.clock import today  # noqa: PLC0415  # start-up
    from causewatch.rules.lint.lint import NAMES, ON_REQUEST  # noqa: PLC0415  # start-up
    from causewatch.rules.read import did_you_mean  # noqa: PLC0415  # start-up

    for name in (*disable, *enable):
        if name not in NAMES:
            hint = did_you_mean(name, NAMES) or f"; known are {', '.join(NAMES)}"
            raise click.UsageError(f"no check {name!r}{hint}")
    return Linting(today=today(), disabled=(ON_REQUEST - {*enable}) | {*disable})


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
