from __future__ import annotations

import itertools
import random
from collections.abc import Iterable, Sequence
from typing import get_args

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causewatch.model.finding import Alert, AlertState, Finding
from causewatch.rules.bundle import Bundle, Group
from causewatch.rules.state import (
    ACTIVE,
    LIMITED_ALERTNAME,
    MAX_RUN_IDS,
    TRANSITIONS,
    Event,
    advance,
    backwards,
    resolve_vanished,
)
from rules_fixtures import SECOND_NS, bundle_of, finding, group_of


class Rows:
    """A store in memory: keeps what ``advance`` says, as the daemon does."""

    def __init__(self, group: Group, findings: Iterable[Finding] = ()) -> None:
        self.group = group
        self.findings = list(findings)
        self.rows: dict[object, Alert] = {}
        self.slot_s: float | None = None

    def slot(self, at_s: float, *, told: bool = True) -> tuple[Alert, ...]:
        """Advance to a slot; ``told`` passes on when the last slot was."""
        by_rule: dict[str, list[Finding]] = {}
        for found in self.findings:
            if found.at_ns <= at_s * SECOND_NS:
                by_rule.setdefault(found.rule_id, []).append(found)
        previous = None if self.slot_s is None or not told else round(self.slot_s * SECOND_NS)
        changed = advance(
            self.group,
            by_rule,
            tuple(self.rows.values()),
            round(at_s * SECOND_NS),
            previous_slot_ns=previous if told else None,
        )
        for alert in changed:
            self.rows[alert.fingerprint] = alert
            if alert.state == "inactive":
                del self.rows[alert.fingerprint]
        self.slot_s = at_s
        return changed

    def states(self, slots: Iterable[float]) -> list[str]:
        """Return the state of the only alert after each slot."""
        found: list[str] = []
        for at_s in slots:
            self.slot(at_s)
            found.append(self.only.state if self.rows else "inactive")
        return found

    @property
    def only(self) -> Alert:
        """Return the only alert."""
        (alert,) = self.rows.values()
        return alert


EVENTS: tuple[Event, ...] = get_args(Event)
STATES: tuple[AlertState, ...] = get_args(AlertState)


@pytest.mark.parametrize(("state", "event"), list(itertools.product(STATES, EVENTS)))
def test_the_table_is_total(state: AlertState, event: Event) -> None:
    """Every state has an answer to every event, and the answer is a state."""
    assert TRANSITIONS[state][event] in STATES


def test_the_table_keeps_its_promises() -> None:
    """What fired ends as resolved, never unseen; what never fired never resolves; gone ends all."""
    for event in EVENTS:
        assert TRANSITIONS["firing"][event] in {"firing", "keep_firing", "resolved"}
        assert TRANSITIONS["keep_firing"][event] in {"firing", "keep_firing", "resolved"}
        assert TRANSITIONS["pending"][event] in {"firing", "pending", "inactive"}
        assert TRANSITIONS["inactive"][event] in {"firing", "pending", "inactive"}
    assert not {TRANSITIONS[state]["gone"] for state in STATES} & ACTIVE


@pytest.mark.parametrize(
    ("keys", "matches", "slots", "states"),
    [
        ("window: 1m", [0], [0, 30, 59, 60, 90], "firing firing firing resolved resolved"),
        ("window: 1m\nmin_runs: 2", [0, 50], [0, 50, 59, 60], "inactive firing firing resolved"),
        ("window: 1m\nfor: 30s", [0], [0, 29, 30, 60], "pending pending firing resolved"),
        ("window: 1m\nfor: 90s", [0], [0, 59, 60, 90], "pending pending inactive inactive"),
        ("window: 1m\nfor: 90s", [0, 50], [0, 60, 90, 110], "pending pending firing resolved"),
        (
            "window: 1m\nkeep_firing_for: 2m",
            [0],
            [0, 60, 179, 180],
            "firing keep_firing keep_firing resolved",
        ),
        (
            "window: 1m\nkeep_firing_for: 2m",
            [0, 100],
            [0, 60, 100, 160, 280],
            "firing keep_firing firing keep_firing resolved",
        ),
        (
            "window: 1m\nfor: 10s\nkeep_firing_for: 2m",
            [0, 100],
            [0, 10, 60, 100],
            "pending firing keep_firing firing",
        ),
        ("window: 1m", [0, 100], [0, 60, 100, 160], "firing resolved firing resolved"),
        ("window: 1m\nfor: 10s", [0, 100], [0, 10, 60, 100], "pending firing resolved pending"),
        ("", [0], [0, 299, 300], "firing firing resolved"),
    ],
)
def test_alerts_go_through_their_states(
    keys: str, matches: list[float], slots: list[float], states: str
) -> None:
    """It fires while enough runs match, and resolves window + keep_firing_for after the last."""
    rows = Rows(group_of(keys), [finding(f"r{at}", at) for at in matches])
    assert rows.states(slots) == states.split()


