from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.rules.read import Section, did_you_mean, keys_of, read, seconds_of
from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Either,
    Integer,
    Json,
    Key,
    Kind,
    ListOf,
    MapOf,
    Number,
    Shape,
    Size,
    Text,
)
from causewatch.rules.yaml import Place, Problems, Scalar, parse, plain

INNER = Shape(
    name="inner",
    keys=(
        Key(name="word", kind=Text(not_empty=True), doc="A word.", required=True),
        Key(name="future", kind=Text(), doc="Later.", later=True),
    ),
)
KINDS: dict[str, Kind] = {
    "text": Text(),
    "name": Text(not_empty=True),
    "window": Duration(not_zero=True),
    "pause": Duration(),
    "size": Size(),
    "count": Integer(minimum=1, maximum=10),
    "ratio": Number(maximum=1),
    "on": Boolean(),
    "mode": Choice(words=("exact", "canonical"), later=("semantic",)),
    "anything": Json(),
    "words": ListOf(item=Text()),
    "labels": MapOf(value=Text()),
    "inner": INNER,
    "inners": ListOf(item=INNER),
    "severity": Either(scalar=Text(), full=INNER),
}
OUTER = Shape(
    name="outer", keys=tuple(Key(name=name, kind=kind, doc=".") for name, kind in KINDS.items())
)


def section_of(text: str, shape: Shape = OUTER) -> tuple[Section | None, list[str]]:
    """Return what was read from a YAML text, and the problems without the file's name."""
    problems = Problems()
    node = parse("f", text.encode(), problems)
    assert node is not None
    section = read(node, shape, problems)
    return section, [str(problem).removeprefix("f:") for problem in problems]


def good(text: str) -> Section:
    """Return the section of a text without problems."""
    section, problems = section_of(text)
    assert problems == []
    assert section is not None
    assert section.ok
    return section


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("no", "no"),
        ("010", "010"),
        ("1:30", "1:30"),
        ("2026-01-02", "2026-01-02"),
        ("1.50", "1.50"),
        ("true", "true"),
        ("null", "null"),
        ("", ""),
        ("'quoted'", "quoted"),
    ],
)
def test_text_is_taken_as_written(written: str, text: str) -> None:
    """Where text is wanted, no spelling turns into a number, a boolean or a date."""
    section = good(f"text: {written}\nwords: [{written}]\nlabels: {{a: {written}}}\n")
    assert section.text("text", "default") == text
    assert section.labels("labels") == {"a": text}
    assert section.texts("words") == ((text,) if written else ())


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("15m", 900.0),
        ("1h30m", 5400.0),
        ("7d", 604800.0),
        ("500ms", 0.5),
        ("1m500ms", 60.5),
        ("1s1ms", 1.001),
        ("2w", 1209600.0),
        ("1y", 31536000.0),
        ("0s", 0.0),
        ("15", None),
        ("", None),
        ("m", None),
        ("30m1h", None),
        ("1.5h", None),
        ("-5m", None),
        ("5 m", None),
        ("5M", None),
        ("9999999999s", None),
        ("٣m", None),
    ],
)
def test_durations_are_those_of_prometheus(text: str, seconds: float | None) -> None:
    """Units from large to small, each at most once, integers only."""
    assert seconds_of(text) == seconds


