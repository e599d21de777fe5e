from __future__ import annotations

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.expectation import Health
from causewatch.model.graph import RunState
from causewatch.model.judgement import (
    Assessment,
    Blame,
    ContractVerdict,
    Failing,
    Fault,
    HandoffVerdictName,
    Origin,
    Propagator,
    Symptom,
    Violation,
    ViolationName,
)
from causewatch.model.value import Value, sha256_of
from causewatch.rules.subject import step_of, subject_of
from causewatch.signatures.signature import compile_query
from claimed_fixtures import ORDER, two_services
from graph_fixtures import span, span_id, with_attributes
from rules_fixtures import SECOND_NS, handoff_of, payload, run_of


def matched(assessment: Assessment, signature: str) -> list[str]:
    """Return the ids of the spans that a signature finds in a run."""
    subject = subject_of(assessment)
    spansets = compile_query(signature).evaluate(subject).spansets
    return [subject.spans[node].span_id for spanset in spansets for node in spanset]


def verdict(
    name: HandoffVerdictName,
    *violations: ViolationName,
    contract: str = "c",
    handoff: int | None = 0,
    step: int = 1,
) -> ContractVerdict:
    """Return a verdict with violations of these names."""
    return ContractVerdict(
        contract=contract,
        rule_id=f"g/contract:{contract}",
        verdict=name,
        handoff=handoff,
        step=step,
        violations=tuple(
            Violation(name=each, side="both", pointer="", message="m", severity="ticket")
            for each in violations
        ),
    )


def test_steps_are_nodes_in_order_with_what_is_derived() -> None:
    """Every step is a node of its own index, with canonical names and digests."""
    subject = subject_of(Assessment(graph=run_of()))
    assert [span.span_id for span in subject.spans] == ["root", "a1", "t1", "a2"]
    assert subject.derived[2] == {
        "causewatch.step": "tool",
        "causewatch.agent": "finder",
        "causewatch.workflow": "shop",
        "causewatch.session": "s-1",
        "causewatch.tool": "lookup",
        "causewatch.dialect": "otel_genai",
        "causewatch.args.sha256": sha256_of({"q": 1}),
        "causewatch.result.sha256": sha256_of({"rows": []}),
        "causewatch.result.bytes": len("{'rows': []}"),
    }
    assert "causewatch.agent" not in subject.derived[0]
    assert "causewatch.tool" not in subject.derived[1]


def test_the_root_carries_the_health_and_nothing_else_does() -> None:
    """Roots, not orphans, say how the run is."""
    graph = msgspec.structs.replace(run_of(), parent=(-1, 0, -2, 0))
    subject = subject_of(Assessment(graph=graph, blame=Blame(verdict="unverifiable")))
    assert [d.get("causewatch.health") for d in subject.derived] == ["unverifiable", *[None] * 3]


def test_the_root_says_who_knows_that_the_run_failed() -> None:
    """Each kind of source once, whatever the verdict; of a run under way nobody knows yet."""
    failed_by = (
        Failing(by="evaluation", what="a"),
        Failing(by="evaluation", what="b"),
        Failing(by="caller", what="c"),
    )
    assessment = Assessment(graph=run_of(), failed_by=failed_by, blame=Blame(verdict="healthy"))
    subject = subject_of(assessment)
    assert subject.derived[0]["causewatch.failed"] == ["evaluation", "caller"]
    assert not [d for d in subject.derived[1:] if "causewatch.failed" in d]
    early = msgspec.structs.replace(assessment, graph=run_of(state="early"))
    assert not [d for d in subject_of(early).derived if "causewatch.failed" in d]


def test_faults_are_an_array_without_doubles() -> None:
    """Several faults of one step are all there."""
    faults = tuple(
        Fault(name=name, step=2, reason="r", confidence=1.0)
        for name in ("failure", "empty", "failure")
    )
    assessment = Assessment(graph=run_of(), faults=faults)
    assert subject_of(assessment).derived[2]["causewatch.fault"] == ["failure", "empty"]
    assert matched(assessment, '{ span.causewatch.fault = "empty" }') == ["t1"]
    assert matched(assessment, '{ span.causewatch.fault = "stale" }') == []


def test_a_fault_that_later_spans_may_take_back_waits_for_the_run() -> None:
    """A result that nobody has used yet is not unused."""
    faults = tuple(
        Fault(name=name, step=2, reason="r", confidence=1.0) for name in ("unused_result", "empty")
    )
    early = Assessment(graph=run_of(state="early"), faults=faults)
    complete = Assessment(graph=run_of(), faults=faults)
    assert subject_of(early).derived[2]["causewatch.fault"] == ["empty"]
    assert subject_of(complete).derived[2]["causewatch.fault"] == ["unused_result", "empty"]


