"""``causewatch learn``: rule files inferred from good runs, for people to review."""

from __future__ import annotations

import click

from causewatch.cli import learn_accepted, learn_contracts, learn_paths


@click.group()
def command() -> None:
    """Infer rules from recorded good runs, as YAML that is ready for review.

    What is printed loads as it is. Read it, tighten it where you know better, and put it beside
    your other rules.
    """


command.add_command(learn_accepted.command)
command.add_command(learn_contracts.command)
command.add_command(learn_paths.command)
