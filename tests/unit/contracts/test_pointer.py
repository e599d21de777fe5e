"""JSON pointers and what they leave out."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.contracts.excerpt import excerpt
from causewatch.contracts.pointer import covers, parts_of, pointer_of, touches, without


@pytest.mark.parametrize(
    ("path", "pointer"),
    [((), ""), (("a", 0), "/a/0"), (("a/b", "~c"), "/a~1b/~0c"), (("",), "/")],
)
def test_pointers_read_back(path: tuple[Any, ...], pointer: str) -> None:
    """A path written as a pointer and read back is the same path."""
    assert pointer_of(path) == pointer
    assert parts_of(pointer) == tuple(map(str, path))


WITHOUT = [
    ({"a": 1, "b": 2}, ["/a"], {"b": 2}),
    ({"a": {"b": 1, "c": 2}}, ["/a/b"], {"a": {"c": 2}}),
    ([1, 2, 3], ["/0", "/1"], [3]),
    (list(range(12)), ["/9", "/10"], [*range(9), 11]),
    ({"a": [{"x": 1, "y": 2}]}, ["/a/0/x"], {"a": [{"y": 2}]}),
    ({"a": 1}, ["/b", "/a/c", "/0"], {"a": 1}),
    ([1], ["/-1", "/x", "/5"], [1]),
    ("text", ["/a"], "text"),
    ({"a": 1}, [""], None),
]


@pytest.mark.parametrize(("value", "pointers", "expected"), WITHOUT)
def test_what_is_left_out(value: Any, pointers: list[str], expected: Any) -> None:
    """Only what a pointer names goes; a pointer to nothing changes nothing."""
    before = repr(value)
    assert without(value, pointers) == expected
    assert repr(value) == before


def test_covers_and_touches() -> None:
    """A pointer covers what lies inside of it, and touches also what holds it."""
    assert covers(["/a"], "/a/b")
    assert covers(["/a"], "/a")
    assert not covers(["/a/b"], "/a")
    assert not covers(["/a"], "/ab")
    assert touches(["/a/b"], "/a")
    assert touches(["/a/b"], "")
    assert not touches(["/a/b"], "/c")


@pytest.mark.parametrize(
    ("value", "place", "expected"),
    [
        ({"pin": 1, "n": 2}, "", '{"n":2}'),
        (1, "/pin", "[redacted]"),
        ("whole", "", "[redacted]"),
        ("x", "/n", "x"),
        ("a\nb\x07", "/n", "a b "),
        ("é" * 200, "/n", "é" * 119 + "…"),
    ],
)
def test_excerpts(value: Any, place: str, expected: str) -> None:
    """An excerpt shows one bounded line without what is redacted."""
    assert excerpt(value, place=place, redact=["/pin"]) == expected
