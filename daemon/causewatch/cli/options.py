"""Options that several commands share, and how their values are read."""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
FORMATS = ("auto", "text", "json")
MERMAID_FORMATS = (*FORMATS, "mermaid")
EXPLAIN_FORMATS = (*MERMAID_FORMATS, "svg")
CHECK_FORMATS = (*FORMATS, "sarif", "github")


class DialectsCommand(click.Command):
    """A command whose ``--dialects`` takes one or more files: ``--dialects a.yaml b.yaml``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell ``--dialects A B`` as ``--dialects A --dialects B``, which click understands."""
        return super().parse_args(ctx, spread("--dialects", args, fits=_is_dialect_path))


class TracesCommand(DialectsCommand):
    """A command whose ``--traces`` takes one or more files, too: ``--traces a.jsonl b.jsonl``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell ``--traces A B`` as ``--traces A --traces B``, which click understands."""
        for option in ("--traces", "--baseline"):
            if any(option in param.opts for param in self.params):
                args = spread(option, args)
        return super().parse_args(ctx, args)


def _is_dialect_path(arg: str) -> bool:
    """Tell a dialect file from a file of spans that may follow it."""
    return arg.endswith((".yaml", ".yml")) or Path(arg).is_dir()


def spread(
    option: str, args: list[str], fits: Callable[[str], bool] = lambda _arg: True
) -> list[str]:
    """Repeat ``option`` before each of the values that follow it.

    Values end at the next option, at a token that is a query rather than a file name, and after
    the first at one that does not fit.
    """
    spelled: list[str] = []
    in_values = is_first = False
    for arg in args:
        if arg == option or arg.startswith(f"{option}="):
            in_values = is_first = True
            if arg != option:
                spelled += [option, arg.split("=", 1)[1]]
                is_first = False
            continue
        is_value = (arg == "-" or not arg.startswith("-")) and not _is_query(arg)
        if in_values and is_value and (is_first or fits(arg)):
            spelled += [option, arg]
            is_first = False
            continue
        in_values = False
        spelled.append(arg)
    if args and args[-1] == option:
        spelled.append(option)  # click then says that it requires an argument
    return spelled


def _is_query(arg: str) -> bool:
    return arg.lstrip().startswith(("{", "(", "!")) and not Path(arg).exists()


def store_option(function: F) -> F:
    """Add ``--store DIR``."""
    return click.option(
        "--store",
        "store",
        type=click.Path(exists=True, file_okay=False, path_type=Path),
        help="A daemon's store folder (running or not): its spans are read.",
    )(function)


def dialects_option(function: F) -> F:
    """Add ``--dialects FILES``."""
    return click.option(
        "--dialects",
        "dialects",
        multiple=True,
        metavar="FILE...",
        type=click.Path(exists=True, path_type=Path),
        help="Dialect files, or folders of them, that come before the shipped dialects.",
    )(function)


def input_options(function: F) -> F:
    """Add ``--traces FILES`` and ``--store DIR``."""
    traces = click.option(
        "--traces",
        "traces",
        multiple=True,
        metavar="FILE...",
        help="OTLP files: .jsonl, .json, .pb, each also .gz or .zst; - is standard input.",
    )
    return traces(store_option(function))


def baseline_option(function: F) -> F:
    """Add ``--baseline FILES``."""
    return click.option(
        "--baseline",
        multiple=True,
        metavar="FILE...",
        help="Spans of good runs: a result that lacks what all of a tool's results there have is"
        " partial, and what no run of the workflow there has is new.",
    )(function)


def format_option(function: F) -> F:
    """Add ``--format``; ``auto`` is text on a terminal and JSON lines in a pipe."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(FORMATS),
        default="auto",
        show_default=True,
        help="text for people, json (one object a line) for programs; "
        "auto: text on a terminal, json in a pipe.",
    )(function)


def graph_format_option(function: F) -> F:
    """Add ``--format`` for answers that can also be drawn."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(MERMAID_FORMATS),
        default="auto",
        show_default=True,
        help="text for people, json (one object a line) for programs, mermaid (a flowchart) for "
        "documents; auto: text on a terminal, json in a pipe.",
    )(function)


def explain_format_option(function: F) -> F:
    """Add ``--format`` for the answers of ``explain``, which can also be a picture."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(EXPLAIN_FORMATS),
        default="auto",
        show_default=True,
        help="text for people, json (one object a line) for programs, mermaid (a flowchart) or svg "
        "(one picture of all runs) for documents; auto: text on a terminal, json in a pipe.",
    )(function)


def check_format_option(function: F) -> F:
    """Add ``--format`` for problems, which code scanning and pull requests can show."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(CHECK_FORMATS),
        default="auto",
        show_default=True,
        help="text for people, json (one object a line) for programs, sarif (one log) for code "
        "scanning, github (workflow commands) for annotations in a pull request; auto: text on a "
        "terminal, json in a pipe.",
    )(function)


def rules_option(function: F) -> F:
    """Add ``--rules DIR``."""
    return click.option(
        "--rules",
        "rules",
        type=click.Path(exists=True, path_type=Path),
        help="Rule files whose contracts, paths and trust are used; none by default.",
    )(function)


def is_json(form: str) -> bool:
    """Tell whether answers go out as JSON lines."""
    return form == "json" or (form == "auto" and not sys.stdout.isatty())


def is_coloured() -> bool:
    """Tell whether text may carry colours: on a terminal, unless NO_COLOR is set."""
    import os  # noqa: PLC0415  # only for this question

    return sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def page_width() -> int:
    """Return how many columns text may take: the terminal's, in a pipe those of ``COLUMNS``."""
    import shutil  # noqa: PLC0415  # only for this question

    return shutil.get_terminal_size(fallback=(100, 24)).columns


def require_input(traces: tuple[str, ...], store: Path | None) -> None:
    """Refuse a call that names no input.

    Raises:
        click.UsageError: when both ``--traces`` and ``--store`` are missing.
    """
    if not traces and store is None:
        raise click.UsageError("name the spans to read with --traces FILE... or --store DIR")
