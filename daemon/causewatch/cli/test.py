"""``causewatch test``: do the rules match what they should, and nothing else?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.options import FORMATS, DialectsCommand, dialects_option, is_json

if TYPE_CHECKING:
    from causewatch.app.testing import Covered, Outcome, Report
    from causewatch.errors import Problem

_COLOURS = {"passed": "green", "failed": "red", "error": "red"}


@click.command(cls=DialectsCommand)
@click.argument("paths", nargs=-1, type=click.Path(path_type=Path))
@click.option("--run", "pattern", default="", help="Only tests whose `file: name` this RE2 finds.")
@click.option("--coverage", is_flag=True, help="Also list the rules that no test looks at.")
@click.option("--verbose", "-v", is_flag=True, help="In text, also list the tests that passed.")
@click.option(
    "--junit",
    "junit_file",
    type=click.Path(dir_okay=False, path_type=Path),
    help="Also write the outcomes to this file as JUnit XML.",
)
@dialects_option
@click.option(
    "--format",
    "form",
    type=click.Choice((*FORMATS, "junit")),
    default="auto",
    show_default=True,
    help="text for people, json (one object a line) for programs, junit (XML) for CI; "
    "auto: text on a terminal, json in a pipe.",
)
def command(  # noqa: PLR0913, PLR0917  # one argument an option
    paths: tuple[Path, ...],
    pattern: str,
    coverage: bool,
    verbose: bool,
    junit_file: Path | None,
    dialects: tuple[Path, ...],
    form: str,
) -> int:
    """Run the examples of rules and the test files under PATHS, in virtual time.

    PATHS are rule files, test files (`*_test.yaml`), or folders of them. Exits with 1 when a test
    fails or a file is wrong, 3 when recorded runs could not be read (the rest is run).
    """
    if not paths:
        raise click.UsageError("name the rule files, test files or folders to test")
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415  # start-up
    from causewatch.app.recordings import Recordings  # noqa: PLC0415
    from causewatch.app.suites import find_suites  # noqa: PLC0415
    from causewatch.app.testing import run_suites  # noqa: PLC0415

    found = find_suites(paths)
    report = run_suites(found.suites, Recordings(load_dialects(dialects)), _wanted(pattern))
    if pattern and not report.outcomes and not found.problems:
        raise click.UsageError(f"no test is called anything like {pattern!r}")
    _write_junit(junit_file, form, report, found.problems)
    if form != "junit":
        printer = _print_json if is_json(form) else _print_text
        printer(report, found.problems, coverage=coverage, verbose=verbose)
    return _code(report, found.problems)


def _code(report: Report, problems: Sequence[Problem]) -> int:
    if any(outcome.unreadable for outcome in report.outcomes):
        return 3
    failed = any(outcome.status != "passed" for outcome in report.outcomes)
    return 1 if failed or problems else 0


def _wanted(pattern: str) -> Callable[[str], bool]:
    if not pattern:
        return lambda _name: True
    import re2  # noqa: PLC0415  # start-up

    try:
        wanted = re2.compile(pattern)
    except re2.error as error:
        raise click.UsageError(f"--run: {pattern!r} is no regular expression: {error}") from None
    return lambda name: wanted.search(name) is not None


def _write_junit(file: Path | None, form: str, report: Report, problems: Sequence[Problem]) -> None:
    if file is None and form != "junit":
        return
    from causewatch.cli.junit import junit  # noqa: PLC0415  # only for this question

    text = junit(report.outcomes, problems)
    if form == "junit":
        click.echo(text, nl=False)
    if file is not None:
        try:
            file.write_bytes(text)
        except OSError as error:
            raise click.UsageError(f"--junit {file}: {error.strerror}") from None


def _print_json(
    report: Report, problems: Sequence[Problem], *, coverage: bool, verbose: bool
) -> None:
    del verbose  # programs get every outcome
    for problem in problems:
        click.echo(msgspec.json.encode(problem))
    for outcome in report.outcomes:
        click.echo(msgspec.json.encode(outcome))
    for covered in report.coverage if coverage else ():
        click.echo(msgspec.json.encode({"coverage": covered}))


def _print_text(
    report: Report, problems: Sequence[Problem], *, coverage: bool, verbose: bool
) -> None:
    for problem in problems:
        click.echo(str(problem))
    for outcome in report.outcomes:
        if verbose or outcome.status != "passed":
            _print_outcome(outcome)
    if coverage:
        _print_coverage(report.coverage)
    took_s = sum(outcome.duration_s for outcome in report.outcomes)
    files = len({outcome.file for outcome in report.outcomes})
    parts = [f"{report.count('passed')} passed"]
    parts += [f"{n} {word}" for word in ("failed", "error") if (n := report.count(word))]
    parts += [f"{len(problems)} wrong in the files"] if problems else []
    click.echo(f"{', '.join(parts)} in {files} {'file' if files == 1 else 'files'}, {took_s:.2f} s")


def _print_outcome(outcome: Outcome) -> None:
    status = click.style(outcome.status, fg=_COLOURS[outcome.status])
    where = click.style(f"{outcome.file}:{outcome.line}", bold=True)
    click.echo(f"{where}: {status}: {outcome.test}: {outcome.kind} {outcome.about}")
    if outcome.status == "failed":
        click.echo("    expected (-), got (+):")
    for line in outcome.differences:
        colour = {"-": "green", "+": "red"}.get(line[:1])
        click.echo("    " + click.style(line, fg=colour))


def _print_coverage(coverage: Sequence[Covered]) -> None:
    for covered in coverage:
        if covered.tested and covered.matched:
            continue
        what = "never matched" if covered.tested else "not tested"
        click.echo(f"{covered.file}:{covered.line}: {what}: {covered.rule}")
    tested = sum(1 for covered in coverage if covered.tested)
    matched = sum(1 for covered in coverage if covered.tested and covered.matched)
    click.echo(f"{tested} of {len(coverage)} rules are tested, {matched} of them matched")
