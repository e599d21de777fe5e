from __future__ import annotations

import pytest

from signatures_fixtures import found, subject

_TREE = """
    r 0-100
      a 0-40 k=1
        c 0-10
          e 0-5 k=1
        d 10-20 k=2
      b 40-80 k=2
        f 40-50 k=1
"""
_WHOLE = subject(_TREE)
_WHOLE_RAW = subject(_TREE, raw=True)

_CASES = [
    ("{ } > { name = `a` }", "a"),
    ("{ name = `r` } > { }", "a b"),
    ("{ name = `a` } > { }", "c d"),
    ("{ name = `e` } > { }", ""),
    ("{ .k = 1 } > { }", "c d"),
    ("{ name = `r` } >> { }", "a c e d b f"),
    ("{ name = `a` } >> { .k = 1 }", "e"),
    ("{ .k = 2 } >> { }", "f"),
    ("{ } >> { }", "a c e d b f"),
    ("{ name = `e` } < { }", "c"),
    ("{ .k = 1 } < { }", "r c b"),
    ("{ name = `e` } << { }", "r a c"),
    ("{ .k = 2 } << { }", "r a"),
    ("{ name = `a` } ~ { }", "b"),
    ("{ .k = 1 } ~ { }", "b"),
    ("{ .k = 2 } ~ { }", "a c"),
    ("{ } ~ { }", "a c d b"),
    ("{ name = `r` } ~ { }", ""),
    # Negated: right spans without such a relative; all of them when the left is empty.
    ("{ name = `r` } !> { }", "r c e d f"),
    ("{ name = `a` } !>> { }", "r a b f"),
    ("{ name = `e` } !< { }", "r a e d b f"),
    ("{ name = `e` } !<< { }", "e d b f"),
    ("{ .k = 1 } !~ { .k != nil }", "a e d f"),
    ("{ .zz = 1 } !>> { .k = 1 }", "a e f"),
    ("{ name = `r` } !>> { .zz = 1 }", ""),
    # Both sides.
    ("{ .k = 1 } &> { }", "a c d"),
    ("{ .k = 1 } &>> { .k = 1 }", "a e"),
    ("{ } &>> { .k = 2 }", "r a d b"),
    ("{ name = `e` } &< { }", "c e"),
    ("{ .k = 2 } &<< { name = `r` }", "r d b"),
    ("{ .k = 1 } &~ { .k = 2 }", "a b"),
    ("{ .k = 1 } &> { .zz = 1 }", ""),
    # Chains go from the left.
    ("{ name = `r` } > { } > { .k = 2 }", "d"),
    ("{ name = `r` } > ({ } > { .k = 2 })", "b"),
    ("{ name = `r` } >> { } > { .k = 1 }", "e f"),
    # Logic between span sets.
    ("{ .k = 1 } && { .k = 2 }", "a e d b f"),
    ("{ .k = 1 } && { .zz = 1 }", ""),
    ("{ .zz = 1 } && { .k = 1 }", ""),
    ("{ .k = 1 } && { .k = 1 }", "a e f"),
    ("{ .k = 1 } || { .zz = 1 }", "a e f"),
    ("{ .zz = 1 } || { .k = 1 }", "a e f"),
    ("{ .zz = 1 } || { .k = 9 }", ""),
    ("{ .k = 1 } || { .k = 2 } && { .zz = 1 }", ""),
    ("{ .k = 1 } || ({ .k = 2 } && { .zz = 1 })", "a e f"),
    # Negation of the whole.
    ("{ .k = 1 } && !{ .k = 2 }", ""),
    ("{ .k = 1 } && !{ .k = 3 }", "a e f"),
    ("!{ .k = 3 } && { .k = 1 }", "a e f"),
    ("{ .k = 9 } && !{ .k = 3 }", ""),
    ("{ .k = 1 } && !({ .k = 2 } >> { .k = 1 })", ""),
    ("{ .k = 1 } && !({ .k = 1 } >> { .k = 2 } >> { })", "a e f"),
    ("{ .k = 1 } && !{ .k = 3 } && !{ .k = 4 }", "a e f"),
    ("({ .k = 1 } && !{ .k = 3 }) >> { }", "c e d"),
]


@pytest.mark.parametrize(("query", "expected"), _CASES)
def test_structure(query: str, expected: str) -> None:
    """Structural operators answer as documented, the same raw and in a rule on a whole tree."""
    assert found(query, _WHOLE) == expected
    assert found(query, _WHOLE_RAW) == expected


_PARTIAL = """
    r 0-100
      a 0-10
    o 20-30 parent=gone
      p 20-25
    q 30-40 parent=gone
"""


