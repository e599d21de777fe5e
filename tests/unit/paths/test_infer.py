from __future__ import annotations

import pytest

from causewatch.paths.counts import bounds
from causewatch.paths.format import format_model
from causewatch.paths.infer import MAX_ALPHABET_COUNT, infer
from causewatch.paths.parser import plain_pattern
from causewatch.paths.sample import Item, Word
from causewatch.paths.syntax import Name
from paths_fixtures import row


def word(text: str) -> Word:
    """Return children such as ``a b~c`` as a word."""
    return tuple(
        Item(
            name=Name(pattern=plain_pattern("", child.name), is_handoff=child.is_handoff),
            start_ns=child.start_ns,
            end_ns=child.end_ns,
        )
        for child in row(text)
    )


def learned(*words: str, times: int = 1) -> str:
    """Return what is inferred from words, each seen so many times."""
    return format_model(infer([word(text) for text in words for _ in range(times)]))


@pytest.mark.parametrize(
    ("words", "model"),
    [
        ([""], "()"),
        (["a b c"], "a, b, c"),
        (["a b c", "a c"], "a, b?, c"),
        (["a b", "a c"], "a, (b | c)"),
        (["a b", "a c", "a"], "a, (b | c)?"),
        (["a >b", "a >c"], "a, -> (b | c)"),
        (["a b c", "b a c"], "(a & b), c"),
        (["a~b c"], "(a & b), c"),
        (["a b~c~d e"], "a, (b & c & d), e"),
        (["a a b", "a b"], "a+, b"),
        (["a b", "b", "a a b"], "a*, b"),
        (["a b a b", "a b"], "(a, b)+"),
        (["s r r s r", "s r"], "(s, r+)+"),
        (["a b c b c d", "a b c d"], "a, (b, c)+, d"),
        (["a b a", "b a b"], "(a | b)+"),
        (["a a~b b"], "a+ & b+"),
        (["a", "b", "a"], "a | b"),
        (["x", "", "x"], "x?"),
        (["k k >b", "k >c", "k k k >b"], "k+, -> (b | c)"),
    ],
)
def test_the_simplest_model_that_says_most(words: list[str], model: str) -> None:
    """Order, choice, any order and rounds are told apart as a person would."""
    assert learned(*words) == model


def test_numbers_are_learned_from_enough_runs_only() -> None:
    """Few runs speak for `+`; many for a plateau; a tail of retries for twice of it."""
    assert learned("a", "a a", "a a a") == "a+"
    assert learned("a", "a a", "a a a", times=10) == "a{1,3}"
    assert learned("a b", "a a b", times=5) == "a{1,2}, b"
    assert learned("a a", times=20) == "a{2}"
    assert learned(*["a"] * 40, *["a a"] * 4, "a a a") == "a{1,6}"


@pytest.mark.parametrize(
    ("counts", "expected"),
    [
        ([1], (1, 1)),
        ([0, 1], (0, 1)),
        ([0], (0, 0)),
        ([2, 2, 2], (1, None)),
        ([2] * 12, (2, 2)),
        ([1] * 5 + [2] * 5, (1, 2)),
        ([1] * 9 + [2], (1, None)),
        ([1] * 45 + [2] * 5, (1, 4)),
        ([3] + [4] * 20 + [5] * 20, (1, 5)),
        ([0] * 25 + [7] * 25, (0, 7)),
    ],
)
def test_how_many_to_allow(counts: list[int], expected: tuple[int, int | None]) -> None:
    """A bound is learned where another value would have shown by now."""
    assert bounds(counts) == expected


def test_a_node_with_too_many_different_children_is_left_open() -> None:
    """A hundred names are no structure."""
    assert learned(" ".join(f"t{i}" for i in range(MAX_ALPHABET_COUNT + 1))) == "..."


def test_long_words_are_learned_in_time() -> None:
    """Order is read from the first children, numbers from all."""
    assert learned(" ".join(["a", "b"] * 2_000)) == "(a, b)+"


def test_a_model_beyond_the_limits_of_writing_becomes_a_choice() -> None:
    """What is printed always loads: here forty names in any order are too many for `&`."""
    names = [f"t{i}" for i in range(40)]
    model = learned(" ".join(names), " ".join(reversed(names)))
    assert model.startswith("(t0 | t1 | ")
    assert model.endswith(")+")
