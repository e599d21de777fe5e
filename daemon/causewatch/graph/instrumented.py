"""The handoffs that agents tell themselves: the two ends of each, wherever their spans are.

The sender's span and the receiver's may belong to two services and two traces. They are one handoff
by the id that travels with the message, else by the span link from the one to the other.
"""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.graph.claims import Told, joined, told_by
from causewatch.graph.links import Links
from causewatch.graph.tree import Tree

MAX_TOLD_COUNT = 10_000


class Instrumented(msgspec.Struct, frozen=True, kw_only=True):
    """One handoff: what is told of it, and the steps that tell."""

    told: Told
    sent_at: int | None
    """The step that sent; ``None`` where only the receiver is instrumented, or arrived."""
    received_at: int | None
    performed_by: int
    """The step that stands for it: the sender's, of a message to several the receiver's own."""


def instrumented(tree: Tree, links: Links) -> tuple[Instrumented, ...]:
    """Return the handoffs that instrumented spans tell of, in the order of those spans."""
    told = {
        i: each
        for i, step in enumerate(tree.steps)
        if step.dialect == "causewatch" and (each := told_by(step.span)) is not None
    }
    return tuple(_matched(dict(list(told.items())[:MAX_TOLD_COUNT]), links)) if told else ()


def _matched(told: dict[int, Told], links: Links) -> Iterator[Instrumented]:
    senders = [i for i, each in told.items() if each.claim.sent is not None or each.sent]
    by_id = {told[i].claim.id: i for i in reversed(senders) if told[i].claim.id}
    taken: set[int] = set()
    for i, each in told.items():
        if i in senders:
            continue
        linked = (j for j in links.sources.get(i, ()) if j in senders)
        sender = by_id.get(each.claim.id, next(linked, None))
        if sender is None:
            yield Instrumented(told=each, sent_at=None, received_at=i, performed_by=i)
            continue
        first = sender not in taken
        taken.add(sender)
        yield Instrumented(
            told=joined(told[sender], each),
            sent_at=sender,
            received_at=i,
            performed_by=sender if first else i,
        )
    for i in senders:
        if i not in taken:
            whole = told[i].claim.received is not None or told[i].received is not None
            yield Instrumented(
                told=told[i], sent_at=i, received_at=i if whole else None, performed_by=i
            )
