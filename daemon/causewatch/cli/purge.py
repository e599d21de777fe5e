"""``causewatch purge``: forgets traces, sessions, or all before a time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import click

from causewatch.cli.options import format_option, is_json

if TYPE_CHECKING:
    from causewatch.app.config import Config
    from causewatch.app.purge_scope import Purged

EVERY_S = 2.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NS_PER_US = 1_000
_COUNTED = {
    "spans": "spans",
    "log_records": "log records",
    "batches": "batches",
    "runs": "runs",
    "findings": "findings",
    "alerts": "alerts",
    "incidents": "incidents",
    "messages": "messages",
    "forward_spans": "spans that waited to be forwarded",
}


@click.command()
@click.option("--trace", "traces", multiple=True, metavar="ID", help="A trace id; repeatable.")
@click.option(
    "--session", "sessions", multiple=True, metavar="ID", help="A session id; repeatable."
)
@click.option(
    "--before",
    metavar="TIME",
    help="All that was received earlier: 2026-11-01, or 2026-11-01T12:00:00Z. Without a zone: UTC.",
)
@click.option("--dry-run", is_flag=True, help="Only say how much it would be.")
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="The daemon's configuration. Default: ./causewatch.yaml where there is one.",
)
@click.option(
    "--store",
    "store",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The daemon's store folder, instead of the configuration's.",
)
@click.option("--url", default="", help="The running daemon's web address, where it is another.")
@format_option
def command(  # noqa: PLR0913  # click hands options in one by one
    traces: tuple[str, ...],
    sessions: tuple[str, ...],
    before: str | None,
    *,
    dry_run: bool,
    config_path: Path | None,
    store: Path | None,
    url: str,
    form: str,
) -> int:
    """Forget traces, sessions, or all before a time, wherever they are kept.

    Works whether the daemon runs or not. Exits with 3 when it could not finish: it may be repeated.
    """
    if not (traces or sessions or before):
        raise click.UsageError("say what to forget: --trace ID, --session ID or --before TIME")
    from causewatch.app.purge_scope import Wanted  # noqa: PLC0415  # start-up
    from causewatch.app.purge_stopped import purge  # noqa: PLC0415

    wanted = Wanted(
        traces=frozenset(traces),
        sessions=frozenset(sessions),
        before_ns=_time_ns(before) if before else 0,
    )
    config = _config(config_path, store)
    purged = purge(config, wanted, _Progress().step, is_dry=dry_run, url=url)
    if is_json(form):
        import msgspec  # noqa: PLC0415

        answer = {"dry_run": dry_run, **msgspec.structs.asdict(purged)}
        click.echo(msgspec.json.encode(answer).decode())
    else:
        _tell(purged, is_dry=dry_run)
    return 0 if dry_run else _warn(purged)


class _Progress:
    """Says on standard error what is being done, every few seconds."""

    def __init__(self) -> None:
        self._next_s = 0.0

    def step(self, what: str, done: int, total: int) -> None:
        import time  # noqa: PLC0415

        now_s = time.monotonic()
        if not self._next_s:
            self._next_s = now_s + EVERY_S
        if now_s >= self._next_s:
            self._next_s = now_s + EVERY_S
            click.echo(f"{what}: {done:,} of {total:,}", err=True)


def _config(path: Path | None, store: Path | None) -> Config:
    from msgspec.structs import replace  # noqa: PLC0415

    from causewatch.app.config import DEFAULT_PATH, Config, load_config  # noqa: PLC0415

    if path is None and DEFAULT_PATH.exists():
        path = DEFAULT_PATH
    config = load_config(path) if path is not None else Config()
    return config if store is None else replace(config, store_path=store)


def _time_ns(text: str) -> int:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise click.UsageError(
            f"--before: {text!r} is no time; write 2026-11-01 or 2026-11-01T12:00:00Z"
        ) from None
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=UTC)
    return (moment - _EPOCH) // timedelta(microseconds=1) * _NS_PER_US


def _tell(purged: Purged, *, is_dry: bool) -> None:
    counts = [
        f"{count:,} {what}" for name, what in _COUNTED.items() if (count := getattr(purged, name))
    ]
    verb = "would be forgotten" if is_dry else "forgotten"
    click.echo(f"{verb}: {', '.join(counts) or 'nothing'}")


def _warn(purged: Purged) -> int:
    """Say what is left, and return the exit code."""
    if purged.unreadable_batches:
        click.echo(
            f"causewatch: {purged.unreadable_batches:,} batches are damaged on disk, and nobody can"
            " tell whose spans are in them; --before deletes them too",
            err=True,
        )
    if not purged.is_done:
        click.echo(
            "causewatch: copies are left in a log that somebody is reading (an explain with"
            " --store, say); purge again when that is done",
            err=True,
        )
    return 0 if purged.is_done else 3
