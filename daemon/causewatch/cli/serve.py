"""``causewatch serve``: the daemon."""

from __future__ import annotations

from pathlib import Path

import click


@click.command()
@click.option(
    "--config",
    "config_path",
    type=click.Path(path_type=Path),
    help="Configuration file. Default: ./causewatch.yaml where there is one, else the defaults.",
)
@click.option(
    "--log-level",
    type=click.Choice(["debug", "info", "warning", "error"]),
    default="info",
    show_default=True,
    help="What is logged to standard error.",
)
@click.option(
    "--log-format",
    type=click.Choice(["auto", "text", "json"]),
    default="auto",
    show_default=True,
    help="auto: text on a terminal, JSON lines otherwise.",
)
def command(config_path: Path | None, log_level: str, log_format: str) -> int:
    """Receive spans over OTLP, judge runs, open incidents and tell people, until stopped.

    SIGTERM and SIGINT stop it cleanly, SIGHUP reloads the configuration, as far as that is
    possible while it runs, and the rules.
    """
    from causewatch.app.config import DEFAULT_PATH, Config, load_config  # noqa: PLC0415  # start-up
    from causewatch.app.serving import serve  # noqa: PLC0415
    from causewatch.errors import ProblemsError, UserError  # noqa: PLC0415
    from causewatch.telemetry.logs import configure_logs  # noqa: PLC0415

    configure_logs(level=log_level, form=log_format)
    if config_path is None and DEFAULT_PATH.exists():
        config_path = DEFAULT_PATH
    try:
        config = load_config(config_path) if config_path is not None else Config()
        serve(config, config_path)
    except ProblemsError as error:
        # Bad configuration or bad rules at start are a usage error: nothing was served.
        raise UserError(f"not started:\n{error}") from None
    return 0
