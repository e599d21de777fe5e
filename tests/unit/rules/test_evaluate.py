from __future__ import annotations

import msgspec
import pytest

from causewatch.model.finding import Finding
from causewatch.model.graph import CausalGraph, RunState
from causewatch.model.judgement import (
    Assessment,
    Blame,
    ContractVerdict,
    Hop,
    Origin,
    Symptom,
    Violation,
    ViolationName,
)
from causewatch.model.value import Value
from causewatch.rules.bundle import Group
from causewatch.rules.evaluate import (
    MAX_EVIDENCE,
    MAX_FINDINGS_PER_RULE,
    MAX_LABEL_CHARS,
    evaluate,
    findings_of,
    needs_of,
)
from causewatch.rules.file import load
from causewatch.rules.subject import subject_of
from rules_fixtures import SECOND_NS, bundle_of, group_of, handoff_of, run_of, step_of

TOOL = '{ span.causewatch.step = "tool" }'
CORRUPTED = Blame(
    verdict="corrupted",
    category="empty",
    origin=Origin(step=2, agent="finder", at="output", reason="no rows"),
    symptom=Symptom(step=3, agent="writer"),
    path=(Hop(step=2, agent="finder", evidence="e"),),
    confidence=0.8,
)


def found(group: Group, graph: CausalGraph, blame: Blame | None = None) -> tuple[Finding, ...]:
    """Return the findings in a run."""
    assessment = Assessment(graph=graph, blame=blame or Blame(verdict="healthy"))
    return findings_of(group, assessment, 7 * SECOND_NS)


def many_tools(count: int, name: str = "lookup{}") -> CausalGraph:
    """Return a run of a root with many tools."""
    steps = tuple(
        step_of(f"t{n}", "tool", parent="root", tool=name.format(n)) for n in range(count)
    )
    return CausalGraph(
        run_id="run",
        trace_ids=("t",),
        state="complete",
        workflow="w",
        session="",
        steps=(step_of("root", "workflow"), *steps),
        owner=("",) * (count + 1),
        parent=(-1,) + (0,) * count,
        edges=(),
        handoffs=(),
    )


def test_a_match_is_one_finding_with_the_rules_identity() -> None:
    """Without `by` a run gives one finding, however many spans matched."""
    group = group_of("labels: {severity: page}", group="labels: {team: t}", signature=TOOL)
    (finding,) = found(group, many_tools(3))
    assert (finding.rule_id, finding.run_id, finding.trace_ids) == ("g/A", "run", ("t",))
    assert finding.rule_version == group.rules[0].version
    assert finding.labels == {"team": "t", "severity": "page", "alertname": "A"}
    assert finding.at_ns == 7 * SECOND_NS
    assert finding.evidence == tuple(
        f"matched by signature: tool lookup{n} (span t{n})" for n in range(3)
    )


def test_no_match_is_no_finding() -> None:
    """A run that does not show the signature gives nothing."""
    assert found(group_of(signature='{ name = "never" }'), run_of()) == ()


def test_one_finding_for_each_distinct_tuple_of_labels() -> None:
    """Two tools make two alerts, the same tool twice makes one."""
    group = group_of("by: [a.span.causewatch.tool]", signature=TOOL + " as a")
    graph = many_tools(3)
    twice = msgspec.structs.replace(graph, steps=(*graph.steps[:3], graph.steps[1]))
    assert [f.labels["a_tool"] for f in found(group, twice)] == ["lookup0", "lookup1"]


@pytest.mark.parametrize(
    ("by", "label"),
    [
        ("a.span.causewatch.tool", "lookup"),
        ("a.span.causewatch.agent", "finder"),
        ("a.resource.service.name", "shop"),
        ("a:name", "execute lookup"),
        ("a:status", "unset"),
        ("a:kind", "unspecified"),
        ("a:duration", "1000000000"),
        ("a.span.flag", "true"),
        ("a.span.count", "3"),
        ("a.span.words", "x,y"),
        ("a.span.mixed", '["x",1]'),
        ("a.span.raw", "00ff"),
        ("a.span.absent", ""),
        ("a.span.long", "x" * (MAX_LABEL_CHARS - 1) + "…"),
    ],
)
def test_labels_are_read_from_the_binding(by: str, label: str) -> None:
    """Any value becomes text; what is absent is the empty label; what is long is cut."""
    graph = run_of()
    attributes: dict[str, Value] = {
        "flag": True, "count": 3, "words": ["x", "y"], "mixed": ["x", 1], "raw": b"\x00\xff",
        "long": "x" * 1000,
    }  # fmt: skip
    tool = step_of("t1", "tool", name="execute lookup", tool="lookup", attributes=attributes)
    graph = msgspec.structs.replace(graph, steps=(*graph.steps[:2], tool, graph.steps[3]))
    (finding,) = found(group_of(f"by: [{{x: {by}}}]", signature=TOOL + " as a"), graph)
    assert finding.labels["x"] == label


