"""Loads rule files again when they change; a bad change keeps the last good bundle, and says so."""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence
from pathlib import Path

import structlog

from causewatch.app.groups import Groups
from causewatch.app.rulefiles import Loaded, read_rule_files
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.file import load
from causewatch.telemetry.metrics import Metrics

log = structlog.get_logger("causewatch.reload")


class Reloader:
    """Puts changed rule files in force; reloads by interval, signal and API never overlap."""

    def __init__(
        self,
        paths: Sequence[Path],
        groups: Groups,
        *,
        metrics: Metrics,
        on_change: Callable[[], None],
    ) -> None:
        self._paths = tuple(paths)
        self._groups = groups
        self._metrics = metrics
        self._on_change = on_change
        self._lock = threading.Lock()
        self._seen_sha256 = groups.loaded.source.sha256
        self._failed_sha256 = ""
        self._is_half_done = False
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the files on disk; empty when the bundle in force is what they say."""
        self._publish(groups.loaded)

    def poll(self) -> None:
        """Reload if the files changed and hold still: the same digest at two looks in a row."""
        try:
            sha256 = read_rule_files(self._paths).sha256
        except ProblemsError as error:
            self._fail(error)
            return
        steady = sha256 == self._seen_sha256
        self._seen_sha256 = sha256
        if not steady or sha256 == self._failed_sha256:
            return
        if sha256 != self._groups.loaded.source.sha256:
            self.reload()
        elif self._is_half_done:
            with self._lock:
                self._follow()
        elif self.problems:
            # The files are again what is in force: a bad change was taken back.
            self._failed_sha256 = ""
            self.problems = ()
            self._metrics.config_last_reload_successful.set(1)

    def reload(self) -> tuple[Problem, ...]:
        """Load the files now; return the problems that keep the last good bundle in force."""
        with self._lock:
            try:
                source = read_rule_files(self._paths)
                self._failed_sha256 = source.sha256
                loaded = Loaded(bundle=load(source.files), source=source)
            except ProblemsError as error:
                self._fail(error)
                return self.problems
            self._failed_sha256 = ""
            self.problems = ()
            self._groups.replace(loaded)
            self._publish(loaded)
            self._follow()
            log.info("rules loaded", sha256=source.sha256[:12], revision=source.revision)
            return ()

    def _follow(self) -> None:
        """Bring the rest in line with the bundle; where that fails, the next look tries again."""
        self._is_half_done = True
        self._on_change()
        self._is_half_done = False

    def _fail(self, error: ProblemsError) -> None:
        if error.problems != self.problems:
            for problem in error.problems:
                log.error("rule files are wrong; the last good bundle stays", problem=str(problem))
        self.problems = error.problems
        self._metrics.config_last_reload_successful.set(0)

    def _publish(self, loaded: Loaded) -> None:
        self._metrics.config_last_reload_successful.set(1)
        self._metrics.rules_info.clear()
        labels = {"revision": loaded.source.revision, "sha256": loaded.source.sha256}
        self._metrics.rules_info.labels(**labels).set(1)
