from __future__ import annotations

import contextlib

import pytest

from causewatch.signatures.error import SignatureError
from causewatch.signatures.lexer import MAX_TEXT_CHARS, tokens_of
from causewatch.signatures.token import OPERATORS

_SECOND_NS = 1_000_000_000


@pytest.mark.parametrize("operator", OPERATORS)
def test_every_operator_is_one_token(operator: str) -> None:
    """Each operator of the language is read whole, never as two shorter ones."""
    token, end = tokens_of(operator)
    assert (token.kind, token.text, end.kind) == ("operator", operator, "end")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("0", "int", 0),
        ("17", "int", 17),
        ("9223372036854775807", "int", 2**63 - 1),
        ("1.5", "float", 1.5),
        ("1.", "float", 1.0),
        (".5", "float", 0.5),
        ("1e3", "float", 1000.0),
        ("2.5e-1", "float", 0.25),
        ("1s", "duration", _SECOND_NS),
        ("0.1s", "duration", _SECOND_NS // 10),
        ("100ms", "duration", _SECOND_NS // 10),
        ("1h30m", "duration", 5_400 * _SECOND_NS),
        ("1m30s", "duration", 90 * _SECOND_NS),
        ("1d", "duration", 86_400 * _SECOND_NS),
        ("2w", "duration", 14 * 86_400 * _SECOND_NS),
        ("1y", "duration", 365 * 86_400 * _SECOND_NS),
        ("5us", "duration", 5_000),
        ("5\u00b5s", "duration", 5_000),
        ("5\u03bcs", "duration", 5_000),
        ("7ns", "duration", 7),
        ("1.5h", "duration", 5_400 * _SECOND_NS),
        ('"a"', "string", "a"),
        ('""', "string", ""),
        (r'"\n\t\"\\"', "string", '\n\t"\\'),
        (r'"\x41\u00e9\U0001F600\101"', "string", "A\u00e9\U0001f600A"),
        ("`raw \\d+`", "string", "raw \\d+"),
        ("`two\nlines`", "string", "two\nlines"),
        ('"caf\u00e9"', "string", "caf\u00e9"),
    ],
)
def test_literals(text: str, kind: str, value: object) -> None:
    """A literal is one token with the value that it stands for; durations are nanoseconds."""
    token, end = tokens_of(text)
    assert (token.kind, token.value, end.kind) == (kind, value, "end")


@pytest.mark.parametrize(
    ("text", "owner", "scope", "name"),
    [
        (".x", "", "", "x"),
        ("span.x", "", "span", "x"),
        ("resource.service.name", "", "resource", "service.name"),
        ("event.x", "", "event", "x"),
        ("link.x", "", "link", "x"),
        ("instrumentation.x", "", "instrumentation", "x"),
        ("parent.x", "parent", "", "x"),
        ("parent.span.x", "parent", "span", "x"),
        ("parent.resource.x", "parent", "resource", "x"),
        ("a.span.x", "a", "span", "x"),
        ("source.resource.x", "source", "resource", "x"),
        ("span.span.x", "", "span", "span.x"),
        ("span.n-1", "", "span", "n-1"),
        ("span.a/b:c*d%e+f", "", "span", "a/b:c*d%e+f"),
        ("span.0", "", "span", "0"),
        ('span."two words"', "", "span", "two words"),
        ('."a=b".c', "", "", "a=b.c"),
        (r'span."say \"hi\" \\"', "", "span", 'say "hi" \\'),
        ("span.caf\u00e9", "", "span", "caf\u00e9"),
        ("span.[0]", "", "span", "[0]"),
    ],
)
def test_attributes(text: str, owner: str, scope: str, name: str) -> None:
    """An attribute's name runs to white space or a bracket or operator sign, or is quoted."""
    token, end = tokens_of(text)
    assert token.kind == "attribute"
    assert (token.owner, token.scope, token.text, end.kind) == (owner, scope, name, "end")


@pytest.mark.parametrize("sign", [*"{}()=~!<>^,|", "&&", " ", "\n"])
def test_what_ends_an_attribute(sign: str) -> None:
    """Each of these signs ends an attribute's name."""
    first = tokens_of(f"span.x{sign}")[0]
    assert (first.text, first.end) == ("x", 6)


