from __future__ import annotations

import pytest

from causewatch.signatures.cursor import MAX_NESTING, MAX_OPERATORS
from causewatch.signatures.error import SignatureError
from causewatch.signatures.format import format_query
from causewatch.signatures.parser import MAX_HOPS, parse

# Each text with the form that shows how it was read.
_FIELDS = [
    ("{}", "{ }"),
    ("{ true }", "{ true }"),
    ("{ .x = 1 }", "{ .x = 1 }"),
    ("{ span.a=1&&span.b=2 }", "{ (span.a = 1) && (span.b = 2) }"),
    # && and || bind equally, from the left.
    ("{ .a || .b && .c }", "{ (.a || .b) && .c }"),
    ("{ .a && .b || .c }", "{ (.a && .b) || .c }"),
    ("{ .a || (.b && .c) }", "{ .a || (.b && .c) }"),
    # Comparisons bind equally, from the left.
    ("{ 2 > .a = true }", "{ (2 > .a) = true }"),
    ("{ .a = 1 != nil }", "{ (.a = 1) != nil }"),
    # Arithmetic.
    ("{ .a + 1 * 2 = 3 }", "{ (.a + (1 * 2)) = 3 }"),
    ("{ .a * 2 + 1 = 3 }", "{ ((.a * 2) + 1) = 3 }"),
    ("{ .a - 1 - 2 = 3 }", "{ ((.a - 1) - 2) = 3 }"),
    ("{ .a ^ 2 ^ 3 = 8 }", "{ (.a ^ (2 ^ 3)) = 8 }"),
    ("{ .a * 2 ^ 3 = 8 }", "{ (.a * (2 ^ 3)) = 8 }"),
    ("{ .a % 2 / 3 = 0 }", "{ ((.a % 2) / 3) = 0 }"),
    ("{ -.a ^ 2 = 4 }", "{ ((-.a) ^ 2) = 4 }"),
    ("{ .a = -1 }", "{ .a = -1 }"),
    ("{ .a = - 1.5 }", "{ .a = -1.5 }"),
    ("{ .a > -10ms }", "{ .a > -10ms }"),
    ("{ .a = -.b }", "{ .a = (-.b) }"),
    ("{ .a ^ -1 = 1 }", "{ (.a ^ -1) = 1 }"),
    # A blank makes the difference between a subtraction and a name.
    ("{ span.n -1 = 1 }", "{ (span.n - 1) = 1 }"),
    ("{ span.n-1 = 1 }", "{ span.n-1 = 1 }"),
    # `!` binds between + and *.
    ("{ !.a }", "{ !.a }"),
    ("{ !.a && .b }", "{ (!.a) && .b }"),
    ("{ !.a = .b }", "{ (!.a) = .b }"),
    ("{ !.a * .b }", "{ !(.a * .b) }"),
    ("{ !!.a }", "{ !(!.a) }"),
    ("{ !(.a = 1) }", "{ !(.a = 1) }"),
    # nil.
    ("{ .a = nil }", "{ .a = nil }"),
    ("{ .a != nil }", "{ .a != nil }"),
    ("{ nil = .a }", "{ .a = nil }"),
    ("{ nil != .a + 1 }", "{ (.a + 1) != nil }"),
    ("{ .b || .a = nil }", "{ .b || (.a = nil) }"),
    # Values.
    ('{ .a = "x\\ny" }', '{ .a = "x\\ny" }'),
    ("{ .a = `x` }", '{ .a = "x" }'),
    ("{ status = error }", "{ status = error }"),
    ("{ kind = server }", "{ kind = server }"),
    ("{ span:status = unset }", "{ status = unset }"),
    ("{ span:name = name }", "{ name = name }"),
    ("{ trace:duration > 1h30m }", "{ traceDuration > 1h30m }"),
    ("{ .a > 90s }", "{ .a > 1m30s }"),
    ("{ .a < 0.5s }", "{ .a < 500ms }"),
    ("{ .a = minInt || .a = maxInt }", "{ (.a = minInt) || (.a = maxInt) }"),
    ("{ nestedSetParent < 0 }", "{ nestedSetParent < 0 }"),
    ("{ span:childCount = 0 }", "{ span:childCount = 0 }"),
    ("{ span:start < span:end }", "{ span:start < span:end }"),
    ("{ event:name = link:spanID }", "{ event:name = link:spanID }"),
    ("{ instrumentation:version = `1` }", '{ instrumentation:version = "1" }'),
    # Scopes and other spans.
    ("{ parent.a = parent.span.b }", "{ parent.a = parent.span.b }"),
    ("{ parent.resource.a = 1 }", "{ parent.resource.a = 1 }"),
    ("{ a.span.x = b.resource.y }", "{ a.span.x = b.resource.y }"),
    ("{ a:duration > b:start }", "{ a:duration > b:start }"),
    ("{ parent:name = name }", "{ parent:name = name }"),
    ('{ span."a b" = 1 }', '{ span."a b" = 1 }'),
    ('{ ."5x" = 1 }', '{ ."5x" = 1 }'),
    ('{ parent."span.x" = 1 }', '{ parent."span.x" = 1 }'),
    ("{ .a =~ `x.*` && .b !~ `y` }", '{ (.a =~ "x.*") && (.b !~ "y") }'),
]

