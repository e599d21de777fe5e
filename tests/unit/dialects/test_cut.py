from __future__ import annotations

import json

import pytest

from causewatch.dialects.cut import LIMITS_CHARS, any_cut, common_limit, was_cut, was_cut_at

LONG_JSON = json.dumps([{"id": i, "text": "some words about it"} for i in range(5_000)])
PROSE = "Some words that go on and on without any end. " * 5_000


@pytest.mark.parametrize("limit", sorted(LIMITS_CHARS))
def test_json_cut_at_a_round_limit_was_cut_by_telemetry(limit: int) -> None:
    """A JSON text that stops at exactly an SDK's or Collector's limit was cut there."""
    text = (LONG_JSON * 5)[:limit]
    assert was_cut(text, {"k": text})


@pytest.mark.parametrize("length", [80, 100, 127, 129, 1_023, 1_025, 4_095, 12_345])
def test_json_cut_elsewhere_was_not_cut_by_telemetry(length: int) -> None:
    """A JSON text that stops at any other length was cut by the agent system: a fault to find."""
    text = LONG_JSON[:length]
    assert not was_cut(text, {"k": text})


@pytest.mark.parametrize("limit", [128, 1_024, 4_096])
def test_whole_json_of_a_round_length_was_not_cut(limit: int) -> None:
    """A text that parses is whole, however long it happens to be."""
    text = json.dumps({"pad": ""})
    text = json.dumps({"pad": "x" * (limit - len(text))})
    assert len(text) == limit
    assert not was_cut(text, {"k": text})


@pytest.mark.parametrize("limit", [128, 1_024])
def test_prose_of_a_round_length_alone_is_no_mark(limit: int) -> None:
    """One text of a round length proves nothing: agents cut at round lengths, too."""
    assert not was_cut(PROSE[:limit], {"k": PROSE[:limit]})


def test_bytes_count_as_well_as_characters() -> None:
    """Some limits count bytes: 1024 bytes of a text with umlauts are fewer characters."""
    text = '{"text": "' + "ü" * 507
    assert len(text) != 1_024
    assert len(text.encode()) == 1_024
    assert was_cut(text, {"k": text})


@pytest.mark.parametrize("length", [97, 700, 3_333])
def test_many_values_of_one_length_were_cut_there(length: int) -> None:
    """Where several different values all stop at the longest length, a limit stopped them."""
    values = {f"k{i}": (f"{i} " + PROSE)[:length] for i in range(3)}
    assert all(was_cut(text, values) for text in values.values())


@pytest.mark.parametrize(
    ("values", "why"),
    [
        ({"a": PROSE[:700], "b": PROSE[:700], "c": PROSE[:700]}, "one text three times"),
        ({"a": "1" + PROSE[:699], "b": "2" + PROSE[:699]}, "only two"),
        (
            {"a": "1" + PROSE[:699], "b": "2" + PROSE[:699], "c": "3" + PROSE[:699], "d": PROSE},
            "a longer one",
        ),
        ({"a": "1" * 36, "b": "2" * 36, "c": "3" * 36}, "ids have one length"),
    ],
)
def test_equal_lengths_by_chance_are_no_mark(values: dict[str, str], why: str) -> None:
    """Equal lengths have other reasons, too; a cut excused wrongly is a fault missed."""
    assert not was_cut(values["a"], values), why


def test_values_of_other_types_do_not_count() -> None:
    """Numbers and lists beside the text are no evidence."""
    assert not was_cut("x" * 200, {"a": "x" * 200, "b": 5, "c": ["x" * 200], "d": None})


def test_the_common_limit_is_found_once_for_all_values() -> None:
    """The length that several longest texts share; short ones share theirs by chance."""
    cut = [(f"{i} " + PROSE)[:700] for i in range(3)]
    assert common_limit([*cut, "short", 1]) == 700
    assert common_limit([*cut, PROSE[:701]]) == 0
    assert common_limit(cut[:2]) == 0
    assert common_limit(["a", "b", "c"]) == 0
    assert common_limit([]) == 0
    assert was_cut_at(cut[0], 700)
    assert not was_cut_at("", 0)
    assert any_cut({f"k{i}": text for i, text in enumerate(cut)})
    assert not any_cut({"k": "", "l": 1})
