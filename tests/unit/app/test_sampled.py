"""Sampling in the pipeline."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import msgspec
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app_fixtures import Desk, assessment
from causewatch.app.sampled import SENT_BEFORE, UNDECIDED, Sampler
from causewatch.forward.destination import Destination
from causewatch.graph.gathered import RunSnapshot
from causewatch.graph.lone import LoneTrace, TracePart
from causewatch.likeness.familiar import Familiar
from causewatch.model.expectation import Deviation, Novel
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.sampling.decision import Decision
from causewatch.sampling.facts import Matched
from causewatch.sampling.policy import Sampling
from forward_fixtures import LOCAL, captured
from sampling_fixtures import T0_NS, S, loaded

CUT = "pydantic-ai__native__truncated_handoff"
FINE = "pydantic-ai__native__ok"
QUIET = Familiar(
    workflow="desk",
    verdict="healthy",
    is_lone=True,
    gaps=(),
    steps=(),
    faults=("empty",),
    health=None,
)
OTHER = msgspec.structs.replace(LOCAL, name="other")


def policies(*texts: str) -> Sampling:
    """Return policies of one line each."""
    found, problems = loaded("policies:\n" + "".join(f"- {{{text}}}\n" for text in texts))
    assert (problems, found is not None) == ([], True)
    assert found is not None
    return found


CORRUPTED = policies("name: bad, type: verdict, verdict: {verdicts: [corrupted]}")
FAILED = policies("name: failed, type: status_code, status_code: {status_codes: [ERROR]}")
NONE = policies("name: none, type: probabilistic, probabilistic: {sampling_percentage: 0}")


def snapshot(name: str, *, run_id: str = "", state: str = "complete") -> RunSnapshot:
    """Return a recorded run."""
    spans = captured(name)
    return RunSnapshot(
        run_id=run_id or spans[0].trace_id,
        trace_ids=(spans[0].trace_id,),
        aliases=("run-0",),
        raw_spans=spans,
        logs=(),
        state="late" if state == "late" else "complete",
        revision=1,
        batches=(1,),
    )


def trace(spans: Sequence[RawSpan], body: bytes = b"") -> LoneTrace:
    """Return a lone trace of these spans."""
    found = LoneTrace(spans[0].trace_id, 0, T0_NS)
    found.put(
        TracePart(
            trace_id=spans[0].trace_id,
            body=body,
            span_count=len(spans),
            start_ns=min(span.start_ns for span in spans),
            end_ns=max(span.end_ns for span in spans),
            has_root=True,
            is_odd=False,
        ),
        1,
    )
    return found


def sampler(sampling: Sampling, **ports: object) -> Sampler:
    """Return what decides for one destination."""
    return Sampler(sampling, [LOCAL], **ports)  # type: ignore[arg-type]  # as given


def test_without_policies_nothing_is_decided() -> None:
    """Every run is forwarded, with no word on sampling."""
    nothing = Sampler(None, [LOCAL])
    assert nothing.judged(snapshot(CUT), assessment(CUT), T0_NS) == {}
    assert nothing.passed_over(snapshot(FINE), QUIET, T0_NS) == {}
    fine = captured(FINE)
    assert nothing.trace_passed_over(trace(fine), QUIET, lambda: fine, T0_NS) == {}


def test_a_judged_run_is_decided_by_what_was_judged() -> None:
    """The corrupted one is kept, the healthy one is not; one without verdict is not either."""
    decides = sampler(CORRUPTED)
    assert decides.judged(snapshot(CUT), assessment(CUT), T0_NS)["local"].policy == "bad"
    assert not decides.judged(snapshot(FINE), assessment(FINE), T0_NS)["local"].keep
    assert not decides.judged(snapshot(FINE, run_id="x"), None, T0_NS)["local"].keep


def test_the_rules_that_match_are_those_of_the_groups() -> None:
    """Asked at once, before the groups' own look at the run; nothing comes of it there."""
    desk = Desk()
    found = assessment(CUT)
    assert desk.groups.matched(found) == (Matched("silent/Lost", "Lost", "page"),)
    assert desk.groups.matched(assessment(FINE)) == ()
    assert desk.changes == []
    by_rule = policies("name: told, type: incident, incident: {severities: [page]}")
    decides = sampler(by_rule, matched=desk.groups.matched)
    decision = decides.judged(snapshot(CUT), found, T0_NS)["local"]
    assert (decision.keep, decision.reason) == (True, "The rule Lost matched.")


