"""``causewatch learn contracts``: contracts of tools and handoffs inferred from good runs."""

from __future__ import annotations

from pathlib import Path

import click

from causewatch.cli.options import (
    TracesCommand,
    dialects_option,
    input_options,
    require_input,
)


@click.command("contracts", cls=TracesCommand)
@input_options
@dialects_option
@click.option("--tool", metavar="GLOB", help="Only tools whose name fits, and no handoffs.")
@click.option("--from", "sender", metavar="GLOB", help="Only handoffs from agents that fit.")
@click.option("--to", "receiver", metavar="GLOB", help="Only handoffs to agents that fit.")
@click.option(
    "--enums",
    is_flag=True,
    help="Write the few words that a text always was as an enumeration: the only values of payloads"
    " that are ever written.",
)
def command(  # noqa: PLR0913  # one an option
    *,
    traces: tuple[str, ...],
    store: Path | None,
    dialects: tuple[Path, ...],
    tool: str | None,
    sender: str | None,
    receiver: str | None,
    enums: bool,
) -> int:
    """Infer contracts from good runs: JSON Schemas of arguments, results and handoffs.

    Runs that are judged corrupted are left out. The rule file goes to standard output, with how
    often each key was seen as comments. Exits with 3 when some input could not be read.
    """
    from causewatch.app.contract_lessons import Wanted, learn_contracts  # noqa: PLC0415  # start-up
    from causewatch.app.dialectfiles import load_dialects  # noqa: PLC0415

    require_input(traces, store)
    has_ends = sender is not None or receiver is not None
    wanted = Wanted(
        tool="" if has_ends and tool is None else tool or "*",
        sender="" if tool is not None and not has_ends else sender or "*",
        receiver=receiver or "*",
        enums=enums,
    )
    lesson = learn_contracts(traces, store, load_dialects(dialects), wanted)
    click.echo(lesson.text, nl=False)
    for note in (*lesson.notes, *lesson.errors):
        click.echo(f"causewatch: {note}", err=True)
    return 3 if lesson.errors else 0
