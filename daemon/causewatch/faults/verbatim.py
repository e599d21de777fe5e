"""A text that was carried word for word, but for some of its facts."""

from __future__ import annotations

from causewatch.faults.text import fold
from causewatch.faults.timeline import text_of
from causewatch.model.facts import fact_of, masked
from causewatch.model.value import Value

MIN_WORDS_CHARS = 24
"""So much must agree beside the facts: a short template fits anything."""


def changes_between(sent: Value, received: Value) -> tuple[tuple[str, str], ...]:
    """Return the facts of ``sent`` that arrived as others, each with what arrived.

    Nobody rewords a text into itself with other numbers: code changed it. Empty if the text itself
    did not arrive in the same words, or arrived as it was.
    """
    whole, got = text_of(sent), text_of(received)
    if fold(whole) in fold(got):
        return ()
    words, facts = masked(whole)
    carried, others = masked(got)
    at = carried.find(words)
    if not facts or at < 0 or len(words.replace("\0", "").strip()) < MIN_WORDS_CHARS:
        return ()
    first = carried.count("\0", 0, at)
    pairs = zip(facts, others[first : first + len(facts)], strict=False)
    return tuple((one, two) for one, two in pairs if not _is_same(one, two))


def _is_same(one: str, two: str) -> bool:
    if one.strip(" .,:;").lower() == two.strip(" .,:;").lower():
        return True
    left, right = fact_of(one), fact_of(two)
    return left is not None and right is not None and bool(left.readings & right.readings)