def test_rules_are_evaluated_only_if_a_policy_asks() -> None:
    """Otherwise every judged run would cost them twice."""

    def must_not_be_asked(_assessment: object) -> Sequence[Matched]:
        raise AssertionError

    decides = sampler(CORRUPTED, matched=must_not_be_asked)
    assert decides.judged(snapshot(CUT), assessment(CUT), T0_NS)["local"].keep


@pytest.mark.parametrize("kind", ["edge", "deviation", "unfamiliar"])
def test_what_is_new_in_a_run_is_told(kind: str) -> None:
    """Edges and deviations as they were judged; a judged run is one that is not familiar."""
    found = msgspec.structs.replace(
        assessment(FINE),
        novel=(Novel(kind="edge", edge="a > b", fingerprint="f", step=0),),
        deviations=(
            Deviation(path="p", rule_id="r", kind="missing", node="n", step=0, child="", at=0),
        ),
    )
    decides = sampler(policies(f"name: new, type: novelty, novelty: {{kinds: [{kind}]}}"))
    assert decides.judged(snapshot(FINE), found, T0_NS)["local"].policy == "new"
    assert not decides.passed_over(snapshot(FINE, run_id="q"), QUIET, T0_NS)["local"].keep


def test_quiet_runs_are_decided_by_what_is_known_of_their_like() -> None:
    """Their verdict and faults, and the time and number of their own spans."""
    fine = captured(FINE)
    for text in (
        "name: p, type: verdict, verdict: {verdicts: [healthy]}",
        "name: p, type: fault, fault: {faults: [empty]}",
        f"name: p, type: span_count, span_count: {{min_spans: {len(fine)}}}",
        "name: p, type: latency, latency: {threshold_ms: 0}",
    ):
        decides = sampler(policies(text))
        assert decides.passed_over(snapshot(FINE), QUIET, T0_NS)["local"].keep, text
        decides = sampler(policies(text))

        def no_spans() -> Sequence[RawSpan]:
            raise AssertionError

        assert decides.trace_passed_over(trace(fine), QUIET, no_spans, T0_NS)["local"].keep, text


def test_statuses_of_quiet_runs_are_read_once_for_each_likeness() -> None:
    """A span's status is part of its likeness."""
    calls = []

    def spans() -> Sequence[RawSpan]:
        calls.append(1)
        return captured(FINE)

    decides = sampler(FAILED)
    for number in range(3):
        one = trace(captured(FINE))
        one.trace_id = f"{number:032x}"
        assert not decides.trace_passed_over(one, QUIET, spans, T0_NS)["local"].keep
    assert len(calls) == 1


def test_attributes_are_found_on_spans_and_resources() -> None:
    """Spans are decoded only where the bytes of the key occur."""
    fine = captured(FINE)
    name = fine[0].resource.service_name
    key = next(key for key, value in fine[0].whole().attributes.items() if isinstance(value, str))
    value = str(fine[0].whole().attributes[key])
    fine[0].release()
    for wanted, text in ((key, value), ("service.name", name)):
        one = f"key: {wanted}, values: ['{text}']"
        decides = sampler(policies(f"name: p, type: string_attribute, string_attribute: {{{one}}}"))
        assert decides.passed_over(snapshot(FINE), QUIET, T0_NS)["local"].keep, wanted
        assert decides.trace_passed_over(trace(fine), QUIET, lambda: fine, T0_NS)["local"].keep


def stated(state: str) -> tuple[RawSpan, ...]:
    """Return a span with a trace state, as it comes; its own randomness is the least."""
    request = ExportTraceServiceRequest()
    span = request.resource_spans.add().scope_spans.add().spans.add()
    span.trace_id, span.span_id = b"\x01" + bytes(15), b"\x02" * 8
    span.start_time_unix_nano, span.end_time_unix_nano, span.trace_state = 1, 2, state
    return tuple(Resources().split(request.SerializeToString()))


