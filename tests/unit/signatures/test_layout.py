from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from causewatch.signatures.error import SignatureError
from causewatch.signatures.format import format_query
from causewatch.signatures.layout import WIDTH_CHARS, layout
from causewatch.signatures.parser import parse
from causewatch.signatures.token import OPERATORS

_WORDS = [
    *OPERATORS, "{", "}", "(", ")", "{ }", "{ .a = 1 }", "{ name = `x` && .b > 2 }", ".a", "span.b",
    "duration", "1", "2ms", "`x`", "nil", "as", "x", "count()", "max(.a)", "by(.a)", "coalesce()",
    "-[data]->", "-[data|link]->>{1,3}", "!-[handoff]->", "&-[flow ! {.g = 1}]->>", "origin(data)",
    "path(link)", "select(.a)",
]  # fmt: skip


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{}", "{ }"),
        ("{.a=1&&.b=2&&.c=3}", "{ .a = 1 && .b = 2 && .c = 3 }"),
        ("{.a=1||(.b=2&&.c=3)}", "{ .a = 1 || (.b = 2 && .c = 3) }"),
        ("{.a=1&&.b=2||.c=3}", "{ (.a = 1 && .b = 2) || .c = 3 }"),
        ("{.a=1&&(.b=2&&.c=3)}", "{ .a = 1 && (.b = 2 && .c = 3) }"),
        ("{!(.a=1)}", "{ !(.a = 1) }"),
        ("{!.a&&.b!=nil}", "{ !.a && .b != nil }"),
        ("{(.a>.b)=true}", "{ (.a > .b) = true }"),
        ("{.a +1- .b >2* .c}", "{ .a + 1 - .b > 2 * .c }"),
        ("{.a -(1- .b )>2}", "{ .a - (1 - .b) > 2 }"),
        ("{.a *(1+ .b )>2}", "{ .a * (1 + .b) > 2 }"),
        ("{.a ^ .b ^ .c=1}", "{ (.a ^ (.b ^ .c)) = 1 }"),
        ("{duration>1500ms}", "{ duration > 1s500ms }"),
        ("{.a=1}as x>>{.b=x.span.b}as y", "{ .a = 1 } as x >> { .b = x.span.b } as y"),
        ("({.a=1}>>{.b=1})&&!{.c=1}", "({ .a = 1 } >> { .b = 1 }) && !{ .c = 1 }"),
        ("{.a=1}-[data ! {.g=1}]->>{2,}{}", "{ .a = 1 } -[data ! { .g = 1 }]->>{2,} { }"),
        ("{}|by(.a)|count()>2|coalesce()", "{ } | by(.a) | count() > 2 | coalesce()"),
        ("{}|max(.a +1)>2", "{ } | max(.a + 1) > 2"),
        ("{}|count()>({.a=1}|count())", "{ } | count() > ({ .a = 1 } | count())"),
        ("({}|count())>({.a=1}|count())", "({ } | count()) > ({ .a = 1 } | count())"),
        ("{}|rate()by(.a)", "{ } | rate() by(.a)"),
        ("{} with(most_recent=true)", "{ } with(most_recent=true)"),
    ],
)
def test_a_signature_is_laid_out(text: str, expected: str) -> None:
    """With parentheses where a reader needs them, and one blank around operators."""
    assert layout(parse(text)) == expected
    assert format_query(parse(expected)) == format_query(parse(text))


def test_what_is_too_long_is_broken_where_it_is_joined() -> None:
    """Stages, sides of an operator, and parts of a filter each get a line of their own."""
    text = (
        "{ span.causewatch.step = `tool` && span.causewatch.fault = `truncated` } as source"
        " -[flow]->> { span.causewatch.agent = `writer` } as victim | count() > 2"
    )
    assert layout(parse(text), 60).split("\n") == [
        '{ span.causewatch.step = "tool"',
        '  && span.causewatch.fault = "truncated" } as source',
        '  -[flow]->> { span.causewatch.agent = "writer" } as victim',
        "| count() > 2",
    ]


def test_a_broken_side_keeps_its_parentheses() -> None:
    """Lines inside of parentheses are indented by one."""
    text = "({ .aaaaaaaaaa = 1 } >> { .bbbbbbbbbb = 1 }) && ({ .cccccccccc = 1 } ~ { .d = 1 })"
    assert layout(parse(text), 30).split("\n") == [
        "({ .aaaaaaaaaa = 1 }",
        "   >> { .bbbbbbbbbb = 1 })",
        "  && ({ .cccccccccc = 1 }",
        "     ~ { .d = 1 })",
    ]


@settings(max_examples=1_500, deadline=None, derandomize=True)
@given(st.lists(st.sampled_from(_WORDS), max_size=12), st.sampled_from([12, 40, WIDTH_CHARS]))
def test_the_meaning_stays_and_once_is_enough(words: list[str], width_chars: int) -> None:
    """What is laid out parses to the same signature, and is laid out already."""
    try:
        query = parse("{ } " + " ".join(words))
    except SignatureError:
        return
    once = layout(query, width_chars)
    assert format_query(parse(once)) == format_query(query)
    assert layout(parse(once), width_chars) == once


@pytest.mark.parametrize("seed", range(10))
def test_long_expressions_keep_their_meaning(seed: int) -> None:
    """Deep chains of logic, comparisons and arithmetic, with parentheses at random."""
    rng = random.Random(seed)

    def expression(depth: int) -> str:
        if depth == 0:
            return rng.choice([".a", "span.b", "1", "duration", "`x`", "2ms"])
        operator = rng.choice(["&&", "||", "=", "<", "+", "-", "*", "/", "%", "^", "!="])
        text = f"{expression(depth - 1)} {operator} {expression(depth - 1)}"
        return rng.choice([f"({text})", text, f"!({text})"])

    for _ in range(60):
        try:
            query = parse(f"{{ {expression(rng.randint(1, 4))} }}")
        except SignatureError:
            continue
        assert format_query(parse(layout(query, 20))) == format_query(query)
