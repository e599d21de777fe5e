from __future__ import annotations

import random

import pytest

from causewatch.signatures.compile_field import matcher_of
from causewatch.signatures.fragments import Gap, fragments_of


@pytest.mark.parametrize(
    ("pattern", "needles"),
    [
        ("refund", ("refund",)),
        (".*sk-[A-Za-z0-9]{32,}.*", ("sk-",)),
        ("(issue|send)_.*", ("issue_", "send_")),
        (".*@(evil|attacker)[.].*", ("@evil.", "@attacker.")),
        ("(?i).*DROP table .*", ("drop table ",)),
        ("(?i).*tasks.*", ("ta",)),
        ("(.*[.])?CancelledError", ("CancelledError", ".CancelledError")),
        ("(?:ab)+c", ("ab",)),
        ("ab{2}c", ()),
        ("a|bcd", ()),
        ("(ab)?", ()),
        (r"\bab\d", ("ab",)),
        (r"a\.b[xy]", ("a.bx", "a.by")),
    ],
)
def test_some_text_is_in_whatever_fits(pattern: str, needles: tuple[str, ...]) -> None:
    """Of each alternative the longest literal text; none where one has nothing long enough."""
    found = fragments_of(pattern)
    assert found is not None
    assert found.needles == needles


@pytest.mark.parametrize(
    "pattern",
    ["[[:alpha:]]+x", r"\Qa.b\E", r"\pL+", "(?P<name>a)", "(?i:a)b", "a{,5}", "x(?i)y", r"\x41"],
)
def test_what_is_not_read_has_no_fragments(pattern: str) -> None:
    """The pattern has to be run."""
    assert fragments_of(pattern) is None


def test_too_many_alternatives_are_not_read() -> None:
    """They multiply."""
    assert fragments_of("(a|b|c|d)" * 4) is None
    assert fragments_of("(" * 30 + "a" + ")" * 30) is None


def test_gaps_say_whether_they_hold_whatever_there_is() -> None:
    """Names are compared without the ids in them only where all else may stand there."""
    found = fragments_of("step .*x[0-9]")
    assert found is not None
    assert found.alternatives == (("step ", Gap.ANY, "x", Gap.SOME),)


def test_what_fits_holds_a_needle() -> None:
    """Random patterns, and random texts of the same characters."""
    dice = random.Random(3)
    parts = ["a", "b", "K", "s", "ab", "ks", ".", ".*", "[ab]", "[^a]", "(ab|K)", "(?:s|)", "b+",
             "a?", "(sa)*", r"\d", r"\w", "|", "k{2}", r"\."]  # fmt: skip
    letters = ["a", "b", "k", "K", "s", "S", "ab", "ks", ".", "1", "\u212a", "\u017f", "\n"]
    hits = 0
    for _ in range(1_500):
        pattern = ".*" + "".join(dice.choices(parts, k=dice.randint(1, 5))) + ".*"
        pattern = dice.choice(("", "(?i)", "(?s)", "(?is)")) + pattern
        found = fragments_of(pattern)
        needles = () if found is None else found.needles
        if found is None or not needles:
            continue
        fits = matcher_of(pattern)
        for _ in range(30):
            text = "".join(dice.choices(letters, k=dice.randint(0, 7)))
            if fits(text):
                hits += 1
                low = text.lower() if found.is_folded else text
                assert any(needle in low for needle in needles), (pattern, text)
    assert hits > 300
