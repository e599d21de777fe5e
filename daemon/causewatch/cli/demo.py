"""``causewatch demo``: the real daemon on recorded agent runs, from spans to the Slack message."""

from __future__ import annotations

import time
from pathlib import Path

import click


@click.command()
@click.option("--keep", is_flag=True, help="Keep the daemon running until Ctrl-C, to look around.")
@click.option(
    "--export",
    type=click.Path(file_okay=False, path_type=Path),
    help="Only write the recorded runs into this folder, to try queries on.",
)
def command(keep: bool, export: Path | None) -> int:
    """Start the daemon, send it recorded runs over OTLP, show the incidents it opens.

    Nothing leaves this machine: the daemon listens on loopback and "Slack" is a stand-in.
    """
    from causewatch.app.demo import Demo, export_runs  # noqa: PLC0415  # start-up

    if export is not None:
        for path in export_runs(export):
            click.echo(path)
        return 0
    started = time.perf_counter()
    with Demo() as demo:
        _say(f"daemon ready: OTLP/HTTP on {demo.otlp_url}, pages on {demo.web_url}")
        for run in demo.runs():
            demo.send(run)
            _say(f"sent {run.title} ({run.spans} spans)")
        _say("waiting until the runs are quiet and judged ...")
        incidents = demo.wait_for_incidents()
        _say(f"{len(incidents)} incidents after {time.perf_counter() - started:.1f} s")
        for incident in incidents:
            click.echo()
            click.secho(f"Incident {incident.id}: {incident.title}", bold=True)
            click.echo(incident.explanation)
            click.echo()
            click.secho("The Slack message:", bold=True)
            click.echo(incident.slack_text)
        click.echo()
        click.echo(_next_steps(demo.rules_path))
        if keep:
            _say(f"still running; incidents on {demo.web_url}; Ctrl-C stops it")
            demo.wait()
    return 0


def _say(text: str) -> None:
    """Tell progress, on standard error."""
    click.echo(f"{click.style('✓', fg='green')} {text}", err=True)


def _next_steps(rules_path: str) -> str:
    return f"""What to do next
  1. Run the daemon:           causewatch serve
  2. Point a Collector at it:  exporters: otlp_grpc: endpoint: 127.0.0.1:4317
  3. Write down what you expect of your agents; a pack to start from: {rules_path}
     causewatch check rules/"""
