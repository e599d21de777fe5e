from __future__ import annotations

from typing import Any

import pytest

from causewatch.dialects.unwrap import payload_of
from causewatch.graph.boundary import (
    MAX_PROBES_COUNT,
    PROBE_CHARS,
    folded,
    forwarded,
    probes,
    texts_of,
)

NOTE = "Order A-1 was sent on Monday with carrier Blue, tracking number BL-99."


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        (NOTE, (NOTE[:PROBE_CHARS],)),
        ({"task": NOTE, "n": 5, "short": "ok"}, (NOTE[:PROBE_CHARS],)),
        ([NOTE, {"deep": [f"  Also\n{NOTE}"]}], (NOTE[:PROBE_CHARS], f"Also {NOTE}"[:PROBE_CHARS])),
        ({"n": 5}, ()),
        (None, ()),
        ("ok", ()),
    ],
)
def test_probes_are_the_beginnings_of_texts(value: Any, expected: tuple[str, ...]) -> None:
    """What is cut or framed on the way still holds the beginning; short texts prove nothing."""
    assert probes(value) == expected


def test_the_number_of_probes_is_limited() -> None:
    """A payload of a thousand texts is probed by a few of them."""
    assert len(probes([f"{i} {NOTE}" for i in range(1_000)])) == MAX_PROBES_COUNT


def test_texts_come_in_order_however_deep() -> None:
    """Texts of nested values come in the order in which they stand there."""
    assert list(texts_of({"a": "1", "b": ["2", {"c": "3"}], "d": 4, "e": "5"})) == list("1235")
    deep: Any = "end"
    for _ in range(50_000):
        deep = [deep]
    assert list(texts_of(deep)) == ["end"]


def test_folding_leaves_one_blank() -> None:
    """Templates and models change white space: it does not count."""
    assert folded(" a\n\t b  c ") == "a b c"


@pytest.mark.parametrize(
    ("result", "expected"),
    [
        ({"update": {"findings": NOTE[:30]}}, True),
        ({"messages": [{"content": f"From ann: {NOTE}"}]}, True),
        ({"messages": [{"tool_calls": [{"args": {"note": NOTE}}]}]}, False),
        ({"messages": [{"additional_kwargs": {"x": NOTE}}]}, False),
        ("nothing of the kind", False),
        (None, False),
    ],
)
def test_a_forwarded_payload_is_seen_outside_of_the_call(result: Any, *, expected: bool) -> None:
    """That the call itself is repeated in a state does not mean that code passed it on."""
    payload = None if result is None else payload_of(result, "output.value")
    assert forwarded(payload, probes({"note": NOTE})) is expected


def test_a_hostile_state_is_not_followed_for_ever() -> None:
    """A value nested past all reason ends the search, not the program."""
    deep: Any = NOTE
    for _ in range(500):
        deep = {"x": deep}
    assert not forwarded(payload_of(deep, "k"), probes(NOTE))
