"""Checksums of the context, chained along a run's handoffs in causal order.

Each activation of an agent has a *context*: what it took in by handoffs, and what the agents that
it called and that came back to it had taken in. The checksum of a handoff digests the context of
its sender and what arrived. So the first handoff whose checksum differs from that of another run of
the same work is where the context changed, whatever happened to come after it.

The context is a sum of digests modulo 2^256: the order in which parallel branches come in does not
matter (a multiset hash in the manner of AdHash: "A new paradigm for collision-free hashing:
incrementality at reduced cost", EUROCRYPT 1997).
"""

from __future__ import annotations

import hashlib

from causewatch.model.graph import CausalGraph, Handoff

_MODULUS = 1 << 256


def checksums_of(graph: CausalGraph) -> tuple[str, ...]:
    """Return the checksum of each handoff as hex, empty where neither side of it is known.

    What is not known adds nothing, so that the chain goes on behind it.
    """
    events: list[tuple[int, int, int]] = []
    for index, handoff in enumerate(graph.handoffs):
        events.append((graph.steps[_place(handoff)].span.start_ns, 1, index))
        if handoff.mode == "return_to_caller" and handoff.receiver is not None:
            events.append((graph.steps[handoff.receiver].span.end_ns, 0, index))
    context: dict[int, int] = {}
    found = [""] * len(graph.handoffs)
    for _, is_sent, index in sorted(events):
        handoff = graph.handoffs[index]
        receiver = handoff.receiver
        if is_sent:
            content = content_of(handoff)
            if not content:
                continue
            number = context.get(handoff.sender, 0)
            found[index] = _digest(f"{number:064x}:{content}")
            if receiver is not None and receiver != handoff.sender:
                _add(context, receiver, int(found[index], 16))
        elif receiver is not None and receiver != handoff.sender and receiver in context:
            _add(context, handoff.sender, int(_digest(f"return:{context[receiver]:064x}"), 16))
    return tuple(found)


def content_of(handoff: Handoff) -> str:
    """Return the digest of what arrived, else, marked as such, of what was sent; maybe empty.

    Of content that telemetry cut nothing is known.
    """
    claim = handoff.claim
    is_got_known = handoff.received is not None and not handoff.received.cut
    if (claim is not None and claim.received is not None) or is_got_known:
        return handoff.received_sha256
    is_sent_known = handoff.sent is not None and not handoff.sent.cut
    if (claim is not None and claim.sent is not None) or is_sent_known:
        return f"sent:{handoff.sent_sha256}"
    return ""


def _place(handoff: Handoff) -> int:
    """Return the step at whose start the handoff took place."""
    if handoff.performed_by is not None:
        return handoff.performed_by
    return handoff.receiver if handoff.receiver is not None else handoff.sender


def _add(context: dict[int, int], step: int, number: int) -> None:
    context[step] = (context.get(step, 0) + number) % _MODULUS


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
