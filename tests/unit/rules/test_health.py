"""The alerts on causewatch's own rules."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from causewatch.model.finding import Alert
from causewatch.rules.backoff import Failing, failed, rested
from causewatch.rules.bundle import Bundle
from causewatch.rules.health import (
    FAILING_ID,
    MIN_GROUP_FAILURES,
    WATCHDOG_ID,
    FailingRule,
    failing_alerts,
    watchdog_alerts,
)
from causewatch.rules.state import resolve_vanished

S = 1_000_000_000
T0_NS = 1_800_000_000 * S


def rule(name: str = "Lost", *, count: int = 1, rested_count: int = 0) -> FailingRule:
    """Return a rule of a team's group that failed so often."""
    failing = Failing()
    for number in range(count):
        failing = failed(failing, reason="It raised X", run_id=f"r{number}", now_ns=T0_NS)
    for _ in range(rested_count):
        failing = rested(failing)
    return FailingRule(group="silent", rule=name, labels={"team": "ai"}, failing=failing)


def told(
    failing: Sequence[FailingRule],
    known: Sequence[Alert] = (),
    *,
    now_ns: int = T0_NS,
    is_settled: bool = True,
) -> tuple[Alert, ...]:
    """Return the alerts that changed."""
    return failing_alerts(
        failing, known, now_ns, labels={"team": "ops", "site": "a"}, is_settled=is_settled
    )


def test_a_rule_that_fails_is_told_where_its_alerts_go() -> None:
    """It has the labels of its group, which win over those of the configuration."""
    (alert,) = told([rule(count=2, rested_count=3)])
    assert alert.labels == {
        "alertname": "CausewatchRuleFailing",
        "severity": "ticket",
        "group": "silent",
        "rule": "Lost",
        "team": "ai",
        "site": "a",
    }
    assert (alert.state, alert.fired_at_ns, alert.value) == ("firing", T0_NS, 5)
    assert alert.annotations["summary"] == (
        "The rule Lost of the group silent cannot be evaluated: it failed over 2 runs, and 3 more"
        " were passed over while it rested"
    )
    assert alert.annotations["runbook_url"].endswith("/CausewatchRuleFailing.md")
    assert (alert.evidence, alert.run_ids) == (("It raised X",), ("r0", "r1"))


def test_what_did_not_change_is_not_stored_again() -> None:
    """A look every few seconds writes nothing while a rule neither fails nor works."""
    known = told([rule()])
    assert told([rule()], known, now_ns=T0_NS + 5 * S) == ()


def test_an_episode_that_is_over_resolves_and_can_come_back() -> None:
    """The same row: a new episode of it."""
    known = told([rule()])
    (ended,) = told([], known, now_ns=T0_NS + 9 * S)
    assert (ended.state, ended.resolved_at_ns) == ("resolved", T0_NS + 9 * S)
    assert told([], [ended], now_ns=T0_NS + 10 * S) == ()
    (again,) = told([rule()], [ended], now_ns=T0_NS + 11 * S)
    assert (again.state, again.active_at_ns, again.resolved_at_ns) == ("firing", T0_NS + 11 * S, 0)


def test_after_a_restart_an_alert_stays_until_the_rule_had_time_to_fail() -> None:
    """What is remembered is gone: neither resolved at once nor told a second time."""
    known = told([rule()])
    assert told([], known, now_ns=T0_NS + S, is_settled=False) == ()
    (ended,) = told([], known, now_ns=T0_NS + S, is_settled=True)
    assert ended.state == "resolved"


def test_a_group_that_fails_once_is_nobodys_business() -> None:
    """A store that is busy for a moment makes up for it; one that stays so is told."""
    assert told([rule("", count=MIN_GROUP_FAILURES - 1)]) == ()
    (alert,) = told([rule("", count=MIN_GROUP_FAILURES)])
    assert alert.annotations["summary"].startswith("All of the group silent cannot be evaluated")
    assert alert.labels["rule"] == ""


def watch(
    known: Sequence[Alert] = (), *, is_wanted: bool = True, problems: Sequence[str] = ()
) -> tuple[Alert, ...]:
    """Return the watchdog's alerts that changed."""
    return watchdog_alerts(
        known, T0_NS, labels={"site": "a"}, is_wanted=is_wanted, problems=problems
    )


def test_the_watchdog_always_fires() -> None:
    """Once it fires nothing about it changes: routes repeat it."""
    (alert,) = watch()
    assert alert.labels == {"alertname": "Watchdog", "severity": "info", "site": "a"}
    assert (alert.state, alert.rule_id) == ("firing", WATCHDOG_ID)
    assert watch([alert]) == ()
    assert watch(is_wanted=False) == ()


@pytest.mark.parametrize(
    ("is_wanted", "problems"), [(False, ()), (True, ("the pipeline has ended",))]
)
def test_a_watchdog_that_may_not_fire_is_resolved(
    *, is_wanted: bool, problems: Sequence[str]
) -> None:
    """A daemon that judges no more, or a changed configuration; the reason is its evidence."""
    known = watch()
    (ended,) = watch(known, is_wanted=is_wanted, problems=problems)
    assert (ended.state, ended.evidence) == ("resolved", tuple(problems))
    assert watch([ended], is_wanted=is_wanted, problems=problems) == ()


def test_a_watchdog_with_other_labels_is_another_alert() -> None:
    """The old one ends in the same look."""
    (old,) = watch()
    changed = watchdog_alerts([old], T0_NS, labels={"site": "b"}, is_wanted=True, problems=())
    assert [(a.labels["site"], a.state) for a in changed] == [("b", "firing"), ("a", "resolved")]


def test_a_reload_does_not_end_what_belongs_to_no_rule_file() -> None:
    """Their ids are of a group without a name."""
    known = (*told([rule()]), *watch())
    assert {alert.rule_id for alert in known} == {FAILING_ID, WATCHDOG_ID}
    assert resolve_vanished(Bundle(), known, T0_NS + S) == ()
