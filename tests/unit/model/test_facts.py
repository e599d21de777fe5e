"""Facts in text: what they are read as, and when two of them nearly agree."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.faults.placeholders import placeholders_in
from causewatch.model.facts import fact_of, how_near, is_next, masked, tokens_of, unescaped


def near(one: str, two: str) -> str:
    """Return how two facts nearly agree."""
    fact, other = fact_of(one), fact_of(two)
    assert fact is not None
    assert other is not None
    return how_near(fact, other)


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("Pay 249.90 EUR to A-7731.", ["249.90", "A-7731"]),
        ("mail a.b+c@foo.example today", ["a.b+c@foo.example"]),
        ("品番JP40512、価格は81450円", ["JP40512", "81450"]),
        ("no digits here", []),
        ('{\\"id\\": \\"A-1\\",\\n\\"to\\": 2}', ["A-1", "2"]),
        ("line one\\nB-2", ["B-2"]),
    ],
)
def test_what_may_be_a_fact(text: str, tokens: list[str]) -> None:
    """Whatever holds a digit and addresses, also inside of JSON inside of a text."""
    assert list(tokens_of(text)) == tokens


@pytest.mark.parametrize(
    ("token", "kind", "readings"),
    [
        ("249.90", "number", {"249.9"}),
        ("1.234,50", "number", {"1234.5"}),
        ("1,234.50", "number", {"1234.5"}),
        ("1'234.50", "number", {"1234.5"}),
        ("1.234", "number", {"1234", "1.234"}),
        ("0.125", "number", {"0.125"}),
        ("1.234.567", "number", {"1234567"}),
        ("EUR249.90", "number", {"249.9"}),
        ("250ml", "number", {"250"}),
        ("007", "number", {"7"}),
        ("\u0663\u0661\u0668\u066b\u0664\u0665", "number", {"318.45"}),
        ("A-7731,", "id", {"a-7731"}),
        ("FAC-000726", "id", {"fac-000726"}),
        ("2026-05-03", "date", {"2026-05-03"}),
        ("2026-05-03T10:00", "date", {"2026-05-03"}),
        ("03/05/2026", "date", {"2026-05-03", "2026-03-05"}),
        ("31.12.2026", "date", {"2026-12-31"}),
        ("A.B@Foo.example", "address", {"a.b@foo.example"}),
    ],
)
def test_what_a_fact_is_read_as(token: str, kind: str, readings: set[str]) -> None:
    """One number has many spellings, and some spellings stand for one of two numbers or days."""
    fact = fact_of(token)
    assert fact is not None
    assert fact.kind == kind
    assert set(fact.readings) == readings


@pytest.mark.parametrize("token", ["v1.2.3", "10:30", "1.2.3.4b", ""])
def test_what_is_no_fact(token: str) -> None:
    """Versions and times of day are compared with nothing."""
    assert fact_of(token) is None


@pytest.mark.parametrize(
    ("one", "two", "how"),
    [
        ("2499.0", "249.90", "the decimal point moved"),
        ("24.99", "249.90", "the decimal point moved"),
        ("2.499,00", "249,90", "the decimal point moved"),
        ("71.949", "719.49", "the decimal point moved"),
        ("294.90", "249.90", "two digits swapped"),
        ("249.80", "249.90", "one digit changed"),
        ("A-7713", "A-7731", "two digits swapped"),
        ("A-7781", "A-7731", "one digit changed"),
        ("A-77311", "A-7731", "a digit lost or doubled"),
        ("DE89370400440532013100", "DE89370400440532013000", "one digit changed"),
        ("5f3c9a1e7b2d4c60", "5f3c9a1e7b2d4c6a", "a character changed"),
        ("2026-03-05", "2026-05-03", "day and month changed places"),
        ("ana.lopes@x.example", "ana.lopez@x.example", "one letter changed"),
        ("ana@exmaple.com", "ana@example.com", "one letter changed"),
    ],
)
def test_facts_that_nearly_agree(one: str, two: str, how: str) -> None:
    """A slip of the pen, or of a program, has a name."""
    assert near(one, two) == how


@pytest.mark.parametrize(
    ("one", "two"),
    [
        ("249.90", "249.9"),  # the same
        ("1,234.50", "1.234,50"),
        ("24990", "249.90"),  # cents
        ("2.4", "24"),  # too short to tell
        ("120", "1200"),
        ("250", "249"),  # rounded
        ("387.10", "249.90"),
        ("A-7732", "A-7731"),  # the next one
        ("A-7733", "A-7731"),
        ("B-7713", "A-7731"),
        ("U-327", "U-372"),  # too short to tell
        ("A-7731-1204", "A-7713-1240"),
        ("report-20260501", "report-20260401"),  # another day
        ("plan-2052", "plan-2025"),
        ("2026-05-04", "2026-05-03"),
        ("03/05/2026", "05/03/2026"),  # may be the same day
        ("user1@example.org", "user2@example.org"),
        ("bo@x.example", "jo@x.example"),
        ("ana@one.example", "bob@two.example"),
        ("249.90", "A-7731"),
    ],
)
def test_facts_that_are_just_different(one: str, two: str) -> None:
    """The same in another spelling, another thing, or too short to tell."""
    assert near(one, two) == ""


@pytest.mark.parametrize(
    ("one", "two", "next_to"),
    [("A-7732", "A-7731", True), ("A-7713", "A-7731", False), ("7732", "7731", False)],
)
def test_ids_of_one_series(one: str, two: str, *, next_to: bool) -> None:
    """Ids that follow each other are two things."""
    fact, other = fact_of(one), fact_of(two)
    assert fact is not None
    assert other is not None
    assert is_next(fact, other) is next_to


def test_a_masked_text() -> None:
    """A text without its facts, and the facts beside it."""
    assert masked("Pay 249.90 to  A-7731 now") == ("Pay \0 to \0 now", ["249.90", "A-7731"])


@given(st.text(max_size=60), st.text(max_size=60))
def test_no_text_is_too_odd(one: str, two: str) -> None:
    """Any text can be taken apart, and any two facts compared; a fact is near to itself never."""
    facts = [fact for text in (one, two) for token in tokens_of(text) if (fact := fact_of(token))]
    for fact in facts:
        assert how_near(fact, fact) == ""
        assert all(isinstance(how_near(fact, other), str) for other in facts)


@given(st.decimals(min_value=10, max_value=99999, places=2))
def test_spellings_of_one_number(value: object) -> None:
    """A number is read the same with a comma, a point, or grouped."""
    english = f"{value:,}"
    german = english.replace(",", " ").replace(".", ",").replace(" ", ".")
    plain = fact_of(str(value))
    assert plain is not None
    for spelled in (english, german):
        fact = fact_of(spelled)
        assert fact is not None
        assert fact.readings & plain.readings


@pytest.mark.parametrize(
    "piece", ["\\", "\\u12", "a-", "1.", "a@", "<a.", "[object ", "x.y.", "'1"]
)
def test_odd_text_is_read_in_linear_time(piece: str) -> None:
    """No row of marks takes longer than its length: a test that hangs here found one."""
    text = piece * (150_000 // len(piece))
    assert len(tokens_of(text)) <= len(text)
    assert len(masked(text)[0]) <= len(text)
    assert placeholders_in(text) == []
    assert len(unescaped(text)) <= len(text)