def test_a_name_that_took_no_part_is_an_empty_label() -> None:
    """One side of an `or` may be all there is."""
    signature = TOOL + ' as a || { name = "never" } as b'
    (finding,) = found(
        group_of("by: [a.span.causewatch.tool, b:name]", signature=signature), run_of()
    )
    assert (finding.labels["a_tool"], finding.labels["b_name"]) == ("lookup", "")


def test_the_number_of_findings_of_one_run_is_limited() -> None:
    """A run with a thousand tool names cannot make a thousand alerts."""
    group = group_of("by: [a.span.causewatch.tool]", signature=TOOL + " as a")
    findings = found(group, many_tools(MAX_FINDINGS_PER_RULE + 5))
    assert len(findings) == MAX_FINDINGS_PER_RULE
    assert all(len(finding.evidence) <= MAX_EVIDENCE + 1 for finding in findings)


def test_the_cause_is_that_of_blame() -> None:
    """Where blame knows the origin, a rule does not guess another."""
    group = group_of(signature='{ name = "writer" } as a')
    (finding,) = found(group, run_of(), CORRUPTED)
    assert finding.cause.origin is not None
    assert (finding.cause.origin.name, finding.cause.category) == ("lookup", "empty")
    assert finding.cause.confidence == 0.8


def test_without_blame_the_cause_is_built_from_the_names() -> None:
    """The first name is the origin, the last the symptom, and the evidence says so."""
    signature = TOOL + ' as source -[flow]->> { name = "writer" } as victim'
    (finding,) = found(group_of("by: [source:name]", signature=signature), run_of())
    cause = finding.cause
    assert cause.origin is not None
    assert cause.symptom is not None
    assert (cause.origin.span_id, cause.origin.agent, cause.origin.kind) == ("t1", "finder", "tool")
    assert (cause.symptom.span_id, cause.workflow) == ("a2", "shop")
    assert [step.span_id for step in cause.path] == ["t1", "a2"]
    assert {step.evidence for step in cause.path} == {"matched by signature"}
    assert (cause.origin_reason, cause.category) == ("matched by signature", "other")
    assert finding.evidence == (
        (
            "matched by signature: source is tool lookup of finder (span t1),"
            " victim is agent writer (span a2)"
        ),
    )


def test_without_blame_and_names_the_cause_stays_unknown() -> None:
    """Nothing is made up."""
    (finding,) = found(group_of(signature=TOOL), run_of())
    assert finding.cause.origin is None


def test_a_synthetic_handoff_is_never_the_origin() -> None:
    """People are shown received spans: for a derived handoff, the sender."""
    group = group_of(signature="{ span.causewatch.synthetic = true } as a")
    (finding,) = found(group, run_of(handoffs=(handoff_of(),)))
    assert finding.cause.origin is not None
    assert finding.cause.origin.span_id == "a1"


@pytest.mark.parametrize(
    ("signature", "early"),
    [
        (TOOL, 1),
        (TOOL + ' && !{ name = "never" }', 0),
        (TOOL + " | count() < 5", 0),
        (TOOL + " | count() > 0", 1),
    ],
)
def test_an_early_run_is_judged_only_by_what_cannot_change(signature: str, early: int) -> None:
    """Negation and upper bounds wait for the run to be complete."""
    group = group_of(signature=signature)
    open_states: tuple[RunState, ...] = ("early", "evicted")
    for state in open_states:
        assert len(found(group, run_of(state=state))) == early
    ended_states: tuple[RunState, ...] = ("complete", "late")
    for state in ended_states:
        assert len(found(group, run_of(state=state))) == 1


CONTRACTS = """\
groups:
- name: g
  labels: {team: t, severity: page}
  rules:
  - {alert: A, signature: '{ true }'}
contracts:
- {contract: brief, group: g, from: finder, schema: {}}
- {contract: other, group: g, from: x, schema: {}}
"""


def violated(*names: ViolationName, contract: str = "brief") -> ContractVerdict:
    """Return a verdict of a contract of group ``g``."""
    return ContractVerdict(
        contract=contract,
        rule_id=f"g/contract:{contract}",
        verdict="violated",
        handoff=0,
        step=3,
        from_agent="finder",
        to_agent="writer",
        violations=tuple(
            Violation(name=n, side="received", pointer="/a", message="is gone", severity="page")
            for n in names
        ),
        sent_sha256="ab" * 32,
        received_sha256="cd" * 32,
        sent_bytes=20,
        received_bytes=10,
    )