BLAME = Blame(
    verdict="corrupted",
    category="truncation",
    origin=Origin(step=2, agent="finder", at="output", reason="r"),
    propagators=(Propagator(step=1, agent="finder", evidence="e"),),
    symptom=Symptom(step=3, agent="writer"),
)


def test_blame_stands_on_the_steps_it_names() -> None:
    """The category is on the origin only; every step named has its roles."""
    blame = msgspec.structs.replace(
        BLAME, propagators=(*BLAME.propagators, Propagator(step=3, agent="writer", evidence="e"))
    )
    derived = subject_of(Assessment(graph=run_of(), blame=blame)).derived
    assert [d.get("causewatch.blame.category") for d in derived] == [None, None, "truncation", None]
    assert [d.get("causewatch.blame.role") for d in derived] == [
        None,
        ["propagator"],
        ["origin"],
        ["propagator", "symptom"],
    ]


@pytest.mark.parametrize("state", ["early", "evicted"])
def test_a_run_that_is_not_all_there_has_no_blame_yet(state: RunState) -> None:
    """What looks like harm may have been repaired in what is missing."""
    derived = subject_of(Assessment(graph=run_of(state=state), blame=BLAME)).derived
    assert not [key for each in derived for key in each if "blame" in key or "health" in key]


def test_a_healthy_run_has_no_category() -> None:
    """An origin that was asked for in a healthy run is no corruption."""
    blame = msgspec.structs.replace(BLAME, verdict="healthy")
    assert (
        matched(
            Assessment(graph=run_of(), blame=blame), "{ span.causewatch.blame.category != nil }"
        )
        == []
    )


def test_a_derived_handoff_is_a_synthetic_span_below_its_sender() -> None:
    """It has the id of the handoff, the sender's trace and resource, and both ends as links."""
    subject = subject_of(Assessment(graph=run_of(handoffs=(handoff_of(),))))
    span, derived = subject.spans[4], subject.derived[4]
    assert (span.trace_id, span.span_id, span.parent_id) == ("t", "h" * 16, "a1")
    assert (span.name, span.start_ns) == ("handoff finder -> writer", 3 * SECOND_NS)
    assert [link.span_id for link in span.links] == ["a1", "a2"]
    assert span.resource.service_name == "shop"
    assert span.attributes == derived
    own = dict(derived)
    assert len(str(own.pop("causewatch.handoff.checksum"))) == 64
    assert own.pop("causewatch.handoff.delta") == '[{"op":"remove","path":"/facts/1"}]'
    assert own == {
        "causewatch.synthetic": True,
        "causewatch.step": "handoff",
        "causewatch.agent": "finder",
        "causewatch.workflow": "shop",
        "causewatch.session": "s-1",
        "causewatch.handoff.from": "finder",
        "causewatch.handoff.to": "writer",
        "causewatch.handoff.mode": "pass_control",
        "causewatch.handoff.derived": True,
        "causewatch.handoff.rule": "test",
        "causewatch.handoff.confidence": 0.9,
        "causewatch.handoff.sender.span_id": "a1",
        "causewatch.handoff.receiver.span_id": "a2",
        "causewatch.handoff.sent.sha256": sha256_of({"facts": [1, 2]}),
        "causewatch.handoff.sent.bytes": len("{'facts': [1, 2]}"),
        "causewatch.handoff.received.sha256": sha256_of({"facts": [1]}),
        "causewatch.handoff.received.bytes": len("{'facts': [1]}"),
    }


def test_a_handoff_whose_receiver_never_came_is_a_span_too() -> None:
    """What is not known is absent, not empty."""
    handoff = msgspec.structs.replace(
        handoff_of(), receiver=None, received=None, sent=None, mode=None
    )
    subject = subject_of(Assessment(graph=run_of(handoffs=(handoff,))))
    keys = {key for key in subject.derived[4] if "handoff" in key}
    assert keys == {
        f"causewatch.handoff.{name}"
        for name in ("from", "to", "derived", "rule", "confidence", "sender.span_id")
    }
    assert subject.spans[4].start_ns == subject.spans[1].end_ns