@pytest.mark.parametrize(
    ("query", "in_rule", "raw"),
    [
        ("{ } > { }", "a p", "a"),
        ("{ } >> { }", "a p", "a"),
        ("{ } < { }", "r o", "r"),
        ("{ } ~ { }", "o q", ""),
        ("{ } &> { }", "r a o p", "r a"),
        ("{ } !> { }", "r o q", "r o p q"),
        ("{ name = `o` } !>> { }", "r a o q", "r a o p q"),
        ("{ span:childCount = 1 }", "r o", "r o"),
        ("{ parent:name = `o` }", "p", "p"),
        ("{ parent:name = nil }", "r o q", "r o q"),
        ("{ nestedSetLeft = 0 }", "o p q", "o p q"),
        ("{ trace:rootName = `r` }", "r a o p q", "r a o p q"),
    ],
)
def test_orphans(query: str, in_rule: str, raw: str) -> None:
    """In a rule an orphan and its children are ordinary nodes; raw they are outside of the tree."""
    assert found(query, subject(_PARTIAL)) == in_rule
    assert found(query, subject(_PARTIAL, raw=True)) == raw


def test_a_trace_without_a_root() -> None:
    """Nothing is known of a root that has not arrived, and raw structure does not match."""
    text = """
        a 0-10 parent=gone ^service.name=x
          b 0-10
    """
    assert (
        found("{ rootName = `a` || rootName != `a` || trace:rootService != `` }", subject(text))
        == ""
    )
    assert found("{ trace:duration = 10ms }", subject(text)) == "a b"
    assert found("{ } > { }", subject(text)) == "b"
    assert found("{ } > { }", subject(text, raw=True)) == ""


def test_several_roots() -> None:
    """Two roots of one trace are siblings; raw the last names the trace, in a run the first."""
    text = """
        a 0-10 ^service.name=x
        b 5-10 ^service.name=y
    """
    assert found("{ name = `a` } ~ { }", subject(text)) == "b"
    assert found("{ name = `a` } ~ { }", subject(text, raw=True)) == "b"
    assert found("{ trace:rootService = `x` }", subject(text)) == "a b"
    assert found("{ trace:rootService = `y` }", subject(text, raw=True)) == "a b"


def test_parents_in_circles() -> None:
    """Spans that are each other's ancestors neither hang nor belong to a raw tree."""
    text = """
        r 0-1
        a 0-1 parent=b
        b 0-1 parent=a
        s 0-1 parent=s
    """
    assert found("{ } >> { }", subject(text)) == "a b"
    assert found("{ name = `a` } << { }", subject(text)) == "a b"
    assert found("{ } >> { }", subject(text, raw=True)) == ""
    assert found("{ nestedSetLeft > 0 }", subject(text)) == "r"


def test_spans_that_share_an_id() -> None:
    """Two spans may share an id (the server one is the parent); three, and raw there is no tree."""
    two = """
        r 0-10
        x 0-10 kind=client parent=r
        x 1-9 kind=server parent=r
        c 2-3 parent=x
    """
    assert found("{ kind = server } > { }", subject(two, raw=True)) == "c"
    assert found("{ kind = client } > { }", subject(two, raw=True)) == ""
    three = two + "        x 1-2 kind=client parent=r\n"
    assert found("{ } > { }", subject(three, raw=True)) == ""
    assert found("{ kind = server } > { }", subject(three)) == "c"


def test_traces_of_one_run_are_kept_apart() -> None:
    """Span ids are unique within a trace only, and ``trace:`` speaks of the span's own trace."""
    text = """
        a 0-10 trace=one
        b 0-5 trace=one parent=a
        a 20-25 trace=two name=other
        c 21-22 trace=two parent=a
    """
    run = subject(text)
    assert found("{ name = `a` } > { }", run) == "b"
    assert found("{ name = `other` } > { }", run) == "c"
    assert found("{ } ~ { }", run) == ""
    assert found("{ trace:duration = 5ms }", run) == "a c"
    assert found("{ rootName = `other` }", run) == "a c"
    assert found("{ trace:id = `one` }", run) == "a b"
    assert found("{ name = `a` } && { name = `c` }", run) == "a c"


def test_a_deep_tree() -> None:
    """A chain of thousands of spans is walked without recursion."""
    depth = 3_000
    lines = ["s0 0-1"] + [f"s{i} 0-1 parent=s{i - 1}" for i in range(1, depth)]
    deep = subject("\n".join(lines))
    assert found("{ name = `s0` } >> { name = `s2999` }", deep) == "s2999"
    assert found("{ nestedSetLeft = 3000 }", deep) == "s2999"
