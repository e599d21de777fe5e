"""``causewatch healthcheck``: ask a running daemon whether it is healthy (for containers)."""

from __future__ import annotations

import urllib.error
import urllib.request

import click

from causewatch.errors import UnreachableError, UserError

DEFAULT_URL = "http://127.0.0.1:9319"


@click.command()
@click.option("--url", default=DEFAULT_URL, show_default=True, help="The daemon's web address.")
@click.option("--timeout", default=3.0, show_default=True, help="Seconds to wait.")
def command(url: str, timeout: float) -> int:
    """Exit with 0 when the daemon answers that it is ready, 3 when it does not."""
    if not url.startswith(("http://", "https://")):
        raise UserError(f"--url must be an http or https address, not {url!r}")
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/-/ready", timeout=timeout) as answer:  # noqa: S310  # scheme checked above
            click.echo(answer.read().decode().strip(), err=True)
    except urllib.error.HTTPError as error:
        raise UnreachableError(f"{url}: not ready: {error.read().decode().strip()}") from None
    except OSError as error:
        raise UnreachableError(f"{url}: {getattr(error, 'reason', error)}") from None
    return 0