def test_an_explicit_handoff_is_the_span_that_performed_it() -> None:
    """A handoff with a span of its own adds no node."""
    handoff = handoff_of(derived=False, performed_by=2)
    subject = subject_of(Assessment(graph=run_of(handoffs=(handoff,))))
    assert len(subject.spans) == 4
    assert subject.derived[2]["causewatch.handoff.to"] == "writer"
    assert subject.derived[2]["causewatch.handoff.derived"] is False
    assert "causewatch.synthetic" not in subject.derived[2]


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ((), (None, None, None)),
        ((verdict("pass"),), ("c", "pass", None)),
        ((verdict("violated", "schema", "delta"),), ("c", "violated", ["schema", "delta"])),
        (
            (verdict("pass"), verdict("unverifiable", contract="d")),
            ("d", "unverifiable", None),
        ),
        (
            (
                verdict("unverifiable", contract="d"),
                verdict("violated", "schema", contract="e"),
                verdict("violated", "schema", "missing"),
            ),
            ("e", "violated", ["schema", "missing"]),
        ),
        ((verdict("violated", "schema", handoff=1),), (None, None, None)),
    ],
)
def test_the_worst_verdict_stands_on_the_handoff(
    verdicts: tuple[ContractVerdict, ...], expected: tuple[object, ...]
) -> None:
    """Several contracts of one handoff give one verdict and all violations."""
    graph = run_of(handoffs=(handoff_of(),))
    derived = subject_of(Assessment(graph=graph, verdicts=verdicts)).derived[4]
    found = tuple(
        derived.get(f"causewatch.handoff.{key}") for key in ("contract", "verdict", "violation")
    )
    assert found == expected


def test_a_tool_with_a_contract_says_whether_it_held() -> None:
    """The worst of its verdicts stands on the step."""
    verdicts = (
        verdict("violated", "schema", handoff=None, step=2),
        verdict("pass", handoff=None, step=2),
        verdict("pass", handoff=None, step=1),
    )
    assessment = Assessment(graph=run_of(), verdicts=verdicts)
    assert matched(assessment, '{ span.causewatch.validation = "violated" }') == ["t1"]
    assert matched(assessment, '{ span.causewatch.validation = "pass" }') == ["a1"]


@pytest.mark.parametrize(
    ("signature", "found"),
    [
        ('{ name = "execute lookup" } -[data]-> {}', ["a1"]),
        ('{ name = "execute lookup" } -[flow]->> { span.causewatch.agent = "writer" }', ["a2"]),
        ('{ name = "finder" } -[handoff]-> {}', ["a2"]),
        ('{ name = "root" } -[call]-> { span.causewatch.step = "agent" }', ["a1", "a2"]),
        ('{ name = "finder" } -[call]-> { span.causewatch.synthetic = true }', ["h" * 16]),
        ('{ name = "finder" } >> { span.causewatch.handoff.to = "writer" }', ["h" * 16]),
        ("{ span.causewatch.synthetic = true } -[return]-> {}", ["a1"]),
        ('{ name = "execute lookup" } -[before]-> { name = "writer" }', ["a2"]),
    ],
)
def test_signatures_walk_the_edges_of_the_graph(signature: str, found: list[str]) -> None:
    """Data and handoff edges are the graph's; calls include the synthetic handoff."""
    assert matched(Assessment(graph=run_of(handoffs=(handoff_of(),))), signature) == found


def test_listed_calls_are_completed_with_the_synthetic_handoff() -> None:
    """Where the graph lists its calls, the handoff's are added to them."""
    graph = run_of(
        handoffs=(handoff_of(),), edges=((0, 1, "call"), (1, 0, "return"), (2, 1, "data"))
    )
    edges = subject_of(Assessment(graph=graph)).edges
    assert edges == {"call": [(0, 1), (1, 4)], "return": [(1, 0), (4, 1)], "data": [(2, 1)]}


def test_a_synthetic_node_is_shown_as_a_received_step() -> None:
    """People see the step that performed it, else the sender; an unknown node is nothing."""
    graph = run_of(handoffs=(handoff_of(derived=False, performed_by=2), handoff_of()))
    assert [step_of(graph, node) for node in (0, 3, 4, 5)] == [0, 3, 1, None]
    performed = run_of(handoffs=(handoff_of(performed_by=2),))
    assert step_of(performed, 4) == 2


def test_derived_attributes_hide_what_a_span_claims() -> None:
    """A span that says it is healthy is not believed."""
    graph = run_of()
    root = graph.steps[0]
    claimed = {"causewatch.health": "healthy", "causewatch.step": "tool"}
    span = msgspec.structs.replace(root.span, attributes=claimed)
    lying = msgspec.structs.replace(root, span=span, arguments=payload(1))
    graph = msgspec.structs.replace(graph, steps=(lying, *graph.steps[1:]))
    assessment = Assessment(graph=graph, blame=Blame(verdict="corrupted"))
    assert matched(assessment, '{ span.causewatch.health = "corrupted" }') == ["root"]
    assert matched(assessment, '{ span.causewatch.step = "tool" }') == ["t1"]


