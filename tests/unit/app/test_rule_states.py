"""How each rule is doing, from the first look over failures to a new version."""

from __future__ import annotations

from typing import Any

import pytest

from app_fixtures import LOST, T0_NS, Desk, S, assessment, loaded
from causewatch.app.rule_states import rule_states
from causewatch.rules.backoff import OVER_AFTER_S, PATIENCE
from causewatch.signatures.signature import Signature
from causewatch.signatures.subject import Subject
from causewatch.web.rules import RulesStatus, RuleStatus

CUT = "pydantic-ai__native__truncated_handoff"


def look(desk: Desk, name: str, now_ns: int = T0_NS) -> None:
    """Let the group look at one run."""
    desk.groups.offer(assessment(name), first_batch=1)
    desk.groups.evaluate("silent", now_ns)


def states(desk: Desk, now_ns: int = T0_NS) -> RulesStatus:
    """Return how the rules are doing."""
    return rule_states(desk.groups, store=desk.store, metrics=desk.metrics, now_ns=now_ns)


def lost(desk: Desk, now_ns: int = T0_NS) -> RuleStatus:
    """Return how the first rule is doing."""
    return states(desk, now_ns).groups[0].rules[0]


def broken(_self: Signature, _subject: Subject) -> Any:
    """Fail as a signature never should."""
    raise ValueError("odd")


def test_before_the_first_look_nothing_is_known() -> None:
    """The rules are there with where they come from; nobody claims that they are well."""
    (group,) = states(Desk()).groups
    assert (group.name, group.file, group.interval_s) == ("silent", "rules/some.yaml", 10.0)
    assert (group.last_slot_ns, group.took_s) == (0, None)
    assert [(rule.name, rule.health, rule.state) for rule in group.rules] == [
        ("Lost", "unknown", "inactive"),
        ("Failed", "unknown", "inactive"),
    ]
    assert group.rules[0].place == "rules/some.yaml:5"
    assert group.rules[0].version != group.rules[1].version


def test_a_rule_that_fires_says_so() -> None:
    """With its alerts and the runs that it was asked of; the other one is quiet."""
    desk = Desk()
    look(desk, CUT)
    found = states(desk)
    first, second = found.groups[0].rules
    assert (first.state, first.active_alerts_count, first.health) == ("firing", 1, "ok")
    assert first.evaluations_count == 1
    assert (second.state, second.active_alerts_count, second.health) == ("inactive", 0, "ok")
    assert found.groups[0].last_slot_ns == T0_NS
    took_s = found.groups[0].took_s
    assert took_s is not None
    assert took_s > 0
    assert found.revision == "r1"
    assert found.sha256 == desk.groups.loaded.source.sha256


def test_a_rule_that_fails_says_why_until_it_works(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its health is that of the last try; the reason is told for as long as it is remembered."""
    desk = Desk()
    with monkeypatch.context() as breaking:
        breaking.setattr(Signature, "evaluate", broken)
        look(desk, CUT)
    rule = lost(desk)
    assert (rule.health, rule.last_error_at_ns) == ("err", T0_NS)
    assert rule.last_error == "It raised ValueError: “odd”"
    assert rule.rests_until_ns == 0
    look(desk, CUT, T0_NS + S)
    rule = lost(desk, T0_NS + S)
    assert (rule.health, rule.last_error_at_ns) == ("ok", T0_NS)
    after_ns = T0_NS + int(OVER_AFTER_S * S)
    assert lost(desk, after_ns).last_error == ""


def test_a_rule_that_rests_says_until_when(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only as long as it does."""
    desk = Desk()
    monkeypatch.setattr(Signature, "evaluate", broken)
    for number in range(PATIENCE):
        look(desk, CUT, T0_NS + number)
    rule = lost(desk)
    assert rule.rests_until_ns > T0_NS
    assert lost(desk, rule.rests_until_ns).rests_until_ns == 0


def test_where_the_whole_group_fails_none_of_its_rules_is_well(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Each says why; a look that works ends it."""
    desk = Desk()
    with monkeypatch.context() as breaking:
        breaking.setattr(desk.groups, "_decide", lambda *_: 1 // 0)
        with pytest.raises(ZeroDivisionError):
            look(desk, CUT)
    (group,) = states(desk).groups
    assert group.failed_looks_count == 1
    assert {rule.health for rule in group.rules} == {"err"}
    assert all("ZeroDivisionError" in rule.last_error for rule in group.rules)
    assert "ZeroDivisionError" in group.last_error
    desk.groups.evaluate("silent", T0_NS + S)
    (group,) = states(desk, T0_NS + S).groups
    assert (group.failed_looks_count, {rule.health for rule in group.rules}) == (0, {"ok"})


def test_a_changed_rule_has_another_version() -> None:
    """The revision is that of the files in force."""
    desk = Desk()
    before = lost(desk)
    desk.groups.replace(loaded(LOST.replace("window: 5m", "window: 6m"), revision="r2"))
    assert lost(desk).version != before.version
    assert lost(desk).id == before.id
    assert states(desk).revision == "r2"
