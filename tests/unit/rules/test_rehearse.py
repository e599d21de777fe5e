from __future__ import annotations

import msgspec

from causewatch.model.finding import Alert
from causewatch.model.judgement import Assessment
from causewatch.rules.bundle import Bundle
from causewatch.rules.rehearse import Arrival, Evaluator, Look, rehearse
from rules_fixtures import SECOND_NS, bundle_of, run_of

RULE = """\
groups:
- name: g
  interval: 30s
  limit: {limit}
  rules:
  - alert: A
    signature: '{{ span.causewatch.step = "tool" }} as t'
    by: [t.span.causewatch.tool]
{keys}
"""
T0_NS = 1_000 * SECOND_NS


def bundle(*keys: str, limit: int = 0) -> Bundle:
    """Return one rule that every run of these tests matches, with further keys."""
    return bundle_of(RULE.format(keys="\n".join(f"    {key}" for key in keys), limit=limit))


def arrival(at_s: float, run_id: str) -> Arrival:
    """Return a run that arrives so many seconds after the start."""
    graph = msgspec.structs.replace(run_of(), run_id=run_id)
    return Arrival(at_ns=T0_NS + round(at_s * SECOND_NS), assessment=Assessment(graph=graph))


def looks(rules: Bundle, arrivals: list[Arrival], *times_s: float) -> tuple[Look, ...]:
    """Return all looks, at the arrivals and at some times."""
    return rehearse(
        Evaluator(rules), arrivals, [T0_NS + round(at_s * SECOND_NS) for at_s in times_s]
    )


def told(look: Look) -> list[tuple[str, float]]:
    """Return state and value of the rows known at a look."""
    return [(alert.state, alert.value) for alert in look.alerts]


def states(rules: Bundle, arrivals: list[Arrival], *times_s: float) -> list[str]:
    """Return the state of the only alert at some times; ``none`` where there is no row."""
    wanted = {T0_NS + round(at_s * SECOND_NS) for at_s in times_s}
    found = [look for look in looks(rules, arrivals, *times_s) if look.at_ns in wanted]
    return [look.alerts[0].state if look.alerts else "none" for look in found]


def test_a_run_counts_when_it_arrives() -> None:
    """Groups look at once, as the daemon does, and not only at the next slot of the interval."""
    first, second = looks(bundle(), [arrival(7, "a")], 3)
    assert (first.at_ns, told(first)) == (T0_NS + 3 * SECOND_NS, [])
    assert (second.at_ns, told(second)) == (T0_NS + 7 * SECOND_NS, [("firing", 1.0)])
    assert [finding.run_id for finding in second.findings] == ["a"]


def test_a_run_that_arrives_at_the_time_asked_for_is_seen() -> None:
    """An evaluation at 1m sees what came at 1m, in one look."""
    (look,) = looks(bundle(), [arrival(60, "a")], 60)
    assert told(look) == [("firing", 1.0)]


def test_min_runs_counts_distinct_runs_within_the_window() -> None:
    """Three runs within a minute fire; when the first has left the window they no longer do."""
    runs = [arrival(at_s, f"r{at_s}") for at_s in (0, 20, 40)]
    rules = bundle("min_runs: 3", "window: 1m")
    assert states(rules, runs, 20, 39, 40, 59, 60) == [
        "none",
        "none",
        "firing",
        "firing",
        "resolved",
    ]
    again = [arrival(at_s, "same") for at_s in (0, 20, 40)]
    assert states(rules, again, 50) == ["none"]


def test_for_makes_it_wait() -> None:
    """The alert is pending until its condition has held for so long."""
    rules = bundle("for: 30s", "window: 2m")
    assert states(rules, [arrival(0, "a")], 0, 29, 30, 119, 120) == [
        "pending", "pending", "firing", "firing", "resolved",
    ]  # fmt: skip


def test_what_was_only_pending_leaves_no_row() -> None:
    """A condition that ends before its time tells nobody anything."""
    rules = bundle("for: 3m", "window: 1m")
    assert states(rules, [arrival(0, "a")], 59, 61) == ["pending", "none"]


def test_keep_firing_for_holds_it() -> None:
    """After the last match has left the window it goes on firing for so long."""
    rules = bundle("keep_firing_for: 1m", "window: 1m")
    assert states(rules, [arrival(0, "a")], 59, 60, 119, 120) == [
        "firing", "keep_firing", "keep_firing", "resolved",
    ]  # fmt: skip


def test_looks_in_between_change_nothing() -> None:
    """Whether a test looks every second or once, the row at a time is the same."""
    rules = bundle("for: 30s", "keep_firing_for: 45s", "window: 1m", "min_runs: 2")
    runs = [arrival(at_s, f"r{at_s}") for at_s in (0, 10, 95)]

    def row(*times_s: float) -> Alert:
        (alert,) = looks(rules, runs, *times_s)[-1].alerts
        return alert

    for end_s in (100, 110, 140):
        assert row(end_s) == row(*range(1, end_s + 1))


def test_changes_come_for_each_group() -> None:
    """What changed is what incidents are gathered from; a look at which nothing did has none."""
    first, second = looks(bundle("window: 5m"), [arrival(0, "a")], 60)
    assert [[alert.state for alert in changed] for changed in first.changed] == [["firing"]]
    assert second.changed == ()


def test_a_group_over_its_limit_says_so() -> None:
    """The limit holds in tests too: one alert tells how many were left out."""
    graph = run_of()
    other = msgspec.structs.replace(graph.steps[2], tool="search")
    second = msgspec.structs.replace(
        graph, run_id="b", steps=(*graph.steps[:2], other, graph.steps[3])
    )
    arrivals = [arrival(0, "a"), Arrival(at_ns=T0_NS, assessment=Assessment(graph=second))]
    (look,) = looks(bundle(limit=1), arrivals)
    assert [alert.alertname for alert in look.alerts] == ["A", "CausewatchGroupLimited"]


def test_nothing_arrives_and_nobody_asks() -> None:
    """No times, no looks."""
    assert looks(bundle(), []) == ()