def contract_findings(*verdicts: ContractVerdict, blame: Blame | None = None) -> list[Finding]:
    """Return the findings of contracts in a run with these verdicts."""
    group = bundle_of(CONTRACTS).groups[0]
    graph = run_of(handoffs=(handoff_of(),))
    judged = Assessment(graph=graph, verdicts=verdicts, blame=blame or Blame(verdict="healthy"))
    return [f for f in findings_of(group, judged, 1) if f.rule_id != "g/A"]


def test_each_name_of_violation_is_a_finding() -> None:
    """Labels say which contract, between whom, and what; the evidence says where and how much."""
    findings = contract_findings(violated("schema", "missing", "schema"))
    assert [finding.labels["violation"] for finding in findings] == ["schema", "missing"]
    assert findings[0].labels == {
        "team": "t",
        "severity": "page",
        "contract": "brief",
        "from": "finder",
        "to": "writer",
        "violation": "schema",
        "alertname": "ContractViolated",
    }
    sentence = (
        "schema, received at /a: is gone"
        " (sent 20 bytes, abababababab; received 10 bytes, cdcdcdcdcdcd)"
    )
    assert findings[0].evidence == (sentence, sentence)
    assert findings[0].rule_id == "g/contract:brief"


def test_what_holds_or_cannot_be_checked_is_no_finding() -> None:
    """Unverifiable is told elsewhere; it never pages."""
    for name in ("pass", "unverifiable"):
        assert contract_findings(msgspec.structs.replace(violated("schema"), verdict=name)) == []
    assert contract_findings() == []


def test_a_verdict_belongs_to_its_contract() -> None:
    """Verdicts of other contracts, also of other groups, are not this rule's."""
    (finding,) = contract_findings(violated("schema", contract="other"))
    assert finding.labels["contract"] == "other"
    assert contract_findings(violated("schema", contract="stranger")) == []


def test_two_boundaries_of_one_contract_are_two_findings() -> None:
    """The agents tell them apart."""
    second = msgspec.structs.replace(violated("schema"), to_agent="mailer")
    findings = contract_findings(violated("schema"), second)
    assert [finding.labels["to"] for finding in findings] == ["writer", "mailer"]


def test_the_cause_of_a_violation_is_blames_or_its_place() -> None:
    """Without blame the step of the verdict is where to look."""
    (finding,) = contract_findings(violated("schema"))
    assert finding.cause.origin is not None
    assert (finding.cause.origin.span_id, finding.cause.category) == ("a2", "other")
    (finding,) = contract_findings(violated("schema"), blame=CORRUPTED)
    assert finding.cause.origin is not None
    assert finding.cause.origin.span_id == "t1"


def test_contracts_are_judged_early() -> None:
    """A violated boundary needs no complete run."""
    group = bundle_of(CONTRACTS).groups[0]
    early = Assessment(
        graph=run_of(state="early", handoffs=(handoff_of(),)), verdicts=(violated("schema"),)
    )
    assert "g/contract:brief" in [f.rule_id for f in findings_of(group, early, 1)]


def test_a_rule_that_fails_does_not_stop_the_others() -> None:
    """Its failure is told with its name and the run's, and everything else is found."""
    group = bundle_of(CONTRACTS).groups[0]
    broken = msgspec.structs.replace(group.rules[0], signature=None, rule_id="g/Broken")
    group = msgspec.structs.replace(group, rules=(broken, *group.rules))
    assessment = Assessment(graph=run_of(), verdicts=(violated("schema"),))
    evaluation = evaluate(group, assessment, 1, subject_of(assessment))
    assert [f.rule_id for f in evaluation.findings] == ["g/A", "g/contract:brief"]
    (failure,) = evaluation.failures
    assert (failure.rule_id, failure.run_id) == ("g/Broken", "run")
    assert failure.reason.startswith("It raised AttributeError: “")


def test_what_labels_read_is_needed_too() -> None:
    """A digest that only stands in ``by`` is derived for it."""
    text = """\
groups:
- name: g
  rules:
  - alert: A
    signature: '{ } as s'
    by: [{digest: s.span.causewatch.result.sha256}, {name: "s:name"}]
"""
    needs = needs_of(load({"r.yaml": text.encode()}).groups)
    assert ("span", "causewatch.result.sha256") in needs.attributes
