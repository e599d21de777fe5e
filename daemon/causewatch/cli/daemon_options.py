"""What the commands that ask a running daemon have in common."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from causewatch.app.api_client import ApiClient

DEFAULT_URL = "http://127.0.0.1:9319"
F = TypeVar("F", bound=Callable[..., Any])


class ListByDefault(click.Group):
    """A group that lists where no sub-command is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Spell ``alerts --all`` as ``alerts list --all``."""
        is_help = bool(args) and args[0] in {"-h", "--help"}
        if not args or (args[0].startswith("-") and not is_help):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def daemon_options(function: F) -> F:
    """Add ``--url`` and ``--token-file``."""
    url = click.option(
        "--url",
        default=DEFAULT_URL,
        show_default=True,
        envvar="CAUSEWATCH_URL",
        help="The daemon's web address; also CAUSEWATCH_URL.",
    )
    token = click.option(
        "--token-file",
        type=click.Path(path_type=Path),
        envvar="CAUSEWATCH_TOKEN_FILE",
        help="File with the bearer token of the web address; also CAUSEWATCH_TOKEN_FILE.",
    )
    return url(token(function))


def by_option(function: F) -> F:
    """Add ``--by``."""
    return click.option(
        "--by", default="", help="Who asks for it. Default: the name of the current user."
    )(function)


def client(url: str, token_file: Path | None) -> ApiClient:
    """Return a client of the daemon."""
    from causewatch.app.api_client import ApiClient, read_token  # noqa: PLC0415  # start-up

    return ApiClient(url, read_token(token_file))


def who(by: str) -> str:
    """Return who asks."""
    import getpass  # noqa: PLC0415  # only for this question

    try:
        return by or getpass.getuser()
    except (KeyError, OSError):
        raise click.UsageError("say who asks for it, with --by NAME") from None


def plain(text: object) -> str:
    """Return text on one line, without what could steer a terminal."""
    return "".join(c if c.isprintable() else " " for c in str(text))
