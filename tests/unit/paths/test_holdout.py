from __future__ import annotations

from random import Random

import pytest

from causewatch.paths.format import format_model
from causewatch.paths.holdout import Settled, settle
from causewatch.paths.infer import infer
from causewatch.paths.parser import plain_pattern
from causewatch.paths.sample import Item, Word
from causewatch.paths.syntax import Name
from paths_fixtures import row


def word(text: str) -> Word:
    """Return children such as ``a b~c`` as a word."""
    return tuple(
        Item(name=Name(pattern=plain_pattern("", c.name)), start_ns=c.start_ns, end_ns=c.end_ns)
        for c in row(text)
    )


def settled(*texts: str) -> Settled:
    """Return what is learned from words."""
    return settle([word(text) for text in texts])


def test_what_is_always_done_the_same_is_learned_as_tight_as_it_is() -> None:
    """Nothing is lost where the parts agree."""
    found = settled(*["a b c", "a c"] * 10)
    assert format_model(found.model) == "a, b?, c"
    assert (found.misfits_count, found.held_out_count) == (0, 20)


def test_few_words_are_taken_as_they_are() -> None:
    """Nine runs that a person chose are what the person wants."""
    found = settled(*["a b"] * 8, "a c")
    assert format_model(found.model) == "a, (b | c)"
    assert found.held_out_count == 0


def test_one_rare_word_does_not_loosen_the_rest() -> None:
    """It is accepted, and counted."""
    found = settled(*["a b"] * 19, "a x b")
    assert format_model(found.model) == "a, x?, b"
    assert found.misfits_count == 1


def test_where_only_the_order_does_not_hold_numbers_are_kept() -> None:
    """Two of six tools in any order: that some pairs never met is chance, no rule."""
    rng = Random("6/30/2")
    texts = [" ".join(rng.sample([f"t{i}" for i in range(6)], 2)) for _ in range(30)]
    assert format_model(infer([word(text) for text in texts])) == (
        "(t4? & t0? & t5? & t3?)?, (t2? & t1?)?"
    )
    assert format_model(settled(*texts).model) == "t2? & t1? & t4? & t0? & t5? & t3?"


@pytest.mark.parametrize("seed", range(3))
def test_an_agent_that_does_whatever_it_is_asked_is_left_open(seed: int) -> None:
    """A model of what twenty users happened to ask for would alarm on the next one."""
    rng = Random(seed)
    texts = [" ".join(rng.sample([f"t{i}" for i in range(60)], 4)) for _ in range(20)]
    found = settled(*texts)
    assert format_model(found.model) == "..."
    assert found.misfits_count > 10


def test_an_idle_node_stays_idle() -> None:
    """Nothing below it is as sure as anything."""
    assert format_model(settled(*[""] * 20).model) == "()"
