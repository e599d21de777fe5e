"""Rule groups: from assessed runs to incidents, in one transaction."""

from __future__ import annotations

import contextlib
from collections.abc import Collection, Sequence
from typing import Any

import msgspec
import pytest

from app_fixtures import LOST, T0_NS, Desk, S, assessment, loaded
from causewatch.app.groups import MAX_FAILURES, MAX_PENDING_MIB, MAX_PENDING_RUNS, Groups
from causewatch.blame.judge import judge
from causewatch.incidents.gather import IncidentChange
from causewatch.model.judgement import Assessment, Fault
from causewatch.rules.bundle import Group
from causewatch.rules.evaluate import Evaluation, evaluate
from causewatch.rules.subject import subject_of
from causewatch.signatures.needs import Needs
from causewatch.signatures.subject import Subject
from causewatch.telemetry.metrics import Metrics

CUT = "pydantic-ai__native__truncated_handoff"
FAILED = "langgraph__openinference__tool_error_swallowed"
FINE = "pydantic-ai__native__ok"


def test_a_corrupted_run_opens_an_incident() -> None:
    """One run, one finding, one alert, one incident that names its cause."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=7)
    desk.groups.evaluate("silent", T0_NS)
    assert desk.reasons == ["opened"]
    assert desk.metric("causewatch_rule_evaluations_total", rule="silent/Lost") == 1
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


def test_runs_wait_for_one_group_within_a_bound_of_bytes() -> None:
    """A few large runs fill memory as well as many small ones do."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    (waiting,) = desk.groups._pending["silent"]
    assert waiting.size_bytes > 10_000
    large = msgspec.structs.replace(waiting, size_bytes=MAX_PENDING_MIB * 1024 * 1024)
    desk.groups._pending["silent"][:] = [large]
    assert desk.groups.is_full()


@pytest.mark.parametrize("fails", [False, True])
def test_a_group_that_a_reload_takes_away_while_it_looks_is_gone(
    monkeypatch: pytest.MonkeyPatch, *, fails: bool
) -> None:
    """Nothing waits for it any more (it would hold up the pipeline), and it fires no alert."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    find = desk.groups._find

    def interrupted(*arguments: Any) -> Any:
        found = find(*arguments)
        desk.groups.replace(loaded("groups: []"))
        desk.groups.resolve_vanished(T0_NS)
        if fails:
            raise OSError("disk full")
        return found

    monkeypatch.setattr(desk.groups, "_find", interrupted)
    with contextlib.suppress(OSError):
        desk.groups.evaluate("silent", T0_NS)
    assert desk.groups.low_watermark() is None
    assert desk.groups._pending == {}
    assert desk.store.alerts() == ()


def test_a_reload_while_a_group_looks_lets_the_new_rules_look(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The run waits for the group of the same name, which is asked to look at once."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    asked: list[str] = []
    desk.groups.on_offer = asked.append
    find = desk.groups._find

    def interrupted(*arguments: Any) -> Any:
        monkeypatch.setattr(desk.groups, "_find", find)
        desk.groups.replace(loaded(LOST.replace("alert: Lost", "alert: Cut")))
        return find(*arguments)

    monkeypatch.setattr(desk.groups, "_find", interrupted)
    desk.groups.evaluate("silent", T0_NS)
    assert (desk.reasons, asked) == ([], ["silent"])
    desk.groups.evaluate("silent", T0_NS)
    assert [alert.alertname for alert in desk.store.alerts()] == ["Cut"]


def test_a_group_that_always_fails_does_not_stop_the_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """After some tries the reader goes on; the oldest runs it never saw are given up, counted."""
    desk = Desk(LOST + LOST.removeprefix("groups:\n").replace("silent", "broken"))
    desk.groups.offer(assessment(FINE), first_batch=1)
    desk.groups._pending["broken"] *= MAX_PENDING_RUNS
    decide = desk.groups._decide

    def failing(group: Any, *rest: Any) -> None:
        if group.key == "broken":
            raise ValueError("a bug of ours")
        decide(group, *rest)

    monkeypatch.setattr(desk.groups, "_decide", failing)
    for _ in range(MAX_FAILURES):
        assert desk.groups.is_full()
        with pytest.raises(ValueError, match="a bug"):
            desk.groups.evaluate("broken", T0_NS)
    assert not desk.groups.is_full()
    desk.groups.offer(assessment(CUT), first_batch=2)
    assert desk.metric("causewatch_rule_group_dropped_runs_total", group="broken") >= 1
    assert len(desk.groups._pending["broken"]) < MAX_PENDING_RUNS
    monkeypatch.setattr(desk.groups, "_decide", decide)
    desk.groups.evaluate("broken", T0_NS)
    assert desk.reasons == ["opened"]


def test_a_slot_at_which_nothing_changes_reads_no_incident() -> None:
    """With ten thousand open ones that took a second, and held the store, for each group."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    read: list[str] = []
    desk.store._connection.set_trace_callback(read.append)
    desk.groups.evaluate("silent", T0_NS + S)
    assert any("FROM alerts" in sql for sql in read)
    assert not any("FROM incidents" in sql for sql in read)