_SPANSETS = [
    ("{} && {}", "{ } && { }"),
    ("{.a} || {.b} && {.c}", "({ .a } || { .b }) && { .c }"),
    ("{.a} && {.b} > {.c}", "{ .a } && ({ .b } > { .c })"),
    ("{.a} > {.b} > {.c}", "({ .a } > { .b }) > { .c }"),
    ("{.a} > ({.b} > {.c})", "{ .a } > ({ .b } > { .c })"),
    ("(({.a}))", "{ .a }"),
    ("{.a} >> {.b}", "{ .a } >> { .b }"),
    ("{.a} << {.b}", "{ .a } << { .b }"),
    ("{.a} < {.b}", "{ .a } < { .b }"),
    ("{.a} ~ {.b}", "{ .a } ~ { .b }"),
    ("{.a} !> {.b} !>> {.c}", "({ .a } !> { .b }) !>> { .c }"),
    ("{.a} !< {.b} !<< {.c}", "({ .a } !< { .b }) !<< { .c }"),
    ("{.a} !~ {.b}", "{ .a } !~ { .b }"),
    ("{.a} &> {.b} &>> {.c}", "({ .a } &> { .b }) &>> { .c }"),
    ("{.a} &< {.b} &<< {.c}", "({ .a } &< { .b }) &<< { .c }"),
    ("{.a} &~ {.b}", "{ .a } &~ { .b }"),
    # Typed edges.
    ("{.a} -[call]-> {.b}", "{ .a } -[call]-> { .b }"),
    ("{.a}-[call|return]->>{.b}", "{ .a } -[call|return]->> { .b }"),
    ("{.a} -[flow]->> {.b}", "{ .a } -[data|link|handoff]->> { .b }"),
    ("{.a} -[flow|data]->> {.b}", "{ .a } -[data|link|handoff]->> { .b }"),
    ("{.a} -[before]-> {.b} -[link]-> {.c}", "({ .a } -[before]-> { .b }) -[link]-> { .c }"),
    ("{.a} -[data]->>{2,3} {.b}", "{ .a } -[data]->>{2,3} { .b }"),
    ("{.a} -[data]->>{2} {.b}", "{ .a } -[data]->>{2,2} { .b }"),
    ("{.a} -[data]->>{2,} {.b}", "{ .a } -[data]->>{2,} { .b }"),
    ("{.a} -[data]->>{1,1} {.b}", "{ .a } -[data]-> { .b }"),
    ("{.a} -[data ! {.g}]->> {.b}", "{ .a } -[data ! { .g }]->> { .b }"),
    ("{.a} -[data|call!{ }]-> {.b}", "{ .a } -[data|call ! { }]-> { .b }"),
    ("{.a} &-[data]-> {.b}", "{ .a } &-[data]-> { .b }"),
    ("{.a} !-[data]->> {.b}", "{ .a } !-[data]->> { .b }"),
    ("{.a} && {.b} -[data]-> {.c}", "{ .a } && ({ .b } -[data]-> { .c })"),
    ("{.a} > {.b} -[data]-> {.c}", "({ .a } > { .b }) -[data]-> { .c }"),
    # Names and negation.
    ("{.a} as x", "{ .a } as x"),
    ("{.a} as x -[link]-> {.b} as y", "{ .a } as x -[link]-> { .b } as y"),
    ("({.a} > {.b}) as x", "({ .a } > { .b }) as x"),
    ("{.a} && !{.b}", "{ .a } && !{ .b }"),
    ("!{.a} && {.b}", "!{ .a } && { .b }"),
    ("{.a} && !({.b} >> {.c})", "{ .a } && !({ .b } >> { .c })"),
]

