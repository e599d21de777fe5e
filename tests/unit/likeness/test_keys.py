from __future__ import annotations

import pytest

from causewatch.dialects.tables import SHIPPED
from causewatch.likeness.keys import (
    naming_keys,
    role_of,
    tells_amount,
    tells_order,
    tells_usage,
)
from causewatch.likeness.signs import MAX_SIGN_TEXT_CHARS, SIGNS, signs_in

NAMING = naming_keys(SHIPPED)


@pytest.mark.parametrize(
    ("key", "role"),
    [
        ("gen_ai.operation.name", "name"),
        ("openinference.span.kind", "name"),
        ("gen_ai.tool.name", "name"),
        ("gen_ai.agent.name", "name"),
        ("llm.model_name", "name"),
        ("gen_ai.tool.call.result", "content"),
        ("input.value", "content"),
        ("gen_ai.conversation.id", "content"),
        ("gen_ai.agent.call.id", "content"),
        ("somebody.elses.key", "content"),
        ("retrieval.documents.0.document.score", "score"),
    ],
)
def test_a_key_says_how_its_value_counts(key: str, role: str) -> None:
    """Names by their value, content by its form: what the dialects' tables read as what."""
    assert role_of(key, NAMING) == role


@pytest.mark.parametrize(
    ("key", "order", "amount", "usage"),
    [
        ("version", True, False, False),
        ("updated_at", True, False, False),
        ("total_count", False, True, False),
        ("Max_Age", False, True, False),
        ("total_tokens", False, True, True),
        ("latency_ms", False, False, True),
        ("name", False, False, False),
    ],
)
def test_a_key_says_what_a_number_is_for(key: str, order: bool, amount: bool, usage: bool) -> None:
    """What tells newer from older, what counts things, and what only measures the run."""
    assert (tells_order(key), tells_amount(key), tells_usage(key)) == (order, amount, usage)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("All is well in Brevik", set()),
        ("The request FAILED: nothing found", {"fail", "nothing", "not"} - {"not"}),
        ("Verbindung abgelehnt", {"abgelehnt"}),
        ("接続に失敗しました", {"失敗"}),
    ],
)
def test_tell_tale_words_are_seen_in_any_case_and_language(text: str, words: set[str]) -> None:
    """By their stems, wherever they stand."""
    found = {SIGNS[position] for position in signs_in(text)}
    assert words <= found
    assert bool(words) == bool(found)


def test_of_a_long_text_the_beginning_and_the_end_count() -> None:
    """Linear in what is looked at, whatever is sent."""
    middle = "a" * MAX_SIGN_TEXT_CHARS
    assert signs_in(middle + "refused" + middle) == ()
    assert signs_in("refused" + middle * 3) == signs_in(middle * 3 + "refused") != ()
