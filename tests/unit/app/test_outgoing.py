"""Which calls are answered by spans of another process, and so make a run wait for them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.app.outgoing import Outgoing
from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Resource, Span, SpanKind
from graph_fixtures import model, span


def call(number: int, *, name: str = "POST", kind: SpanKind = "client", **more: Any) -> Span:
    """Return a call that leaves the process, below the first span."""
    return msgspec.structs.replace(span(number, 1, name=name, scope="http", **more), kind=kind)


def answer(number: int, parent: int) -> Span:
    """Return what another process did for a call."""
    other = Resource(attributes={"service.name": "other"})
    return msgspec.structs.replace(span(number, parent), resource=other)


def run(*spans: Span) -> CausalGraph:
    """Return the graph of a run of these, below a root."""
    return build(run_id="r", spans=(span(1, length_ms=500), *spans), logs=(), state="early")


def test_a_call_of_which_nothing_is_known_is_waited_for() -> None:
    """Another process may be about to send its part."""
    assert Outgoing().awaits(run(call(2)))
    assert Outgoing().awaits(run(call(2, kind="producer")))


def test_what_stays_in_its_process_is_not() -> None:
    """Nor is a call that was answered."""
    assert not Outgoing().awaits(run(span(2, 1)))
    assert not Outgoing().awaits(run(call(2), answer(3, 2)))


def test_a_model_is_seldom_observed() -> None:
    """Its calls are waited for only from where one was answered before."""
    ask = msgspec.structs.replace(model(2, 1), kind="client")
    outgoing = Outgoing()
    assert not outgoing.awaits(run(ask))
    outgoing.learn(run(ask, answer(3, 2)))
    assert outgoing.awaits(run(ask))


def test_calls_that_were_never_answered_are_waited_for_no_more() -> None:
    """A complete run without an answer is enough; ids in names do not matter."""
    outgoing = Outgoing()
    outgoing.learn(run(call(2, name="publish topic_5330d823-cfd2-47a4-ba7e-7c415d172298")))
    assert not outgoing.awaits(
        run(call(2, name="publish topic_0123d823-cfd2-47a4-ba7e-7c415d17aaaa"))
    )
    assert outgoing.awaits(run(call(2, name="publish elsewhere")))


def test_calls_that_were_answered_once_are_waited_for() -> None:
    """Also after runs in which they were not: a sampler may have dropped the answer."""
    outgoing = Outgoing()
    outgoing.learn(run(call(2), answer(3, 2)))
    outgoing.learn(run(call(2)))
    assert outgoing.awaits(run(call(2)))
    assert not outgoing.awaits(run(call(2), answer(3, 2)))


def test_code_that_carries_the_context_on_by_itself_is_known_as_well() -> None:
    """Its span is no client, but spans of another process stood below it."""
    outgoing, by_hand = Outgoing(), call(2, name="hand over", kind="internal")
    assert not outgoing.awaits(run(by_hand))
    outgoing.learn(run(by_hand, answer(3, 2)))
    assert outgoing.awaits(run(by_hand))


@pytest.mark.parametrize(
    ("model_at", "agent_at"),
    [
        ({"server__address": "models"}, {"server__address": "agents"}),
        ({"net__peer__name": "models"}, {"net__peer__name": "agents"}),
        ({"url__full": "https://models:443/v1"}, {"url__full": "https://agents:8443/v1"}),
        ({"http__url": "http://models/v1"}, {"http__url": "http://agents/v1"}),
    ],
)
def test_calls_are_told_apart_by_address(
    model_at: dict[str, Any], agent_at: dict[str, Any]
) -> None:
    """One client asks a model, which is not observed, and an agent, which is."""
    outgoing = Outgoing()
    outgoing.learn(run(call(2, **model_at), call(3, **agent_at), answer(4, 3)))
    assert not outgoing.awaits(run(call(2, **model_at)))
    assert outgoing.awaits(run(call(2, **agent_at)))


def test_an_address_that_is_none_is_no_error() -> None:
    """Whatever stands there was sent by somebody."""
    assert Outgoing().awaits(run(call(2, url__full="http://[::1")))


def test_only_so_many_places_are_remembered() -> None:
    """The oldest is forgotten, and is waited for again."""
    outgoing = Outgoing(max_places=2)
    for name in ("one", "two", "three"):
        outgoing.learn(run(call(2, name=name)))
    assert outgoing.awaits(run(call(2, name="one")))
    assert not outgoing.awaits(run(call(2, name="three")))
