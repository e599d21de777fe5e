"""Which alerts become one incident when a route groups by something else than the cause."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.incidents.gather import gather
from causewatch.incidents.grouping import grouped_by
from causewatch.incidents.inhibit import InhibitRule, Sources
from causewatch.incidents.labels import labels_of
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.route import Route
from causewatch.model.finding import Alert, Cause
from notify_fixtures import NOW, a_cause, an_alert, resolved, route_to, step_ref

OTHER = a_cause(origin=step_ref("price_lookup", "clerk"))


def incidents_of(route: Route | None, *alerts: Alert) -> list[tuple[str, ...]]:
    """Return the alertnames in each incident that these alerts open."""
    changes = gather((), alerts, NOW, key_of=grouped_by(route))
    return [change.incident.alertnames for change in changes]


def labelled(name: str, cause: Cause | None = None, **labels: str) -> Alert:
    """Return an alert with labels."""
    return an_alert(name, cause=cause, labels=labels)


A = labelled("A", team="ai", region="eu")
B = labelled("B", OTHER, team="ai", region="us")
C = labelled("C", OTHER, team="web", region="eu")


@pytest.mark.parametrize(
    ("group_by", "expected"),
    [
        (("cause",), [("A",), ("B", "C")]),
        (("team",), [("A", "B"), ("C",)]),
        (("region",), [("A", "C"), ("B",)]),
        (("team", "region"), [("A",), ("B",), ("C",)]),
        (("team", "cause"), [("A",), ("B",), ("C",)]),
        (("absent",), [("A", "B", "C")]),
        (("...",), [("A",), ("B",), ("C",)]),
        (("workflow",), [("A", "B", "C")]),
        (("origin",), [("A",), ("B", "C")]),
    ],
)
def test_alerts_are_grouped_by_what_the_route_names(
    group_by: tuple[str, ...], expected: list[tuple[str, ...]]
) -> None:
    """Labels of the alert, what is known of its cause, the cause as a whole, or everything."""
    assert incidents_of(route_to(group_by=group_by), A, B, C) == expected


def test_without_a_tree_the_cause_decides() -> None:
    """As with a root that says nothing."""
    assert incidents_of(None, A, B, C) == incidents_of(route_to(), A, B, C)


def test_groups_of_two_routes_stay_apart() -> None:
    """As in Alertmanager: the same labels below two routes are two groups."""
    ai = route_to(matchers=(Matcher(name="team", value="ai"),), group_by=("region",), key="/ai")
    root = route_to(group_by=("region",), routes=(ai,))
    assert incidents_of(root, A, C) == [("A",), ("C",)]


def test_the_first_route_decides_how_an_alert_is_grouped() -> None:
    """An incident is one thing, whoever else hears of it."""
    ai = Matcher(name="team", value="ai")
    first = route_to("one", matchers=(ai,), group_by=("team",), continue_=True)
    second = route_to("two", matchers=(ai,), group_by=("...",))
    assert incidents_of(route_to(routes=(first, second)), A, B) == [("A", "B")]


def test_an_alert_of_a_known_cause_does_not_slip_into_a_group_by_labels() -> None:
    """A route that groups by cause opens an incident of its own beside it."""
    by_team = route_to(matchers=(Matcher(name="team", value="ai"),), group_by=("team",))
    root = route_to(routes=(by_team,))
    twin = msgspec.structs.replace(A, alertname="Twin", labels={"team": "web"})
    assert incidents_of(root, A, twin) == [("A",), ("Twin",)]


INHIBIT = InhibitRule(
    source=(Matcher(name="severity", value="page"),),
    target=(Matcher(name="severity", op="=~", value="ticket|info"),),
    equal=("team",),
)
LOUD = labelled("Loud", severity="page", team="ai")


@pytest.mark.parametrize(
    ("target", "sources", "reason"),
    [
        (labelled("T", severity="ticket", team="ai"), [LOUD], "inhibited by Loud"),
        (labelled("T", severity="ticket", team="web"), [LOUD], ""),
        (labelled("T", severity="error", team="ai"), [LOUD], ""),
        (labelled("T", severity="ticket", team="ai"), [resolved(LOUD)], ""),
        (labelled("T", severity="ticket", team="ai"), [], ""),
        (labelled("T", severity="ticket"), [labelled("L", severity="page")], "inhibited by L"),
    ],
)
def test_inhibition_needs_a_source_that_fires_and_equal_labels(
    target: Alert, sources: list[Alert], reason: str
) -> None:
    """A label that both lack is equal, as in Alertmanager."""
    assert Sources((INHIBIT,), sources).inhibiting(labels_of(target)) == reason


def test_alerts_that_meet_both_sides_do_not_hide_each_other() -> None:
    """Else two of them would keep each other from being told for ever."""
    team = Matcher(name="team", value="ai")
    both = InhibitRule(source=(team,), target=(team,))
    one, two = labelled("One", team="ai"), labelled("Two", team="ai")
    assert Sources((both,), [one, two]).inhibiting(labels_of(one)) == ""