def test_the_gauges_follow_what_is_open() -> None:
    """Alerts by state and open incidents, up and down, and after a restart."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.evaluate("silent", T0_NS)
    assert desk.metric("causewatch_alerts", state="firing") == 1
    assert desk.metric("causewatch_incidents", state="open") == 1
    metrics = Metrics()
    Groups(loaded(LOST), store=desk.store, metrics=metrics, tell=lambda *_: None)
    assert metrics.registry.get_sample_value("causewatch_incidents", {"state": "open"}) == 1
    desk.groups.evaluate("silent", T0_NS + 301 * S)
    assert desk.metric("causewatch_alerts", state="firing") == 0
    assert desk.metric("causewatch_incidents", state="open") == 0


def test_a_run_that_no_rule_can_look_at_does_not_mute_its_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It is passed over and counted; the runs beside it are looked at."""
    desk = Desk()
    doomed = assessment(FAILED)

    def failing(
        group: Group, judged: Assessment, slot_ns: int, *rest: Any, resting: Collection[str]
    ) -> Evaluation:
        if judged is doomed:
            raise RecursionError
        return evaluate(group, judged, slot_ns, *rest, resting=resting)

    monkeypatch.setattr("causewatch.app.groups.evaluate", failing)
    looked: list[Collection[str]] = []
    desk.groups.on_looked = lambda _group, _all, matched: looked.append(matched)
    desk.groups.offer(doomed, first_batch=1)
    desk.groups.offer(assessment(CUT), first_batch=2)
    desk.groups.evaluate("silent", T0_NS)
    # What was not looked at may match: nobody passes over its like.
    assert doomed.graph.run_id in looked[0]
    assert desk.reasons == ["opened"]
    assert desk.metric("causewatch_rule_evaluation_failures_total", rule="silent") == 1
    assert desk.groups.low_watermark() is None


DIGEST = """\
groups:
- name: silent
  rules:
  - alert: Repeated
    signature: '{ span.causewatch.result.sha256 != nil } as step'
    by: [step.span.causewatch.tool]
"""


def test_a_reload_may_ask_for_what_nobody_read_before() -> None:
    """Digests are derived only where a rule reads them, for runs that wait through a reload too."""
    desk = Desk()
    desk.groups.offer(assessment(CUT), first_batch=1)
    desk.groups.replace(loaded(DIGEST))
    desk.groups.evaluate("silent", T0_NS)
    assert desk.reasons[:1] == ["opened"]


UNUSED = """
groups:
- name: silent
  interval: 10s
  rules:
  - alert: Unused
    signature: '{ span.causewatch.fault = "unused_result" }'
  - alert: Corrupted
    signature: '{ span.causewatch.blame.role = "origin" }'
"""


def test_a_run_that_ended_early_is_not_derived_again_when_it_is_complete(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Unless more came, or something counts only now: a run under way may yet use a result."""
    derived: list[str] = []

    def counted(assessment: Assessment, needs: Needs) -> Subject:
        derived.append(assessment.graph.state)
        return subject_of(assessment, needs)

    monkeypatch.setattr("causewatch.app.groups.subject_of", counted)
    desk = Desk(UNUSED)
    late = assessment(CUT)
    early = msgspec.structs.replace(
        late, graph=msgspec.structs.replace(late.graph, state="early"), has_ended=True
    )
    more = msgspec.structs.replace(late.graph, steps=(*late.graph.steps,))
    unused = (Fault(name="unused_result", step=0, reason="nobody used it", confidence=0.5),)
    for first, second, expected in (
        (early, late, ["early"]),
        (early, msgspec.structs.replace(late, graph=more), ["early", "complete"]),
        (early, msgspec.structs.replace(late, faults=()), ["early", "complete"]),
        (
            msgspec.structs.replace(early, faults=unused),
            msgspec.structs.replace(late, faults=unused),
            ["early", "complete"],
        ),
    ):
        derived.clear()
        for slot, each in enumerate((first, second)):
            desk.groups.offer(each, first_batch=1)
            desk.groups.evaluate("silent", T0_NS + slot * S)
        assert derived == expected
    alerts = {alert.labels["alertname"] for alert in desk.store.alerts()}
    assert alerts == {"Unused", "Corrupted"}
