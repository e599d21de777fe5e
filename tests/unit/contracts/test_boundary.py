from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from blame_fixtures import one_handoff, payload
from causewatch.contracts.boundary import boundaries_of, boundary_of, standing_of
from causewatch.graph.build import build
from causewatch.model.expectation import Boundary
from claimed_fixtures import ORDER, digest, one_process, two_services

NOTE = "Order A-1 was sent on Monday with carrier Blue, tracking number BL-99."


def boundary(sent: Any, received: Any, *, redact: tuple[str, ...] = (), **fields: Any) -> Boundary:
    """Return the boundary of a handoff that code carried, unless told otherwise."""
    graph = one_handoff(payload(sent), payload(received), **{"mechanical": True, **fields})
    (found,) = boundaries_of(graph, {0: redact})
    return found


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        (ORDER, ORDER),
        ({"task": NOTE}, NOTE),
        ({"task": '{"a": 1}'}, {"a": 1}),
        ({"order": "A-1", "n": 3}, "Please look into order A-1 (3 parcels)."),
        ({"a": 1, "ctx": "<app.Context object at 0x7f17fd5d4fe0>"}, {"a": 1}),
    ],
)
def test_all_of_it_arrived(sent: Any, received: Any) -> None:
    """Equal, unwrapped, within a prompt, or without what only the program itself can use."""
    found = boundary(sent, received)
    assert found.intact is True
    assert found.summary.startswith("all of it arrived")
    assert len(found.checksum) == 64


def test_what_was_lost_is_told() -> None:
    """The delta for programs, the sentence for people; what stems from the payload is in quotes."""
    found = boundary({"stops": ["Hals", "Brevik"], "n": 1}, {"stops": ["Hals"], "n": 1})
    assert found.intact is False
    assert json.loads(found.delta) == [{"op": "remove", "path": "/stops/1"}]
    assert found.summary == "1 of 2 items were lost at “/stops”"


def test_what_contracts_redact_is_in_neither() -> None:
    """Also where a one-string object was taken out of its object."""
    found = boundary({"goal": "a"}, {"goal": "secret"}, redact=("/goal",))
    text = boundary({"goal": "a b c"}, "secret words", redact=("/goal",))
    assert "secret" not in f"{found}{text}"
    assert json.loads(text.delta)[0]["path"] == "/goal"
    assert "the delta is shortened" in found.summary


def test_other_words_are_not_a_loss() -> None:
    """Where nothing shows that code carried it, a model may have told it in its own words."""
    found = boundary(NOTE, "The parcel is late.", mechanical=False)
    assert found.intact is None
    assert json.loads(found.delta)[0]["op"] == "replace"


@pytest.mark.parametrize(
    ("sent", "received", "summary"),
    [
        (None, payload("x"), "what was sent is not known"),
        (payload("x"), None, "what was received is not known"),
        (payload("x"), payload("y", cut=True), "what was received was cut by telemetry"),
        (
            payload("What was asked before.", key="gen_ai.input.messages"),
            payload("x"),
            "the handoff itself carried nothing that is recorded",
        ),
    ],
)
def test_what_is_not_known_is_said(sent: Any, received: Any, summary: str) -> None:
    """Nothing is guessed of a side that is not there, not whole, or not the payload."""
    (found,) = boundaries_of(one_handoff(sent, received, mechanical=True))
    assert (found.intact, found.summary, found.delta) == (None, summary, "")


def test_without_content_digests_tell() -> None:
    """The delta has the place and a digest in place of the value; no content was there to show."""
    (same,) = boundaries_of(build(run_id="r", spans=two_services(ORDER, ORDER)))
    assert (same.intact, same.delta) == (True, "")
    short = {**ORDER, "stops": ["Hals"]}
    (lost,) = boundaries_of(build(run_id="r", spans=two_services(ORDER, short)))
    assert lost.intact is False
    assert json.loads(lost.delta) == [
        {
            "op": "replace",
            "path": "/stops",
            "value": f"sha256:{digest(['Hals'])[:16]}",
            "shortened": True,
        }
    ]
    assert "“/stops”" in lost.summary
    gone = {key: value for key, value in ORDER.items() if key != "order"}
    (removed,) = boundaries_of(build(run_id="r", spans=two_services(ORDER, gone)))
    assert json.loads(removed.delta) == [{"op": "remove", "path": "/order"}]
    (added,) = boundaries_of(build(run_id="r", spans=two_services(gone, ORDER)))
    assert json.loads(added.delta)[0]["op"] == "add"


def test_the_checksum_is_the_same_with_content_and_without() -> None:
    """A team that switches content off can still compare with yesterday's runs."""
    with_content, without = (
        boundaries_of(build(run_id="r", spans=one_process(ORDER, ORDER, content=content)))
        for content in (True, False)
    )
    assert with_content[0].checksum == without[0].checksum


def test_a_claim_is_checked_where_content_is_there() -> None:
    """Checked, unchecked or wrong; a handoff that nobody told of has no claim."""
    (plain,) = one_handoff(payload("a"), payload("a")).handoffs
    assert standing_of(plain) is None
    standings = {}
    for name, content, more in (
        ("with content", True, {}),
        ("without", False, {}),
        ("wrong", True, {"causewatch__handoff__sent__sha256": digest("other")}),
    ):
        spans = one_process(ORDER, ORDER, content=content)
        told = msgspec.structs.replace(
            spans[1],
            attributes={
                **spans[1].attributes,
                **{key.replace("__", "."): value for key, value in more.items()},
            },
        )
        (handoff,) = build(run_id="r", spans=[spans[0], told, *spans[2:]]).handoffs
        standings[name] = standing_of(handoff)
        if name == "wrong":
            assert "the digest claimed of what was sent" in boundary_of(handoff).summary
    assert standings == {"with content": "checked", "without": "unchecked", "wrong": "wrong"}


def test_hostile_keys_stay_in_their_quotes() -> None:
    """A key with our quotation marks in it cannot end the quotation."""
    found = boundary({"a” is fine “": 1, "b": 2}, {"b": 2})
    assert found.summary.count("“") == found.summary.count("”") == 1
