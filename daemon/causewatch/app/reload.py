"""Loads rule files again when they change; a bad change keeps the last good bundle, and says so."""

from __future__ import annotations

import threading
from collections.abc import Callable

import structlog

from causewatch.app.groups import Groups
from causewatch.app.rule_source import RuleSource
from causewatch.app.rulefiles import Loaded, RuleFiles
from causewatch.errors import Problem, ProblemsError
from causewatch.rules.file import load
from causewatch.telemetry.metrics import Metrics

_NOTHING = ("", "")
_GONE = Problem(
    file="rules",
    line=1,
    column=1,
    check="unreadable",
    message="no rule file is there any more; a file with `groups: []` takes the rules away",
)
"""A folder that is empty for a moment, as while it is copied, must not end all alerts."""

log = structlog.get_logger("causewatch.reload")


class Reloader:
    """Puts changed rule files in force; reloads by interval, signal and API never overlap."""

    def __init__(
        self,
        source: RuleSource,
        groups: Groups,
        *,
        metrics: Metrics,
        on_change: Callable[[], None],
        now_ns: Callable[[], int],
    ) -> None:
        self._source = source
        self._groups = groups
        self._metrics = metrics
        self._on_change = on_change
        self._lock = threading.Lock()
        self._seen = _mark(groups.loaded.source)
        self._failed = _NOTHING
        self._is_half_done = False
        self._now_ns = now_ns
        self.loaded_at_ns = 0
        """When the bundle in force was loaded."""
        self.problems: tuple[Problem, ...] = ()
        """What is wrong with the files on disk; empty when the bundle in force is what they say."""
        self._publish(groups.loaded)

    def start_with(self, problems: tuple[Problem, ...]) -> None:
        """Say that what is in force is older than what there is, and why, until that is mended."""
        if problems:
            self._fail(ProblemsError(problems))

    def poll(self) -> None:
        """Reload if the files changed and hold still: the same digest at two looks in a row."""
        with self._lock:
            try:
                self._source.refresh()
                found = _mark(self._source.read())
            except ProblemsError as error:
                self._fail(error)
                return
            steady = found == self._seen or self._source.is_whole
            self._seen = found
            if not steady or found == self._failed:
                return
            if found != _mark(self._groups.loaded.source):
                self._load()
            elif self._is_half_done:
                self._follow()
            elif self.problems:
                # The files are again what is in force: a bad change was taken back.
                self._failed = _NOTHING
                self.problems = ()
                self._metrics.config_last_reload_successful.set(1)

    def reload(self) -> tuple[Problem, ...]:
        """Load the files now; return the problems that keep the last good bundle in force."""
        with self._lock:
            try:
                self._source.refresh()
            except ProblemsError as error:
                self._fail(error)
                return self.problems
            return self._load()

    def _load(self) -> tuple[Problem, ...]:
        try:
            source = self._source.read()
            self._failed = _mark(source)
            loaded = self._bundle_of(source)
        except ProblemsError as error:
            self._fail(error)
            return self.problems
        self._failed = _NOTHING
        self.problems = ()
        self._groups.replace(loaded)
        self._source.keep(source)
        self._publish(loaded)
        self._follow()
        log.info("rules loaded", sha256=source.sha256[:12], revision=source.revision)
        return ()

    def _bundle_of(self, source: RuleFiles) -> Loaded:
        if not source.files and self._groups.loaded.source.files:
            raise ProblemsError([_GONE])
        return Loaded(bundle=load(source.files), source=source)

    def _follow(self) -> None:
        """Bring the rest in line with the bundle; where that fails, the next look tries again."""
        self._is_half_done = True
        self._on_change()
        self._is_half_done = False

    def _fail(self, error: ProblemsError) -> None:
        if error.problems != self.problems:
            for problem in error.problems:
                log.error("rules not loaded; the last good ones stay", problem=str(problem))
        self.problems = error.problems
        self._metrics.config_last_reload_successful.set(0)

    def _publish(self, loaded: Loaded) -> None:
        self.loaded_at_ns = self._now_ns()
        moment_s = self.loaded_at_ns / 1e9
        self._metrics.config_last_reload_success_timestamp_seconds.set(moment_s)
        self._metrics.config_last_reload_successful.set(1)
        self._metrics.rules_info.clear()
        labels = {"revision": loaded.source.revision, "sha256": loaded.source.sha256}
        self._metrics.rules_info.labels(**labels).set(1)


def _mark(source: RuleFiles) -> tuple[str, str]:
    """Return what tells one state of the files from another."""
    return source.sha256, source.revision
