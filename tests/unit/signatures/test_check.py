from __future__ import annotations

import pytest

from causewatch.signatures.check import compile_regex, validate
from causewatch.signatures.error import SignatureError
from causewatch.signatures.parser import parse
from causewatch.signatures.signature import compile_query


@pytest.mark.parametrize(
    "text",
    [
        "{ .a }",
        "{ !.a }",
        "{ true }",
        "{ .a = .b }",
        "{ .a % .b }",
        "{ .a || 2.0 > .b = true }",
        "{ .a = `x` && .a = 1 && .a = 1s && .a = ok && .a = true }",
        "{ duration > 1 }",
        "{ duration < traceDuration * 0.5 }",
        "{ span:childCount + 1 = 2.5 }",
        "{ name > span:id }",
        "{ name = resource.service.name }",
        "{ kind != nil }",
        "{ .a = nil }",
        "{ parent.a = nil }",
        "{ parent:name = nil }",
        "{ server = .a }",
        "{ ok != status }",
        "{ .a =~ `x` }",
        "{ name !~ `x|y` }",
        "{ `a` = `b` }",
        "{ .a + 1s > 5 }",
        "{ -.a < 0 }",
        "{ -duration < 0 }",
        "{ (.a = 1) = (.b = 2) }",
        "{ event:name = link:spanID }",
        "{ } | by(.a)",
        "{ } | by(name = `x`)",
        "{ } | by(parent.a)",
        "{ } | max(.a + 1) > 1s",
        "{ } | min(parent.a) > 1",
        "{ } | sum(duration) > 1",
        "{ } | count() > 1.5",
        "{ } | count() + 1 > sum(.a)",
        "({ } | count()) = ({ } | max(.a))",
        "{ } | select(name, .a)",
        "{ } as a >> { .x = a.span.x }",
        "{ } as a && { .x = a.span.x } as b && { .y = b.span.y && .z = a.span.z }",
        "{ } as a -[data ! { .g = a.span.g }]->> { }",
        "{ } as a !-[data]-> { .x = a.span.x }",
        "{ } as a && !{ .x = a.span.x }",
        "{ } as a | { .x = a.span.x }",
        "({ } as a | count() > 1) && ({ .x = a.span.x })",
        "{ } | rate() by(.a)",
        "{ } | compare({ .a = 1 })",
        "({ } | rate()) * 2",
    ],
)
def test_what_fits(text: str) -> None:
    """Types that fit are accepted; an attribute fits everything until its value is seen."""
    validate(parse(text))


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ 1 }", "must be true or false"),
        ("{ `x` }", "must be true or false"),
        ("{ 10ms }", "must be true or false"),
        ("{ name }", "must be true or false"),
        ("{ kind }", "must be true or false"),
        ("{ duration }", "must be true or false"),
        ("{ .a + 1 }", "must be true or false"),
        ("{ unset }", "must be true or false"),
        ("{ name > 5 }", "cannot join string and int"),
        ("{ name = 5 }", "cannot join string and int"),
        ("{ duration = `x` }", "cannot join duration and string"),
        ("{ status = `error` }", "cannot join status and string"),
        ("{ kind = 2 }", "cannot join kind and int"),
        ("{ kind = duration }", "cannot join kind and duration"),
        ("{ status = event:name }", "cannot join status and string"),
        ("{ true = 1 }", "cannot join bool and int"),
        ("{ `a` = 1s }", "cannot join string and duration"),
        ("{ .a > true }", "does not take bool"),
        ("{ .a < error }", "does not take status"),
        ("{ ok > status }", "does not take status"),
        ("{ kind >= .a }", "does not take kind"),
        ("{ .a + true = 1 }", "does not take bool"),
        ("{ .a * `x` = 1 }", "does not take string"),
        ("{ name / .a = 1 }", "does not take string"),
        ("{ status ^ ok = 1 }", "does not take status"),
        ("{ .a && 1 }", "does not take int"),
        ("{ `x` || .a }", "does not take string"),
        ("{ .a = 1 && name }", "cannot join bool and string"),
        ("{ .a = 1 > 2 }", "cannot join bool and int"),
        ("{ !1 }", "`!` needs true or false"),
        ("{ !name }", "`!` needs true or false"),
        ("{ .a > !1 }", "`!` needs true or false"),
        ("{ -name = 1 }", "minus needs a number"),
        ("{ -true = 1 }", "minus needs a number"),
        ("{ duration =~ `x` }", "needs text"),
        ("{ status =~ `x` }", "needs text"),
        ("{ 1 =~ `x` }", "needs text"),
        ("{ .a =~ 5 }", "must be a constant string"),
        ("{ .a =~ name }", "must be a constant string"),
        ("{ .a !~ .b }", "must be a constant string"),
        ("{ .a =~ `(` }", "bad regular expression"),
        ("{ .a =~ `(?=x)` }", "bad regular expression"),
        ("{ .a =~ `" + "(x{1000})" * 200 + "` }", "bad regular expression"),
        ("{ name = nil }", "`span:name` is never nil"),
        ("{ span:parentID = nil }", "is never nil"),
        ("{ resource.service.name = nil }", "is never nil"),
        ("{ } | by(1)", "needs something of the span"),
        ("{ } | by(`x`)", "needs something of the span"),
        ("{ } | max(2.5) > 1", "needs something of the span"),
        ("{ } | min(true) = 0", "needs numbers"),
        ("{ } | max(name) = 0", "needs numbers"),
        ("{ } | max(status) = 0", "needs numbers"),
        ("{ } | count() > `x`", "cannot compare int with string"),
        ("{ } | count() = true", "cannot compare int with bool"),
        ("{ } | count() + `x` > 1", "needs numbers"),
        ("({ 1 } | count()) > 1", "must be true or false"),
        ("!{ }", "adds no spans"),
        ("!{ } && !{ }", "adds no spans"),
        ("{ } || !{ }", "adds no spans"),
        ("{ } >> !{ }", "adds no spans"),
        ("!{ } -[data]-> { }", "adds no spans"),
        ("{ } | !{ }", "adds no spans"),
        ("{ .x = a.span.x }", "is called `a`"),
        ("{ .x = b.span.x } as b", "is called `b`"),
        ("{ .x = b.span.x } && { } as b", "is called `b`"),
        ("{ } as a && { } as a", "given twice"),
        ("{ } as a || { .x = a.span.x }", "is called `a`"),
        ("{ } as a !>> { .x = a.span.x }", "is called `a`"),
        ("{ } !-[data]-> { } as b | { .x = b.span.x }", "is called `b`"),
        ("{ } && !{ } as b | { .x = b.span.x }", "is called `b`"),
        ("{ 1 } | rate()", "must be true or false"),
        ("{ } | compare({ 1 })", "must be true or false"),
        ("{ } | rate() by(a.span.x)", "is called `a`"),
    ],
)
def test_what_does_not_fit(text: str, message: str) -> None:
    """What can never be meant is refused before any span is seen."""
    with pytest.raises(SignatureError, match=message) as caught:
        validate(parse(text))
    assert caught.value.stage == "validate"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{ parent = nil }", "`parent` alone has no value"),
        ("{ } as a | by(a.span.x)", r"by\(\) cannot refer to `a`"),
        ("{ } as a | max(a.span.x) > 1", r"max\(\) cannot refer to `a`"),
        ("{ } as a | select(a.span.x)", r"select\(\) cannot refer to `a`"),
    ],
)
def test_what_is_understood_but_not_done(text: str, message: str) -> None:
    """What makes sense but is not done is ``unsupported``, not wrong."""
    with pytest.raises(SignatureError, match=message) as caught:
        compile_query(text)
    assert caught.value.stage == "unsupported"


@pytest.mark.parametrize(
    ("pattern", "text", "fits"),
    [
        ("a", "a", True),
        ("a", "ab", False),
        ("a.*", "a\nb", True),
        ("(?i)A", "a", True),
        ("a|b", "b", True),
        ("a|b", "xb", False),
        ("", "", True),
    ],
)
def test_regular_expressions_are_anchored(pattern: str, text: str, fits: bool) -> None:
    """A pattern has to fit the whole text, and a dot fits a new line."""
    assert (compile_regex(pattern).fullmatch(text) is not None) is fits