@pytest.mark.parametrize(("state", "keep"), [("ot=rv:ffffffffffffff", True), ("v=rv:f", False)])
def test_explicit_randomness_of_spans_decides(state: str, *, keep: bool) -> None:
    """Of a run in memory, and of a trace that is held as bytes."""
    half = policies("name: p, type: probabilistic, probabilistic: {sampling_percentage: 50}")
    spans = stated(state)
    found = sampler(half).trace_passed_over(
        trace(spans, state.encode()), QUIET, lambda: spans, T0_NS
    )
    assert found["local"].keep == keep
    gathered = msgspec.structs.replace(
        snapshot(FINE), raw_spans=spans, trace_ids=(spans[0].trace_id,)
    )
    assert sampler(half).passed_over(gathered, QUIET, T0_NS)["local"].keep == keep


def test_a_destination_has_its_own_policies_or_the_shared_ones() -> None:
    """Or none at all, where it is not sampled."""
    own = msgspec.structs.replace(OTHER, sampling=NONE)
    free = msgspec.structs.replace(LOCAL, name="free", sampled=False)
    third = msgspec.structs.replace(LOCAL, name="third")
    decides = Sampler(CORRUPTED, [LOCAL, own, free, third])
    found = decides.judged(snapshot(CUT), assessment(CUT), T0_NS)
    assert {name: one.keep for name, one in found.items()} == {
        "local": True,
        "other": False,
        "third": True,
    }
    assert found["local"] is found["third"]


def test_destinations_of_the_same_policies_share_a_budget() -> None:
    """One run is one run, however many get it."""
    text = "name: few, type: rate_limiting, rate_limiting: {runs_per_second: 1}"
    decides = Sampler(policies(text), [LOCAL, OTHER])
    first = decides.passed_over(snapshot(FINE, run_id="a"), QUIET, T0_NS)
    second = decides.passed_over(
        msgspec.structs.replace(snapshot(FINE, run_id="b"), aliases=()), QUIET, T0_NS
    )
    assert ([one.keep for one in first.values()], [one.keep for one in second.values()]) == (
        [True, True],
        [False, False],
    )


def test_late_spans_follow_a_keep() -> None:
    """Also when the run would not be kept by what is known now, and under an id it had before."""
    decides = sampler(CORRUPTED)
    early = msgspec.structs.replace(snapshot(CUT, run_id="run-0"), aliases=())
    first = decides.judged(early, assessment(CUT), T0_NS)
    again = decides.judged(snapshot(FINE, run_id="run-1", state="late"), assessment(FINE), T0_NS)
    assert again == first


def test_a_dropped_run_is_kept_when_it_turns_out_bad() -> None:
    """But it spends no budget at its second look."""
    decides = sampler(CORRUPTED)
    assert not decides.judged(snapshot(FINE, run_id="x"), assessment(FINE), T0_NS)["local"].keep
    late = snapshot(CUT, run_id="x", state="late")
    assert decides.judged(late, assessment(CUT), T0_NS)["local"].keep


def test_after_a_restart_late_spans_follow_what_was_sent() -> None:
    """What was sent tells of a keep; how probable that was is not known any more."""
    asked: list[tuple[tuple[str, ...], list[str]]] = []

    def has_sent(ids: Sequence[str], names: Sequence[str]) -> bool:
        asked.append((tuple(ids), list(names)))
        return True

    decides = sampler(NONE, has_sent=has_sent)
    late = snapshot(FINE, run_id="x", state="late")
    found: Mapping[str, Decision] = decides.passed_over(late, QUIET, T0_NS + S)
    assert found == {"local": SENT_BEFORE}
    assert decides.passed_over(late, QUIET, T0_NS + S) == found
    assert asked == [(("x", "run-0"), ["local"])]
    assert not decides.passed_over(snapshot(FINE, run_id="y"), QUIET, T0_NS)["local"].keep


def test_destination_names_stand_for_nothing_else() -> None:
    """A destination that nobody configured is not decided for."""
    decides = Sampler(NONE, [Destination(name="only", endpoint="http://127.0.0.1:1")])
    assert set(decides.passed_over(snapshot(FINE), QUIET, T0_NS)) == {"only"}


def test_a_run_that_cannot_be_decided_on_is_kept() -> None:
    """A mistake of ours loses no run, and stops nothing."""

    def broken() -> Sequence[RawSpan]:
        raise ValueError

    found = sampler(FAILED).trace_passed_over(trace(captured(FINE)), QUIET, broken, T0_NS)
    assert found == {"local": UNDECIDED}