_PIPELINES = [
    ("{.a} | {.b}", "{ .a } | { .b }"),
    ("{.a} | count() > 2", "{ .a } | count() > 2"),
    ("{.a} | 2 < count()", "{ .a } | 2 < count()"),
    ("count() > 2", "count() > 2"),
    ("{.a} | max(duration) >= 1s", "{ .a } | max(duration) >= 1s"),
    ("{.a} | avg(.x * 2) != -1", "{ .a } | avg(.x * 2) != -1"),
    ("{.a} | min(.x) + 1 * 2 = 3", "{ .a } | (min(.x) + (1 * 2)) = 3"),
    ("{.a} | (min(.x) + 1) * 2 = 3", "{ .a } | ((min(.x) + 1) * 2) = 3"),
    ("{.a} | sum(.x) = count()", "{ .a } | sum(.x) = count()"),
    ("{.a} | by(.x) | coalesce()", "{ .a } | by(.x) | coalesce()"),
    ("{.a} | by(.x + 1)", "{ .a } | by(.x + 1)"),
    ("by(.x) | count() > 1", "by(.x) | count() > 1"),
    ("select(.x)", "select(.x)"),
    ("{.a} | select(.x, span.y, name)", "{ .a } | select(.x, span.y, name)"),
    ("{.a} | origin(flow)", "{ .a } | origin(data|link|handoff)"),
    ("{.a} | path(data|call)", "{ .a } | path(data|call)"),
    ("({.a} | count() > 1) && ({.b} | count() > 2)", None),
    ("({.a} | count() > 1) >> ({.b} | count() > 2)", None),
    ("({.a}) || ({.b} | count() > 2)", "({ .a }) || ({ .b } | count() > 2)"),
    ("({.a} | count()) > ({.b} | count())", None),
    ("({.a} | count()) + ({.b} | count()) > 3", "(({.a} | count()) + ({.b} | count())) > 3"),
    ("({.a} | by(.x) | max(.y)) > 1", None),
    ("{ } with(most_recent=true)", None),
    ("{ } | count() > 1 with(a=1, b=`x`, c=1.5)", '{ } | count() > 1 with(a=1, b="x", c=1.5)'),
]

_METRICS = [
    ("{ } | rate()", None),
    ("{ } | rate() by(.a, name)", None),
    ("{ } | count_over_time()", None),
    ("{ } | min_over_time(.a)", None),
    ("{ } | avg_over_time(duration) by(.a)", None),
    ("{ } | histogram_over_time(name)", None),
    (
        "{ } | quantile_over_time(duration, .5, .99)",
        "{ } | quantile_over_time(duration, 0.5, 0.99)",
    ),
    ("{ } | compare({ status = error })", None),
    ("{ } | compare({ status = error }, 10)", None),
    ("{ } | compare({ status = error }, 10, 1, 2)", None),
    ("{ } | rate() | topk(3)", None),
    ("{ } | rate() | bottomk(3)", None),
    ("{ } | rate() > 2", None),
    ("({ } | rate()) / ({ } | rate())", None),
    ("({ } | rate()) * 100", None),
    ("100 * ({ } | rate())", None),
    ("({.a} | rate()) + ({.b} | rate()) * 2", "({ .a } | rate()) + (({ .b } | rate()) * 2)"),
    ("(({ } | rate()) / ({ } | rate())) > 1", "({ } | rate()) / ({ } | rate()) > 1"),
]


def _plain(text: str) -> str:
    return text.replace("{.", "{ .").replace("a}", "a }").replace("b}", "b }").replace("x}", "x }")


@pytest.mark.parametrize(("text", "shape"), _FIELDS + _SPANSETS)
def test_how_expressions_are_read(text: str, shape: str) -> None:
    """What binds how is as documented; the formatter's parentheses show it."""
    assert format_query(parse(text)) == shape


@pytest.mark.parametrize(("text", "shape"), _PIPELINES + _METRICS)
def test_how_pipelines_are_read(text: str, shape: str | None) -> None:
    """Stages, scalars and metrics are read whole; without a shape the text is already canonical."""
    assert format_query(parse(text)) == _plain(shape or text)