@pytest.mark.parametrize(
    ("text", "scope", "name"),
    [
        ("span:duration", "span", "duration"),
        ("trace:rootService", "trace", "rootService"),
        ("a:start", "a", "start"),
        ("parent:name", "parent", "name"),
    ],
)
def test_intrinsics(text: str, scope: str, name: str) -> None:
    """A word, a colon and a word are one intrinsic."""
    token, end = tokens_of(text)
    assert (token.kind, token.scope, token.text, end.kind) == ("intrinsic", scope, name, "end")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("{ }", ["{", "}"]),
        ("{}>>{}", ["{", "}", ">>", "{", "}"]),
        ("{}!>>{}", ["{", "}", "!>>", "{", "}"]),
        ("{}&>>{}", ["{", "}", "&>>", "{", "}"]),
        ("{} && !{}", ["{", "}", "&&", "!", "{", "}"]),
        ("-[call|link]->", ["-[", "call", "|", "link", "]->"]),
        ("-[flow]->>{2,3}", ["-[", "flow", "]->>", "{", "2", ",", "3", "}"]),
        ("&-[x]->", ["&-[", "x", "]->"]),
        ("!-[x]->", ["!-[", "x", "]->"]),
        ("!-1", ["!", "-", "1"]),
        ("a=~b", ["a", "=~", "b"]),
        ("a>=-1", ["a", ">=", "-", "1"]),
        ("count()>2", ["count", "(", ")", ">", "2"]),
    ],
)
def test_runs_of_signs_take_the_longest_operator(text: str, words: list[str]) -> None:
    """Where operators stand side by side the longest one is read first."""
    assert [token.text for token in tokens_of(text)][:-1] == words


@pytest.mark.parametrize(
    ("text", "message", "column"),
    [
        ('{ "abc', "never ends", 3),
        ('{ "a\nb" }', "never ends", 3),
        ("{ `abc", "never ends", 3),
        ('{ span."abc', "never ends", 8),
        (r'{ "\d" }', "unknown escape", 4),
        (r'{ "\x4" }', "unknown escape", 4),
        (r'{ "\UFFFFFFFF" }', "no character", 4),
        ("{ # }", "unexpected character '#'", 3),
        ("{ & }", "unexpected character '&'", 3),
        ("{ ; }", "unexpected character ';'", 3),
        ("{ \x00 }", "unexpected character", 3),
        ("{ span. = 1 }", "without a name", 8),
        ("{ . x }", "without a name", 4),
        ("{ span: }", "no name after `span:`", 8),
        ("{ name.x = 1 }", "`name.` needs a scope", 3),
        ("{ 9223372036854775808 }", "does not fit 64 bits", 3),
        ("{ 99999999999999999999999 }", "does not fit 64 bits", 3),
        ("{ 1e999 }", "does not fit 64 bits", 3),
        ("{ 300y }", "does not fit 64 bits", 3),
        ("{ 0.5y" + "9" * 40 + "h }", "does not fit 64 bits", 3),
    ],
)
def test_what_is_no_token(text: str, message: str, column: int) -> None:
    """What cannot be read is an error of the parse stage at its first character."""
    with pytest.raises(SignatureError) as caught:
        tokens_of(text)
    assert message in caught.value.message
    assert (caught.value.stage, caught.value.line, caught.value.column) == ("parse", 1, column)


def test_text_has_a_limit() -> None:
    """A text past the limit is refused before it is read."""
    assert len(tokens_of(" " * MAX_TEXT_CHARS)) == 1
    with pytest.raises(SignatureError, match="longer than 65536 characters"):
        tokens_of(" " * (MAX_TEXT_CHARS + 1))


@pytest.mark.parametrize("text", ["1" * 60_000, "." * 60_000, '"' * 59_999, "a." * 30_000])
def test_long_runs_end_quickly(text: str) -> None:
    """A long run of one sign is an error or a token, not a stall."""
    with contextlib.suppress(SignatureError):
        assert tokens_of(text)[-1].kind == "end"
