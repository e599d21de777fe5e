from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.value import Value
from causewatch.rules.yaml import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    MAX_NODES,
    MAX_PROBLEMS,
    Place,
    Problems,
    Scalar,
    Table,
    parse,
    plain,
    values_of,
)


def parsed(text: str | bytes) -> tuple[Value, list[str]]:
    """Return the JSON value of a file, and its problems as text."""
    problems = Problems()
    content = text.encode() if isinstance(text, str) else text
    node = parse("f.yaml", content, problems)
    return (None if node is None else plain(node)), [str(problem) for problem in problems]


def scalar(text: str, key: str) -> Scalar:
    """Return the scalar of a top-level key."""
    node = parse("f.yaml", text.encode(), Problems())
    assert isinstance(node, Table)
    entry = node.entry(key)
    assert entry is not None
    assert isinstance(entry.value, Scalar)
    return entry.value


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("true", True),
        ("false", False),
        ("True", "True"),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("null", None),
        ("~", None),
        ("", None),
        ("Null", "Null"),
        ("0", 0),
        ("-7", -7),
        ("+7", "+7"),
        ("010", "010"),
        ("0x10", "0x10"),
        ("0o10", "0o10"),
        ("1_000", "1_000"),
        ("1:30", "1:30"),
        ("1.5", 1.5),
        ("1e3", 1000.0),
        ("-2.5E-1", -0.25),
        (".5", ".5"),
        ("5.", "5."),
        ("1e999", "1e999"),
        (".inf", ".inf"),
        (".nan", ".nan"),
        ("2026-01-02", "2026-01-02"),
        ("2026-01-02T03:04:05Z", "2026-01-02T03:04:05Z"),
        ("<<", "<<"),
        ("=", "="),
        ('"true"', "true"),
        ("'1'", "1"),
        ("9" * 400, "9" * 400),
    ],
)
def test_scalars_are_those_of_json(written: str, value: Value) -> None:
    """Only JSON's spellings have a type; what YAML 1.1 would guess stays text."""
    assert parsed(f"a: {written}\n") == ({"a": value}, [])


def test_collections_keep_their_order_and_nesting() -> None:
    """Mappings and sequences come out as dicts and lists."""
    value, problems = parsed("b: [1, {x: y}]\na:\n- - 2\n  - {}\n- []\n")
    assert problems == []
    assert value == {"b": [1, {"x": "y"}], "a": [[2, {}], []]}
    assert isinstance(value, dict)
    assert list(value) == ["b", "a"]


@pytest.mark.parametrize("text", ["", "\n", "# nothing\n", "---\n", "~\n", "\ufeff"])
def test_an_empty_file_is_no_problem(text: str) -> None:
    """A file without content has no root, and nothing is wrong with it."""
    assert parsed(text) == (None, [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        (
            "a: 1\nb: 2\na: 3\n",
            (
                "f.yaml:3:1: error: duplicate key 'a' in line 3: it is already set in line 1"
                " [duplicate-key]"
            ),
        ),
        (
            "x:\n  - {k: 1, k: 2}\n",
            (
                "f.yaml:2:12: error: duplicate key 'k' in line 2: it is already set in line 2"
                " [duplicate-key]"
            ),
        ),
        ("a: &x 1\n", "f.yaml:1:4: error: the anchor &x is not allowed [yaml]"),
        ("a: &x {b: 1}\n", "f.yaml:1:4: error: the anchor &x is not allowed [yaml]"),
        (
            "a: !!str 3\n",
            "f.yaml:1:4: error: the tag tag:yaml.org,2002:str is not allowed [yaml]",
        ),
        (
            "a: !!python/name:os.system ''\n",
            (
                "f.yaml:1:4: error: the tag tag:yaml.org,2002:python/name:os.system is not allowed"
                " [yaml]"
            ),
        ),
        ("a: ! 3\n", "f.yaml:1:4: error: the tag ! is not allowed [yaml]"),
        ("? [a]\n: 1\n", "f.yaml:1:3: error: a key must be text [yaml]"),
        ("---\na: 1\n---\nb: 2\n", "f.yaml:3:1: error: one file holds one YAML document [yaml]"),
        ("a: b: c\n", "f.yaml:1:5: error: mapping values are not allowed in this context [yaml]"),
        (
            "a:\n\t- x\n",
            (
                "f.yaml:2:1: error: while scanning for the next token: found character that cannot"
                " start any token [yaml]"
            ),
        ),
        (
            "a: 1\nb: x\x00y\n",
            "f.yaml:2:5: error: the character U+0000 is not allowed in YAML [yaml]",
        ),
    ],
)
def test_what_is_refused_is_named_with_its_place(text: str, problem: str) -> None:
    """Every refusal has a line, a column and one sentence."""
    assert parsed(text)[1] == [problem]


def test_bytes_that_are_not_utf8_are_named_with_their_line() -> None:
    """The place of a bad byte is where it stands."""
    assert parsed(b"a: 1\nbc: \xff\n") == (
        None,
        ["f.yaml:2:5: error: the file is not UTF-8 [yaml]"],
    )


def test_an_alias_is_reported_where_it_is_used_and_nowhere_else() -> None:
    """The alias gets one problem; the value it stood for is marked broken, not wrong."""
    problems = Problems()
    node = parse("f.yaml", b"a: &x 1\nb:\n  c: *x\n*x : 2\n", problems)
    assert [(p.line, p.column) for p in problems] == [(1, 4), (3, 6), (4, 1)]
    assert isinstance(node, Table)
    assert values_of(node) == {"a": 1, "b": {"c": None}}


