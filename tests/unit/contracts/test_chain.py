from __future__ import annotations

from typing import Any

import msgspec

from blame_fixtures import payload
from causewatch.contracts.chain import checksums_of, content_of
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.step import HandoffMode, Step
from graph_fixtures import span


def run_of(
    *handoffs: tuple[int, int | None, Any], mode: HandoffMode = "pass_control"
) -> CausalGraph:
    """Return a run of agents, one step each, and these handoffs: sender, receiver, received."""
    count = 1 + max(max(sender, receiver or 0) for sender, receiver, _ in handoffs)
    steps = tuple(Step(span=span(i), kind="agent", dialect="", reason="") for i in range(count))
    return CausalGraph(
        run_id="r",
        trace_ids=("t",),
        state="complete",
        workflow="w",
        session="",
        steps=steps,
        owner=tuple(f"a{i}" for i in range(count)),
        parent=(-1,) * count,
        edges=(),
        handoffs=tuple(_handoff(s, r, got, mode) for s, r, got in handoffs),
    )


def _handoff(sender: int, receiver: int | None, received: Any, mode: HandoffMode) -> Handoff:
    return Handoff(
        span_id=f"{sender}{receiver}",
        from_agent=f"a{sender}",
        to_agent=f"a{receiver}",
        derived=True,
        rule="test",
        confidence=1.0,
        mode=mode,
        sender=sender,
        receiver=receiver,
        performed_by=None,
        sent=payload(received),
        received=payload(received),
    )


def test_the_first_that_differs_is_where_the_context_changed() -> None:
    """What comes before is as it was, what comes behind differs in consequence."""
    good = checksums_of(run_of((0, 1, "plan"), (1, 2, "brief"), (2, 3, "note")))
    bad = checksums_of(run_of((0, 1, "plan"), (1, 2, "brie"), (2, 3, "note")))
    assert [one == other for one, other in zip(good, bad, strict=True)] == [True, False, False]
    assert all(len(each) == 64 for each in good)


def test_branches_do_not_know_of_each_other() -> None:
    """A change in one branch leaves the other's checksum, and reaches the join."""
    good = checksums_of(run_of((0, 1, "a"), (0, 2, "b"), (1, 3, "x"), (2, 3, "y"), (3, 4, "z")))
    bad = checksums_of(run_of((0, 1, "A"), (0, 2, "b"), (1, 3, "x"), (2, 3, "y"), (3, 4, "z")))
    same = [one == other for one, other in zip(good, bad, strict=True)]
    assert same == [False, True, False, True, False]


def test_the_order_in_which_branches_join_does_not_matter() -> None:
    """Which of two parallel branches comes in first is chance."""
    one = checksums_of(run_of((1, 3, "x"), (2, 3, "y"), (3, 4, "z")))
    graph = run_of((2, 3, "y"), (1, 3, "x"), (3, 4, "z"))
    assert checksums_of(graph)[-1] == one[-1]


def test_what_a_called_agent_took_in_comes_back() -> None:
    """The caller's next handoff depends on it once it has returned."""
    good = checksums_of(run_of((0, 1, "ask"), (0, 2, "tell"), mode="return_to_caller"))
    bad = checksums_of(run_of((0, 1, "ask!"), (0, 2, "tell"), mode="return_to_caller"))
    passed = checksums_of(run_of((0, 1, "ask!"), (0, 2, "tell")))
    assert good[1] != bad[1]
    assert checksums_of(run_of((0, 1, "ask"), (0, 2, "tell")))[1] == passed[1]


def test_what_is_not_known_adds_nothing() -> None:
    """A handoff without content has no checksum, and the chain goes on behind it."""
    graph = run_of((0, 1, "plan"), (1, 2, "brief"), (2, 3, "note"))
    blind = msgspec.structs.replace(graph.handoffs[1], sent=None, received=None)
    found = checksums_of(
        msgspec.structs.replace(graph, handoffs=(graph.handoffs[0], blind, graph.handoffs[2]))
    )
    assert [bool(each) for each in found] == [True, False, True]


def test_what_was_sent_stands_in_where_nothing_else_is_known() -> None:
    """It is marked, so that it is not taken for what arrived; cut content is no content."""
    handoff = run_of((0, 1, "plan")).handoffs[0]
    only_sent = msgspec.structs.replace(handoff, received=None)
    assert content_of(only_sent) == f"sent:{content_of(handoff)}"
    cut = msgspec.structs.replace(handoff, sent=None, received=payload("pl", cut=True))
    assert content_of(cut) == ""


def test_a_long_loop_takes_linear_time() -> None:
    """Two agents that hand over to each other thousands of times have a checksum each."""
    found = checksums_of(run_of(*((i % 2, (i + 1) % 2, i) for i in range(4_000))))
    assert len(set(found)) == 4_000