@pytest.mark.parametrize(
    ("key", "written", "value"),
    [
        ("window", "1h30m", 5400.0),
        ("pause", "0s", 0.0),
        ("size", "64KiB", 65536),
        ("size", "2MB", 2_000_000),
        ("size", "3 GiB", 3 * 1024**3),
        ("size", "12B", 12),
        ("count", "10", 10),
        ("ratio", "0.5", 0.5),
        ("ratio", "1", 1.0),
        ("on", "true", True),
        ("on", "false", False),
        ("mode", "exact", "exact"),
    ],
)
def test_good_values_come_out_typed(key: str, written: str, value: object) -> None:
    """A duration is in seconds, a size in bytes, and so on."""
    section = good(f"{key}: {written}\n")
    assert section.value(key) == value
    assert section.is_good(key)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("window: 15", "1:9: error: 'window' needs a unit: write 15s, 15m or 15h [unit]"),
        ("pause: 0", "1:8: error: 'pause' needs a unit: write 0s, 0m or 0h [unit]"),
        ("pause: 1.5", "1:8: error: 'pause' needs a unit: write 1.5s, 1.5m or 1.5h [unit]"),
        (
            "pause: soon",
            "1:8: error: 'pause' must be a duration such as 15m or 1h30m, not 'soon' [value]",
        ),
        ("window: 0s", "1:9: error: 'window' must be longer than 0s [value]"),
        ("pause: [1m]", "1:8: error: 'pause' must be a duration such as 15m, not a list [value]"),
        ("size: 64", "1:7: error: 'size' needs a unit: write 64B, 64KiB or 64MiB [unit]"),
        (
            "size: 64KIB",
            "1:7: error: 'size' must be a size such as 64KiB or 2MB, not '64KIB' [value]",
        ),
        ("count: 0", "1:8: error: 'count' must be at least 1, not 0 [value]"),
        ("count: 11", "1:8: error: 'count' must be at most 10, not 11 [value]"),
        ("count: 1.5", "1:8: error: 'count' must be an integer, not '1.5' [value]"),
        ("count: '3'", "1:8: error: 'count' must be an integer, not '3' [value]"),
        ("count: 010", "1:8: error: 'count' must be an integer, not '010' [value]"),
        ("ratio: 2", "1:8: error: 'ratio' must be at most 1, not 2 [value]"),
        ("ratio:", "1:7: error: 'ratio' must be a number, not nothing [value]"),
        ("on: yes", "1:5: error: 'on' must be true or false, not 'yes' [value]"),
        (
            "mode: canonicl",
            ("1:7: error: 'mode' must be one of exact, canonical, not 'canonicl';"
            " did you mean 'canonical'? [value]"),
        ),
        (
            "mode: semantic",
            ("1:7: error: 'mode' = 'semantic' is not supported by this version of causewatch"
            " [unsupported]"),
        ),
        ("name: ''", "1:7: error: 'name' must not be empty [value]"),
        ("name: {a: 1}", "1:7: error: 'name' must be text, not a mapping [value]"),
        ("words: x", "1:8: error: 'words' must be a list, not 'x' [value]"),
        ("words: [[x]]", "1:9: error: an item of 'words' must be text, not a list [value]"),
        ("labels: [x]", "1:9: error: 'labels' must be a mapping, not a list [value]"),
        ("labels: {a: [x]}", "1:13: error: 'a' must be text, not a list [value]"),
        ("inner: 3", "1:8: error: an inner must be a mapping, not '3' [value]"),
        ("inner: {}", "1:8: error: an inner needs the key 'word' [missing-key]"),
        (
            "inner: {word: x, future: y}",
            "1:18: error: 'future' is not supported by this version of causewatch [unsupported]",
        ),
        ("severity: {wrd: x, word: y}", ("1:12: error: an inner has no key 'wrd';"
         " did you mean 'word'? [unknown-key]")),
        ("winow: 5m", ("1:1: error: an outer has no key 'winow';"
         " did you mean 'window'? [unknown-key]")),
    ],
)  # fmt: skip
def test_bad_values_are_told_with_their_place(text: str, problem: str) -> None:
    """Every kind says what it wanted and what stands there."""
    _, problems = section_of(text + "\n")
    assert problems == [problem]


def test_a_key_like_no_other_gets_the_list_of_known_keys() -> None:
    """Without a near miss, the message names what is known, and nothing that is not supported."""
    _, problems = section_of("zzz: 1\n", INNER)
    assert problems == [
        "1:1: error: an inner has no key 'zzz'; known are word [unknown-key]",
        "1:1: error: an inner needs the key 'word' [missing-key]",
    ]
    assert [key.name for key in keys_of(INNER)] == ["word"]


