"""Runs a daemon until a signal asks it to stop."""

from __future__ import annotations

import signal
from pathlib import Path
from types import FrameType

from causewatch.app.allocator import share_memory, spare_the_collector
from causewatch.app.config import Config
from causewatch.app.daemon import Daemon


def serve(config: Config, path: Path | None = None) -> None:
    """Run a daemon until SIGTERM or SIGINT; SIGHUP reloads configuration and rules."""
    share_memory()
    daemon = Daemon(config, path)

    def stop(_number: int, _frame: FrameType | None) -> None:
        daemon.ask_to_stop()

    def reload(_number: int, _frame: FrameType | None) -> None:
        daemon.ask_to_reload()

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    signal.signal(signal.SIGHUP, reload)
    try:
        daemon.start()
        spare_the_collector()
        daemon.wait()
    finally:
        daemon.stop()
