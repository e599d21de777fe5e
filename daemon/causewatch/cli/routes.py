"""``causewatch routes``: the routing tree, and who would be told of an alert."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click
import msgspec

from causewatch.cli.options import format_option, is_json
from causewatch.errors import UserError

if TYPE_CHECKING:
    from causewatch.notify.config import Alerting

_config = click.option(
    "--config",
    "path",
    type=click.Path(exists=True, path_type=Path),
    default=Path("causewatch.yaml"),
    show_default=True,
    help="The configuration with the tree. Its secrets are not read.",
)


@click.group()
def command() -> None:
    """Show the routing tree of a configuration, and try it."""


@command.command()
@_config
def show(path: Path) -> int:
    """Print the tree, a line a route."""
    from causewatch.app.tried_routes import tree_lines  # noqa: PLC0415  # start-up

    route = _alerting(path).route
    for line in tree_lines(route) if route else ():
        click.echo(line)
    return 0


@command.command()
@click.argument("labels", nargs=-1)
@_config
@click.option(
    "--verify-receivers",
    help="Receivers that must be told, in order, with commas between; exits with 1 otherwise.",
)
@format_option
def test(labels: tuple[str, ...], path: Path, verify_receivers: str | None, form: str) -> int:
    """Print who would be told of an alert with LABELS, such as severity=page team=ai.

    One line a receiver, in the order of the tree; the first route says how alerts are grouped.
    """
    from causewatch.app.clock import now_ns  # noqa: PLC0415  # start-up
    from causewatch.app.tried_routes import told_of  # noqa: PLC0415

    found = told_of(_alerting(path), _labels(labels), now_ns())
    for told in found:
        muted = f"  ({told.muted})" if told.muted else ""
        text = f"{told.receiver}  by {', '.join(told.group_by)}  {told.route}{muted}"
        click.echo(msgspec.json.encode(told) if is_json(form) else text)
    if verify_receivers is None:
        return 0
    wanted = [name.strip() for name in verify_receivers.split(",") if name.strip()]
    got = [told.receiver for told in found]
    if wanted == got:
        return 0
    click.echo(f"expected {', '.join(wanted)}; told are {', '.join(got) or 'none'}", err=True)
    return 1


def _alerting(path: Path) -> Alerting:
    from causewatch.app.announced import routing_of  # noqa: PLC0415  # start-up

    return routing_of(path)


def _labels(texts: tuple[str, ...]) -> dict[str, str]:
    labels: dict[str, str] = {}
    for text in texts:
        name, equal, value = text.partition("=")
        if not name or not equal or value.startswith("~"):
            raise UserError(f"a label is NAME=VALUE, not {text!r}")
        labels[name] = value.strip('"')
    return labels
