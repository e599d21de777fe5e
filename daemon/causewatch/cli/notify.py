"""``causewatch notify``: try the receivers."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec

from causewatch.cli.dead_letters import dead
from causewatch.cli.options import format_option, is_json
from causewatch.errors import UserError


@click.group()
def command() -> None:
    """Try the receivers of a configuration, and messages that were given up."""


command.add_command(dead)


@command.command()
@click.option(
    "--config",
    "path",
    type=click.Path(exists=True, path_type=Path),
    default=Path("causewatch.yaml"),
    show_default=True,
    help="The configuration with the receivers.",
)
@click.option("--receiver", "names", multiple=True, help="Only this one; may be given repeatedly.")
@format_option
def test(path: Path, names: tuple[str, ...], form: str) -> int:
    """Open and resolve a made-up incident of severity info at every destination.

    It goes there directly, past the routing tree and the outbox. One line a message says how it
    ended; exits with 3 when one did not arrive.
    """
    from causewatch.app.clock import now_ns  # noqa: PLC0415  # start-up
    from causewatch.app.config import load_config  # noqa: PLC0415
    from causewatch.app.tried_receivers import try_receivers  # noqa: PLC0415
    from causewatch.notify.config import Links  # noqa: PLC0415
    from causewatch.rules.read import did_you_mean  # noqa: PLC0415

    config = load_config(path)
    known = tuple(receiver.name for receiver in config.receivers)
    for name in names:
        if name not in known:
            raise UserError(f"there is no receiver {name!r}{did_you_mean(name, known)}")
    chosen = [r for r in config.receivers if not names or r.name in names]
    links = Links(external_url=config.web.external_url, trace_url=config.trace_url)
    all_sent = True
    for tried in try_receivers(chosen, links, now_ns):
        reason = f": {tried.reason}" if tried.reason else ""
        text = f"{tried.target}  {tried.action}  {tried.outcome}{reason}"
        click.echo(msgspec.json.encode(tried) if is_json(form) else text)
        all_sent = all_sent and tried.outcome == "sent"
    return 0 if all_sent else 3
