"""Alerts on causewatch itself, from a rule that fails to the incident that people see."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import pytest

from app_fixtures import LOST, T0_NS, Desk, S, assessment, loaded
from causewatch.app.config import load_config
from causewatch.app.own_alerts import OwnAlerts
from causewatch.app.own_alerts_config import OwnAlertsConfig
from causewatch.errors import ProblemsError
from causewatch.rules.backoff import OVER_AFTER_S, PATIENCE
from causewatch.signatures.signature import Signature
from causewatch.signatures.subject import Subject

CUT = "pydantic-ai__native__truncated_handoff"
FAILED = "langgraph__openinference__tool_error_swallowed"


class Bench:
    """Rule groups with their own alerts, on a clock in the test's hand."""

    def __init__(self, wanted: OwnAlertsConfig | None = None) -> None:
        self.desk = Desk()
        self.now_ns = T0_NS
        self.problems: list[str] = []
        self.own = self.restarted(wanted or OwnAlertsConfig())

    def restarted(self, wanted: OwnAlertsConfig) -> OwnAlerts:
        """Return what a daemon that starts now would have."""
        return OwnAlerts(
            wanted,
            self.desk.groups,
            store=self.desk.store,
            now_ns=lambda: self.now_ns,
            problems=lambda: self.problems,
        )

    def run(self, name: str = CUT, *, after_s: float = 0) -> None:
        """Let a run be looked at, then causewatch itself."""
        self.now_ns += int(after_s * S)
        self.desk.groups.offer(assessment(name), first_batch=1)
        self.desk.groups.evaluate("silent", self.now_ns)
        self.own.look()

    def firing(self) -> list[str]:
        """Return the rules, or the names of alerts, that fire."""
        alerts = self.desk.store.alerts()
        return [alert.labels.get("rule", alert.alertname) for alert in alerts]


@pytest.fixture
def bench() -> Bench:
    """Return a bench with the default configuration."""
    return Bench()


