"""What the library of instrumented agents writes is what is read here."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.graph.imprints import imprint_of
from causewatch.instrument import Capture
from causewatch.instrument.imprint import imprint_of as written
from causewatch.model.judgement import Assessment
from causewatch.otlp.decode import decode_traces
from instrument_fixtures import Recorded

ORDER: dict[str, Any] = {
    "order": "FO-7712",
    "stops": ["Hals", "Brevik", "Skien"],
    "note": "Keep the crates upright, and call the depot an hour before you arrive, please.",
}
PAYLOADS = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**53) + 1, 2**53 - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8"), max_size=80),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=25,
)


@given(PAYLOADS)
def test_both_make_the_same_imprint(value: Any) -> None:
    """Digest, size, places, types and prefixes of any JSON value, made by code that shares none."""
    one, other = imprint_of(value), written(value)
    assert (one.sha256, one.size_bytes, one.dropped_count) == (
        other.sha256,
        other.size_bytes,
        other.dropped_count,
    )
    fields = {
        pointer: [each.type, each.size, each.digest, *([[*each.prefixes]] if each.prefixes else [])]
        for pointer, each in one.fields.items()
    }
    assert fields == json.loads(other.fields)


def test_both_stop_at_the_same_limits() -> None:
    """Wide, long and deep payloads are listed up to the same place."""
    deep: Any = 1
    for _ in range(12):
        deep = {"a": deep, "b": [deep]}
    for value in ({f"k{i}": [i] for i in range(400)}, list(range(500)), deep, [[1] * 70] * 70):
        one, other = imprint_of(value), written(value)  # type: ignore[arg-type]  # JSON values
        assert one.fields.keys() == json.loads(other.fields).keys()
        assert one.dropped_count == other.dropped_count


def assessed(
    received: Any, *, capture: Capture, queue: bool = False, key: bytes | None = None
) -> Assessment:
    """Run an office that hands an order over to a depot, and judge what its spans say."""
    recorded = Recorded(capture, key=key)
    told, tracer = recorded.instrument, recorded.tracer
    with tracer.start_as_current_span("invoke_agent office", attributes=_agent("office")):
        headers = told.send("office", "depot", ORDER) if queue else {}
        if not queue:
            with told.handoff("office", "depot", ORDER) as handoff:
                handoff.received(received)
                _work(tracer)
    if queue:
        with told.receive("depot", received, headers):
            _work(tracer)
    spans = encode_spans(list(recorded.spans().values())).SerializeToString()
    return judge(build(run_id="r", spans=decode_traces(spans).spans))


def _agent(name: str) -> dict[str, str]:
    return {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}


def _work(tracer: Any) -> None:
    with tracer.start_as_current_span("invoke_agent depot", attributes=_agent("depot")):
        attributes = {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": "book_truck",
            "gen_ai.tool.call.arguments": '{"n": 1}',
            "gen_ai.tool.call.result": '{"ok": true}',
        }
        with tracer.start_as_current_span("execute_tool book_truck", attributes=attributes):
            pass


@pytest.mark.parametrize("key", [None, b"secret of the user"])
@pytest.mark.parametrize("queue", [False, True])
@pytest.mark.parametrize("capture", ["content", "shape"])
def test_a_loss_between_instrumented_agents_is_named(
    capture: Capture, *, queue: bool, key: bytes | None
) -> None:
    """With content or without, in one call or over a queue, with a key or without."""
    lost = {**ORDER, "stops": ["Hals", "Brevik"]}
    assessment = assessed(lost, capture=capture, queue=queue, key=key)
    (handoff,) = assessment.graph.handoffs
    assert (handoff.from_agent, handoff.to_agent, handoff.derived) == ("office", "depot", False)
    assert assessment.blame.category == "truncation"
    assert assessment.blame.origin is not None
    origin = assessment.graph.steps[assessment.blame.origin.step]
    assert origin.span.name == "handoff depot"
    whole = assessed(dict(ORDER), capture=capture, queue=queue, key=key)
    assert (whole.blame.verdict, whole.faults) == ("healthy", ())
    assert whole.health is not None
    assert whole.health.score == 1.0


def test_digests_alone_say_that_something_changed() -> None:
    """Without a shape nobody can say what, so nothing is called lost."""
    assessment = assessed({}, capture="digest")
    assert assessment.faults == ()
    (handoff,) = assessment.graph.handoffs
    assert handoff.sent_sha256 != handoff.received_sha256
