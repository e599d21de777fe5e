"""From a judged run to OTLP: what came is kept, what was found is appended."""

from __future__ import annotations

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from app_fixtures import CAPTURES, assessment
from causewatch.forward.annotate import annotated, unmodified
from causewatch.forward.request import pieces
from causewatch.forward.run import ForwardedRun
from causewatch.graph.inbound import is_own
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.encode import encode_traces
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.rules.subject import subject_of
from forward_fixtures import (
    KEPT,
    attributes_of,
    captured,
    judged_capture,
    plain_run,
    request_of,
    spans_of,
)
from otlp_fixtures import span

CUT = "pydantic-ai__native__truncated_handoff"
NAMES = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))
BIG = 1 << 30


def sent(run: ForwardedRun, *, is_annotated: bool = True) -> list[trace_pb2.Span]:
    """Return the spans that a destination gets of a run."""
    make = annotated if is_annotated else unmodified
    return spans_of(*(piece.body for piece in pieces(make(run), BIG)))


@pytest.mark.parametrize("name", NAMES)
def test_unmodified_spans_are_those_that_came(name: str) -> None:
    """Every message of every recorded run is equal to the one received, and nothing is added."""
    run = judged_capture(name) if name == CUT else plain_of(name)
    before = {(s.trace_id, s.span_id): s.body for s in run.spans}
    after = {
        (s.trace_id.hex(), s.span_id.hex()): s.SerializeToString()
        for s in sent(run, is_annotated=False)
    }
    assert after == before


def plain_of(name: str) -> ForwardedRun:
    """Return a recorded run that was not judged in full."""
    return ForwardedRun(run_id="run-1", spans=captured(name), verdict="healthy")


def test_annotating_only_adds() -> None:
    """Without what was added each span is, field by field, the one that came."""
    run = judged_capture(CUT)
    by_id = {bytes.fromhex(s.span_id): s for s in run.spans}
    added = 0
    for found in sent(run):
        if found.span_id not in by_id:
            continue
        before = trace_pb2.Span.FromString(by_id[found.span_id].body)
        added += len(found.attributes) - len(before.attributes)
        del found.attributes[len(before.attributes) :]
        assert found == before
    assert added > len(by_id)


def test_what_is_added_is_what_signatures_see() -> None:
    """Each step has the attributes that rules are evaluated over: one place derives them."""
    found = assessment(CUT)
    subject = subject_of(found)
    after = {s.span_id.hex(): attributes_of(s) for s in sent(judged_capture(CUT))}
    for step, derived in zip(found.graph.steps, subject.derived, strict=False):
        ours = {k: v for k, v in derived.items() if k.startswith("causewatch.")}
        assert after[step.span.span_id].items() >= ours.items()
    key = "causewatch.blame.category"
    assert [a[key] for a in after.values() if key in a] == ["truncation"]
    assert "corrupted" in [a.get("causewatch.health") for a in after.values()]


def test_a_derived_handoff_is_a_span_with_two_links() -> None:
    """It is marked, stands below its sender, links both sides, and has the same id each time."""
    derived = [h for h in assessment(CUT).graph.handoffs if h.derived]
    spans = {s.span_id.hex(): s for s in sent(judged_capture(CUT))}
    again = {s.span_id.hex() for s in sent(judged_capture(CUT))}
    assert set(spans) == again
    assert len(derived) == 2
    for handoff in derived:
        synthetic = spans[handoff.span_id]
        own = attributes_of(synthetic)
        assert own["causewatch.synthetic"] is True
        assert own["causewatch.handoff.from"] == handoff.from_agent
        assert synthetic.parent_span_id.hex() == own["causewatch.handoff.sender.span_id"]
        assert [link.span_id.hex() for link in synthetic.links] == [
            own["causewatch.handoff.sender.span_id"],
            own["causewatch.handoff.receiver.span_id"],
        ]


def test_a_derived_handoff_belongs_to_its_senders_service() -> None:
    """It has the resource of its sender, and causewatch as its scope; it would be known again."""
    bodies = [piece.body for piece in pieces(annotated(judged_capture(CUT)), BIG)]
    (scoped,) = [
        (group, scoped)
        for group in request_of(*bodies).resource_spans
        for scoped in group.scope_spans
        if scoped.scope.name == "causewatch"
    ]
    assert any(pair.key == "service.name" for pair in scoped[0].resource.attributes)
    back = Resources().split(b"".join(bodies))
    assert sum(map(is_own, back)) == len(scoped[1].spans)


