"""Alerts become incidents: opened, joined, raised, resolved, reopened."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causewatch.incidents.gather import MAX_RESOLVED_ALERTS, REOPEN_WITHIN_NS, gather
from causewatch.model.finding import Alert, AlertState, Cause
from causewatch.model.incident import Incident
from notify_fixtures import NOW, S, a_cause, an_alert, opened, resolved, step_ref, then

OTHER = a_cause(origin=step_ref("other_tool", "clerk"))


def test_a_firing_alert_opens_an_incident() -> None:
    """The incident has the alert's cause, severity and time, and its first revision."""
    change = opened()
    incident = change.incident
    assert change.reason == "opened"
    assert (incident.state, incident.severity, incident.revision) == ("open", "ticket", 1)
    assert (incident.opened_at_ns, incident.updated_at_ns, incident.resolved_at_ns) == (NOW, NOW, 0)
    assert incident.cause == a_cause()
    assert incident.alerts == (an_alert(),)
    assert incident.title.startswith("Tool failure at stock_lookup (clerk)")


@pytest.mark.parametrize("state", ["pending", "inactive", "resolved"])
def test_only_firing_alerts_open_incidents(state: AlertState) -> None:
    """A pending alert opens nothing, nor does one that ended before it was told."""
    assert gather((), (an_alert(state=state),), NOW) == ()


def test_alerts_of_one_cause_share_an_incident() -> None:
    """Two rules that see one cause at once make one incident, of the higher severity."""
    change = opened(an_alert("A"), an_alert("B", labels={"severity": "page"}))
    assert change.reason == "opened"
    assert change.incident.alertnames == ("A", "B")
    assert change.incident.severity == "page"


def test_alerts_of_two_causes_make_two_incidents() -> None:
    """Another origin is another incident, with another id."""
    first, second = gather((), (an_alert("A"), an_alert("B", cause=OTHER)), NOW)
    assert first.incident.id != second.incident.id
    assert {c.reason for c in (first, second)} == {"opened"}


def test_a_second_alert_joins_the_open_incident() -> None:
    """A later rule that sees the same cause is added, with a sentence that says so."""
    change = then(opened().incident, an_alert("B"))
    assert change.reason == "alert_added"
    assert change.notes == ("B fires as well.",)
    assert change.incident.revision == 2
    assert change.incident.opened_at_ns == NOW


def test_a_higher_severity_is_the_first_thing_to_say() -> None:
    """Severity is raised, never lowered while the incident is open."""
    change = then(opened().incident, an_alert("B", labels={"severity": "page"}))
    assert (change.reason, change.incident.severity) == ("severity_raised", "page")
    assert change.notes == ("B fires as well.", "Severity raised from ticket to page.")
    lower = then(change.incident, resolved(an_alert("B", labels={"severity": "page"})))
    assert (lower.reason, lower.incident.severity) == ("alert_resolved", "page")


def test_an_incident_resolves_with_its_last_alert() -> None:
    """One of two alerts resolved leaves it open; the second one closes it."""
    incident = opened(an_alert("A"), an_alert("B")).incident
    first = then(incident, resolved(an_alert("A")))
    assert (first.reason, first.incident.state) == ("alert_resolved", "open")
    last = then(first.incident, resolved(an_alert("B")))
    assert (last.reason, last.incident.state) == ("resolved", "resolved")
    assert last.incident.resolved_at_ns == last.incident.updated_at_ns > NOW
    assert last.incident.revision == 3


def test_an_alert_in_its_grace_period_keeps_the_incident_open() -> None:
    """``keep_firing`` is firing to people: nothing changes that they should see."""
    change = then(opened().incident, an_alert(state="keep_firing"))
    assert (change.reason, change.incident.state) == ("unchanged", "open")
    assert change.incident.revision == 1
    assert change.incident.alerts[0].state == "keep_firing"


def test_an_alert_that_goes_inactive_counts_as_over() -> None:
    """A rule that was removed takes its alert with it, and the incident ends."""
    change = then(opened().incident, an_alert(state="inactive"))
    assert change.reason == "resolved"


def test_an_alert_stays_where_it_was_put() -> None:
    """A cause understood differently later does not move the alert, nor rename the incident."""
    incident = opened().incident
    change = then(incident, an_alert(cause=OTHER, run_ids=("run-1", "run-2")))
    assert (change.incident.id, change.incident.cause) == (incident.id, a_cause())
    assert change.reason == "more_runs"
    ended = then(change.incident, resolved(an_alert(cause=OTHER)))
    assert ended.reason == "resolved"


def test_an_alert_that_resolved_may_go_elsewhere_the_next_time() -> None:
    """Its old incident keeps it as resolved; its new cause decides where it goes."""
    incident = opened(an_alert("A"), an_alert("B")).incident
    incident = then(incident, resolved(an_alert("A"))).incident
    (change,) = gather((incident,), (an_alert("A", cause=OTHER),), NOW + 300 * S)
    assert change.reason == "opened"
    assert change.incident.id != incident.id


def test_an_alert_that_comes_back_to_its_open_incident() -> None:
    """With the same cause it is the same incident, and people are told that it fires again."""
    incident = opened(an_alert("A"), an_alert("B")).incident
    incident = then(incident, resolved(an_alert("A"))).incident
    change = then(incident, an_alert("A"))
    assert (change.reason, change.notes) == ("alert_refired", ("A fires again.",))


