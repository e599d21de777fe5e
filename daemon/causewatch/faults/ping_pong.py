"""Two agents that hand the same thing to and fro, with nothing new: a loop."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.sources import prompts_in
from causewatch.faults.text import fold, plain
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault
from causewatch.model.step import TextPart
from causewatch.model.value import sha256_of

CONFIDENCE = 0.8
MIN_PASSES_COUNT = 4
"""One round trip is a question and its answer; the second, with the same words, is none."""


def detect_ping_pong(run: Run) -> Iterator[Fault]:
    """Yield a fault on the third of at least four handoffs to and fro between two agents.

    Each from the third on hands over what the one before the last did, and between them no tool
    found anything out that was not known, and no user said anything. Agents that revise a text hand
    over a new one each time; a call that comes back to its caller is no handing back.
    """
    graph = run.graph
    handoffs = sorted(
        (h for h in graph.handoffs if h.mode == "pass_control"),
        key=lambda h: graph.steps[place_of(h)].span.start_ns,
    )
    least = max(run.known.tuning.min_passes, MIN_PASSES_COUNT)
    if len(handoffs) < least:
        return
    news = sorted(_news_ns(run))
    said = sorted(_said_ns(run)) if any(not _told(h) for h in handoffs) else []
    start = 0
    while start + least <= len(handoffs):
        end = start + 2
        while end < len(handoffs) and _again(run, handoffs, end, news, said):
            end += 1
        if end - start >= least:
            third = handoffs[start + 2]
            yield Fault(
                name="ping_pong",
                step=third.sender if third.performed_by is None else third.performed_by,
                reason=f"{third.from_agent} and {third.to_agent} handed over to each other"
                f" {end - start} times with nothing new",
                confidence=CONFIDENCE,
            )
            start = end
        else:
            start += 1


def _again(run: Run, handoffs: list[Handoff], index: int, news: list[int], said: list[int]) -> bool:
    """Tell whether a handoff repeats the one before the last, and nothing new came between."""
    before, back, now = handoffs[index - 2 : index + 1]
    pair = (now.from_agent, now.to_agent)
    if pair != (before.from_agent, before.to_agent) or pair != (back.to_agent, back.from_agent):
        return False
    if not all(pair) or pair[0] == pair[1] or before.sent is None or now.sent is None:
        return False
    told = _told(now)
    if told != _told(before):
        return False
    steps = run.graph.steps
    begun, ended = steps[place_of(before)].span.start_ns, steps[place_of(now)].span.start_ns
    # Where a handoff carries no words of its own, what was said beside it is what was handed over.
    marks = news if told else [*news, *said]
    return not any(begun < at_ns <= ended for at_ns in marks)


def _told(handoff: Handoff) -> str:
    """Return what was handed over, folded; where only the shared history was, nothing."""
    if handoff.sent is None or handoff.sent.key.endswith("input.messages"):
        return ""
    return fold(plain(handoff.sent))


def _news_ns(run: Run) -> Iterator[int]:
    """Yield the times at which something came up for the first time: a result, a user's words."""
    met: set[str] = set()
    for call in run.calls:
        if call.result is None or call.delegates:
            continue
        digest = sha256_of(call.result.value)
        if digest not in met:
            met.add(digest)
            yield call.step.span.end_ns
    users = {
        part.content
        for step in run.graph.steps
        for message in step.input_messages
        if message.role == "user"
        for part in message.parts
        if isinstance(part, TextPart)
    }
    # What a handoff brought is told in the user's role as well, and is nothing new.
    carried = {told for told in map(_told, run.graph.handoffs) if told}
    for prompt in prompts_in(run):
        if prompt.text in users and not any(told in fold(prompt.text) for told in carried):
            yield prompt.at_ns


def _said_ns(run: Run) -> Iterator[int]:
    """Yield the times at which a model said something that none had said before."""
    met: set[str] = set()
    for step in run.graph.steps:
        for message in step.output_messages:
            text = fold(message.text)
            if text and text not in met:
                met.add(text)
                yield step.span.end_ns
