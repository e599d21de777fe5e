"""Arrival order, batches and repetitions do not change a graph, and no span makes it fail."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.graph.gathered import RunSnapshot
from causewatch.model.span import LogRecord, Scope, Span, SpanEvent, SpanLink
from graph_fixtures import BASE_NS, SECOND_NS, capture, facts

NAMES = (
    "agent-framework__native-workflow__ok",
    "autogen__native__ok",
    "langgraph__openinference__loop",
    "openai-agents__openinference__ok",
    "pydantic-ai__native__truncated_handoff",
)
SLOW = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def assembled(spans: Sequence[Span], rng: random.Random) -> list[RunSnapshot]:
    """Return the runs of spans that arrive in batches of random sizes."""
    assembler = RunAssembler()
    now_ns, batch, at = BASE_NS, 0, 0
    while at < len(spans):
        size = rng.randrange(1, 9)
        batch += 1
        assembler.add(spans[at : at + size], [], batch=batch, now_ns=now_ns)
        at += size
        now_ns += SECOND_NS // 10
    return assembler.due(now_ns + 60 * SECOND_NS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(5))
def test_order_of_arrival_and_repetition_do_not_matter(name: str, seed: int) -> None:
    """However a run's spans are shuffled and repeated, its graph is the same."""
    rng = random.Random(seed)
    spans = capture(name)
    expected = facts(build(run_id="run", spans=spans))
    shuffled = [*spans, *rng.choices(spans, k=10)]
    rng.shuffle(shuffled)
    assert facts(build(run_id="run", spans=shuffled)) == expected


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", range(3))
def test_batches_do_not_matter(name: str, seed: int) -> None:
    """However a run is cut into batches, with whatever repetition, its graphs are the same."""
    rng = random.Random(seed)
    spans = capture(name)
    expected = {
        tuple(sorted(s.trace_ids)): facts(build(run_id="run", spans=s.spans))
        for s in assembled(spans, random.Random(99))
    }
    shuffled = [*spans, *rng.choices(spans, k=10)]
    rng.shuffle(shuffled)
    runs = assembled(shuffled, rng)
    assert {
        tuple(sorted(s.trace_ids)): facts(build(run_id="run", spans=s.spans)) for s in runs
    } == expected
    assert sum(len(s.spans) for s in runs) == len(spans)


