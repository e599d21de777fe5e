"""Reloading rule files while the daemon runs."""

from __future__ import annotations

from pathlib import Path

import pytest

from app_fixtures import LOST, T0_NS, Desk
from causewatch.app.reload import Reloader
from causewatch.app.rule_source import FolderSource
from causewatch.app.rulefiles import load_bundle


class Watched:
    """Rule groups, the folder they came from, and a reloader between the two."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.write(LOST)
        self.desk = Desk()
        self.desk.groups.replace(load_bundle([folder]))
        self.changed = 0
        self.reloader = Reloader(
            FolderSource([folder]),
            self.desk.groups,
            metrics=self.desk.metrics,
            on_change=self.count,
            now_ns=lambda: T0_NS,
        )

    def count(self) -> None:
        """Count the times that new rules were put in force."""
        self.changed += 1

    def write(self, text: str) -> None:
        """Write the rule file."""
        (self.folder / "some.yaml").write_text(text, encoding="utf-8")

    @property
    def alertnames(self) -> list[str]:
        """Return the names of the rules in force."""
        return [rule.alertname for group in self.desk.groups.loaded.bundle.groups for rule in group]

    @property
    def is_good(self) -> float:
        """Return the metric that says whether the last load succeeded."""
        return self.desk.metric("causewatch_config_last_reload_successful")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Return a watched folder with good rules."""
    return Watched(tmp_path)


def test_a_change_is_loaded_once_it_holds_still(watched: Watched) -> None:
    """The same digest at two looks in a row: a file being written is not loaded half."""
    watched.write(LOST.replace("Lost", "Gone"))
    watched.reloader.poll()
    assert watched.alertnames == ["Lost", "Failed"]
    watched.reloader.poll()
    assert watched.alertnames == ["Gone", "Failed"]
    assert watched.changed == 1


def test_nothing_happens_without_a_change(watched: Watched) -> None:
    """Equal bytes are no reload, however often they are looked at."""
    for _ in range(5):
        watched.reloader.poll()
    assert watched.changed == 0


def test_touching_files_is_no_change(watched: Watched) -> None:
    """It goes by content, not by time stamps."""
    watched.write(LOST)
    for _ in range(3):
        watched.reloader.poll()
    assert watched.changed == 0


def test_a_bad_change_keeps_the_last_good_rules(watched: Watched) -> None:
    """The problems are kept for the API, the metric says so, the rules in force stay."""
    watched.write("groups: [{nam: x}]")
    problems = watched.reloader.reload()
    assert any("did you mean 'name'" in problem.message for problem in problems)
    assert watched.alertnames == ["Lost", "Failed"]
    assert watched.is_good == 0
    assert watched.reloader.problems == problems
    assert watched.changed == 0


def test_mending_the_files_is_noticed(watched: Watched) -> None:
    """After a bad state, good files are loaded and the metric recovers."""
    watched.write("groups: [")
    for _ in range(2):
        watched.reloader.poll()
    assert watched.is_good == 0
    watched.write(LOST.replace("Lost", "Gone"))
    for _ in range(2):
        watched.reloader.poll()
    assert watched.alertnames == ["Gone", "Failed"]
    assert watched.is_good == 1
    assert watched.reloader.problems == ()


def test_going_back_to_the_old_files_clears_the_problems(watched: Watched) -> None:
    """A bad commit that is reverted leaves no trace, though nothing has to be loaded."""
    watched.write("groups: [")
    for _ in range(2):
        watched.reloader.poll()
    watched.write(LOST)
    for _ in range(2):
        watched.reloader.poll()
    assert watched.is_good == 1
    assert watched.reloader.problems == ()


def test_a_folder_that_is_emptied_does_not_take_the_rules_away(watched: Watched) -> None:
    """As while it is copied; to have no rules any more has to be written."""
    (watched.folder / "some.yaml").unlink()
    for _ in range(2):
        watched.reloader.poll()
    assert "no rule file is there any more" in str(watched.reloader.problems[0])
    assert watched.alertnames == ["Lost", "Failed"]
    assert watched.is_good == 0
    watched.write("groups: []")
    assert watched.reloader.reload() == ()
    assert watched.alertnames == []


def test_a_folder_that_vanishes_is_a_problem_not_a_reload(watched: Watched) -> None:
    """A mount that is gone for a moment does not delete all rules."""
    (watched.folder / "some.yaml").unlink()
    watched.folder.rmdir()
    watched.reloader.poll()
    assert watched.alertnames == ["Lost", "Failed"]
    assert watched.is_good == 0


def test_the_bundle_in_force_is_on_the_metrics(watched: Watched) -> None:
    """``causewatch_rules_info`` names exactly one revision and digest."""
    watched.write(LOST.replace("Lost", "Gone"))
    watched.reloader.reload()
    families = {f.name: f for f in watched.desk.metrics.registry.collect()}
    (sample,) = families["causewatch_rules_info"].samples
    assert sample.labels["sha256"] == watched.desk.groups.loaded.source.sha256


def test_what_a_reload_could_not_finish_is_finished_at_the_next_look(watched: Watched) -> None:
    """The rules are in force, but a full disk kept old alerts from being ended: tried again."""
    failures = [OSError("disk full")]

    def on_change() -> None:
        if failures:
            raise failures.pop()
        watched.count()

    watched.reloader._on_change = on_change
    watched.write(LOST.replace("Lost", "Gone"))
    with pytest.raises(OSError, match="disk full"):
        watched.reloader.reload()
    watched.reloader.poll()
    watched.reloader.poll()
    watched.reloader.poll()
    assert watched.changed == 1
    assert watched.alertnames == ["Gone", "Failed"]


def test_a_load_that_fails_does_not_make_the_rules_younger(watched: Watched) -> None:
    """The time stays that of the rules in force."""
    name = "causewatch_config_last_reload_success_timestamp_seconds"
    assert watched.desk.metric(name) == T0_NS / 1e9
    watched.reloader._now_ns = lambda: T0_NS + 60 * 10**9
    watched.write("groups: [{nam: x}]")
    assert watched.reloader.reload()
    assert watched.desk.metric(name) == T0_NS / 1e9
    watched.write(LOST)
    assert watched.reloader.reload() == ()
    assert watched.desk.metric(name) == T0_NS / 1e9 + 60