def test_token_counts_have_one_name_in_every_dialect() -> None:
    """A signature over cost or tokens need not know who instrumented; what is there stays."""
    theirs: dict[str, Value] = {
        "openinference.span.kind": "LLM",
        "llm.token_count.prompt": 1_200,
        "llm.cost.total": 0.5,
    }
    ours: dict[str, Value] = {
        "gen_ai.operation.name": "chat", "gen_ai.usage.input_tokens": 1_500,
        "gen_ai.usage.prompt_tokens": 7,
    }  # fmt: skip
    spans = [with_attributes(span(1), theirs), with_attributes(span(2), ours)]
    assessment = judge(build(run_id="r", spans=spans))
    many = "{ span.gen_ai.usage.input_tokens > 1000 }"
    assert matched(assessment, many) == [span_id(1), span_id(2)]
    assert matched(assessment, "{ span.gen_ai.usage.cost = 0.5 }") == [span_id(1)]
    assert "gen_ai.usage.input_tokens" not in subject_of(assessment).derived[1]


@pytest.mark.parametrize(
    ("query", "has_digests"),
    [
        ("{ span.causewatch.step = `tool` }", False),
        ("{ span.app.sha256 = `x` }", False),
        ("{ span.causewatch.args.sha256 != nil }", True),
        ("{ .causewatch.result.bytes > 3 }", True),
        ("{ } | by(span.causewatch.result.sha256)", True),
        ("{ span.causewatch.handoff.sent.bytes > 1 }", True),
    ],
)
def test_digests_are_derived_where_a_signature_reads_them(query: str, *, has_digests: bool) -> None:
    """They cost a canonical form of each payload; everything else is there either way."""
    whole = subject_of(Assessment(graph=run_of()))
    found = subject_of(Assessment(graph=run_of()), compile_query(query).needs)
    of_payloads = {"causewatch.args.sha256", "causewatch.result.sha256", "causewatch.result.bytes"}
    assert any(of_payloads & own.keys() for own in whole.derived)
    for mine, all_of_it in zip(found.derived, whole.derived, strict=True):
        left_out = set() if has_digests else of_payloads
        assert mine == {key: value for key, value in all_of_it.items() if key not in left_out}


def test_the_root_carries_how_well_the_context_survived() -> None:
    """Where it could be checked, and once the run is complete."""
    known = Assessment(graph=run_of(), health=Health(score=0.25))
    assert subject_of(known).derived[0]["causewatch.health.score"] == 0.25
    assert matched(known, "{ span.causewatch.health.score < 0.9 }") == ["root"]
    early = msgspec.structs.replace(known, graph=run_of(state="early"))
    for assessment in (early, Assessment(graph=run_of(), health=Health(score=None))):
        assert "causewatch.health.score" not in subject_of(assessment).derived[0]


def test_a_handoff_tells_what_became_of_the_context() -> None:
    """Delta, checksum and whether it is intact, without what its contracts redact."""
    handoff = msgspec.structs.replace(handoff_of(), mechanical=True)
    assessment = Assessment(graph=run_of(handoffs=(handoff,)), redact={0: ("/facts/1",)})
    derived = subject_of(assessment).derived[4]
    assert derived["causewatch.handoff.intact"] is False
    assert derived["causewatch.handoff.delta"] == '[{"op":"remove","path":"/facts/1"}]'
    assert len(str(derived["causewatch.handoff.checksum"])) == 64
    assert matched(assessment, "{ span.causewatch.handoff.intact = false }") == ["h" * 16]
    assert "causewatch.handoff.claimed" not in derived


def test_boundaries_are_made_only_for_who_reads_them() -> None:
    """Digests and patches cost something: without a signature that asks they are not made."""
    graph = run_of(handoffs=(handoff_of(),))
    needs = compile_query("{ span.causewatch.handoff.to != nil }").needs
    derived = subject_of(Assessment(graph=graph), needs).derived[4]
    for name in ("delta", "checksum", "intact", "sent.sha256", "received.bytes"):
        assert f"causewatch.handoff.{name}" not in derived
    asking = compile_query("{ span.causewatch.handoff.checksum != nil }").needs
    assert "causewatch.handoff.checksum" in subject_of(Assessment(graph=graph), asking).derived[4]


def test_a_told_handoff_is_its_own_span_with_digests_and_standing() -> None:
    """What was claimed of it gives way to what was found of it."""
    assessment = judge(build(run_id="r", spans=two_services(ORDER, {**ORDER, "stops": []})))
    subject = subject_of(assessment)
    assert len(subject.spans) == 5
    derived = subject.derived[1]
    assert derived["causewatch.handoff.claimed"] == "unchecked"
    assert derived["causewatch.handoff.sent.sha256"] == sha256_of(ORDER)
    assert derived["causewatch.handoff.received.bytes"] < derived["causewatch.handoff.sent.bytes"]  # type: ignore[operator]  # numbers
    signature = '{ span.causewatch.handoff.rule = "instrumented" && span.causewatch.fault != nil }'
    assert matched(assessment, signature) == [span_id(2)]