def test_the_times_are_those_of_the_changes() -> None:
    """A late slot does not move when it fired, stopped being met and resolved."""
    rows = Rows(group_of("window: 1m\nfor: 10s\nkeep_firing_for: 1m"), [finding("r", 100)])
    rows.slot(100)
    rows.slot(117)
    assert (rows.only.active_at_ns, rows.only.fired_at_ns) == (100 * SECOND_NS, 110 * SECOND_NS)
    rows.slot(171)
    assert rows.only.keep_firing_since_ns == 160 * SECOND_NS
    rows.slot(500)
    assert rows.only.resolved_at_ns == 220 * SECOND_NS
    assert rows.only.value == 0


def test_one_run_counts_once() -> None:
    """The value counts distinct runs, however often and by however many versions one matched."""
    found = [finding("r1", 0), finding("r1", 10), finding("r1", 20), finding("r2", 20)]
    rows = Rows(group_of("window: 1m"), found)
    rows.slot(30)
    assert rows.only.value == 2
    rows.slot(75)
    assert (rows.only.value, rows.only.run_ids) == (2, ("r1", "r2"))


def test_one_alert_for_each_set_of_labels() -> None:
    """Findings with other `by` labels are another alert; the rule's labels are on both."""
    group = group_of(
        "by: [a.span.tool]\nlabels: {severity: page, team: mine}\nwindow: 1m",
        group="labels: {team: theirs, zone: eu}",
        signature="{ true } as a",
    )
    rows = Rows(group, [finding(f"r{t}", 0, labels={"a_tool": t, "old": "x"}) for t in "xyx"])
    rows.slot(0)
    assert {a.labels["a_tool"] for a in rows.rows.values()} == {"x", "y"}
    for alert in rows.rows.values():
        assert dict(alert.labels) == {
            "a_tool": alert.labels["a_tool"],
            "severity": "page",
            "team": "mine",
            "zone": "eu",
            "alertname": "A",
        }


def test_annotations_are_rendered_with_the_current_value() -> None:
    """The texts follow the value while the alert fires."""
    rows = Rows(
        group_of("window: 1m\nannotations: {summary: '{{ $value }} in {{ $origin }}'}"),
        [finding("r1", 0, origin="lookup"), finding("r2", 10, origin="other")],
    )
    rows.slot(0)
    assert rows.only.annotations == {"summary": "1 in lookup"}
    rows.slot(10)
    assert rows.only.annotations == {"summary": "2 in lookup"}


def test_the_cause_stays_while_the_episode_lasts() -> None:
    """A second run with another cause does not turn one incident into another."""
    found = [finding("r0", 0), finding("r1", 1, origin="first"), finding("r2", 2, origin="second")]
    rows = Rows(group_of("window: 1m"), found)
    rows.slot(0)
    assert rows.only.cause.origin is None
    for at_s in (1, 2):
        rows.slot(at_s)
        assert rows.only.cause.origin is not None
        assert rows.only.cause.origin.name == "first"


def test_the_newest_runs_and_their_evidence_are_kept() -> None:
    """At most a hundred runs, newest last; the newest evidence first, each sentence once."""
    found = [finding(f"r{n}", n, evidence=("same", f"e{n}")) for n in range(MAX_RUN_IDS + 20)]
    rows = Rows(group_of("window: 1h"), found)
    rows.slot(500)
    assert len(rows.only.run_ids) == MAX_RUN_IDS
    assert rows.only.run_ids[-1] == f"r{MAX_RUN_IDS + 19}"
    assert rows.only.evidence[:2] == ("same", f"e{MAX_RUN_IDS + 19}")
    assert rows.only.value == MAX_RUN_IDS + 20


def test_what_resolved_still_says_what_it_was() -> None:
    """Runs, cause and evidence outlive the window, for the message that says it is over."""
    rows = Rows(group_of("window: 1m"), [finding("r1", 0, origin="lookup", evidence=("e",))])
    rows.slot(0)
    (resolved,) = rows.slot(100)
    assert (resolved.state, resolved.run_ids, resolved.evidence) == ("resolved", ("r1",), ("e",))
    assert resolved.cause.origin is not None


