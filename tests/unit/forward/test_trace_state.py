"""The probability of a keep, in the trace state of what is forwarded."""

from __future__ import annotations

import msgspec
import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.forward.annotate import annotated, unmodified
from causewatch.forward.run import ForwardedRun
from causewatch.forward.trace_state import sampled
from causewatch.sampling.decision import Decision
from causewatch.sampling.threshold import threshold_of
from forward_fixtures import judged_capture, plain_run

TRACE_ID = "ab" * 9 + "f" * 14
HALF = Decision(
    keep=True,
    policy="half",
    reason="0.5 of all runs are kept, by trace id.",
    probability=0.5,
    threshold=threshold_of(0.5),
    trace_id=TRACE_ID,
)
CERTAIN = msgspec.structs.replace(HALF, probability=1.0, threshold=0)
UNKNOWN = msgspec.structs.replace(HALF, probability=None, threshold=None)


def body(state: str) -> bytes:
    """Return a span with a field that we do not know behind its trace state."""
    span = trace_pb2.Span(name="step", trace_state=state)
    return span.SerializeToString() + b"\xfa\x3e\x02hi"


@pytest.mark.parametrize(
    ("before", "decision", "after"),
    [
        ("", HALF, "ot=th:8"),
        ("v=1,ot=th:c", HALF, "ot=th:c,v=1"),
        ("ot=th:4", HALF, "ot=th:8"),
        ("", CERTAIN, "ot=th:0"),
        ("ot=th:4", CERTAIN, "ot=th:4"),
        ("ot=th:4", UNKNOWN, ""),
        ("v=1,ot=th:4", UNKNOWN, "v=1"),
        ("ot=th:4", None, "ot=th:4"),
    ],
)
def test_a_span_tells_with_which_probability_it_was_kept(
    before: str, decision: Decision | None, after: str
) -> None:
    """All else in it stays, fields that we do not know among it."""
    found = sampled(body(before), TRACE_ID, decision)
    assert found.count(b"\xfa\x3e\x02hi") == 1
    span = trace_pb2.Span.FromString(found)
    assert (span.name, span.trace_state) == ("step", after)


def test_a_run_of_several_traces_tells_it_where_randomness_decided() -> None:
    """The threshold says nothing of another trace's randomness; a certain keep is one for all."""
    other = "cd" * 9 + "f" * 14
    assert trace_pb2.Span.FromString(sampled(body("ot=th:4"), other, HALF)).trace_state == ""
    state = trace_pb2.Span.FromString(sampled(body(""), other, CERTAIN)).trace_state
    assert state == "ot=th:0"


def bodies(run: ForwardedRun, *, is_annotated: bool) -> list[trace_pb2.Span]:
    """Return the spans of a run as they are sent."""
    make = annotated if is_annotated else unmodified
    return [trace_pb2.Span.FromString(part.body) for part in make(run)]


def test_every_annotated_span_has_it_and_no_unmodified_one() -> None:
    """Handoffs that we put in among them; what is to stay as it is stays."""
    run = judged_capture("pydantic-ai__native__truncated_handoff")
    decision = msgspec.structs.replace(CERTAIN, trace_id=run.spans[0].trace_id)
    run = msgspec.structs.replace(run, decision=decision)
    states = [span.trace_state for span in bodies(run, is_annotated=True)]
    assert set(states) == {"ot=th:0"}
    assert {span.trace_state for span in bodies(run, is_annotated=False)} == {""}
    assert len(states) >= len(run.spans)


def test_an_unknown_probability_is_not_told() -> None:
    """Policy and reason are."""
    (found,) = bodies(plain_run(1, decision=UNKNOWN), is_annotated=True)
    keys = {pair.key for pair in found.attributes}
    assert {"causewatch.sampling.policy", "causewatch.sampling.reason"} <= keys
    assert "causewatch.sampling.probability" not in keys
