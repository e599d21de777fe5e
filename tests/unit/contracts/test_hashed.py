from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.contracts.check import check
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.spec import Compare, CompareMode, ContractSpec, SchemaSource
from causewatch.graph.build import build
from causewatch.model.judgement import ContractVerdict
from claimed_fixtures import ORDER, side, two_services

LOST = {**ORDER, "stops": ["Hals", "Brevik"]}
SCHEMA: Any = {
    "type": "object",
    "required": ["order"],
    "properties": {"stops": {"type": "array", "minItems": 2}},
}


def verdict(
    received: Any, *, sent: Any = ORDER, content: bool = False, **fields: Any
) -> ContractVerdict:
    """Return what a contract says of a handoff of which only digests and shapes are recorded."""
    spec = ContractSpec(name="c", from_="office", to="depot", **fields)
    graph = build(run_id="r", spans=two_services(sent, received, content=content))
    (found,) = check(compile_contract(spec, rule_id="r"), graph)
    return found


def named(found: ContractVerdict) -> list[tuple[str, str]]:
    """Return name and place of each violation."""
    return [(each.name, each.pointer) for each in found.violations]


@pytest.mark.parametrize("mode", ["exact", "canonical", "subset", "semantic"])
def test_equal_digests_keep_every_contract(mode: CompareMode) -> None:
    """Nothing more has to be known: all of it arrived."""
    found = verdict(dict(reversed(ORDER.items())), compare=Compare(mode=mode))
    assert (found.verdict, found.reason) == ("pass", "")


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (LOST, ("truncation", "/stops")),
        ({**ORDER, "note": ORDER["note"][:64]}, ("truncation", "/note")),
        ({**ORDER, "weight": "12.5"}, ("serialization", "/weight")),
        (json.dumps(ORDER), ("serialization", "")),
        ({**ORDER, "weight": 13}, ("delta", "/weight")),
        ({**ORDER, "stops": None}, ("missing", "/stops")),
        (None, ("missing", "")),
    ],
)
def test_canonical_names_what_became_of_it(received: Any, expected: tuple[str, str]) -> None:
    """The classes are those of a comparison of content, with digests and sizes as evidence."""
    found = verdict(received, compare=Compare(mode="canonical"))
    assert (found.verdict, named(found)) == ("violated", [expected])
    with_content = verdict(received, compare=Compare(mode="canonical"), content=True)
    assert named(with_content)[0][0] == expected[0]
    assert (found.sent_sha256, found.received_sha256) == (
        with_content.sent_sha256,
        with_content.received_sha256,
    )
    assert found.sent_bytes > 0


def test_ignored_places_do_not_count() -> None:
    """Also of each item of a list."""
    received = {**ORDER, "weight": 1, "note": "other"}
    assert verdict(received, compare=Compare(ignore=("/weight", "/note"))).verdict == "pass"
    assert named(verdict(received, compare=Compare(ignore=("/note",)))) == [("delta", "/weight")]
    sent, got = ({"rows": [{"n": 1, "at": at}]} for at in ("09:00", "09:01"))
    assert verdict(got, sent=sent, compare=Compare(ignore=("/rows/*/at",))).verdict == "pass"


def test_what_ignored_places_may_hide_is_not_verifiable() -> None:
    """Beyond the limits of the shape nobody can tell an ignored difference from another."""
    sent, got = ({"at": at, "rows": [*range(200), at]} for at in ("a", "b"))
    found = verdict(got, sent=sent, compare=Compare(ignore=("/at",)))
    assert found.verdict == "unverifiable"
    assert "record content" in found.reason


def test_a_subset_may_lack_and_may_not_change() -> None:
    """Members and items may be missing, a value may not be another."""
    assert verdict(LOST, compare=Compare(mode="subset")).verdict == "pass"
    changed = verdict({**LOST, "weight": 1}, compare=Compare(mode="subset"))
    assert named(changed) == [("delta", "/weight")]
    only_note = Compare(mode="subset", ignore=("/note",))
    assert named(verdict(LOST, compare=only_note)) == [("truncation", "/stops")]


def test_meaning_cannot_be_told_from_digests_but_loss_can() -> None:
    """Other words may keep the facts: that is unverifiable. An item that is gone is gone."""
    reworded = verdict({**ORDER, "note": "Be careful."}, compare=Compare(mode="semantic"))
    assert reworded.verdict == "unverifiable"
    assert "cannot be told from digests" in reworded.reason
    assert named(verdict(LOST, compare=Compare(mode="semantic"))) == [("truncation", "/stops")]
    moved = {("number" if key == "order" else key): value for key, value in ORDER.items()}
    assert verdict(moved, compare=Compare(mode="semantic")).verdict == "unverifiable"


def test_a_tolerated_loss_is_tolerated() -> None:
    """By the size of both sides, which the digests come with."""
    assert verdict(LOST, compare=Compare(max_lost_ratio=0.2)).verdict == "pass"
    assert verdict(LOST, compare=Compare(max_lost_ratio=0.01)).verdict == "violated"


@pytest.mark.parametrize("content", [False, True])
def test_schemas_are_checked_by_shape(*, content: bool) -> None:
    """Each side against its own; without content as with it."""
    both = SchemaSource(value=SCHEMA)
    assert verdict(ORDER, schema=both, content=content).verdict == "pass"
    found = verdict({"stops": ["Hals"]}, schema=both, content=content)
    assert {each.side for each in found.violations} == {"received"}
    assert {each.name for each in found.violations} == {"schema"}
    assert len(found.violations) == 2


def test_what_a_shape_cannot_tell_of_a_schema_is_said() -> None:
    """The verdict is unverifiable, with the keyword and with what would help."""
    pattern = SchemaSource(value={"properties": {"order": {"pattern": "^FO-"}}})
    found = verdict(ORDER, received_schema=pattern)
    assert found.verdict == "unverifiable"
    assert "pattern" in found.reason
    assert verdict(ORDER, received_schema=pattern, content=True).verdict == "pass"


def test_one_end_alone_is_not_verifiable() -> None:
    """The reason says which end is missing, and what to do."""
    spec = ContractSpec(name="c", compare=Compare())
    graph = build(run_id="r", spans=two_services(ORDER, ORDER)[2:])
    (found,) = check(compile_contract(spec, rule_id="r"), graph)
    assert found.verdict == "unverifiable"
    assert found.reason.startswith("no digest of what was sent is recorded: instrument both")


def test_one_end_with_content_and_one_without_are_compared() -> None:
    """Whoever switches content on does so for one service at a time."""
    spans = two_services(ORDER, LOST)
    spans[1] = two_services(ORDER, LOST, content=True)[1]
    spec = ContractSpec(name="c", compare=Compare(), sent_schema=SchemaSource(value=SCHEMA))
    (found,) = check(compile_contract(spec, rule_id="r"), build(run_id="r", spans=spans))
    assert named(found) == [("truncation", "/stops")]
    assert side("sent", ORDER, content=True).keys() > side("sent", ORDER).keys()
