"""Which handoffs were overtaken, and which merely ran side by side."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import one_handoff, payload
from causewatch.contracts.check import check
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.order import overtaken
from causewatch.contracts.spec import ContractSpec, Order
from causewatch.model.graph import CausalGraph, RunState

S = 1_000_000_000


def handed(
    *times: tuple[int, int, int], keys: tuple[Any, ...] = (), cut: bool = False
) -> CausalGraph:
    """Return handoffs between two agents: when each was sent, taken up and done, in seconds."""
    base = one_handoff(payload({"k": 0}), payload({"k": 0}))
    (pattern,) = base.handoffs
    agent = base.steps[pattern.sender]
    steps, handoffs = [], []
    for at, (sent, begun, done) in enumerate(times):
        for start, end in ((sent, sent), (begun, done)):
            span = msgspec.structs.replace(agent.span, start_ns=start * S, end_ns=end * S)
            steps.append(msgspec.structs.replace(agent, span=span))
        held = payload({"k": keys[at]} if at < len(keys) else {}, cut=cut)
        handoffs.append(
            msgspec.structs.replace(
                pattern,
                sender=2 * at,
                receiver=2 * at + 1,
                received_by=None,
                performed_by=None,
                sent=held,
                received=held,
            )
        )
    return msgspec.structs.replace(
        base,
        steps=tuple(steps),
        owner=("front",) * len(steps),
        parent=(-1,) * len(steps),
        edges=(),
        handoffs=tuple(handoffs),
    )


def late(graph: CausalGraph, order: Order) -> list[tuple[int, int | None]]:
    """Return what was overtaken by what."""
    found = overtaken(graph, list(enumerate(graph.handoffs)), order)
    return [(each.handoff, each.newer) for each in found]


ONE_BY_ONE = ((0, 10, 20), (30, 40, 50), (60, 70, 80))
KEYS = [
    ((1, 2, 3), []),
    ((1, 1, 1), []),
    ((2, 1, 3), [(1, 0)]),
    ((3, 1, 2), [(1, 0), (2, 0)]),
    ((1, 3, 2), [(2, 1)]),
    (("1", 2, "3"), []),
    (("step-9", "step-10", "step-11"), []),
    (("step-10", "step-9", "step-11"), [(1, 0)]),
    (("a-1", "b-2", "a-3"), []),
    (("2026-01-02", "2026-01-01", "2026-01-03"), [(1, 0)]),
    (("2026-01-01T10:00:00+02:00", "2026-01-01T09:00:00Z", "2026-01-02"), []),
    ((True, 1, 2), [(0, None)]),
    ((None, 1, 2), [(0, None)]),
    (("later", 1, 2), [(0, None)]),
    ((1, [2], 3), [(1, None)]),
]


@pytest.mark.parametrize(("keys", "found"), KEYS, ids=[str(row[0]) for row in KEYS])
def test_the_order_of_keys(keys: tuple[Any, ...], found: list[tuple[int, int | None]]) -> None:
    """Numbers, dates and counted texts are ordered among their own kind; others are not known."""
    assert late(handed(*ONE_BY_ONE, keys=keys), Order(key="/k")) == found


@pytest.mark.parametrize(
    ("times", "found"),
    [
        (ONE_BY_ONE, []),
        (((0, 40, 50), (5, 20, 30)), [(0, 1)]),
        (((0, 20, 50), (5, 40, 60)), []),
        (((0, 40, 50), (5, 20, 45)), []),
        (((0, 40, 50), (0, 20, 30)), []),
        (((0, 90, 99), (5, 20, 30), (6, 40, 50)), [(0, 2)]),
    ],
)
def test_the_order_of_sending(
    times: tuple[tuple[int, int, int], ...], found: list[tuple[int, int | None]]
) -> None:
    """What was sent first and taken up after a later one was done is overtaken."""
    assert late(handed(*times), Order()) == found


def test_agents_that_work_side_by_side_have_no_order() -> None:
    """A newer one that is still at work is not done."""
    graph = handed((0, 10, 90), (1, 20, 80), keys=(2, 1))
    assert late(graph, Order(key="/k")) == []


def test_other_agents_have_an_order_of_their_own() -> None:
    """Only what one agent hands to one other is compared."""
    graph = handed(*ONE_BY_ONE, keys=(3, 2, 1))
    others = [
        msgspec.structs.replace(handoff, from_agent=f"agent {i}")
        for i, handoff in enumerate(graph.handoffs)
    ]
    assert late(msgspec.structs.replace(graph, handoffs=tuple(others)), Order(key="/k")) == []


def test_one_activation_that_takes_several_is_told_by_the_steps_that_show_them() -> None:
    """A long-lived agent is done with one when the step that received it has ended."""
    graph = handed((0, 10, 20), (1, 30, 40), keys=(2, 1))
    shared = [
        msgspec.structs.replace(handoff, receiver=1, received_by=2 * i + 1)
        for i, handoff in enumerate(graph.handoffs)
    ]
    shared_run = msgspec.structs.replace(graph, handoffs=tuple(shared))
    assert late(shared_run, Order(key="/k")) == [(1, 0)]


def test_what_telemetry_cut_has_no_key() -> None:
    """It is unverifiable, never late."""
    graph = handed(*ONE_BY_ONE[:2], keys=(2, 1), cut=True)
    assert late(graph, Order(key="/k")) == [(0, None), (1, None)]
    rule = compile_contract(ContractSpec(name="x", order=Order(key="/k")), rule_id="x")
    assert [each.verdict for each in check(rule, graph)] == ["unverifiable"] * 2


@pytest.mark.parametrize(
    ("state", "end_s", "verdict"),
    [
        ("early", 30, "pass"),
        ("early", 130, "violated"),
        ("evicted", 130, "pass"),
        ("complete", 30, "violated"),
        ("late", 30, "violated"),
    ],
)
def test_a_handoff_is_missing_when_the_run_is_over_or_its_time_has_passed(
    state: RunState, end_s: int, verdict: str
) -> None:
    """By the times of the spans: of a run under way, one that is still to come is not missing."""
    graph = handed((0, 10, end_s), keys=(1,))
    lost = msgspec.structs.replace(graph.handoffs[0], receiver=None, received=None)
    graph = msgspec.structs.replace(graph, handoffs=(lost,), state=state)
    rule = compile_contract(ContractSpec(name="x", missing_after_s=120), rule_id="x")
    (found,) = check(rule, graph)
    assert found.verdict == verdict


def test_without_a_time_nobody_asks_whether_a_handoff_arrived() -> None:
    """Then what cannot be compared is unverifiable, as ever."""
    graph = handed((0, 10, 20), keys=(1,))
    lost = msgspec.structs.replace(graph.handoffs[0], receiver=None, received=None)
    graph = msgspec.structs.replace(graph, handoffs=(lost,))
    rule = compile_contract(ContractSpec(name="x"), rule_id="x")
    assert [each.verdict for each in check(rule, graph)] == ["pass"]
