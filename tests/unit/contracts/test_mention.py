"""Facts of a payload: what is known again in another spelling, and what is lost."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.contracts.mention import MAX_DEPTH, Told, mentions_of

KEPT = [
    ("another spelling of a number", "It is 1.234,50 in all", "1234.5 in all"),
    ("a number and its JSON", {"total": 1234.5}, "1,234.50"),
    ("a sum in its currency", "1.234,50 EUR", "€1,234.50"),
    ("a currency by its word", {"sum": "EUR 80"}, "80 euros"),
    ("an ambiguous sign of money", "$20", "20 CAD"),
    ("the same weight in another unit", "1.5 kg of basalt", "1500 g"),
    ("the same time in another unit", "after 90 min", "after 1.5 h"),
    ("a unit that was left out", "12 kg", {"kg": 12}),
    ("a percentage as a share", {"rate": 0.87}, "87 %"),
    ("a rounded fraction", "0.8666667", "0.867"),
    ("a rounded percentage", {"rate": 0.8666667}, "87 %"),
    ("a single digit, as a word", {"rooms": 3}, "three rooms"),
    ("an id with blanks", "PO-8812", "order po 8812"),
    ("an id as a key", "for PO-8812", {"PO-8812": "paid"}),
    ("a date in words", {"due": "2026-03-12"}, "on 12 March 2026"),
    ("a date in American order", "12.03.2026", "March 12, 2026"),
    ("a date in Spanish", "2026-08-02", "el 2 de agosto de 2026"),
    ("a date in Russian", "2026-05-09", "9 мая 2026"),
    ("a date in Japanese", "2026年3月12日", "2026-03-12"),
    ("a moment by its day", {"at": "2026-03-12T10:00:00Z"}, "2026-03-12"),
    ("an address in capitals", "a.b@c.example", "Mail A.B@C.example!"),
    ("a URL without its scheme", "https://a.example/x?y=1.", "see a.example/x?y=1"),
    ("a name by one of its words", "Ask Anna Berg.", "Ms Berg"),
    ("a name with its particle", "We met Jan van Dalen today", "van dalen"),
    ("a capital at the start of a sentence", "Ask about it. Then Berg.", "nothing"),
    ("a version and a time of day", "v1.2.3 at 10:30", "nothing"),
    ("words only", "Load the barrels first", "Erst die Fässer"),
    ("a truth value and nothing", {"a": True, "b": None}, {}),
    ("digits of another script", "\u0663\u0661\u0668\u066b\u0664\u0665", "318.45"),
]  # fmt: skip
LOST = [
    ("a number", {"total": 1234.5}, "1243.5", ["number"]),
    ("the same number in another unit", "12 kg", "12 g", ["number"]),
    ("the same sum in another currency", "20 EUR", "20 USD", ["number"]),
    ("a longer id", "A-12", "A-123", ["id"]),
    ("a date", "12 March 2026", "12 April 2026", ["date"]),
    ("an address", "a.b@c.example", "a@c.example", ["address"]),
    ("a URL", "https://a.example/x", "https://a.example/y", ["url"]),
    ("a name", "We ask Anna Berg", "We ask Ann Borg", ["name"]),
    ("a name that is all of a text", {"who": "Anna Berg"}, {"who": "Ann Borg"}, ["name"]),
    ("all of them", "PO-881: 12.50 by 2026-03-12", "", ["date", "id", "number"]),
    ("one of two", ["PO-881", "PO-882"], ["PO-881"], ["id"]),
]  # fmt: skip


def lost(sent: Any, received: Any) -> list[str]:
    """Return the kinds of facts in ``sent`` that ``received`` does not tell."""
    told = Told(received)
    return sorted(fact.kind for fact in mentions_of(sent).facts if not told.has(fact))


@pytest.mark.parametrize(("sent", "received"), [r[1:] for r in KEPT], ids=[r[0] for r in KEPT])
def test_a_fact_is_known_again(sent: Any, received: Any) -> None:
    """The same fact in another spelling, unit, script or rounding is no loss."""
    assert lost(sent, received) == []


@pytest.mark.parametrize(
    ("sent", "received", "kinds"), [r[1:] for r in LOST], ids=[r[0] for r in LOST]
)
def test_a_fact_is_lost(sent: Any, received: Any, kinds: list[str]) -> None:
    """Another value, unit, day or name is not the one that was sent."""
    assert lost(sent, received) == kinds


def test_a_fact_stands_at_its_pointer() -> None:
    """Each fact names the place of the text that it stands in."""
    (fact,) = mentions_of({"a/b": [{"note": "for PO-881"}]}).facts
    assert (fact.text, fact.pointer) == ("PO-881", "/a~1b/0/note")


def test_too_many_facts_are_said_to_be_too_many() -> None:
    """Beyond the limit the list says of itself that it is not whole."""
    assert mentions_of(["PO-1", "PO-1"]).is_whole
    assert len(mentions_of(["PO-1", "PO-1"]).facts) == 1
    assert not mentions_of([f"PO-{i}" for i in range(50_001)]).is_whole


@pytest.mark.parametrize(
    "piece", ["Aa ", "\\u12", "1 ", "1 May ", "https://", "A-1 ", "€1", "Aa-", "1.", "a@b.c "]
)
def test_odd_text_is_read_in_linear_time(piece: str) -> None:
    """No row of marks takes longer than its length: a test that hangs here found one."""
    text = piece * (60_000 // len(piece))
    assert lost(text, text) == []


def test_what_is_nested_too_deep_is_left_out() -> None:
    """Depth costs no recursion."""
    value: Any = "PO-881"
    for _ in range(MAX_DEPTH * 40):
        value = [value]
    assert mentions_of(value).facts == ()


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=12,
)


@given(JSON)
def test_every_payload_tells_its_own_facts(value: Any) -> None:
    """Nothing is ever lost between a payload and itself."""
    assert lost(value, value) == []
