from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.model.finding import Alert, Finding
from causewatch.model.graph import CausalGraph, RunState
from causewatch.model.value import Value
from causewatch.rules.bundle import Bundle
from causewatch.rules.evaluate import findings_of
from causewatch.rules.state import advance
from rules_fixtures import SECOND_NS, bundle_of, handoff_of, payload, run_of, step_of

RULES = """\
groups:
- name: desk
  labels: {team: support}
  rules:
  - alert: LookupReachedWriter
    signature: |
      { span.causewatch.tool = "lookup" } as source
        -[flow]->> { span.causewatch.agent = "writer" } as victim
    by: [source.span.causewatch.tool, victim.span.causewatch.agent]
    window: 2m
    min_runs: 2
    keep_firing_for: 1m
    annotations:
      summary: "{{ $labels.source_tool }} reached {{ $labels.victim_agent }} in {{ $value }} runs"
  - alert: NoWriter
    signature: '{ span.causewatch.agent = "finder" } as a && !{ span.causewatch.agent = "writer" }'
    window: 1m
contracts:
- contract: facts
  group: desk
  from: finder
  to: "w*"
  schema: {type: object, required: [facts], properties: {facts: {type: array, minItems: 1}}}
  failures: {schema: page}
  window: 1m
  annotations:
    summary: "{{ $labels.from }} to {{ $labels.to }}: {{ $labels.violation | upper }}"
"""