def test_nothing_changed_returns_nothing() -> None:
    """A quiet slot writes no row."""
    rows = Rows(group_of("window: 1m"), [finding("r1", 0)])
    assert len(rows.slot(0)) == 1
    assert rows.slot(30) == ()
    assert len(rows.slot(60)) == 1
    assert rows.slot(90) == ()


def test_what_fired_and_ended_between_two_slots_is_told() -> None:
    """A daemon that was away reports the whole episode, once."""
    rows = Rows(group_of("window: 1m"))
    rows.slot(0)
    rows.findings = [finding("r1", 100)]
    (alert,) = rows.slot(1000)
    assert (alert.state, alert.fired_at_ns, alert.resolved_at_ns) == (
        "resolved",
        100 * SECOND_NS,
        160 * SECOND_NS,
    )
    assert alert.run_ids == ("r1",)
    assert rows.slot(1030) == ()


def test_a_pending_that_came_to_nothing_does_not_hide_what_ended() -> None:
    """Firing, resolved, pending and inactive within one gap is told as resolved."""
    rows = Rows(group_of("window: 1m\nfor: 10s\nmin_runs: 1"), [finding("r1", 0)])
    rows.slot(0)
    rows.slot(10)
    rows.group = group_of("window: 1m\nfor: 90s")
    rows.findings.append(finding("r2", 200))
    (alert,) = rows.slot(1000)
    assert (alert.state, alert.resolved_at_ns) == ("resolved", 60 * SECOND_NS)


def test_without_the_last_slot_only_this_slot_counts() -> None:
    """An old episode that nobody recorded is not dug up."""
    rows = Rows(group_of("window: 1m"), [finding("r1", 100)])
    assert rows.slot(1000, told=False) == ()
    rows.findings.append(finding("r2", 1010))
    (alert,) = rows.slot(1030, told=False)
    assert (alert.state, alert.active_at_ns) == ("firing", 1030 * SECOND_NS)


def test_findings_from_the_future_are_left_for_their_slot() -> None:
    """A finding after the slot does not count in it."""
    group = group_of("window: 1m")
    found = {"g/A": [finding("r1", 100)]}
    assert advance(group, found, (), 99 * SECOND_NS) == ()
    assert len(advance(group, found, (), 100 * SECOND_NS)) == 1


def test_a_slot_that_goes_backwards_changes_nothing_and_says_why() -> None:
    """A clock that is set back neither fires nor resolves anything."""
    group = group_of("window: 1m")
    found = {"g/A": [finding("r1", 100)]}
    rows = advance(group, found, (), 100 * SECOND_NS)
    early = 50 * SECOND_NS
    assert advance(group, {}, rows, early) == ()
    assert backwards(rows, early) == (
        "slot 50000000000 is before 100000000000, when an alert last changed its state"
    )
    assert advance(group, found, (), early, previous_slot_ns=early + 1) == ()
    assert backwards((), early, early + 1) == "slot 50000000000 is before the last slot 50000000001"
    assert backwards(rows, 100 * SECOND_NS, 100 * SECOND_NS) is None


def test_a_rule_that_vanished_resolves() -> None:
    """Its firing alert resolves at once, its pending alert is forgotten."""
    for keys, expected in (("", "resolved"), ("for: 1m", "inactive")):
        rows = Rows(group_of(f"window: 5m\n{keys}"), [finding("r1", 0)])
        rows.slot(0)
        rows.group = msgspec.structs.replace(rows.group, rules=())
        (alert,) = rows.slot(10)
        assert alert.state == expected
        assert rows.slot(20) == ()


def test_rows_of_other_groups_are_left_alone() -> None:
    """A group neither resolves nor counts what belongs to another, however alike the names are."""
    (alert,) = advance(group_of("window: 1m"), {"g/A": [finding("r", 0)]}, (), 0)
    for name in ("h", "g2", "g/A", "g%2FA"):
        other = msgspec.structs.replace(group_of(), key=name)
        assert advance(other, {}, (alert,), SECOND_NS) == ()
        text = f"groups: [{{name: {name}, rules: [{{alert: B, signature: '{{ true }}'}}]}}]"
        foreign = bundle_of(text).groups[0].rules[0].rule_id
        stranger = msgspec.structs.replace(alert, rule_id=foreign)
        assert advance(group_of(), {}, (stranger,), SECOND_NS) == ()


