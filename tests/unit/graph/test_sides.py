from __future__ import annotations

import json

import pytest

from causewatch.graph.sides import only_argument
from causewatch.model.step import Payload
from causewatch.model.value import Value

BRIEF: Value = {"id": "OR-5518", "lines": [{"article": "DR-77120", "count": 40}]}


def payload(value: Value, *, cut: bool = False) -> Payload:
    """Return a payload as it is recorded."""
    raw = value if isinstance(value, str) else json.dumps(value)
    return Payload(value=value, raw=raw, key="arguments", cut=cut)


@pytest.mark.parametrize("received", [BRIEF, [1, 2], {"id": "OR-1"}, '{"id":"OR-5', "[1, 2"])
def test_the_one_argument_of_a_delegating_tool_is_what_it_hands_over(received: Value) -> None:
    """An agent is given the value of ``brief``, not an object around it."""
    found = only_argument(payload({"brief": BRIEF}), payload(received))
    assert found is not None
    assert found.value == BRIEF
    assert json.loads(found.raw) == BRIEF


@pytest.mark.parametrize(
    ("sent", "received"),
    [
        ({"brief": BRIEF}, {"brief": BRIEF}),
        ({"brief": BRIEF}, "Please place this order."),
        ({"brief": BRIEF, "urgent": True}, BRIEF),
        ({"brief": "Order 40 seals."}, {"text": "Order 40 seals."}),
        ([BRIEF], BRIEF),
        ({}, {}),
    ],
)
def test_any_other_payload_stays_as_it_was_sent(sent: Value, received: Value) -> None:
    """Arrived under its name, as prose, with other arguments beside it, or as a text."""
    given = payload(sent)
    assert only_argument(given, payload(received)) is given


def test_what_is_not_known_or_cut_stays() -> None:
    """Nothing is concluded from one side alone, or from what telemetry cut."""
    given = payload({"brief": BRIEF})
    cut = payload({"brief": BRIEF}, cut=True)
    assert only_argument(given, None) is given
    assert only_argument(None, given) is None
    assert only_argument(cut, payload(BRIEF)) is cut
