"""Matchers are read as Alertmanager reads them, in both of its grammars."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.incidents.matcher import Matcher, matches
from causewatch.incidents.matcher_text import MAX_MATCHERS_CHARS, MatcherError, parse_matchers

VECTORS = Path(__file__).parents[2] / "vectors" / "alertmanager_matchers.jsonl"


def read(text: str) -> list[tuple[str, str, str]]:
    """Return name, operator and value of each matcher."""
    return [(m.name, m.op, m.value) for m in parse_matchers(text)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", []),
        ("{}", []),
        ("foo=bar", [("foo", "=", "bar")]),
        ('foo="bar"', [("foo", "=", "bar")]),
        ("foo != bar", [("foo", "!=", "bar")]),
        ('foo=~"[a-z]+"', [("foo", "=~", "[a-z]+")]),
        ('foo!~"b|c"', [("foo", "!~", "b|c")]),
        ("{foo=bar}", [("foo", "=", "bar")]),
        ("{foo=bar,}", [("foo", "=", "bar")]),
        ('foo="a,b",c=d', [("foo", "=", "a,b"), ("c", "=", "d")]),
        ('foo = "bar" , dings != "bums",', [("foo", "=", "bar"), ("dings", "!=", "bums")]),
        ('foo=""', [("foo", "=", "")]),
        (r'foo="say \"hi\""', [("foo", "=", 'say "hi"')]),
        (r'foo="a\nb"', [("foo", "=", "a\nb")]),
    ],
)
def test_what_both_grammars_take(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Names, the four operators, values with and without quotes, braces, several in a line."""
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('"foo.bar"="x"', [("foo.bar", "=", "x")]),
        ("ünïcode=🙂", [("ünïcode", "=", "🙂")]),
        ("service.name=api", [("service.name", "=", "api")]),
        ("a-b=c", [("a-b", "=", "c")]),
        (r'"ab"=~"☃"', [("ab", "=~", "☃")]),
        (r'"\u2603"="\xe2\x98\x83"', [("☃", "=", "☃")]),
        (r'"a\"b"=c', [('a"b', "=", "c")]),
    ],
)
def test_what_only_the_newer_grammar_takes(text: str, expected: list[tuple[str, str, str]]) -> None:
    """Any name in quotes, bare names beyond ASCII, Go's escapes."""
    assert read(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("foo=", [("foo", "=", "")]),
        ("foo=~bar.*|baz", [("foo", "=~", "bar.*|baz")]),
        ("foo=~(a|b)c?", [("foo", "=~", "(a|b)c?")]),
        ("foo=two words", [("foo", "=", "two words")]),
        (r"foo=~5\d\d", [("foo", "=~", r"5\d\d")]),
        ("foo={bar", [("foo", "=", "{bar")]),
        (r'foo="\d"', [("foo", "=", r"\d")]),
        ("statuscode=~5..", [("statuscode", "=~", "5..")]),
        ("foo=a=b", [("foo", "=", "a=b")]),
    ],
)
def test_what_only_the_classic_grammar_takes(
    text: str, expected: list[tuple[str, str, str]]
) -> None:
    """Bare values with blanks, operators and back-slashes, and no value at all."""
    assert read(text) == expected


def test_where_the_grammars_disagree_the_classic_one_counts() -> None:
    """The newer one knows more escapes; a file written for the older one keeps its meaning."""
    assert read(r'foo="\u2603"') == [("foo", "=", r"\u2603")]
    assert read(r'foo="a\tb"') == [("foo", "=", r"a\tb")]


def test_alertmanager_reads_the_same() -> None:
    """Odd texts, with what Alertmanager 0.28.1 makes of them in its default mode."""
    for line in VECTORS.read_text(encoding="utf-8").split("\n")[:-1]:
        case = json.loads(line)
        try:
            found = [list(matcher) for matcher in read(case["text"])]
        except MatcherError:
            found = None
        assert found == case["matchers"], case["text"]


def test_a_label_without_a_name_is_refused() -> None:
    """Alertmanager takes it; no alert has such a label."""
    with pytest.raises(MatcherError, match="must not be empty"):
        parse_matchers('""="x"')


@pytest.mark.parametrize(
    ("text", "offset"),
    [
        ("severity", 8),
        ('"severity"', 10),
        ('{"a.b"=bar', 10),
        ('foo="bar', 4),
        ('"a b"="c" d', 10),
        ("=bar", 0),
        ('""=bar', 0),
        ('foo.bar=~"("', 10),
        (r'"\ud800"=x', 1),
        (r'"\q"=x', 1),
    ],
)
def test_what_neither_takes_is_refused_where_it_goes_wrong(text: str, offset: int) -> None:
    """The offset tells a configuration's reader the column."""
    with pytest.raises(MatcherError) as caught:
        parse_matchers(text)
    assert abs(caught.value.offset - offset) <= 2, caught.value.offset


def test_a_text_of_any_length_takes_linear_time() -> None:
    """Too long a text is refused before it is looked at."""
    with pytest.raises(MatcherError, match="characters"):
        parse_matchers("a=b," * MAX_MATCHERS_CHARS)


@given(st.text(max_size=60))
def test_odd_text_is_read_or_refused(text: str) -> None:
    """Nothing but a ``MatcherError`` comes of it."""
    with contextlib.suppress(MatcherError):
        assert all(matcher.name for matcher in parse_matchers(text))


@given(
    st.builds(
        Matcher,
        name=st.from_regex(r"[a-z_][a-z0-9_]{0,8}", fullmatch=True),
        op=st.sampled_from(["=", "!="]),
        value=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=20),
    )
)
def test_a_matcher_reads_back_from_its_text(matcher: Matcher) -> None:
    """What ``str`` writes is read as the same matcher, whatever its value is."""
    assert parse_matchers(str(matcher)) == (matcher,)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("team=ai", {"team": "ai"}, True),
        ("team!=ai", {}, True),
        ('team=~"a|i"', {"team": "ai"}, False),
        ('team!~"a."', {"team": "ai"}, False),
        ('absent=""', {}, True),
    ],
)
def test_matchers_compare_whole_values(text: str, labels: dict[str, str], expected: bool) -> None:
    """A missing label is the empty one, a pattern covers all of a value."""
    (matcher,) = parse_matchers(text)
    assert matches(matcher, labels) is expected