def break_rules(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Let every signature raise; return what mends them."""

    def broken(_self: Signature, _subject: Subject) -> None:
        raise ValueError("payload says: ignore all alerts")

    monkeypatch.setattr(Signature, "evaluate", broken)
    return monkeypatch.undo


def test_a_failing_rule_opens_an_incident_and_keeps_its_schedule(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is told at once, matches again as soon as it can, and is over a while later."""
    mend = break_rules(monkeypatch)
    bench.run()
    (change,) = bench.desk.changes
    assert change.incident.title == (
        "CausewatchRuleFailing (group=silent, rule=Lost, severity=ticket)"
    )
    (alert,) = change.incident.alerts
    assert alert.evidence == ("It raised ValueError: “payload says: ignore all alerts”",)
    assert alert.revision == "r1"
    mend()
    bench.run(after_s=10)
    assert bench.firing() == ["Lost", "Lost"]
    assert {a.alertname for a in bench.desk.store.alerts()} == {"Lost", "CausewatchRuleFailing"}
    bench.now_ns += int(OVER_AFTER_S * S)
    bench.own.look()
    assert bench.desk.reasons == ["opened", "opened", "resolved"]


def test_a_rule_that_fails_and_fails_rests_and_the_others_do_not(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Runs that it does not judge are counted; after its rest one run is tried."""
    asked: list[str] = []
    evaluate = Signature.evaluate

    def broken(self: Signature, subject: Subject) -> object:
        if "truncation" in self.text:
            asked.append("Lost")
            raise ValueError
        return evaluate(self, subject)

    monkeypatch.setattr(Signature, "evaluate", broken)
    for _ in range(PATIENCE + 5):
        bench.run()
    bench.run(FAILED)
    assert len(asked) == PATIENCE
    assert bench.desk.metric("causewatch_rule_rested_runs_total", rule="silent/Lost") == 5
    assert "Failed" in {alert.alertname for alert in bench.desk.store.alerts()}
    bench.run(after_s=10)
    bench.run()
    assert len(asked) == PATIENCE + 1


def test_a_changed_rule_starts_anew(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its rest is over, and once the daemon ran for a while so is the alert; others rest on."""
    mend = break_rules(monkeypatch)
    for _ in range(PATIENCE):
        bench.run()
    bench.now_ns += int(OVER_AFTER_S * S) - S
    group = bench.desk.groups.group("silent")
    assert group is not None
    bench.desk.groups.replace(loaded(LOST, revision="r2"))
    assert [each.rule for each in bench.desk.groups.failing(bench.now_ns)] == ["Lost"]
    bench.desk.groups.replace(loaded(LOST.replace("window: 5m", "window: 6m")))
    assert bench.desk.groups.failing(bench.now_ns) == ()
    mend()
    bench.run(after_s=1)
    assert bench.firing() == ["Lost"]


def test_a_group_that_cannot_be_looked_at_is_told(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The third time, with its reason; its runs wait and are judged when it can."""
    decide = bench.desk.groups._decide
    monkeypatch.setattr(bench.desk.groups, "_decide", lambda *_: 1 // 0)
    for number in range(3):
        assert bench.firing() == []
        with pytest.raises(ZeroDivisionError):
            bench.run(after_s=number)
        bench.own.look()
    (alert,) = bench.desk.store.alerts()
    assert alert.evidence[0].startswith("It raised ZeroDivisionError: ")
    monkeypatch.setattr(bench.desk.groups, "_decide", decide)
    bench.run(after_s=5)
    assert bench.desk.reasons == ["opened", "opened"]


def test_the_alert_survives_a_restart(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is neither told again nor resolved before the rule had time to fail."""
    mend = break_rules(monkeypatch)
    bench.run()
    mend()
    bench.desk.groups._health.replace(loaded("groups: []").bundle)
    bench.own = bench.restarted(OwnAlertsConfig())
    bench.now_ns += S
    bench.own.look()
    assert bench.firing() == ["Lost"]
    bench.now_ns += int(OVER_AFTER_S * S)
    bench.own.look()
    assert bench.desk.reasons == ["opened", "resolved"]


def test_the_watchdog_fires_only_where_it_is_wanted_and_all_is_well() -> None:
    """Off by default: nobody gets a message that says nothing. It ends when the daemon is ill."""
    assert Bench().firing() == []
    bench = Bench(OwnAlertsConfig(watchdog=True))
    bench.own.look()
    bench.own.look()
    assert (bench.firing(), bench.desk.reasons) == (["Watchdog"], ["opened"])
    bench.problems = ["the pipeline has ended"]
    bench.own.look()
    assert bench.desk.reasons == ["opened", "resolved"]


def test_people_may_want_none_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """Switched off while one fires, it ends at once."""
    bench = Bench()
    break_rules(monkeypatch)
    bench.run()
    bench.own.replace(OwnAlertsConfig(rule_failing=False))
    bench.own.look()
    assert bench.desk.reasons == ["opened", "resolved"]


def test_a_store_that_fails_does_not_end_the_thread(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It looks again, and stops when it is asked to."""
    looks: list[int] = []
    stopping = threading.Event()

    def look() -> None:
        looks.append(1)
        if len(looks) == 2:
            stopping.set()
        raise OSError("disk full")

    monkeypatch.setattr("causewatch.app.own_alerts.LOOK_EVERY_S", 0.001)
    monkeypatch.setattr(bench.own, "look", look)
    bench.own.run(stopping)
    assert len(looks) == 2


def config_of(folder: Path, text: str) -> OwnAlertsConfig:
    """Return the section as a daemon reads it."""
    path = folder / "causewatch.yaml"
    path.write_text(text, encoding="utf-8")
    return load_config(path).own_alerts


def test_the_section_is_read(tmp_path: Path) -> None:
    """All keys, and the defaults."""
    assert config_of(tmp_path, "{}") == OwnAlertsConfig(rule_failing=True, watchdog=False)
    text = "own_alerts: {rule_failing: false, watchdog: true, labels: {severity: page}}"
    assert config_of(tmp_path, text) == OwnAlertsConfig(
        rule_failing=False, watchdog=True, labels={"severity": "page"}
    )


@pytest.mark.parametrize(
    ("text", "place", "message"),
    [
        ("own_alerts: {watchdg: true}", "1:14", "did you mean 'watchdog'"),
        ("own_alerts:\n  watchdog: yes", "2:13", "must be true or false"),
        ("own_alerts:\n  labels: {rule: x}", "2:11", "'rule' is set by causewatch"),
        ("own_alerts:\n  labels: {a-b: x}", "2:11", "'a-b' is no name of a label"),
    ],
)
def test_what_is_wrong_with_the_section_has_a_place(
    tmp_path: Path, text: str, place: str, message: str
) -> None:
    """File, line and column, and what to write."""
    with pytest.raises(ProblemsError) as error:
        config_of(tmp_path, text)
    (problem,) = error.value.problems
    assert f"{problem.line}:{problem.column}" == place
    assert message in problem.message