class Desk:
    """A daemon in miniature: judges runs, keeps findings and rows."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.findings: dict[tuple[object, ...], Finding] = {}
        self.rows: dict[object, Alert] = {}
        self.slot_ns: int | None = None

    def slot(self, at_s: int, *runs: CausalGraph) -> list[tuple[str, str]]:
        """Judge runs at a slot; return name and state of every alert that changed."""
        slot_ns = at_s * SECOND_NS
        changed: list[Alert] = []
        for group in self.bundle.groups:
            for run in runs:
                judged = judge(run, self.bundle.contracts)
                for found in findings_of(group, judged, slot_ns):
                    labels = tuple(sorted(found.labels.items()))
                    self.findings.setdefault((found.rule_id, found.run_id, labels), found)
            by_rule: dict[str, Sequence[Finding]] = {
                rule.rule_id: [f for f in self.findings.values() if f.rule_id == rule.rule_id]
                for rule in group
            }
            rows = tuple(self.rows.values())
            changed += advance(group, by_rule, rows, slot_ns, previous_slot_ns=self.slot_ns)
        self.rows |= {alert.fingerprint: alert for alert in changed}
        self.slot_ns = slot_ns
        return sorted((alert.alertname, alert.state) for alert in changed)

    def alert(self, name: str) -> Alert:
        """Return the only alert of a name."""
        (alert,) = [alert for alert in self.rows.values() if alert.alertname == name]
        return alert


def run(
    run_id: str,
    *,
    received: Value = None,
    writer: bool = True,
    state: RunState = "complete",
    flow: bool = True,
) -> CausalGraph:
    """Return a run in which what was looked up reaches the writer, over a handoff."""
    facts: Mapping[str, Value] = {"facts": [1, 2]}
    given = dict(facts) if received is None else received
    handoff = msgspec.structs.replace(
        handoff_of(), sent=payload(dict(facts)), received=payload(given)
    )
    graph = run_of(state=state, handoffs=(handoff,))
    if not flow:
        graph = msgspec.structs.replace(graph, edges=())
    if not writer:
        graph = msgspec.structs.replace(
            graph,
            steps=graph.steps[:3],
            owner=graph.owner[:3],
            parent=graph.parent[:3],
            edges=graph.edges[:1] if flow else (),
            handoffs=(),
        )
    return msgspec.structs.replace(graph, run_id=run_id)


def test_an_alert_fires_on_the_second_run_and_resolves_after_its_time() -> None:
    """The whole life of an alert, from two runs to the end of window and keep_firing_for."""
    desk = Desk(bundle_of(RULES))
    assert desk.slot(1000, run("r1")) == []
    assert desk.slot(1030, run("r2")) == [("LookupReachedWriter", "firing")]
    alert = desk.alert("LookupReachedWriter")
    assert alert.annotations == {"summary": "lookup reached writer in 2 runs"}
    assert dict(alert.labels) == {
        "alertname": "LookupReachedWriter",
        "team": "support",
        "source_tool": "lookup",
        "victim_agent": "writer",
    }
    assert alert.run_ids == ("r1", "r2")
    assert desk.slot(1060) == []
    assert desk.slot(1120) == [("LookupReachedWriter", "keep_firing")]
    assert desk.slot(1179) == [("LookupReachedWriter", "keep_firing")]
    assert desk.slot(1180) == [("LookupReachedWriter", "resolved")]
    assert desk.slot(1300) == []


def test_a_run_that_is_judged_again_counts_once() -> None:
    """Early, complete and late assessments of one run are one match."""
    desk = Desk(bundle_of(RULES))
    assert desk.slot(1000, run("r1", state="early")) == []
    assert desk.slot(1001, run("r1")) == []
    assert desk.slot(1002, run("r1", state="late")) == []
    assert desk.slot(1003, run("r2", state="early")) == [("LookupReachedWriter", "firing")]


def test_negation_waits_for_the_run_to_complete() -> None:
    """While the writer may still come, nobody is told that it is missing."""
    desk = Desk(bundle_of(RULES))
    assert desk.slot(1000, run("r1", writer=False, state="early")) == []
    assert desk.slot(1030, run("r1", state="complete")) == []
    assert desk.slot(1060, run("r2", writer=False)) == [("NoWriter", "firing")]
    assert desk.alert("NoWriter").cause.origin is not None


def test_a_violated_contract_alerts_with_its_severity_and_evidence() -> None:
    """The label says what, the evidence where; a run that keeps the contract is silent."""
    desk = Desk(bundle_of(RULES))
    assert desk.slot(1000, run("r1", flow=False)) == []
    changed = desk.slot(1030, run("r2", received={"facts": []}, flow=False))
    assert changed == [("ContractViolated", "firing")]
    alert = desk.alert("ContractViolated")
    assert (alert.labels["contract"], alert.labels["severity"]) == ("facts", "page")
    assert alert.annotations == {"summary": "finder to writer: SCHEMA"}
    assert any("/facts" in sentence for sentence in alert.evidence)
    assert desk.slot(1090) == [("ContractViolated", "resolved")]


def test_what_cannot_be_checked_pages_nobody() -> None:
    """Without content a contract is unverifiable, which is no violation."""
    desk = Desk(bundle_of(RULES))
    silent = run("r1", flow=False)
    handoff = msgspec.structs.replace(silent.handoffs[0], sent=None, received=None)
    assert desk.slot(1000, msgspec.structs.replace(silent, handoffs=(handoff,))) == []


def test_a_reload_that_drops_a_rule_ends_its_alert_only() -> None:
    """The other rules of the group go on as they were."""
    desk = Desk(bundle_of(RULES))
    desk.slot(1000, run("r1"), run("r2"), run("r3", writer=False))
    kept = RULES.replace("- alert: NoWriter", "- alert: Renamed")
    desk.bundle = bundle_of(kept)
    assert desk.slot(1010) == [("NoWriter", "resolved")]
    assert desk.alert("LookupReachedWriter").state == "firing"


@pytest.mark.parametrize("count", [0, 1, 5, 50])
def test_arrival_in_one_slot_or_in_many_ends_the_same(count: int) -> None:
    """How runs are batched into slots changes when it fires, not what stands at the end."""
    runs = [run(f"r{number}") for number in range(count)]
    together, apart = Desk(bundle_of(RULES)), Desk(bundle_of(RULES))
    together.slot(1000, *runs)
    for number, each in enumerate(runs):
        apart.slot(950 + number, each)
    apart.slot(1000)
    for desk in (together, apart):
        desk.slot(2000)
    ends = [
        {alert.alertname: (alert.state, alert.value, alert.run_ids) for alert in desk.rows.values()}
        for desk in (together, apart)
    ]
    assert ends[0] == ends[1]
    assert len(ends[0]) == (1 if count > 1 else 0)


def test_odd_names_go_through_as_they_are() -> None:
    """Names from a run are data: in labels and texts they stay what they were, cut at a limit."""
    text = (
        "groups: [{name: g, rules: [{alert: A,"
        " signature: '{ span.causewatch.step = \"tool\" } as a',"
        " by: [a.span.causewatch.tool], annotations: {s: '{{ $labels.a_tool }}'}}]}]"
    )
    for name in ("<!channel>", "{{ $value }}", "'; drop table", "é" * 200, "\x1b[31m", "a\nb"):
        desk = Desk(bundle_of(text))
        graph = run_of(edges=())
        steps = (*graph.steps[:2], step_of("t1", "tool", tool=name), graph.steps[3])
        desk.slot(1, msgspec.structs.replace(graph, steps=steps))
        assert desk.alert("A").annotations == {"s": name}