def test_every_problem_is_collected_and_the_good_rest_is_read() -> None:
    """The first mistake hides neither the second nor what is right."""
    section, problems = section_of(
        "window: 5\ncount: x\ninners:\n- {word: a}\n- {}\n- 3\n- {word: b}\ntext: t\n"
    )
    assert [problem.split(": ")[0] for problem in problems] == ["1:9", "2:8", "5:3", "6:3"]
    assert section is not None
    assert not section.ok
    assert [inner.ok for inner in section.sections("inners")] == [True, False, True]
    assert section.text("text") == "t"
    assert (section.has("count"), section.is_good("count")) == (True, False)
    assert section.integer("count", 7) == 7


def test_a_root_that_is_no_mapping_is_told() -> None:
    """A list where a mapping belongs gives one problem and nothing to read."""
    assert section_of("- a\n") == (
        None,
        ["1:1: error: an outer must be a mapping, not a list [value]"],
    )


def test_absent_keys_give_their_defaults() -> None:
    """A section without a key is as good as one with the default."""
    section = good("text: x\n")
    assert section.seconds("window", 30.0) == 30.0
    assert section.number("ratio", 0.25) == 0.25
    assert section.boolean("on", default=True) is True
    assert section.section("inner") is None
    assert section.sections("inners") == ()
    assert section.labels("labels") == {}
    assert section.value("anything") is None
    assert section.node_of("anything") is None
    assert section.scalar("inner") is None


def test_places_of_keys_and_values() -> None:
    """A key, its value, and, for what is missing, the item itself can be pointed at."""
    section = good("text: x\ninners:\n- word: a\n")
    inner = section.sections("inners")[0]
    assert inner.key_place("word") == Place(file="f", line=3, column=3)
    assert inner.place_of("word") == Place(file="f", line=3, column=9)
    assert inner.place_of("absent") == inner.key_place("absent") == inner.place
    scalar = inner.scalar("word")
    assert isinstance(scalar, Scalar)
    assert scalar.text == "a"


def test_json_is_kept_as_nodes() -> None:
    """A schema keeps its places; its value is what YAML says."""
    node = good("anything: {a: [1, no]}\n").node_of("anything")
    assert node is not None
    assert plain(node) == {"a": [1, "no"]}


def test_what_is_already_reported_is_not_reported_twice() -> None:
    """An alias is one problem, whatever should have stood there."""
    _, problems = section_of("text: &x a\nwindow: *x\ninner: *x\nwords: *x\nlabels: {a: *x}\n")
    assert [problem.rsplit(" ", 1)[1] for problem in problems] == ["[yaml]"] * 5


@pytest.mark.parametrize(
    ("word", "hint"), [("sevrity", "; did you mean 'severity'?"), ("zzz", ""), ("", "")]
)
def test_did_you_mean_only_speaks_of_near_misses(word: str, hint: str) -> None:
    """A wild guess helps nobody."""
    assert did_you_mean(word, ("severity", "window")) == hint


UNITS = {"y": 31536000, "w": 604800, "d": 86400, "h": 3600, "m": 60, "s": 1, "ms": 0.001}


@given(st.dictionaries(st.sampled_from(list(UNITS)), st.integers(0, 999), min_size=1))
def test_a_duration_is_the_sum_of_its_parts(parts: dict[str, int]) -> None:
    """Written from large to small, any units together are read as their sum."""
    text = "".join(f"{parts[unit]}{unit}" for unit in UNITS if unit in parts)
    expected = sum(parts[unit] * seconds for unit, seconds in UNITS.items() if unit in parts)
    assert seconds_of(text) == pytest.approx(expected)
    assert good(f"pause: {text}\n").seconds("pause") == seconds_of(text)


@given(st.dictionaries(st.sampled_from(list(KINDS)), st.text("ab1:{}[]~ \n", max_size=8)))
def test_any_values_are_read_or_told(values: dict[str, str]) -> None:
    """Whatever stands behind known keys, there are values or problems, never an exception."""
    text = "".join(f"{key}: {value!r}\n" for key, value in values.items()) or "{}"
    section, problems = section_of(text)
    assert section is not None
    assert section.ok == (not problems)
    assert all(section.is_good(key) for key in values) or problems
