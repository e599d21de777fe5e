"""Handoffs that agents tell themselves: order of arrival, and digests against content."""

from __future__ import annotations

import copy
import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from causewatch.blame.judge import judge
from causewatch.contracts.boundary import boundaries_of
from causewatch.contracts.chain import checksums_of
from causewatch.contracts.difference import differences
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.graph.imprints import breaks_between, imprint_of
from causewatch.model.span import Span
from claimed_fixtures import ORDER, one_process, two_services
from graph_fixtures import BASE_NS, SECOND_NS

SLOW = settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow])
TEXT = "Keep crate {} upright on the whole way from Hals to Brevik, and call before you arrive. "
NUMBERS = st.integers(0, 99)
PAYLOADS = st.fixed_dictionaries(
    {
        "id": st.integers(1, 10**6).map("FO-{}".format),
        "rows": st.lists(
            st.integers(0, 99).map(lambda n: {"n": n, "t": TEXT.format(n)}), min_size=2
        ),
        "note": st.integers(0, 99).map(lambda n: TEXT.format(n) * 2),
        "deep": st.fixed_dictionaries({"a": st.booleans(), "b": st.floats(0, 9)}),
    }
)
LOSSES = ("item", "member", "text", "value", "rows")
CHANGES = ("none", "number", "text", "added", "spelled")


def lost(payload: dict[str, Any], how: str, rng: random.Random) -> dict[str, Any]:
    """Return a payload of which something is gone."""
    found = copy.deepcopy(payload)
    match how:
        case "item":
            del found["rows"][rng.randrange(len(found["rows"]))]
        case "member":
            del found[rng.choice(sorted(found))]
        case "text":
            found["note"] = found["note"][: rng.randrange(33, len(found["note"]) - 1)]
        case "value":
            found["deep"]["b"] = None
        case _:
            found["rows"] = []
    return found


def changed(payload: dict[str, Any], how: str) -> dict[str, Any]:
    """Return a payload that is another one, or none, with nothing gone."""
    found = copy.deepcopy(payload)
    match how:
        case "number":
            found["deep"]["b"] += 1
        case "text":
            found["id"] = "XX-" + found["id"]
        case "added":
            found["more"] = [1]
        case "spelled":
            found = dict(reversed(found.items()))
        case _:
            pass
    return found


@given(PAYLOADS, st.sampled_from(LOSSES), st.randoms(use_true_random=False))
@SLOW
def test_a_loss_shows_by_digests_as_by_content(
    payload: dict[str, Any], how: str, rng: random.Random
) -> None:
    """Whatever is taken out of whatever payload, at the same place and of the same kind."""
    received = lost(payload, how, rng)
    hidden = breaks_between(imprint_of(payload), imprint_of(received))
    assert any(each.lost for each in hidden)
    seen = {(each.kind, each.pointer) for each in differences(payload, received)}
    assert {(each.kind, each.pointer) for each in hidden} == seen


@given(PAYLOADS, st.sampled_from(CHANGES))
@SLOW
def test_what_is_not_lost_is_not_called_lost(payload: dict[str, Any], how: str) -> None:
    """A change, by digests or by content, is told, and is no loss."""
    received = changed(payload, how)
    hidden = breaks_between(imprint_of(payload), imprint_of(received))
    assert not [each for each in hidden if each.lost]
    assert bool(hidden) is (how in {"number", "text", "added"})


def assembled(spans: list[Span], rng: random.Random) -> list[Span]:
    """Return the spans of the one run that they make, arriving in any order and batches."""
    spans = rng.sample(spans, len(spans))
    assembler = RunAssembler()
    now_ns = BASE_NS
    for batch, each in enumerate(spans, start=1):
        assembler.add([each], [], batch=batch, now_ns=now_ns)
        now_ns += SECOND_NS // 10
    (snapshot,) = assembler.due(now_ns + 600 * SECOND_NS)
    return list(snapshot.spans)


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("made", [two_services, one_process])
@pytest.mark.parametrize("seed", range(4))
def test_arrival_does_not_matter(made: Any, seed: int, *, content: bool) -> None:
    """Over two services or in one, both ends come together as one run and one handoff."""
    spans = made(ORDER, {**ORDER, "stops": []}, content=content)
    expected = judge(build(run_id="r", spans=spans))
    found = judge(build(run_id="r", spans=assembled(spans, random.Random(seed))))  # a seed
    assert found.graph.handoffs == expected.graph.handoffs
    assert found.blame == expected.blame
    assert checksums_of(found.graph) == checksums_of(expected.graph)
    assert boundaries_of(found.graph) == boundaries_of(expected.graph)
    assert found.blame.category == "truncation"


ODD = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20) | st.binary(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
SIDES = ("sent", "received")
PARTS = ("", ".sha256", ".bytes", ".fields", ".fields.dropped")


@given(
    st.dictionaries(
        st.sampled_from(
            [
                *(
                    f"causewatch.handoff.{side}{part}"
                    for side in ("sent", "received")
                    for part in PARTS
                ),
                *(f"causewatch.handoff.{name}" for name in ("id", "from", "to", "mode", "keyed")),
            ]
        ),
        ODD,
    )
)
@SLOW
def test_nothing_that_a_sender_writes_fails(attributes: dict[str, Any]) -> None:
    """Any attribute of any type under our names, on a marked span, is judged in some way."""
    spans = two_services(ORDER, ORDER)
    for at in (1, 3):
        own = {**spans[at].attributes, **attributes}
        fields = {name: getattr(spans[at], name) for name in Span.__struct_fields__}
        spans[at] = Span(**{**fields, "attributes": own})
    graph = build(run_id="r", spans=spans)
    judge(graph)
    boundaries_of(graph)