HANDS_OVER = (
    '[{"role": "assistant", "parts": [{"type": "tool_call", "id": "c1", "name": '
    '"transfer_to_ann", "arguments": {"x": "hello there, world"}}]}]'
)
SMALL_IDS = st.integers(0, 12).map(lambda n: f"{n:016x}" if n else "")
TRACES = st.sampled_from(["a" * 32, "b" * 32, ""])
LEAVES: st.SearchStrategy[Any] = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(2**63), 2**63 - 1),
    st.floats(),
    st.binary(max_size=4),
    st.text(max_size=12),
    st.sampled_from(
        [
            "chat", "invoke_agent", "execute_tool", "handoff", "create_agent", "transfer_to_ann",
            "ann", "bob", "c1", "AGENT", "LLM", "TOOL", "CHAIN", '{"a": 1}', "[", '{"a": "',
            '[{"role": "user", "parts": [{"type": "text", "content": "hello there, world"}]}]',
            HANDS_OVER,
            '[{"role": "tool", "parts": [{"type": "tool_call_response", "id": "c1"}]}]',
            '{"lc_agent_name": "ann", "langgraph_node": "ann"}', "{'a': (1, None)}",
        ]
    ),
)  # fmt: skip
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=6,
)
KEYS = st.sampled_from(
    [
        "gen_ai.operation.name", "gen_ai.agent.name", "gen_ai.tool.name", "gen_ai.tool.call.id",
        "gen_ai.tool.call.arguments", "gen_ai.tool.call.result", "gen_ai.input.messages",
        "gen_ai.output.messages", "gen_ai.handoff.to_agent", "openinference.span.kind",
        "tool.name", "input.value", "output.value", "metadata", "mcp.method.name", "agent.name",
        "llm.input_messages.0.message.role", "llm.input_messages.0.message.content",
        "llm.input_messages.x.y", "llm.output_messages.0.message.tool_calls.0.tool_call.id",
        "causewatch.verdict", "session.id", "pydantic_ai.all_messages", "error.type",
    ]
)  # fmt: skip
ATTRIBUTES = st.dictionaries(KEYS, VALUES, max_size=8)
TIMES = st.integers(0, 5).map(lambda n: n * 40_000_000)
EVENTS = st.builds(
    SpanEvent,
    name=st.sampled_from(["gen_ai.user.message", "gen_ai.choice", "exception", "x"]),
    time_ns=TIMES,
    attributes=st.dictionaries(
        st.sampled_from(["content", "message", "role", "id", "tool_calls", "exception.type"]),
        VALUES,
        max_size=3,
    ),
)
SPANS = st.builds(
    Span,
    trace_id=TRACES,
    span_id=SMALL_IDS,
    parent_id=SMALL_IDS,
    name=st.sampled_from(["x", "handoff to ann", "ann", "process ann", "tools/call t", ""]),
    start_ns=TIMES,
    end_ns=TIMES,
    attributes=ATTRIBUTES,
    events=st.lists(EVENTS, max_size=2).map(tuple),
    links=st.lists(st.builds(SpanLink, trace_id=TRACES, span_id=SMALL_IDS), max_size=2).map(tuple),
    scope=st.builds(
        Scope,
        name=st.sampled_from(
            ["", "pydantic-ai", "openinference.instrumentation.openai_agents", "mcp-python-sdk"]
        ),
    ),
    dropped_attributes_count=st.integers(0, 1),
)
LOGS = st.builds(
    LogRecord,
    time_ns=TIMES,
    trace_id=TRACES,
    span_id=SMALL_IDS,
    event_name=st.sampled_from(["gen_ai.user.message", "gen_ai.choice", ""]),
    body=VALUES,
    attributes=ATTRIBUTES,
)


@SLOW
@given(st.lists(SPANS, max_size=14), st.lists(LOGS, max_size=3))
def test_no_spans_make_building_fail(spans: list[Span], logs: list[LogRecord]) -> None:
    """Cycles, self parents, empty ids, odd types: there is always a graph, and it is sound."""
    graph = build(run_id="run", spans=spans, logs=logs)
    count = len(graph.steps)
    assert len(graph.owner) == len(graph.parent) == count
    assert all(-2 <= p < count and p != i for i, p in enumerate(graph.parent))
    for edge in graph.edges:
        assert 0 <= edge.source < count
        assert 0 <= edge.target < count
        assert edge.source != edge.target
        assert edge.evidence
        assert 0 < edge.share <= 1


@SLOW
@given(st.lists(SPANS, max_size=12), st.randoms(use_true_random=False))
def test_order_does_not_matter_for_odd_spans_either(spans: list[Span], rng: random.Random) -> None:
    """The graph depends on the set of spans alone, however odd they are."""
    shuffled = list(spans)
    rng.shuffle(shuffled)
    # NaN differs from itself, so graphs are compared as text.
    one, two = (repr(facts(build(run_id="r", spans=each))) for each in (spans, shuffled))
    assert one == two


@SLOW
@given(st.lists(SPANS, max_size=12), st.lists(LOGS, max_size=3), st.integers(0, 10**6))
def test_no_spans_make_assembling_fail(spans: list[Span], logs: list[LogRecord], seed: int) -> None:
    """Each span that is taken in comes out in exactly one run, once."""
    rng = random.Random(seed)
    assembler = RunAssembler()
    assembler.add(spans[:6], logs, batch=1, now_ns=BASE_NS)
    assembler.add(spans[6:], logs, batch=2, now_ns=BASE_NS + rng.randrange(5) * SECOND_NS)
    runs = assembler.due(BASE_NS + 2_000 * SECOND_NS)
    taken = [(s.trace_id, s.span_id) for run in runs for s in run.spans if s.span_id]
    assert len(taken) == len(set(taken))
    assert set(taken) == {(s.trace_id, s.span_id) for s in spans if s.span_id}
    assert assembler.low_watermark() is None