def test_all_problems_of_a_file_are_collected_in_order() -> None:
    """One bad line does not hide the next."""
    _, problems = parsed("a: 1\na: 2\nb: !x 1\nb: 3\nc: &y 4\n")
    assert [problem.split(": ")[0] for problem in problems] == [
        "f.yaml:2:1",
        "f.yaml:3:4",
        "f.yaml:4:1",
        "f.yaml:5:4",
    ]


def test_size_depth_and_node_count_are_limited() -> None:
    """A bomb is refused before it costs memory."""
    big = b"a: " + b"x" * MAX_FILE_BYTES
    deep = "[" * (MAX_DEPTH + 1) + "]" * (MAX_DEPTH + 1)
    many = "- a\n" * MAX_NODES
    fits = "[" * MAX_DEPTH + "]" * MAX_DEPTH
    assert [problem.rsplit(" ", 1)[1] for problem in parsed(big)[1]] == ["[limit]"]
    assert parsed(deep)[1] == ["f.yaml:1:65: error: nested more than 64 deep [limit]"]
    assert [problem.rsplit(" ", 1)[1] for problem in parsed(many)[1]] == ["[limit]"]
    assert parsed(fits)[1] == []


def test_problems_themselves_are_limited() -> None:
    """A hostile file cannot make a report without end."""
    problems = Problems()
    for line in range(MAX_PROBLEMS + 50):
        problems.add(Place(file="f", line=line + 1, column=1), "yaml", "x")
    assert len(problems) == MAX_PROBLEMS


def test_a_place_inside_of_a_literal_block_is_the_place_in_the_file() -> None:
    """Line and column of the text map onto the file, blank lines and deeper indents included."""
    text = "top: |  # comment\n   one\n\n     two\nend: 1\n"
    node = scalar(text, "top")
    assert node.text == "one\n\n  two\n"
    places = [(node.at(*spot).line, node.at(*spot).column) for spot in ((1, 1), (1, 3), (3, 3))]
    assert places == [(2, 4), (2, 6), (4, 6)]


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_the_end_of_a_block_is_the_end_of_its_last_line(newline: str) -> None:
    """An error at the end of the text does not point at the line after the block."""
    node = scalar(newline.join(["a: |", "  {x", "  y}", "b: 1", ""]), "a")
    assert node.text == "{x\ny}\n"
    assert (node.at(3, 1).line, node.at(3, 1).column) == (3, 5)
    assert (node.at(2, 2).line, node.at(2, 2).column) == (3, 4)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a: hello\n", (1, 6)),
        ("a: 'hello'\n", (1, 7)),
        ('a: "hello"\n', (1, 7)),
        ("a: |-\n  hello\n", (2, 5)),
        ("a: |2\n   hello\n", (2, 5)),
        ('a: "he\\tllo"\n', (1, 4)),
        ("a: 'he''llo'\n", (1, 4)),
        ("a: >\n  hello\n", (1, 4)),
        ("a: one\n  two\n", (1, 4)),
    ],
)
def test_a_place_in_other_scalars(text: str, expected: tuple[int, int]) -> None:
    """Verbatim scalars map exactly; with escapes or folding the place is that of the value."""
    place = scalar(text, "a").at(1, 3)
    assert (place.line, place.column) == expected


def test_a_place_outside_of_the_text_is_that_of_the_value() -> None:
    """An offset that cannot be is no reason to fail."""
    assert scalar("a: x\n", "a").at(99, 1) == Place(file="f.yaml", line=1, column=4)


def test_an_alias_bomb_ends_at_once() -> None:
    """Nested aliases are never expanded: one problem each, no memory."""
    lines = ["a0: &a0 [x, x]"]
    lines += [f"a{n}: &a{n} [*a{n - 1}, *a{n - 1}]" for n in range(1, 10)]
    value, problems = parsed("\n".join(lines))
    assert len(problems) == 10 + 2 * 9
    assert isinstance(value, dict)
    assert value["a9"] == [None, None]


def test_one_problem_is_told_once() -> None:
    """The same words about the same place add nothing."""
    problems = Problems()
    for column in (1, 1, 2):
        problems.add(Place(file="f", line=1, column=column), "yaml", "x")
    assert [problem.column for problem in problems] == [1, 2]


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="ascii", exclude_categories=["Cc"])),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text("abc/~ -", max_size=5), inner, max_size=4)
    ),
    max_leaves=12,
)


@given(JSON)
def test_json_is_read_as_json(value: Value) -> None:
    """YAML is a superset of JSON: what is written as JSON comes back the same."""
    found, problems = parsed(json.dumps(value))
    assert problems == []
    assert found == value


@given(st.lists(st.text("ab {}&|", max_size=12), min_size=1, max_size=6), st.integers(1, 6))
def test_every_character_of_a_literal_block_is_found_in_the_file(
    lines: list[str], indent: int
) -> None:
    """Each place of the text names the very character in the file."""
    lines = ["x", *(line.rstrip() for line in lines), "end"]
    written = ["key: |", *(" " * indent + line if line else "" for line in lines)]
    node = scalar("\n".join(written) + "\n", "key")
    for number, line in enumerate(node.text.splitlines(), start=1):
        for column, character in enumerate(line, start=1):
            place = node.at(number, column)
            assert written[place.line - 1][place.column - 1] == character


@given(st.text(max_size=80))
def test_any_text_is_parsed_or_refused_with_places_inside_of_it(text: str) -> None:
    """Nothing raises, and every problem points into the file."""
    problems = Problems()
    parse("f", text.encode("utf-8", "replace"), problems)
    for problem in problems:
        assert 1 <= problem.line <= text.count("\n") + len(text) + 1
        assert problem.column >= 1
