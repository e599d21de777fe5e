"""Laws of judging that hold for any run: no exception, sound references, no change by wrapping."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from blame_fixtures import RunBuilder
from causewatch.blame.cause import cause_of
from causewatch.blame.ending import Ending
from causewatch.blame.judge import judge
from causewatch.blame.mermaid import explain_mermaid, graph_mermaid
from causewatch.blame.render import explain_json, graph_json
from causewatch.blame.story import explain_text
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.spec import Compare, ContractSpec, SchemaSource
from causewatch.model.graph import CausalGraph

words = st.text(max_size=30) | st.sampled_from(
    ["Error: timeout", '{"error": "x", "id": "A-1"', "A-77 costs 12.50", "done...", "x" * 90]
)
payloads = st.recursive(
    words | st.integers(-9, 9999) | st.booleans() | st.none(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["error", "id", "status", "task", "rows"]), inner, max_size=3
        )
    ),
    max_leaves=6,
)
tools = st.sampled_from(["get_a", "send_b", "search_c", "final_answer", "x", ""])
events = st.one_of(
    st.tuples(st.just("call"), tools, payloads, payloads),
    st.tuples(st.just("say"), words),
    st.tuples(st.just("hand"), st.sampled_from(["b", "c", ""]), payloads, payloads, st.booleans()),
)
runs = st.lists(events, max_size=8)
CONTRACTS = (
    compile_contract(
        ContractSpec(
            name="any",
            compare=Compare(ignore=("/id",)),
            schema=SchemaSource(value={"type": "object", "required": ["task"]}),
            redact=("/id",),
        ),
        rule_id="g/contract:any",
    ),
    compile_contract(
        ContractSpec(name="tool", tool="*", result_schema=SchemaSource(value={"type": "object"})),
        rule_id="g/contract:tool",
    ),
)


def played(told: list[tuple[Any, ...]]) -> CausalGraph:
    """Play events."""
    run = RunBuilder()
    for event in told:
        if event[0] == "call":
            run.call(*event[1:])
        elif event[0] == "say":
            run.say(event[1])
        else:
            run.hand_over(event[1], event[2], event[3], mechanical=event[4])
    return run.graph()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_any_run_is_judged_and_shown(told: list[tuple[Any, ...]]) -> None:
    """Whatever happens in a run, it is judged, and what is said of it names its own steps."""
    graph = played(told)
    assessment = judge(graph, CONTRACTS)
    blame = assessment.blame
    count = len(graph.steps)
    named = [hop.step for hop in blame.path] + [p.step for p in blame.propagators]
    assert all(0 <= step < count for step in named)
    assert (blame.origin is not None) == (blame.verdict == "corrupted")
    assert (blame.category is not None) == (blame.verdict == "corrupted")
    assert (blame.confidence is not None) == (blame.verdict == "corrupted")
    assert all(char.isprintable() or char == "\n" for char in explain_text(assessment))
    assert explain_json(assessment)["verdict"] == blame.verdict
    assert len(graph_json(assessment)["handoffs"]) == len(graph.handoffs)
    assert cause_of(assessment).category == (blame.category or "")


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs, st.booleans(), st.integers(0, 40))
def test_a_failed_run_always_has_an_origin(
    told: list[tuple[Any, ...]],
    failed: bool,  # hypothesis passes by position
    place: int,
) -> None:
    """Whatever happened, somebody's step is named, and the verdict does not change."""
    graph = played(told)
    seen = graph.steps[place % len(graph.steps)].span.span_id
    assessment = judge(graph, CONTRACTS, ending=Ending(failed=failed, symptom=seen))
    blame = assessment.blame
    assert blame.verdict == judge(graph, CONTRACTS).blame.verdict
    assert blame.origin is not None
    assert blame.symptom is not None
    assert graph.steps[blame.symptom.step].span.span_id == seen
    assert blame.path[0].step == blame.origin.step
    assert blame.path[-1].step in {blame.symptom.step, blame.origin.step}
    assert 0 < (blame.confidence or 0) <= 1
    count = len(graph.steps)
    assert all(0 <= r.step < count and r.step != blame.origin.step for r in blame.reached)
    assert all(char.isprintable() or char == "\n" for char in explain_text(assessment, width=40))
    assert explain_mermaid(assessment)
    assert graph_mermaid(assessment)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_judging_twice_says_the_same(told: list[tuple[Any, ...]]) -> None:
    """A run is judged by itself: nothing is remembered from one judgement to the next."""
    graph = played(told)
    assert judge(graph) == judge(graph)


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(runs)
def test_the_symptom_does_not_end_before_its_origin_begins(told: list[tuple[Any, ...]]) -> None:
    """Causes come first: nothing surfaces before it was introduced."""
    assessment = judge(played(told))
    blame, steps = assessment.blame, assessment.graph.steps
    if blame.origin is None or blame.symptom is None:
        return
    origin, symptom = steps[blame.origin.step].span, steps[blame.symptom.step].span
    assert symptom.end_ns >= origin.start_ns
