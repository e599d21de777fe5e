from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.health import FAULT_SCORE, health_of
from causewatch.blame.judge import judge
from causewatch.faults.detect import run_of
from causewatch.graph.build import build
from causewatch.model.expectation import Health
from causewatch.model.judgement import Blame, Category, Fault, FaultName, Origin
from claimed_fixtures import ORDER, two_services
from graph_fixtures import CAPTURES, capture

NOTE = (
    "Order A-1042 was sent on 2026-03-12 with carrier Blue, tracking number BL-99123, weight"
    " 2.5 kg, to Anna Berg in Skien. It cost EUR 249.90."
)
HEALTHY = Blame(verdict="healthy")


def health(sent: Any, received: Any, **fields: Any) -> Health:
    """Return the health of a run with one handoff, that code carried unless told otherwise."""
    graph = one_handoff(sent, received)
    handoff = msgspec.structs.replace(graph.handoffs[0], **{"mechanical": True, **fields})
    graph = msgspec.structs.replace(graph, handoffs=(handoff,))
    return health_of(run_of(graph), (), HEALTHY)


def share(sent: Any, received: Any, **fields: Any) -> float | None:
    """Return the score of a run with one handoff between payloads of these values."""
    return health(payload(sent), payload(received), **fields).score


@pytest.mark.parametrize(
    "received",
    [NOTE, f"You are the depot.\n\n{NOTE}\n\nGo on.", {"task": NOTE}],
)
def test_what_arrived_whole_is_healthy(received: Any) -> None:
    """As it was, within a prompt, or in an object of its own."""
    assert share(NOTE, received) == 1.0


def test_a_share_says_how_much_arrived() -> None:
    """Of texts by their length, of facts by their number; the worse of both counts."""
    half = share(NOTE, NOTE[: len(NOTE) // 2])
    assert half is not None
    assert 0.3 < half < 0.6
    rows = [{"order": f"A-10{i}", "sum": f"EUR {i}7.50"} for i in range(10)]
    lost = share({"rows": rows}, {"rows": rows[:7]})
    assert lost == pytest.approx(0.7)


def test_other_spellings_are_the_same_facts() -> None:
    """Code that writes a number or a date in another way lost nothing."""
    sent = {"order": "A-1042", "on": "2026-03-12", "sum": 1249.9}
    assert share(sent, "order a-1042, 12.03.2026, 1.249,90") == 1.0


def test_a_summary_may_leave_out_what_nobody_needs() -> None:
    """Where a model retold it, only facts count that something later tells."""

    def run(answer: str, received: str) -> float | None:
        builder = RunBuilder()
        builder.hand_over("back", NOTE, received, mechanical=False)
        builder.say(answer)
        graph = builder.graph()
        sides = {"sent": payload(NOTE), "received": payload(received)}
        handoff = msgspec.structs.replace(graph.handoffs[0], **sides)
        return health_of(
            run_of(msgspec.structs.replace(graph, handoffs=(handoff,))), (), HEALTHY
        ).score

    assert run("BL-99123 is on its way.", "Tell where BL-99123 is.") == 1.0
    assert run("It was A-1042, as BL-99123.", "Tell where BL-99123 is.") == 0.5
    assert run("All is well.", "Tell where it is.") == 1.0


@pytest.mark.parametrize(
    ("sent", "received", "fields"),
    [
        (None, payload(NOTE), {}),
        (payload(NOTE), None, {}),
        (payload(NOTE), payload(NOTE[:40], cut=True), {}),
        (payload(NOTE, key="gen_ai.input.messages"), payload("Go."), {}),
        (payload(NOTE), payload("Go."), {"confidence": 0.4, "mechanical": False}),
        (payload("Please go on."), payload("Go."), {"mechanical": False}),
    ],
)
def test_what_is_not_known_is_unknown_and_not_bad(sent: Any, received: Any, fields: Any) -> None:
    """No side is guessed, and a guessed handoff has no sides that must agree."""
    found = health(sent, received, **fields)
    assert found.score is None
    assert [part.score for part in found.parts] == [None]
    assert found.parts[0].reason


def test_a_run_is_as_healthy_as_its_worst_transition() -> None:
    """Good handoffs do not make up for a bad one; unknown ones count neither way."""
    graph = one_handoff(payload(NOTE), payload(NOTE), mechanical=True)
    good = graph.handoffs[0]
    bad = msgspec.structs.replace(good, received=payload(NOTE[:60]))
    unknown = msgspec.structs.replace(good, sent=None)
    several = msgspec.structs.replace(graph, handoffs=(good, bad, good, unknown))
    found = health_of(run_of(several), (), HEALTHY)
    assert [part.score is None for part in found.parts] == [False, False, False, True]
    assert found.score == found.parts[1].score
    assert found.score is not None
    assert found.score < 0.6


@pytest.mark.parametrize(
    ("name", "confidence", "expected"),
    [
        ("cut_off", 0.75, FAULT_SCORE),
        ("changed_fact", 0.5, FAULT_SCORE),
        ("cut_off", 0.35, 1.0),
        ("unused_result", 0.9, 1.0),
    ],
)
def test_a_loss_that_a_detector_saw_counts(
    name: FaultName, confidence: float, expected: float
) -> None:
    """Also where both sides agree, because it was cut before it was sent; not on a mere hint."""
    graph = one_handoff(payload(NOTE), payload(NOTE), mechanical=True)
    fault = Fault(name=name, step=0, reason="r", confidence=confidence, handoff=0)
    assert health_of(run_of(graph), (fault,), HEALTHY).score == expected


@pytest.mark.parametrize(
    ("category", "expected"),
    [("truncation", 0.1), ("lost_result", 0.1), ("loop", None), ("poisoning", None)],
)
def test_context_lost_within_a_step_is_a_part(category: Category, expected: float | None) -> None:
    """A loop or an injected text leaves the context as it was."""
    graph = RunBuilder().graph()
    origin = Origin(step=0, agent="front", at="output", reason="cut")
    blame = Blame(verdict="corrupted", category=category, origin=origin, confidence=0.9)
    found = health_of(run_of(graph), (), blame)
    assert found.score == expected
    assert [part.step for part in found.parts] == ([] if expected is None else [0])


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (ORDER, 1.0),
        ({**ORDER, "stops": ["Hals", "Brevik"]}, FAULT_SCORE),
        ({"order": "FO-7712"}, 0.17),
        ({**ORDER, "weight": "12.5"}, None),
        ("[object Object]", 0.0),
    ],
)
def test_digests_alone_give_a_share(received: Any, expected: float | None) -> None:
    """The share of places found again; another form cannot be looked into."""
    spans = [each for each in two_services(ORDER, received) if each.span_id[-1] != "5"]
    found = judge(build(run_id="r", spans=spans)).health
    assert found is not None
    assert found.parts[0].score == expected


@pytest.mark.parametrize(
    "name", sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*__*.gz"))
)
def test_recorded_runs(name: str) -> None:
    """Healthy runs of real frameworks have full health or none; those with a cut handoff do not."""
    found = judge(build(run_id="r", spans=capture(name))).health
    assert found is not None
    if name.endswith("__ok"):
        assert found.score is None or found.score >= 0.9
    if name.endswith("__truncated_handoff") and not name.startswith("autogen"):
        assert found.score is not None
        assert found.score <= 0.5


def test_hostile_payloads_end() -> None:
    """Half a megabyte of digits, capitals or one word is judged in bounded time."""
    for text in ("7" * 500_000, "A1-" * 100_000, "Aa Bb " * 50_000, "x" * 500_000):
        assert share(text, text[:1000]) is not None
