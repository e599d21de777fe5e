"""Loads ``causewatch.yaml`` again while the daemon runs; a bad file keeps what is in force.

Whom to tell, how, and of what can change at once. What a daemon is made of (listeners, stores, what
judges runs) cannot: such a change is named, and waits for a restart.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import msgspec
import structlog

from causewatch.app.config import Config, load_config
from causewatch.errors import Problem, ProblemsError, UserError
from causewatch.telemetry.metrics import Metrics

LIVE = ("alerting", "trace_url", "own_alerts", "reload_interval_s")
"""What changes at once: routes, receivers, inhibition, time intervals; links; own alerts."""
FIXED = {
    "rule_paths": "rules.paths",
    "rules_git": "rules.git",
    "dialect_paths": "dialects",
    "receive": "receive",
    "web": "web",
    "runs": "runs",
    "store_path": "store.path",
    "retention": "store.retention",
    "scores": "evaluations",
    "faults": "faults",
    "judge": "judge",
    "slack": "slack",
    "forward": "forward",
    "sampling": "sampling",
}
"""What a restart is needed for, by the name that it has in the file."""
_NS_PER_S = 1_000_000_000

log = structlog.get_logger("causewatch.reload")


class ConfigReloader:
    """Puts a changed configuration in force; reloads by signal and API never overlap.

    Args:
        path: the file, ``None`` where there is none: then nothing can change.
        config: what the daemon started with.
        apply: puts a configuration in force whose fixed parts are as they were, or raises
            ``UserError`` and changes nothing.
        metrics: say whether the last load went well.
        now_ns: the clock.
    """

    def __init__(
        self,
        path: Path | None,
        config: Config,
        *,
        apply: Callable[[Config], None],
        metrics: Metrics,
        now_ns: Callable[[], int],
    ) -> None:
        self._path = path
        self._config = config
        self._apply = apply
        self._metrics = metrics
        self._now_ns = now_ns
        self._lock = threading.Lock()
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the file; empty when what is in force is what it says."""
        self.restart_needed: tuple[str, ...] = ()
        """The keys of the file whose change waits for a restart."""
        self.loaded_at_ns = 0
        """When what is in force was loaded."""
        self._publish()

    def reload(self) -> tuple[Problem, ...]:
        """Load the file now; return the problems that keep everything as it is."""
        with self._lock:
            if self._path is None:
                return ()
            try:
                fresh = _read(self._path)
                live = with_live(self._config, fresh)
                if live != self._config:
                    self._apply(live)
                    self._config = live
            except ProblemsError as error:
                return self._fail(error.problems)
            except (UserError, OSError) as error:
                found = Problem(
                    file=str(self._path), line=1, column=1, check="config", message=str(error)
                )
                return self._fail((found,))
            self.problems = ()
            self.restart_needed = restart_needed(self._config, fresh)
            self._publish()
            if self.restart_needed:
                keys = ", ".join(self.restart_needed)
                log.warning("configuration loaded; some changes wait for a restart", keys=keys)
            else:
                log.info("configuration loaded")
            return ()

    def _fail(self, problems: tuple[Problem, ...]) -> tuple[Problem, ...]:
        for problem in problems:
            log.error("configuration is wrong; what is in force stays", problem=str(problem))
        self.problems = problems
        self._metrics.config_file_last_reload_successful.set(0)
        return problems

    def _publish(self) -> None:
        self.loaded_at_ns = self._now_ns()
        self._metrics.config_file_last_reload_successful.set(1)
        loaded_at_s = self.loaded_at_ns / _NS_PER_S
        self._metrics.config_file_last_reload_success_timestamp_seconds.set(loaded_at_s)
        self._metrics.config_file_restart_needed.set(len(self.restart_needed) > 0)


def _read(path: Path) -> Config:
    """Read the file, unless it is empty: truncated, to be written, it would silence everything."""
    fresh = load_config(path)
    if not path.read_bytes().strip():
        raise UserError("the file is empty; `{}` stands for all defaults")
    return fresh


def with_live(config: Config, fresh: Config) -> Config:
    """Return a configuration with the parts of a fresh one that can change at once."""
    return msgspec.structs.replace(config, **{name: getattr(fresh, name) for name in LIVE})


def restart_needed(config: Config, fresh: Config) -> tuple[str, ...]:
    """Return the names of what differs and cannot change while the daemon runs."""
    return tuple(
        key for name, key in FIXED.items() if getattr(config, name) != getattr(fresh, name)
    )
