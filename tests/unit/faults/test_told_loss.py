from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from claimed_fixtures import ORDER, one_process, two_services
from graph_fixtures import span_id

NOTE = str(ORDER["note"])
LOSSES: dict[str, tuple[Any, str]] = {
    "items": ({**ORDER, "stops": ["Hals", "Brevik"]}, "truncation"),
    "all items": ({**ORDER, "stops": []}, "truncation"),
    "a member": ({k: v for k, v in ORDER.items() if k != "order"}, "truncation"),
    "a value": ({**ORDER, "order": None}, "truncation"),
    "a text's end": ({**ORDER, "note": NOTE[:50]}, "truncation"),
    "everything": ({}, "truncation"),
    "structure": ("[object Object]", "serialization"),
}
CHANGES: dict[str, Any] = {
    "nothing": ORDER,
    "order of members": dict(reversed(ORDER.items())),
    "spelling of a number": {**ORDER, "weight": 12.50},
    "something added": {**ORDER, "trace": "t-1"},
    "written as JSON": json.dumps(ORDER),
    "a number as text": {**ORDER, "weight": "12.5"},
    "another value": {**ORDER, "weight": 13.5},
    "another text": {**ORDER, "note": "Careful with the crates."},
    "sorted": {**ORDER, "stops": ["Brevik", "Hals", "Skien"]},
}


def assessed(received: Any, *, way: str, content: bool = False) -> Assessment:
    """Return the judged run whose receiver got this."""
    made = two_services if way == "two services" else one_process
    return judge(build(run_id="r", spans=made(ORDER, received, content=content)))


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("way", ["two services", "one process"])
@pytest.mark.parametrize("name", LOSSES)
def test_what_was_lost_is_found_with_content_and_without(
    name: str, way: str, *, content: bool
) -> None:
    """No contract, and no content on any span: the handoff itself is named as the origin."""
    received, category = LOSSES[name]
    blame = assessed(received, way=way, content=content).blame
    assert (blame.verdict, blame.category) == ("corrupted", category)
    assert blame.origin is not None
    assert blame.origin.agent == "office"
    assert blame.path[0].step == blame.origin.step
    assert [each.agent for each in blame.propagators] == ["depot"]
    assert blame.symptom is not None


@pytest.mark.parametrize("content", [False, True])
@pytest.mark.parametrize("way", ["two services", "one process"])
@pytest.mark.parametrize("name", CHANGES)
def test_a_change_that_loses_nothing_is_no_fault(name: str, way: str, *, content: bool) -> None:
    """Some systems change the form, or a value, on purpose: a contract says if they may."""
    assessment = assessed(CHANGES[name], way=way, content=content)
    assert assessment.faults == ()
    assert assessment.blame.verdict == "healthy"
    assert assessment.blame.unverifiable == ()


def test_the_place_is_told_in_quotes() -> None:
    """A pointer holds names of the payload, which anybody may have chosen."""
    (fault,) = assessed({**ORDER, "stops": ["Hals"]}, way="two services").faults
    assert (fault.name, fault.handoff, fault.at) == ("lost_at_handoff", 0, "output")
    assert fault.reason == "depot got less than it was sent: 2 of 3 items were lost at “/stops”"


def test_one_side_alone_proves_nothing() -> None:
    """Where the receiver is not instrumented, what it got is not known."""
    spans = two_services(ORDER, {})
    assessment = judge(build(run_id="r", spans=[*spans[:3], *spans[4:]]))
    assert assessment.faults == ()
    (gap,) = [each for each in assessment.blame.unverifiable if "office to depot" in each.what]
    assert gap.reason == "what was received is on no span"


def test_a_wrong_claim_is_told_and_the_content_counts() -> None:
    """A digest that says all is well does not hide that content is missing."""
    short = {**ORDER, "stops": ["Hals"]}
    spans = two_services(ORDER, short, content=True)
    lie = dict(spans[3].attributes)
    lie |= {
        key.replace("sent", "received"): value
        for key, value in spans[1].attributes.items()
        if ".sent." in key
    }
    spans[3] = type(spans[3])(
        **{
            name: getattr(spans[3], name)
            for name in spans[3].__struct_fields__
            if name != "attributes"
        },
        attributes=lie,
    )
    assessment = judge(build(run_id="r", spans=spans))
    assert [fault.name for fault in assessment.faults] == ["lost_at_handoff"]
    assert assessment.blame.origin is not None
    origin = assessment.graph.steps[assessment.blame.origin.step]
    assert origin.span.span_id == span_id(2)
    (gap,) = assessment.blame.unverifiable
    assert gap.reason == (
        "the digest claimed of what was received is not that of the recorded content"
    )