@pytest.mark.parametrize(
    "text", [text for text, _ in (*_FIELDS, *_SPANSETS, *_PIPELINES, *_METRICS)]
)
def test_formatted_text_reads_the_same(text: str) -> None:
    """Formatting is stable: formatted text formats to itself."""
    once = format_query(parse(text))
    assert format_query(parse(once)) == once


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "{",
        "}",
        "{ .a",
        "{ .a } }",
        "{ .a } {.b}",
        "{ .a .b }",
        "{ = 1 }",
        "{ .a = }",
        "{ .a = = 1 }",
        "{ + 1 }",
        "{ .a > = 3 }",
        "{ (.a }",
        "{ .a) }",
        "{ nil }",
        "{ .a > nil }",
        "{ nil > 1 }",
        "{ 1 + nil = 2 }",
        "{ foo = 1 }",
        "{ childCount = 1 }",
        "{ span:foo = 1 }",
        "{ trace:foo = 1 }",
        "{ a:foo = 1 }",
        "{ a.foo = 1 }",
        "{ count() > 1 }",
        "{ .a >> .b }",
        "{ .a ~ .b }",
        "{ .a } >> ",
        ">> { .a }",
        "{ .a } > > { .b }",
        "{ .a } = { .b }",
        "{ .a } + { .b }",
        "{ .a } | ",
        "| { .a }",
        "{ .a } | coalesce",
        "{ .a } | coalesce(",
        "{ .a } | coalesce(.x)",
        "coalesce()",
        "origin(flow)",
        "path(flow)",
        "{ .a } | by()",
        "{ .a } | by(.x, .y)",
        "{ .a } | select()",
        "{ .a } | select(1)",
        "{ .a } | select(.x + 1)",
        "{ .a } | count()",
        "{ .a } | count(.x) > 1",
        "{ .a } | max() > 1",
        "{ .a } | count() > ",
        "{ .a } | count() =~ 1",
        "{ .a } | count() > 1 > 2",
        "{ .a } | 1 > 2",
        "{ .a } | 1",
        "1",
        "({ .a } | count())",
        "{ .a } | foo()",
        "{ .a } && ({ .b } | count() > 1)",
        "({ .a } | count() > 1) && { .b }",
        "({ .a } | count() > 1) && ({ .b } | count() > 1) | { .c }",
        "({ .a } | count()) > { .b }",
        "({ .a } | count()) && ({ .b } | count())",
        "{ .a } -[]-> { .b }",
        "{ .a } -[foo]-> { .b }",
        "{ .a } -[call|]-> { .b }",
        "{ .a } -[call]- { .b }",
        "{ .a } -[call]-> ",
        "{ .a } -[call]->{1,2} { .b }",
        "{ .a } -[call]->>{0,2} { .b }",
        "{ .a } -[call]->>{3,2} { .b }",
        f"{{ .a }} -[call]->>{{1,{MAX_HOPS + 1}}} {{ .b }}",
        "{ .a } -[call]->>{1,2 { .b }",
        "{ .a } -[call ! .x]-> { .b }",
        "{ .a } -[call ! {.x} ]->",
        "{ .a } <-[call]- { .b }",
        "{ .a } as",
        "{ .a } as 1",
        "{ .a } as span",
        "{ .a } as parent",
        "{ .a } as name",
        "{ .a } as x as y",
        "{ .a } with()",
        "{ .a } with(x)",
        "{ .a } with(x=)",
        "{ .a } with(x=1",
        "{ .a } with(x=1) | count() > 1",
        "rate()",
        "{ } | rate(1)",
        "{ } | rate() | count() > 1",
        "{ } | rate() by()",
        "{ } | rate() by(1)",
        "{ } | quantile_over_time(duration)",
        "{ } | quantile_over_time(duration, a)",
        "{ } | compare(.a)",
        "{ } | topk(3)",
        "{ } | rate() | topk(x)",
        "({ } | rate()) / ",
        "({ } | rate()) / { }",
        "({ } | rate()) && ({ } | rate())",
        "1 + 2",
        "!",
        "! | { }",
    ],
)
def test_what_is_no_signature(text: str) -> None:
    """What the grammar does not have is an error of the parse stage, with a place in the text."""
    with pytest.raises(SignatureError) as caught:
        parse(text)
    error = caught.value
    assert error.stage == "parse"
    lines = text.split("\n")
    assert 1 <= error.line <= len(lines)
    assert 1 <= error.column <= len(lines[error.line - 1]) + 1


def test_mixed_logic_is_noted() -> None:
    """``&&`` and ``||`` side by side are noted by place; parentheses quiet it."""
    assert parse("{ .a || .b && .c }").mixed == (11,)
    assert parse("{ .a || (.b && .c) }").mixed == ()
    assert parse("{.a} && {.b} || {.c}").mixed == (13,)
    assert parse("{.a && .b} || {.c || .d}").mixed == ()


def test_as_many_operators_as_allowed() -> None:
    """A signature may have many operators, and one more than the limit is refused."""
    many = " || ".join(["{ }"] * (MAX_OPERATORS + 1))
    assert format_query(parse(many)).count("||") == MAX_OPERATORS
    with pytest.raises(SignatureError, match="more than 200 operators"):
        parse(many + " || { }")


@pytest.mark.parametrize(
    ("opening", "core", "closing"),
    [("(", "{ }", ")"), ("{ " + "(", ".a", ")"), ("{ ", "!" * 60 + ".a", "}"), ("!", "{ }", "")],
)
def test_nesting_has_a_limit(opening: str, core: str, closing: str) -> None:
    """Deep nesting is refused, not a stack overflow."""
    head, repeated = (opening[:-1], opening[-1]) if opening != "{ " else (opening, "")
    text = head + repeated * (MAX_NESTING + 1) + core + closing * (MAX_NESTING + 1)
    with pytest.raises(SignatureError, match="nested deeper than 50"):
        parse(text)


def test_right_associative_chains_do_not_overflow() -> None:
    """The longest allowed chain of powers is read."""
    chain = "{ .a" + " ^ 1" * (MAX_OPERATORS - 1) + " = 1 }"
    assert "^" in format_query(parse(chain))
