from __future__ import annotations

import pytest

from causewatch.errors import UserError
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import compile_query

# Each bad signature with exactly what its author is shown.
_SHOWN = [
    (
        "{ span.x = }",
        (
            "line 1, column 12: unexpected `}`; expected an attribute such as `span.x`, an "
            "intrinsic such as `name`, a value, `(` or `!`\n"
            "  { span.x = }\n"
            "             ^"
        ),
    ),
    (
        "{ foo = 1 }",
        (
            "line 1, column 3: unknown word `foo`; an attribute needs its scope; expected `.foo` "
            "or `span.foo`\n"
            "  { foo = 1 }\n"
            "    ^"
        ),
    ),
    (
        "{ .a = 1",
        (
            "line 1, column 9: it ends too early; expected an operator or `}`\n"
            "  { .a = 1\n"
            "          ^"
        ),
    ),
    (
        "{ .a }\n  -[floww]->> { .b }",
        (
            "line 2, column 5: no edge `floww`; expected `call`, `return`, `link`, `handoff`, "
            "`data`, `before` or `flow`\n"
            "    -[floww]->> { .b }\n"
            "      ^"
        ),
    ),
    (
        "{ span:start > 1 } as a >>\n\t{ name > 5 }",
        ("line 2, column 9: `>` cannot join string and int\n  \t{ name > 5 }\n  \t       ^"),
    ),
    (
        "{ .a } | count()",
        (
            "line 1, column 17: it ends too early; expected a comparison such as "
            "`> 2`\n"
            "  { .a } | count()\n"
            "                  ^"
        ),
    ),
    (
        "{ .a } && { .x = b.span.y }",
        (
            "line 1, column 18: no span set before this is called `b`\n"
            "  { .a } && { .x = b.span.y }\n"
            "                   ^"
        ),
    ),
    (
        "{ .a } as one && { .x = two.span.y }",
        (
            "line 1, column 25: no span set before this is called `two`; expected `one`\n"
            "  { .a } as one && { .x = two.span.y }\n"
            "                          ^"
        ),
    ),
    (
        "!{ .a }",
        ("line 1, column 1: `!{ }` adds no spans; expected `{ ... } && !{ ... }`\n  !{ .a }\n  ^"),
    ),
    (
        "{ .a =~ `(` }",
        ("line 1, column 9: bad regular expression: missing ): (\n  { .a =~ `(` }\n          ^"),
    ),
    (
        "{ span:foo = 1 }",
        (
            "line 1, column 3: no intrinsic `span:foo`; expected `span:id`, `span:parentID`, "
            "`span:name`, `span:kind`, `span:status`, `span:statusMessage`, `span:duration`, "
            "`span:childCount`, `span:start` or `span:end`\n"
            "  { span:foo = 1 }\n"
            "    ^"
        ),
    ),
]


@pytest.mark.parametrize(("text", "shown"), _SHOWN)
def test_what_an_author_is_shown(text: str, shown: str) -> None:
    """A bad signature is shown with its line, a caret below the place, and what was expected."""
    with pytest.raises(SignatureError) as caught:
        compile_query(text)
    assert caught.value.render() == shown


def test_an_error_knows_its_place() -> None:
    """The parts of an error can be had one by one, for rule files and JSON."""
    with pytest.raises(SignatureError) as caught:
        compile_query("{ .a }\n && \n{ .b = }")
    error = caught.value
    assert (error.stage, error.line, error.column) == ("parse", 3, 8)
    assert error.source_line == "{ .b = }"
    assert error.message == "unexpected `}`"
    assert error.expected[0] == "an attribute such as `span.x`"
    assert str(error).startswith("line 3, column 8: unexpected `}`; expected ")


def test_a_bad_signature_is_the_users() -> None:
    """A bad signature is shown without a traceback: it is a user's error."""
    assert issubclass(SignatureError, UserError)


@pytest.mark.parametrize(
    ("expected", "sentence"),
    [
        ((), "bad"),
        (("x",), "bad; expected x"),
        (("x", "y"), "bad; expected x or y"),
        (("x", "y", "z"), "bad; expected x, y or z"),
    ],
)
def test_how_expectations_read(expected: tuple[str, ...], sentence: str) -> None:
    """What was expected is listed as people would say it."""
    error = SignatureError("parse", "bad", text="abc", offset=1, expected=expected)
    assert str(error) == f"line 1, column 2: {sentence}"


@pytest.mark.parametrize(
    ("text", "offset", "place"),
    [
        ("", 0, (1, 1, "")),
        ("abc", 3, (1, 4, "abc")),
        ("a\nb", 2, (2, 1, "b")),
        ("a\n", 2, (2, 1, "")),
        ("a\nb\nc", 1, (1, 2, "a")),
    ],
)
def test_places(text: str, offset: int, place: tuple[int, int, str]) -> None:
    """Lines and columns count from 1, at the ends of lines and texts too."""
    error = SignatureError("parse", "bad", text=text, offset=offset)
    assert (error.line, error.column, error.source_line) == place