def test_a_run_that_was_passed_over_says_so_much() -> None:
    """Its roots have its health and workflow, other spans nothing."""
    parent = span(0)
    child = span(1)
    body = encode_traces([parent, decode_traces(encode_traces([child])).spans[0]])
    spans = Resources().split(body)
    spans[1].parent_id = spans[0].span_id
    run = ForwardedRun(run_id="r", spans=tuple(spans), verdict="healthy", workflow="desk")
    first, second = map(attributes_of, sent(run))
    assert first["causewatch.health"] == "healthy"
    assert first["causewatch.workflow"] == "desk"
    assert not [key for key in second if key.startswith("causewatch.")]


def test_a_run_that_could_not_be_judged_goes_on_as_it_is() -> None:
    """Nothing is said of it that nobody knows."""
    (found,) = sent(plain_run(1, verdict=None))
    assert not [key for key in attributes_of(found) if key.startswith("causewatch.")]


def test_the_reason_of_a_sampling_decision_stands_on_the_root() -> None:
    """Policy, sentence and probability."""
    found = attributes_of(sent(plain_run(1, decision=KEPT))[0])
    assert found["causewatch.sampling.policy"] == "errors"
    assert found["causewatch.sampling.reason"] == "The run was corrupted."
    assert found["causewatch.sampling.probability"] == 1.0


def forged() -> tuple[RawSpan, ...]:
    """Return a span whose sender wrote attributes in our name."""
    raw = trace_pb2.TracesData()
    group = raw.resource_spans.add(schema_url="https://example.com/schema")
    group.resource.attributes.add(key="causewatch.health").value.string_value = "healthy"
    one = group.scope_spans.add().spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="forged")
    one.attributes.add(key="causewatch.health").value.string_value = "healthy"
    one.attributes.add(key="causewatch.fault").value.string_value = "loop"
    one.attributes.add(key="other").value.string_value = "causewatch.health"
    return tuple(Resources().split(raw.SerializeToString()))


def test_what_others_wrote_in_our_name_is_moved_aside() -> None:
    """A sender cannot pass its own word for our judgement, on spans or resources."""
    run = ForwardedRun(run_id="r", spans=forged(), verdict="corrupted")
    bodies = [piece.body for piece in pieces(annotated(run), BIG)]
    assert attributes_of(spans_of(*bodies)[0]) == {
        "causewatch.inbound.health": "healthy",
        "causewatch.inbound.fault": "loop",
        "other": "causewatch.health",
        "causewatch.health": "corrupted",
    }
    (group,) = request_of(*bodies).resource_spans
    assert [pair.key for pair in group.resource.attributes] == ["causewatch.inbound.health"]
    assert group.schema_url == "https://example.com/schema"


def test_unmodified_leaves_even_that() -> None:
    """Pass-through is pass-through."""
    run = ForwardedRun(run_id="r", spans=forged(), verdict="corrupted")
    assert attributes_of(sent(run, is_annotated=False)[0])["causewatch.fault"] == "loop"


def test_fields_that_we_do_not_know_go_on() -> None:
    """What a later OTLP adds to a span arrives, in both modes."""
    raw = trace_pb2.TracesData()
    scoped = raw.resource_spans.add().scope_spans.add()
    scoped.spans.add(trace_id=b"t" * 16, span_id=b"s" * 8, name="later", flags=0x101)
    later = b"\xfa\x3f\x05later"  # field 1023, five bytes
    inner = scoped.spans[0].SerializeToString() + later
    scope = b"\x12" + bytes([len(inner)]) + inner
    group = b"\x12" + bytes([len(scope)]) + scope
    body = b"\x0a" + bytes([len(group)]) + group
    run = ForwardedRun(run_id="r", spans=tuple(Resources().split(body)), verdict="healthy")
    for is_annotated in (True, False):
        (found,) = sent(run, is_annotated=is_annotated)
        assert later in found.SerializeToString()
        assert found.flags == 0x101


def test_a_span_that_came_decoded_is_written_again() -> None:
    """Spans that were read from files have no bytes; they go on with resource and scope."""
    run = ForwardedRun(run_id="r", spans=(RawSpan.of(span(0)),), verdict="healthy")
    for make in (annotated, unmodified):
        (made,) = pieces(make(run), BIG)
        (back,) = decode_traces(made.body).spans
        assert (back.name, back.resource, back.scope) == ("step 0", span(0).resource, span(0).scope)
