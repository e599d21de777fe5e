"""What people do to incidents, and what alerts do to it afterwards."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.incidents.gather import IncidentChange, gather
from causewatch.incidents.handle import DEEDS, REFUSED, Deed, Standing, handle, standing_of
from causewatch.incidents.silence import Refusal
from causewatch.model.incident import Incident
from notify_fixtures import NOW, S, an_alert, opened, resolved, then

MORE = an_alert(run_ids=("run-1", "run-2"))


def done(incident: Incident, deed: Deed, at_s: float = 60) -> IncidentChange:
    """Return what a deed changes."""
    found = handle(incident, deed, by="Ana", comment="looking", now_ns=NOW + int(at_s * S))
    assert isinstance(found, IncidentChange)
    return found


OPEN = opened().incident
INCIDENTS: dict[Standing, Incident] = {
    "open": OPEN,
    "acknowledged": done(OPEN, "acknowledge").incident,
    "closed": done(OPEN, "resolve").incident,
    "ended": then(OPEN, resolved(an_alert())).incident,
}


@pytest.mark.parametrize("deed", DEEDS)
@pytest.mark.parametrize("standing", INCIDENTS)
def test_every_deed_has_an_answer_wherever_an_incident_stands(
    standing: Standing, deed: Deed
) -> None:
    """It is done, with a revision and a sentence, or refused with a reason."""
    incident = INCIDENTS[standing]
    assert standing_of(incident) == standing
    found = handle(incident, deed, by="Ana", now_ns=NOW + 90 * S)
    if (standing, deed) in REFUSED:
        assert isinstance(found, Refusal)
        assert incident.id in found.reason
    else:
        assert isinstance(found, IncidentChange)
        assert found.incident.revision == incident.revision + 1
        assert found.notes[0].endswith("by Ana.")


@pytest.mark.parametrize(
    ("deed", "standing", "reason"),
    [("acknowledge", "acknowledged", "acknowledged"), ("resolve", "closed", "resolved")],
)
def test_what_is_done_shows(deed: Deed, standing: Standing, reason: str) -> None:
    """Where it then stands, why it is told, and who did it."""
    change = done(OPEN, deed)
    assert standing_of(change.incident) == standing
    assert change.reason == reason
    assert "Ana: looking" in change.notes[0]


def test_somebody_must_do_it() -> None:
    """A name that is blank is nobody's."""
    assert isinstance(handle(OPEN, "resolve", by=" \n", now_ns=NOW), Refusal)


def test_what_was_closed_or_acknowledged_can_be_taken_back() -> None:
    """It is open again, and nobody's."""
    for standing in ("closed", "acknowledged"):
        again = done(INCIDENTS[standing], "reopen").incident
        assert standing_of(again) == "open"
        assert (again.closed_by, again.acknowledged_by, again.resolved_at_ns) == ("", "", 0)


def test_a_closed_incident_stays_closed_while_its_alerts_go_on() -> None:
    """More runs of an alert that fires, or its end, are no news any more."""
    closed = INCIDENTS["closed"]
    for alert in (MORE, resolved(an_alert())):
        change = then(closed, alert)
        assert change.reason == "unchanged"
        assert change.notes == ()
        assert change.incident.state == "resolved"


@pytest.mark.parametrize("after_s", [60, 3600, 86_400])
def test_a_closed_incident_keeps_its_alerts_however_late(after_s: float) -> None:
    """An alert that goes on for a day does not open a second incident."""
    assert then(INCIDENTS["closed"], MORE, after_s=after_s).incident.id == OPEN.id


def test_an_alert_that_comes_up_anew_opens_it_again() -> None:
    """Another alert of the same cause, or the same one after its end."""
    change = then(INCIDENTS["closed"], an_alert("B"))
    assert (change.reason, change.incident.state) == ("reopened", "open")
    assert change.incident.closed_by == ""
    ended = then(INCIDENTS["closed"], resolved(an_alert())).incident
    assert then(ended, an_alert(), after_s=60).reason == "reopened"


def test_an_acknowledgement_ends_with_the_episode() -> None:
    """Who worked on it then need not know that it is back."""
    ended = then(INCIDENTS["acknowledged"], resolved(an_alert())).incident
    assert ended.acknowledged_by == ""
    assert then(INCIDENTS["acknowledged"], MORE).incident.acknowledged_by == "Ana"


def test_a_closed_incident_is_found_by_its_alerts_only() -> None:
    """Long after, an alert of the same cause that it never had opens a new incident."""
    later = NOW + 3600 * S
    (change,) = gather([INCIDENTS["closed"]], [an_alert("B")], later)
    assert change.reason == "opened"
    assert change.incident.id != OPEN.id


def test_severity_still_rises_after_an_acknowledgement() -> None:
    """Who looks at a ticket has not seen the page."""
    page = msgspec.structs.replace(an_alert("B"), labels={"severity": "page"})
    change = then(INCIDENTS["acknowledged"], page)
    assert change.reason == "severity_raised"
