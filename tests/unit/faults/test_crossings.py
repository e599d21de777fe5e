"""What crossed between two agents, also where they share one history."""

from __future__ import annotations

import msgspec
import pytest

from blame_fixtures import RunBuilder, payload
from causewatch.faults.calls import Run, calls_of
from causewatch.faults.crossings import Crossing, crossings_of
from causewatch.faults.detect import detect
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.step import Message, Payload, TextPart

WORDS = "Pay the invoice IN-40127 of 318.45 EUR to the printer."
CHANGED = WORDS.replace("318.45", "3184.5")


def found(graph: CausalGraph) -> list[Crossing]:
    """Return what crossed."""
    return list(crossings_of(Run(graph=graph, calls=calls_of(graph))))


def shared(shown: str | None, *, prompt: str = "Pay what is due.") -> CausalGraph:
    """Return a run of two agents with one history, which shows the first one's words so."""
    run = RunBuilder(prompt, agent="reader")
    said = run.say(WORDS)
    history = list(run.history[:-1])
    receiver = run.agent("payer", "")
    run.history = history
    if shown is not None:
        run.history.append(Message(role="assistant", parts=(TextPart(content=shown),)))
    run.call("send_payment", {"invoice": "IN-40127", "amount": 3184.5}, {"ok": True})
    run.say("Paid.")
    asked = payload(prompt, key="gen_ai.input.messages")
    handoff = Handoff(
        span_id="f" * 16,
        from_agent="reader",
        to_agent="payer",
        derived=True,
        rule="sibling_sequence",
        confidence=0.4,
        mode="pass_control",
        sender=said - 1,
        receiver=receiver,
        performed_by=None,
        sent=asked,
        received=asked,
        received_by=receiver + 1,
    )
    return msgspec.structs.replace(run.graph(), handoffs=(handoff,))


def test_both_sides_of_a_handoff() -> None:
    """A handoff with a payload crosses as it is recorded."""
    run = RunBuilder()
    run.hand_over("payer", {"task": WORDS}, CHANGED)
    run.say("Paid.")
    (crossing,) = found(run.graph())
    assert (crossing.handoff, crossing.sent.value) == (0, {"task": WORDS})
    assert crossing.received.value == CHANGED


@pytest.mark.parametrize("side", ["sent", "received"])
@pytest.mark.parametrize("cut", [True, False])
def test_a_side_that_is_not_whole(side: str, *, cut: bool) -> None:
    """What telemetry cut, or no span shows, is compared with nothing."""
    run = RunBuilder()
    run.hand_over("payer", {"task": WORDS}, CHANGED)
    run.say("Paid.")
    graph = run.graph()
    (handoff,) = graph.handoffs
    other: Payload | None = payload(WORDS, cut=True) if cut else None
    changed = msgspec.structs.replace(handoff, **{side: other})
    assert found(msgspec.structs.replace(graph, handoffs=(changed,))) == []


def test_words_that_a_shared_history_shows_otherwise() -> None:
    """What the sender said and what the history shows of it are the two sides."""
    (crossing,) = found(shared(CHANGED))
    assert (crossing.sent.value, crossing.received.value) == (WORDS, CHANGED)


@pytest.mark.parametrize("shown", [WORDS, WORDS.upper(), None, "Yes."])
def test_words_that_a_shared_history_shows_or_leaves_out(shown: str | None) -> None:
    """The same words, none, or some too short to be anyone's."""
    assert found(shared(shown)) == []


def test_a_number_that_a_shared_history_changes() -> None:
    """Found where the history was handed on, and carried by its receiver."""
    (fault,) = (fault for fault in detect(shared(CHANGED)) if fault.name == "changed_fact")
    assert (fault.handoff, fault.at) == (0, "input")
    assert "in the same words" in fault.reason


def test_a_placeholder_in_a_shared_history() -> None:
    """The words that became a placeholder were lost."""
    (fault,) = (f for f in detect(shared("Pay this: [object Object]")) if f.name == "flattened")
    assert fault.handoff == 0


def test_an_agent_that_says_something_of_its_own() -> None:
    """Words that the receiver's history shows and a model said are nobody's forgery."""
    graph = shared(CHANGED)
    steps = list(graph.steps)
    said = Message(role="assistant", parts=(TextPart(content=CHANGED),))
    steps[1] = msgspec.structs.replace(steps[1], output_messages=(*steps[1].output_messages, said))
    assert found(msgspec.structs.replace(graph, steps=tuple(steps))) == []


@pytest.mark.parametrize(
    ("shown", "want"),
    [
        (WORDS[:41], True),
        (f"{WORDS[:41]}...", True),
        (f"{WORDS[:41]} [gekürzt]", True),
        (WORDS, False),
        ("IN-40127, 318.45 EUR, printer.", False),
        (None, False),
    ],
)
def test_a_history_that_shows_only_the_beginning_was_sliced(
    shown: str | None, *, want: bool
) -> None:
    """Code that keeps the history cut it; other words, or all of them, are no cut."""
    names = [fault.name for fault in detect(shared(shown))]
    assert ("cut_off" in names) is want