def test_alerts_of_vanished_groups_resolve() -> None:
    """What no group in the bundle owns is ended; everything else is left alone."""
    group = group_of("window: 1m", group="limit: 1")
    (alert,) = advance(group, {"g/A": [finding("r", 0)]}, (), 0)
    limited = msgspec.structs.replace(alert, rule_id="g/limit:")
    over = msgspec.structs.replace(alert, rule_id="h/A")
    done = msgspec.structs.replace(over, state="resolved")
    bundle = Bundle(groups=(group,))
    (gone,) = resolve_vanished(bundle, (alert, limited, over, done), SECOND_NS)
    assert (gone.rule_id, gone.state, gone.resolved_at_ns) == ("h/A", "resolved", SECOND_NS)


def test_state_survives_a_reload_by_name_and_labels() -> None:
    """A new threshold, window or annotation takes effect on the alert that already fires."""
    rows = Rows(group_of("window: 1m"), [finding("r1", 0)])
    rows.slot(0)
    first = rows.only
    rows.group = group_of("window: 2m\nfor: 10m\nannotations: {summary: new}")
    (alert,) = rows.slot(30)
    assert (alert.state, alert.active_at_ns) == ("firing", first.active_at_ns)
    assert alert.annotations == {"summary": "new"}
    assert alert.rule_version != first.rule_version
    rows.group = group_of("window: 2m\nmin_runs: 5")
    (alert,) = rows.slot(60)
    assert alert.state == "resolved"


def test_what_is_over_is_left_alone() -> None:
    """A reload, a falling value and a vanished rule write no row of an alert that has ended."""
    found = [finding("r1", 0), finding("r2", 10)]
    rows = Rows(group_of("window: 1m\nmin_runs: 2"), found)
    rows.slot(10)
    (resolved,) = rows.slot(61)
    assert (resolved.state, resolved.value) == ("resolved", 1)
    assert rows.slot(80) == ()
    rows.group = group_of("window: 1m\nannotations: {summary: new}")
    assert rows.slot(90) == ()
    rows.group = msgspec.structs.replace(rows.group, rules=())
    assert rows.slot(100) == ()


def test_a_row_that_is_inactive_may_be_kept() -> None:
    """A store that does not delete such rows gets no changes from them, and a match starts anew."""
    group = group_of("window: 1m\nfor: 90s")
    (pending,) = advance(group, {"g/A": [finding("r1", 10)]}, (), 10 * SECOND_NS)
    at = 70 * SECOND_NS
    (inactive,) = advance(group, {"g/A": [finding("r1", 10)]}, (pending,), at)
    assert (pending.state, inactive.state) == ("pending", "inactive")
    assert advance(group, {}, (inactive,), 2 * at, previous_slot_ns=at) == ()
    (again,) = advance(group, {"g/A": [finding("r2", 150)]}, (inactive,), 150 * SECOND_NS)
    assert (again.state, again.active_at_ns) == ("pending", 150 * SECOND_NS)


def test_an_alert_whose_labels_changed_in_a_reload_is_replaced() -> None:
    """Labels are identity, as in Prometheus: the old alert resolves, the new one fires."""
    rows = Rows(group_of("window: 1m\nlabels: {severity: page}"), [finding("r1", 0)])
    rows.slot(0)
    rows.group = group_of("window: 1m\nlabels: {severity: ticket}")
    changed = {alert.labels["severity"]: alert.state for alert in rows.slot(10)}
    assert changed == {"page": "resolved", "ticket": "firing"}


def limited_group(limit: int) -> Group:
    """Return a group with a limit and a rule with one label."""
    return group_of(
        "by: [a.span.x]\nwindow: 1m", group=f"limit: {limit}", signature="{ true } as a"
    )


def by_x(rows: Rows) -> dict[str, str]:
    """Return the states by the label of the rule, the limit's own alert by its name."""
    return {a.labels.get("a_x", a.alertname): a.state for a in rows.rows.values()}


def test_over_the_limit_the_first_alerts_and_one_that_says_so() -> None:
    """A storm never silences the group; when it is over, the limit's alert resolves."""
    found = [finding(f"r{n}", 0, labels={"a_x": str(n)}) for n in range(5)]
    rows = Rows(limited_group(2), found)
    rows.slot(0)
    assert by_x(rows) == {"0": "firing", "1": "firing", LIMITED_ALERTNAME: "firing"}
    (limit,) = [a for a in rows.rows.values() if a.alertname == LIMITED_ALERTNAME]
    assert limit.value == 3
    assert limit.labels == {"alertname": LIMITED_ALERTNAME, "group": "g", "severity": "ticket"}
    assert limit.annotations["summary"] == "The group g is over its limit of 2: 3 more would fire"
    assert rows.slot(10) == ()
    rows.slot(60)
    assert set(by_x(rows).values()) == {"resolved"}


