"""Content that a mechanical handoff lost: code carried it, so all of it should have arrived."""

from __future__ import annotations

import re
from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.sources import said_in
from causewatch.faults.text import excerpt, fold, plain, texts
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.judgement import Fault
from causewatch.model.step import Payload
from causewatch.model.value import Value

MIN_ARGUMENT_CHARS = 40
"""Shorter arguments are routing, labels, flags: a receiver need not be told them literally."""
MIN_PREFIX_CHARS = 16
MAX_LOST_FACTS_SHARE = 0.3
GIVEN_CONFIDENCE = 0.9
PASSED_ON_CONFIDENCE = 0.7
"""A transfer tool's output may hold only part of what it passed on: there only cuts count."""
MIN_SHARED_WORDS_SHARE = 0.3
_WORD = re.compile(r"[^\W\d_]{4,}")
_FACT = re.compile(r"[\w.+-]+@[\w.-]+|https?://\S+|[\w-]*\d[\w.,/-]*\w|\d")


def detect_lost_at_handoff(run: Run) -> Iterator[Fault]:
    """Yield a fault for each mechanical handoff whose receiver got less than was sent.

    Each long text of what was sent must be contained in what the receiver was given, white space
    and case aside and with any template around it. A text that only begins there was cut; one that
    lost a good part of its facts (numbers, ids, addresses) lost content. Everything that the
    receiver's input shows counts as received, whichever way it came.
    """
    for index, handoff in enumerate(run.graph.handoffs):
        if not handoff.mechanical or handoff.sent is None or handoff.sent.cut:
            continue
        found = _loss(run.graph, handoff, handoff.sent)
        if found:
            reason, confidence = found
            yield Fault(
                name="lost_at_handoff",
                step=place_of(handoff),
                handoff=index,
                reason=reason,
                confidence=confidence,
                at="output" if handoff.performed_by is not None else "input",
            )


def place_of(handoff: Handoff) -> int:
    """Return the step a handoff is seen on: who performed it, else who received or sent it."""
    if handoff.performed_by is not None:
        return handoff.performed_by
    return handoff.receiver if handoff.receiver is not None else handoff.sender


def _loss(graph: CausalGraph, handoff: Handoff, sent: Payload) -> tuple[str, float] | None:
    """Return how content was lost, with a confidence, or ``None``."""
    got = given_to(graph, handoff)
    certain = GIVEN_CONFIDENCE
    if got is None:
        # Without the receiver's input, the transfer tool's own output may show what it passed on.
        got = _passed_on(graph, handoff)
        certain = PASSED_ON_CONFIDENCE
    if got is None:
        return None
    worst: tuple[str, float] | None = None
    for text in _long_texts(sent.value):
        found = _missing(text, got, handoff, certain)
        if found and (worst is None or found[1] > worst[1]):
            worst = found
    return worst


def _missing(text: str, got: str, handoff: Handoff, certain: float) -> tuple[str, float] | None:
    whole = fold(text)
    if whole in got:
        return None
    kept = common_prefix_chars(whole, got)
    to = handoff.to_agent or "the receiver"
    if kept >= MIN_PREFIX_CHARS:
        lost = excerpt(whole[kept : kept + 60])
        reason = f"{to} got only the first {kept} of {len(whole)} characters (lost: {lost})"
        return reason, certain
    if certain < GIVEN_CONFIDENCE or not _is_form_of(whole, got):
        return None
    facts = set(_FACT.findall(whole))
    gone = {fact for fact in facts if fact not in got}
    if facts and len(gone) / len(facts) > MAX_LOST_FACTS_SHARE:
        shown = excerpt(", ".join(sorted(gone)))
        return f"{to} did not get {len(gone)} of {len(facts)} facts ({shown})", certain - 0.2
    return None


def _is_form_of(whole: str, got: str) -> bool:
    """Tell whether what was received says the same at all; if not, it is no answer to it."""
    words = set(_WORD.findall(whole))
    return sum(word in got for word in words) >= MIN_SHARED_WORDS_SHARE * max(len(words), 1)


def _long_texts(value: Value) -> Iterator[str]:
    return (text for text in texts(value) if len(text) >= MIN_ARGUMENT_CHARS)


def given_to(graph: CausalGraph, handoff: Handoff) -> str | None:
    """Return all that the receiver's first input shows, folded, or ``None`` if it is unknown."""
    received = handoff.received
    if received is None or received.cut:
        return None
    parts = [received.raw, plain(received)]
    if handoff.received_by is not None:
        step = graph.steps[handoff.received_by]
        for message in (*step.system, *step.input_messages):
            parts.extend(said_in(message))
    return fold("\n".join(parts))


def _passed_on(graph: CausalGraph, handoff: Handoff) -> str | None:
    """Return the output of the step that performed the handoff, folded, if it holds the payload."""
    if handoff.performed_by is None or handoff.mode != "pass_control":
        return None
    result = graph.steps[handoff.performed_by].result
    return fold(plain(result)) if result is not None and not result.cut else None


def common_prefix_chars(whole: str, got: str) -> int:
    """Return the length of the longest beginning of ``whole`` that ``got`` contains."""
    low, high = 0, len(whole)
    # Containment is monotone: a beginning of what is contained is contained too.
    while low < high:
        middle = (low + high + 1) // 2
        if whole[:middle] in got:
            low = middle
        else:
            high = middle - 1
    return low
