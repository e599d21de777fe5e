from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.graph.imprints import MAX_BREAKS_COUNT, MAX_FIELDS_COUNT, breaks_between, imprint_of
from causewatch.model.imprint import Imprint
from claimed_fixtures import ORDER, shape

LONG = "".join(f"Crate {i} goes to Brevik first, then on to Skien. " for i in range(12))


def breaks(sent: Any, received: Any, *ignore: str) -> list[tuple[str, str, bool]]:
    """Return kind, place and loss of each break between two values, by their imprints."""
    ignored = (lambda pointer: pointer in ignore) if ignore else None
    found = breaks_between(imprint_of(sent), imprint_of(received), ignored)
    return [(each.kind, each.pointer, each.lost) for each in found]


def test_an_imprint_is_the_agreed_shape() -> None:
    """Types, sizes, digests and prefixes are those that the wire format asks for."""
    value = {**ORDER, "nothing": None, "flag": True, "deep": {"a~b/c": [[1]]}, "long": LONG}
    made = {
        pointer: [each.type, each.size, each.digest, list(each.prefixes)]
        for pointer, each in imprint_of(value).fields.items()
    }
    assert made == shape(value)


@pytest.mark.parametrize(
    ("received", "expected"),
    [
        (ORDER, []),
        ({**ORDER, "stops": ["Hals", "Brevik"]}, [("truncation", "/stops", True)]),
        ({**ORDER, "stops": ["Hals", "Skien"]}, [("truncation", "/stops", True)]),
        ({**ORDER, "stops": []}, [("truncation", "/stops", True)]),
        ({**ORDER, "stops": ["Oslo", "Brevik"]}, [("delta", "/stops", False)]),
        ({**ORDER, "stops": [*ORDER["stops"], "Oslo"]}, [("delta", "/stops", False)]),
        ({**ORDER, "stops": ["Hals", "Oslo", "Skien"]}, [("delta", "/stops/1", False)]),
        ({k: v for k, v in ORDER.items() if k != "order"}, [("truncation", "/order", True)]),
        ({**ORDER, "weight": None}, [("missing", "/weight", True)]),
        ({**ORDER, "weight": "12.5"}, [("serialization", "/weight", False)]),
        ({**ORDER, "weight": 1.25}, [("delta", "/weight", False)]),
        ({**ORDER, "note": ORDER["note"][:60]}, [("truncation", "/note", True)]),
        ({**ORDER, "note": ORDER["note"][:64]}, [("truncation", "/note", True)]),
        ({**ORDER, "note": ORDER["note"][:32]}, [("truncation", "/note", True)]),
        ({**ORDER, "note": ""}, [("missing", "/note", True)]),
        ({**ORDER, "note": "Please be careful."}, [("delta", "/note", False)]),
        ({**ORDER, "extra": 1}, [("delta", "/extra", False)]),
        ({**ORDER, "stops": "Hals, Brevik, Skien"}, [("serialization", "/stops", False)]),
        ({**ORDER, "stops": "[3]"}, [("serialization", "/stops", True)]),
        (json.dumps(ORDER), [("serialization", "", False)]),
        ("[object Object]", [("serialization", "", True)]),
        (None, [("missing", "", True)]),
        ({}, [("missing", "", True)]),
    ],
)
def test_what_became_of_a_payload_shows_without_content(
    received: Any, expected: list[tuple[str, str, bool]]
) -> None:
    """Each way to lose content is told from a mere change of form or of a value, at its place."""
    assert breaks(ORDER, received) == expected


@pytest.mark.parametrize("kept_chars", [33, 40, 64, 65, 100, 127, 128, 129, 300, 500])
@pytest.mark.parametrize("mark", ["", "…"])
def test_a_cut_text_is_a_cut(kept_chars: int, mark: str) -> None:
    """Wherever a long text is cut, and with a short mark behind it, its beginnings agree."""
    assert breaks({"t": LONG}, {"t": LONG[:kept_chars] + mark}) == [("truncation", "/t", True)]


@pytest.mark.parametrize(
    "other",
    ["A" * 300, LONG[:32] + "x" * 60, LONG[1:], "Crate 0", LONG + "more", LONG.upper()[:200]],
)
def test_another_text_is_no_cut(other: str) -> None:
    """A text that only resembles the first, or holds more, lost nothing that can be shown."""
    assert breaks({"t": LONG}, {"t": other}) == [("delta", "/t", False)]


def test_a_lost_empty_member_is_no_loss() -> None:
    """Code that leaves out what is empty changed the form, and nothing else."""
    assert breaks({"a": 1, "b": None, "c": []}, {"a": 1}) == [
        ("truncation", "/b", False),
        ("truncation", "/c", False),
    ]


def test_a_wrapped_text_is_the_text() -> None:
    """A receiver that takes the only text out of its object got the same payload."""
    assert breaks({"task": "Book a truck."}, "Book a truck.") == []
    assert breaks("Book a truck.", {"task": "Book a truck."}) == []
    assert breaks({"task": "Book a truck."}, "Book a crane.") != []


def test_ignored_places_do_not_count() -> None:
    """Nor does what lies inside of them; the rest is still compared."""
    sent, got = {"a": {"b": 1}, "c": 2}, {"a": {"b": 3}, "c": 2}
    assert breaks(sent, got, "/a") == []
    assert breaks(sent, {"c": 4}, "/a") == [("delta", "/c", False)]


def test_a_difference_beyond_the_limits_is_seen_without_its_place() -> None:
    """Of a long list only the beginning is listed, but its digest is of all of it."""
    many: list[Any] = [{"n": i} for i in range(500)]
    changed = [*many[:-1], {"n": "other"}]
    assert breaks({"rows": many}, {"rows": changed}) == [("delta", "", False)]
    assert len(imprint_of({"rows": many}).fields) <= MAX_FIELDS_COUNT
    assert imprint_of({"rows": many}).dropped_count > 0


def test_a_long_list_that_lost_its_end_is_truncated() -> None:
    """The items that are listed are found again, and there are fewer of them."""
    many: list[Any] = [{"n": i} for i in range(500)]
    assert breaks({"rows": many}, {"rows": many[:100]}) == [("truncation", "/rows", True)]


def test_digests_alone_tell_that_and_not_where() -> None:
    """Without a shape two digests are equal or not."""
    one, other = Imprint(sha256="aa"), Imprint(sha256="bb")
    assert breaks_between(one, one) == ()
    assert [each.kind for each in breaks_between(one, other)] == ["delta"]
    assert breaks_between(one, other, lambda _: False) == ()


def test_only_the_first_breaks_are_listed() -> None:
    """A payload in which everything changed is told by its first places."""
    sent = {f"k{i}": i for i in range(100)}
    assert len(breaks(sent, dict.fromkeys(sent, -1))) == MAX_BREAKS_COUNT


def test_deep_payloads_end() -> None:
    """What nests deeper than the limit is not listed, and no recursion follows it."""
    deep: Any = 1
    for _ in range(200):
        deep = {"a": deep}
    made = imprint_of(deep)
    assert len(made.fields) == 7
    assert made.dropped_count == 1
