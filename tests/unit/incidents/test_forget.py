"""What alerts and incidents still say when a run behind them is to be forgotten."""

from __future__ import annotations

from msgspec.structs import replace

from causewatch.incidents.forget import forgotten_in_alert, forgotten_in_incident
from causewatch.model.finding import Alert
from causewatch.model.incident import Incident
from notify_fixtures import TRACE, a_cause, an_alert, opened, step_ref

OTHER_TRACE = "b" * 32
OTHER = a_cause(
    origin=replace(step_ref("other", "clerk"), trace_id=OTHER_TRACE),
    propagators=(),
    symptom=None,
    path=(),
)


def masked(text: str) -> str:
    """Return a sentence that was masked."""
    return f"masked: {text}"


def alert_without(alert: Alert, *runs: str, traces: tuple[str, ...] = ()) -> Alert | None:
    """Return what is left of an alert."""
    return forgotten_in_alert(alert, runs=runs, traces=traces, mask=masked)


def incident_without(incident: Incident, *runs: str) -> Incident | None:
    """Return what is left of an incident."""
    return forgotten_in_incident(incident, runs=runs, traces=(), mask=masked)


def test_an_alert_about_other_runs_is_itself() -> None:
    """The very same object: nothing is written."""
    alert = an_alert()
    assert alert_without(alert, "run-9", traces=(OTHER_TRACE,)) is alert


def test_an_alert_about_nothing_else_goes() -> None:
    """All of its runs are forgotten."""
    assert alert_without(an_alert(run_ids=("run-1", "run-2")), "run-1", "run-2") is None


def test_an_alert_about_others_too_says_no_more_than_names() -> None:
    """Runs, evidence and reasons go; agents, steps and labels stay, sentences are masked."""
    left = alert_without(an_alert(run_ids=("run-1", "run-2")), "run-1")
    assert left is not None
    assert left.run_ids == ("run-2",)
    assert left.evidence == ()
    assert left.annotations == {"summary": "masked: A tool failed and nobody noticed."}
    assert left.cause.origin_reason == ""
    assert left.cause.origin == step_ref("stock_lookup", "clerk")
    assert [step.evidence for step in left.cause.path] == ["", "", ""]
    assert [step.name for step in left.cause.path] == ["stock_lookup", "clerk", "send_label"]
    assert left.labels == an_alert().labels


def test_a_cause_in_a_forgotten_trace_loses_its_words() -> None:
    """Although the run that is named first is another."""
    left = alert_without(an_alert(), traces=(TRACE,))
    assert left is not None
    assert (left.run_ids, left.evidence, left.cause.origin_reason) == (("run-1",), (), "")
    whole = an_alert(cause=OTHER)
    assert alert_without(whole, traces=(TRACE,)) is whole


def test_an_alert_without_runs_is_kept() -> None:
    """Nobody can say that it is about a forgotten one."""
    alert = an_alert(run_ids=(), cause=OTHER)
    assert alert_without(alert, "run-1") is alert


def test_an_incident_keeps_its_other_alerts_as_they_are() -> None:
    """One alert goes, one is as it was; the title may quote, and is masked."""
    incident = opened(an_alert("One"), an_alert("Two", run_ids=("run-2",))).incident
    left = incident_without(incident, "run-1")
    assert left is not None
    assert [alert.alertname for alert in left.alerts] == ["Two"]
    assert left.alerts[0] is incident.alerts[1]
    assert left.title == f"masked: {incident.title}"
    assert left.id == incident.id
    assert incident_without(incident, "run-1", "run-2") is None
    assert incident_without(incident, "run-9") is incident