@pytest.mark.parametrize(
    ("after_ns", "reason"), [(REOPEN_WITHIN_NS, "reopened"), (REOPEN_WITHIN_NS + 1, "opened")]
)
def test_a_cause_that_returns_soon_reopens_its_incident(after_ns: int, reason: str) -> None:
    """Within a quarter of an hour it is the same incident; later it is a new one."""
    ended = then(opened().incident, resolved(an_alert())).incident
    (change,) = gather((ended,), (an_alert(),), ended.resolved_at_ns + after_ns)
    assert change.reason == reason
    assert change.incident.state == "open"
    assert change.incident.resolved_at_ns == 0
    assert (change.incident.id == ended.id) == (reason == "reopened")


def test_a_resolved_incident_does_not_hide_the_open_one() -> None:
    """Where both are known, an alert joins the open one."""
    ended = then(opened().incident, resolved(an_alert())).incident
    fresh = opened(now_ns=NOW + 3600 * S).incident
    for known in ((ended, fresh), (fresh, ended)):
        (change,) = gather(known, (an_alert("B"),), NOW + 3660 * S)
        assert (change.incident.id, change.reason) == (fresh.id, "alert_added")


def test_more_runs_are_told() -> None:
    """A run more behind an alert is a change; the same runs with another value are none."""
    incident = opened().incident
    more = then(incident, an_alert(run_ids=("run-1", "run-2"), value=2.0))
    assert more.reason == "more_runs"
    assert more.incident.run_ids == ("run-1", "run-2")
    fewer = then(more.incident, an_alert(run_ids=("run-2",), value=1.0))
    assert fewer.reason == "unchanged"


def test_a_fuller_account_replaces_a_poorer_one() -> None:
    """A run judged early knows its origin; complete, it knows its symptom: the incident learns."""
    early = an_alert(cause=a_cause(symptom=None, propagators=(), confidence=0.4))
    change = then(opened(early).incident, an_alert())
    assert change.reason == "cause_refined"
    assert change.incident.cause == a_cause()
    assert "surfaced at send_label" in change.incident.title
    assert then(change.incident, early).incident.cause == a_cause()


def test_an_unknown_cause_is_learned_later_and_then_shared() -> None:
    """Once the cause of an incident is known, other alerts of that cause join it."""
    change = then(opened(an_alert("A", cause=Cause())).incident, an_alert("A"))
    assert (change.reason, change.incident.cause) == ("cause_refined", a_cause())
    joined = then(change.incident, an_alert("B"))
    assert joined.reason == "alert_added"
    assert joined.incident.id == change.incident.id


def test_what_opens_and_ends_at_once_is_one_change() -> None:
    """A short incident is not lost: it is told as opened, and is resolved already."""
    change = opened(an_alert(), resolved(an_alert()))
    assert (change.reason, change.incident.state) == ("opened", "resolved")
    assert change.incident.resolved_at_ns == NOW


def test_untouched_incidents_are_not_reported() -> None:
    """Only what an alert touched has to be stored."""
    other = opened(an_alert("X", cause=OTHER)).incident
    changes = gather((opened().incident, other), (an_alert("B"),), NOW + S)
    assert len(changes) == 1
    assert gather((other,), (), NOW) == ()


def test_resolved_alerts_do_not_pile_up() -> None:
    """An incident that stays open for months keeps a bounded number of resolved alerts."""
    alerts = [an_alert(f"A{n}") for n in range(MAX_RESOLVED_ALERTS + 20)]
    incident = opened(an_alert("Z"), *alerts).incident
    change = then(incident, *map(resolved, alerts))
    assert len(change.incident.alerts) == MAX_RESOLVED_ALERTS + 1
    assert "Z" in change.incident.alertnames


_STATES = st.sampled_from(["pending", "firing", "keep_firing", "resolved", "inactive"])
_CAUSES = st.sampled_from([a_cause(), OTHER, Cause()])


@given(st.lists(st.tuples(st.sampled_from("ABC"), _STATES, _CAUSES), max_size=30), st.data())
@settings(max_examples=80)
def test_every_firing_alert_is_in_exactly_one_open_incident(
    steps: list[tuple[str, AlertState, Cause]], data: st.DataObject
) -> None:
    """Whatever alerts do, in batches of any size, none is lost and none is in two places."""
    known: dict[str, Incident] = {}
    latest: dict[str, Alert] = {}
    now_ns = NOW
    while steps:
        size = data.draw(st.integers(1, len(steps)))
        batch, steps = steps[:size], steps[size:]
        now_ns += 60 * S
        alerts = [an_alert(name, state, cause=cause) for name, state, cause in batch]
        latest |= {alert.alertname: alert for alert in alerts}
        for change in gather(tuple(known.values()), alerts, now_ns):
            known[change.incident.id] = change.incident
        firing = {name for name, a in latest.items() if a.state in {"firing", "keep_firing"}}
        homes = [
            alert.alertname
            for incident in known.values()
            if incident.state == "open"
            for alert in incident.alerts
            if alert.state in {"firing", "keep_firing"}
        ]
        assert sorted(homes) == sorted(firing)


def test_revisions_only_grow() -> None:
    """A notification that names a revision can be told from an older one."""
    incident = opened().incident
    steps = [an_alert("B"), resolved(an_alert("B")), an_alert(state="keep_firing")]
    revisions = [incident.revision]
    for step in steps:
        incident = then(incident, step).incident
        revisions.append(incident.revision)
    assert revisions == [1, 2, 3, 3]
    assert msgspec.json.decode(msgspec.json.encode(incident), type=Incident) == incident
