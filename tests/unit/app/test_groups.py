"""Rule groups: from assessed runs to incidents, in one transaction."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from app_fixtures import LOST, T0_NS, Desk, S, assessment, loaded
from causewatch.blame.judge import judge
from causewatch.incidents.gather import IncidentChange

CUT = "pydantic-ai__native__truncated_handoff"
FAILED = "langgraph__openinference__tool_error_swallowed"
FINE = "pydantic-ai__native__ok"


def test_a_corrupted_run_opens_an_incident() -> None:
    """One run, one finding, one alert, one incident that names its cause."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=7)
    desk.groups.evaluate("silent", T0_NS)
    assert desk.reasons == ["opened"]
    incident = desk.changes[0].incident
    assert incident.severity == "page"
    assert incident.alertnames == ("Lost",)
    assert incident.cause.origin is not None
    assert incident.cause.category == "truncation"
    assert incident.alerts[0].revision == "r1"


def test_a_healthy_run_opens_nothing() -> None:
    """No finding, no alert, no incident."""
    desk = Desk()
    desk.groups.offer(assessment(FINE), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    assert desk.changes == []
    assert desk.store.alerts() == ()


def test_two_causes_are_two_incidents() -> None:
    """Runs that went wrong in different places are told apart."""
    desk = Desk()
    for name in (CUT, FAILED):
        desk.groups.offer(assessment(name), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    categories = {change.incident.cause.category for change in desk.changes}
    assert categories == {"truncation", "tool_failure"}


def test_judging_a_run_again_counts_once() -> None:
    """After a crash the same run comes again: the finding is known, nobody is told twice."""
    desk = Desk()
    for slot in range(3):
        desk.groups.offer(assessment(CUT), first_batch=1)
        desk.groups.evaluate("silent", T0_NS + slot * S)
    assert desk.reasons == ["opened"]
    assert desk.metric("causewatch_findings_total", rule="silent/Lost") == 1
    (alert,) = desk.store.alerts()
    assert alert.value == 1


def test_an_alert_resolves_when_its_window_has_passed() -> None:
    """Matches are events: five minutes after the last one the incident is over."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    desk.groups.evaluate("silent", T0_NS + 299 * S)
    assert desk.reasons == ["opened"]
    desk.groups.evaluate("silent", T0_NS + 301 * S)
    assert desk.reasons == ["opened", "resolved"]
    assert desk.store.alerts() == ()


def test_a_clock_set_back_loses_no_finding() -> None:
    """A slot in the past is not evaluated, but what was found counts at the next later slot."""
    desk = Desk()
    desk.groups.evaluate("silent", T0_NS)
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS - 60 * S)
    assert desk.changes == []
    desk.groups.evaluate("silent", T0_NS + S)
    assert desk.reasons == ["opened"]


def test_the_watermark_is_the_oldest_batch_that_waits() -> None:
    """The pipeline's cursor stays behind every run that some group has yet to look at."""
    desk = Desk()
    assert desk.groups.low_watermark() is None
    desk.groups.offer(assessment(CUT), first_batch=9)
    desk.groups.offer(assessment(FINE), first_batch=4)
    assert desk.groups.low_watermark() == 4
    desk.groups.evaluate("silent", T0_NS)
    assert desk.groups.low_watermark() is None


def test_a_newer_assessment_takes_the_place_of_a_waiting_one() -> None:
    """A run that is judged again before its group looked is looked at once, with both's batches."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=4)
    desk.groups.offer(assessment(CUT), first_batch=9)
    assert desk.groups.low_watermark() == 4
    desk.groups.evaluate("silent", T0_NS)
    assert desk.reasons == ["opened"]


def test_a_failed_evaluation_changes_nothing_and_keeps_the_runs() -> None:
    """When the outbox cannot be written, alert state is not either, and the runs wait on."""
    desk = Desk()
    told: list[Sequence[IncidentChange]] = []

    def tell(changes: Sequence[IncidentChange], _slot_ns: int) -> None:
        told.append(changes)
        if len(told) == 1:
            raise OSError("disk full")

    desk.groups._tell = tell
    desk.groups.offer(assessment(CUT), first_batch=3)
    with pytest.raises(OSError, match="disk full"):
        desk.groups.evaluate("silent", T0_NS)
    assert desk.store.alerts() == ()
    assert desk.store.incidents() == ()
    assert desk.groups.low_watermark() == 3
    desk.groups.evaluate("silent", T0_NS + S)
    assert len(desk.store.incidents()) == 1


def test_a_reload_keeps_alert_state_of_rules_that_stay() -> None:
    """The same rule under a changed threshold goes on; its alert does not start anew."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    desk.groups.replace(loaded(LOST.replace("window: 5m", "window: 6m"), revision="r2"))
    desk.groups.resolve_vanished(T0_NS + S)
    desk.groups.evaluate("silent", T0_NS + 2 * S)
    assert desk.reasons == ["opened", "unchanged"]
    assert [alert.active_at_ns for alert in desk.store.alerts()] == [T0_NS]


def test_a_rule_that_went_away_resolves() -> None:
    """Deleting a group ends what it fired."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    desk.groups.replace(loaded("groups: []"))
    desk.groups.resolve_vanished(T0_NS + S)
    assert desk.reasons == ["opened", "resolved"]


def test_runs_wait_on_through_a_reload() -> None:
    """A run offered before a reload is looked at by the group of the same name after it."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.replace(loaded(LOST))
    desk.groups.evaluate("silent", T0_NS)
    assert desk.reasons == ["opened"]


def test_a_contract_alone_is_a_rule() -> None:
    """Without any ``groups:``, a violated contract opens an incident."""
    text = """\
contracts:
- contract: findings
  from: "*"
  to: billing_agent
  compare: {mode: canonical}
  failures: {truncation: page}
"""
    desk = Desk(text)
    (key,) = desk.groups.keys()
    judged = judge(assessment(CUT).graph, desk.groups.contracts)
    desk.groups.offer(judged, first_batch=1)
    desk.groups.evaluate(key, T0_NS)
    assert desk.reasons == ["opened"]
    assert desk.changes[0].incident.alertnames == ("ContractViolated",)
    labels = desk.changes[0].incident.alerts[0].labels
    assert (labels["contract"], labels["violation"]) == ("findings", "truncation")


def test_full_groups_stop_the_reader() -> None:
    """The pipeline reads no further while a group is far behind; runs then wait in the inbox."""
    desk = Desk()
    assert not desk.groups.is_full()
    waiting = desk.groups._pending["silent"]
    desk.groups.offer(assessment(CUT), first_batch=1)
    waiting.extend(waiting * 999)
    assert desk.groups.is_full()