def test_below_the_limit_nothing_is_said() -> None:
    """The limit itself is allowed; 0 is no limit."""
    found = [finding(f"r{n}", 0, labels={"a_x": str(n)}) for n in range(3)]
    for limit in (3, 0):
        rows = Rows(limited_group(limit), found)
        rows.slot(0)
        assert by_x(rows) == {"0": "firing", "1": "firing", "2": "firing"}


def test_what_fires_already_keeps_its_place() -> None:
    """A new alert does not push an old one out, and gets its place when that ends."""
    rows = Rows(limited_group(1), [finding("r1", 0, labels={"a_x": "z"})])
    rows.slot(0)
    rows.findings.append(finding("r2", 30, labels={"a_x": "a"}))
    rows.slot(30)
    assert by_x(rows) == {"z": "firing", LIMITED_ALERTNAME: "firing"}
    rows.slot(61)
    assert by_x(rows) == {"z": "resolved", "a": "firing", LIMITED_ALERTNAME: "resolved"}
    rows.group = limited_group(2)
    rows.findings.append(finding("r3", 65, labels={"a_x": "b"}))
    rows.slot(65)
    rows.group = limited_group(1)
    rows.slot(66)
    assert by_x(rows)["a"] == by_x(rows)["b"] == "firing"


def brute(
    matches: Sequence[tuple[int, str]], rule: tuple[int, int, int, int], end_s: int
) -> tuple[str, int, int, int, float]:
    """Return state, active, fired and keep times and value: a look at every second, no table."""
    window, min_runs, wait, keep = rule
    state, active, fired, since, value = "inactive", 0, 0, 0, 0
    for now in range(end_s + 1):
        value = len({run for at, run in matches if now - window < at <= now})
        if value >= min_runs:
            since = 0
            if state in {"inactive", "resolved"}:
                state, active, fired = "pending", now, 0
            if state == "keep_firing":
                state = "firing"
            if state == "pending" and now - active >= wait:
                state, fired = "firing", now
        elif state == "pending":
            state = "inactive"
        elif state in {"firing", "keep_firing"}:
            since = since if state == "keep_firing" else now
            state = "keep_firing"
            if now - since >= keep:
                state, since = "resolved", 0
    return state, active, fired, since, value


@settings(max_examples=120, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 60), st.sampled_from("abcd")), max_size=10),
    st.tuples(st.integers(1, 12), st.integers(1, 3), st.integers(0, 8), st.integers(0, 8)),
    st.sets(st.integers(1, 90), max_size=8),
)
def test_any_choice_of_slots_gives_what_a_look_at_every_second_gives(
    matches: list[tuple[int, str]], rule: tuple[int, int, int, int], slots: set[int]
) -> None:
    """Missed slots change nothing, down to every time in the row."""
    window, min_runs, wait, keep = rule
    keys = f"window: {window}s\nmin_runs: {min_runs}\nfor: {wait}s\nkeep_firing_for: {keep}s"
    rows = Rows(group_of(keys), [finding(run, at) for at, run in matches])
    rows.slot(0)
    told = "inactive"
    for slot in sorted(slots):
        changed = rows.slot(slot)
        assert {a.state for a in changed} <= set(STATES)
        told = changed[0].state if changed else told
        state, active, fired_at, since, value = brute(matches, rule, slot)
        row = next(iter(rows.rows.values()), None)
        if state not in ACTIVE:
            assert row is None or row.state == "resolved"
            assert told in {"inactive", "resolved"}, "what fired is told to be over"
            continue
        assert row is not None
        found = row.active_at_ns, row.fired_at_ns, row.keep_firing_since_ns
        assert (row.state, row.value) == (state, value)
        assert found == (active * SECOND_NS, fired_at * SECOND_NS, since * SECOND_NS)


def test_a_long_gap_with_many_findings_is_quick() -> None:
    """Catching up is not quadratic: ten thousand findings are one sweep."""
    rng = random.Random(7)
    found = [finding(f"r{n}", rng.uniform(1, 5000)) for n in range(10_000)]
    rows = Rows(group_of("window: 10s\nmin_runs: 12\nfor: 3s\nkeep_firing_for: 4s"), found)
    rows.slot(0)
    changed = rows.slot(6000)
    assert [alert.state for alert in changed] == ["resolved"]
