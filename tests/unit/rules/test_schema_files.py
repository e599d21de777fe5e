from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.value import Value
from causewatch.rules.schemas import SchemaFiles, path_of, place_in, uri_path_of
from causewatch.rules.yaml import Place, Problems, parse

HERE = Place(file="a.yaml", line=9, column=9)


@pytest.mark.parametrize(
    ("file", "written", "path"),
    [
        ("a.yaml", "b.json", "b.json"),
        ("a.yaml", "./b.json", "b.json"),
        ("x/a.yaml", "b.json", "x/b.json"),
        ("x/a.yaml", "../b.json", "b.json"),
        ("x/y/a.yaml", "../z/./b.json", "x/z/b.json"),
        ("x/a.yaml", "y/../b.json", "x/b.json"),
        ("../x/a.yaml", "b.json", "../x/b.json"),
        ("../x/a.yaml", "../b.json", "../b.json"),
        ("../x/a.yaml", "../../b.json", None),
        ("../../a.yaml", "b.json", "../../b.json"),
        ("/etc/x/a.yaml", "b.json", "/etc/x/b.json"),
        ("a.yaml", "../b.json", None),
        ("a.yaml", "..", None),
        ("x/a.yaml", "../../b.json", None),
        ("x/a.yaml", "y/../../../b.json", None),
        ("a.yaml", "/etc/b.json", None),
        ("a.yaml", "..\\b.json", None),
        ("a.yaml", "file:///b.json", None),
        ("a.yaml", "https://example.com/b.json", None),
        ("a.yaml", "b\0.json", None),
        ("a.yaml", "..b.json", "..b.json"),
    ],
)
def test_paths_stay_within_the_rules_root(file: str, written: str, path: str | None) -> None:
    """A path is relative to its file; one that leaves the root, or is no path, is none."""
    assert path_of(file, written) == path


@given(st.lists(st.sampled_from(["..", ".", "a", "b"]), max_size=8))
def test_no_path_leaves_the_root(parts: list[str]) -> None:
    """However it is put together."""
    path = path_of("x/y.yaml", "/".join(parts) or ".")
    assert path is None or not path.startswith(("..", "/"))


@pytest.mark.parametrize(
    ("path", "uri"),
    [
        ("a/b.json", "a/b.json"),
        ("/etc/my rules/b.json", "etc/my%20rules/b.json"),
        ("../../x/b.json", "_parent_/_parent_/x/b.json"),
        ("a#b?c.json", "a%23b%3Fc.json"),
        ("é.json", "%C3%A9.json"),
    ],
)
def test_paths_become_parts_of_uris(path: str, uri: str) -> None:
    """Resolving a reference against it neither removes dots nor trips over a space."""
    assert uri_path_of(path) == uri


TEXT = b"""\
type: object
properties:
  a/b: {type: string}
  "~": [one, {two: 2}]
"""


@pytest.mark.parametrize(
    ("pointer", "line", "column"),
    [
        ("", 1, 1),
        ("/type", 1, 1),
        ("/properties", 2, 1),
        ("/properties/a~1b", 3, 3),
        ("/properties/a~1b/type", 3, 9),
        ("/properties/~0/0", 4, 9),
        ("/properties/~0/1/two", 4, 15),
        ("/properties/gone/deeper", 2, 1),
        ("/properties/~0/7", 4, 3),
        ("/properties/~0/x", 4, 3),
        ("/properties/~0/0/x", 4, 9),
    ],
)
def test_a_json_pointer_has_a_place(pointer: str, line: int, column: int) -> None:
    """The place is that of the key or item; of the last one that exists where it goes too deep."""
    node = parse("s.yaml", TEXT, Problems())
    assert place_in(node, pointer, HERE) == Place(file="s.yaml", line=line, column=column)


def test_without_nodes_the_place_is_the_askers() -> None:
    """A schema that could not be read again has no places of its own."""
    assert place_in(None, "/a", HERE) == HERE


def test_a_file_is_read_once_and_its_problems_told_once() -> None:
    """Two contracts that share a broken schema do not double its problems."""
    files = SchemaFiles({"s.json": b"{", "t.yaml": b"a: 1\na: 2\n", "u.yaml": b""})
    problems = Problems()
    for _ in range(2):
        assert files.value("s.json", HERE, problems) is None
        assert files.value("t.yaml", HERE, problems) == {"a": 1}
        assert files.value("u.yaml", HERE, problems) is None
    assert [(problem.file, problem.check) for problem in problems] == [
        ("s.json", "schema"),
        ("t.yaml", "duplicate-key"),
    ]


def test_a_file_that_is_not_there_is_told_where_it_is_asked_for() -> None:
    """The asker's place, since there is no other."""
    problems = Problems()
    assert SchemaFiles({}).value("s.json", HERE, problems) is None
    assert [(p.file, p.line, p.column, p.message) for p in problems] == [
        ("a.yaml", 9, 9, "no file 's.json' under the rules root")
    ]


def test_everything_reachable_is_found_and_nothing_else() -> None:
    """References are followed through files, circles, fragments and any depth."""
    files = SchemaFiles(
        {
            "x/b.json": b'{"items": [{"$ref": "c.yaml#/y"}, {"$ref": "#/z"}]}',
            "x/c.yaml": b"y: {not: {$ref: ../d.json}}\n",
            "d.json": b'{"$ref": "x/b.json"}',
            "unused.json": b"{}",
        }
    )
    schema: Value = {"anyOf": [{"$ref": "x/b.json#/items"}, {"$ref": "gone.json"}, {"$ref": 3}]}
    problems = Problems()
    assert set(files.reachable(schema, "a.yaml", problems)) == {"x/b.json", "x/c.yaml", "d.json"}
    assert len(problems) == 0
