from __future__ import annotations

import pytest

from causewatch.signatures.signature import compile_query
from causewatch.signatures.why import count_parts
from signatures_fixtures import subject

_FIRST = """
    r 0-100
      a 0-10 k=src
      b 10-20 k=mid <-data-a
      c 30-40 k=end <-data-b
"""
_SECOND = """
    r 0-100
      a 0-10 k=src
"""


def parts(query: str) -> list[str]:
    """Return each part with what it selects in both runs."""
    subjects = [subject(_FIRST), subject(_SECOND)]
    return [
        f"{'  ' * counted.depth}{counted.part}: {counted.spans} in {counted.subjects}"
        for counted in count_parts(compile_query(query), subjects)
    ]


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("{ .k = `src` }", ['{ .k = "src" }: 2 in 2']),
        (
            "{ .k = `src` } -[data]->> { .k = `end` }",
            ['  { .k = "src" }: 2 in 2', '  { .k = "end" }: 1 in 1', "… -[data]->> …: 1 in 1"],
        ),
        (
            "{ .k = `src` } && !{ .k = `end` }",
            [
                '  { .k = "src" }: 2 in 2',
                '  !{ .k = "end" }: 1 in 1',
                "… && …: 1 in 1",
            ],
        ),
        (
            "{ } | count() > 2 | { .k = `mid` }",
            ["{ }: 6 in 2", "| count() > 2: 4 in 1", '| { .k = "mid" }: 1 in 1'],
        ),
        (
            "{ .k = `src` } as s -[data]-> { .k != s.span.k }",
            [
                '  { .k = "src" } as s: 2 in 2',
                "  { .k != s.span.k }: None in None",
                "… -[data]-> …: 1 in 1",
            ],
        ),
        (
            "({ .k = `src` } >> { }) as s",
            ['    { .k = "src" }: 2 in 2', "    { }: 6 in 2", "  … >> …: 0 in 0", "… as s: 0 in 0"],
        ),
        ("{ } | rate()", []),
    ],
)  # fmt: skip
def test_each_part_says_what_it_selects(query: str, expected: list[str]) -> None:
    """Inner parts first, by themselves; a stage says what is left behind it."""
    assert parts(query) == expected


def test_the_last_part_is_the_result() -> None:
    """What is counted last is what the signature finds."""
    query = "({ .k = `src` } -[data]->> { }) | count() > 1"
    where = subject(_FIRST)
    found = compile_query(query).evaluate(where)
    assert count_parts(compile_query(query), [where])[-1].spans == len(found.spansets[0])
