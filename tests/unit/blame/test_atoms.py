"""Atoms: which values of a text can be recognised again."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.blame.atoms import Atoms, Pool, atoms_of, atoms_of_text, number_of, ungrounded


@pytest.mark.parametrize(
    ("token", "number"),
    [
        ("2499", "2499"), ("2499.0", "2499"), ("2,499.00", "2499"), ("249.90", "249.9"),
        ("249,90", "249.9"), ("1,234,567", "1234567"), ("7", ""), ("a1", ""), ("1.2.3", ""),
        ("", ""),
        ("10", "10"),
    ],
)  # fmt: skip
def test_numbers_have_one_form(token: str, number: str) -> None:
    """One number in several spellings is one atom; a single digit and a version are none."""
    assert number_of(token) == number


STRONG: list[tuple[str, set[str]]] = [
    ("Order A-7731 for C_1042.", {"a-7731", "c_1042"}),
    ("pay 249.90 EUR", {"249.9"}),
    ("write to Mia.Ray+x@example.org, please", {"mia.ray+x@example.org"}),
    ("see https://shop.example/a?b=1.", {"shop.example/a?b=1"}),
    ("on 2026-03-01 at 10:30", {"2026-03-01", "10:30"}),
    ("品番JP05123を12台、単価1,234.50円で2026年3月1日に", {"jp05123", "12", "1234.5", "2026"}),
    ("账单B77120已生成、金额88.40元", {"b77120", "88.4"}),
    ("주문 A-7731은 249.90원", {"a-7731", "249.9"}),
    ("nothing here", set()),
    ("5 of 7", set()),
    ("", set()),
]


@pytest.mark.parametrize(("text", "strong"), STRONG)
def test_strong_atoms(text: str, strong: set[str]) -> None:
    """Ids, numbers and addresses are strong; words and single digits are not."""
    assert strong <= atoms_of_text(text).strong
    assert bool(strong) or not atoms_of_text(text).strong


def test_weak_atoms_are_words() -> None:
    """Words of five letters are weak atoms, also inside of snake case, in any script."""
    assert atoms_of_text("The Öztürk delivery_window is late").weak == {
        "öztürk",
        "delivery",
        "window",
    }


def test_structured_content_has_whole_leaves() -> None:
    """Short string values count as a whole; booleans and nulls do not count."""
    found = atoms_of(
        {"city": "Porta Nuova", "n": 1204, "ok": True, "x": None, "id": "b-7", "s": "ab"}
    )
    assert found.leaves == {"porta nuova"}
    assert found.strong == {"1204", "b-7"}
    assert atoms_of(None) == Atoms()


UNGROUNDED: list[tuple[Any, Any, set[str]]] = [
    ("pay INV-77", "invoice INV-12", {"inv-77"}),
    ("pay INV-77", "invoice INV-77", set()),
    ("pay 499.80", "two of 249.90", set()),
    ("pay 350", "100 and 250", set()),
    ("pay 150", "100 and 250", set()),
    ("pay 125", "half of 250", set()),
    ("pay 351", "100 and 250", {"351"}),
    ("on 2026-03-01 at 10:30", "", set()),
    ("do 12 of them", "", set()),
    ("id 7731", "order A-7731", set()),
    ("nothing", "", set()),
    ("the 1st of 10km at 5pm, the 3-rd", "", set()),
    ("take ch_1", "", {"ch_1"}),
]


@pytest.mark.parametrize(("used", "known", "expected"), UNGROUNDED)
def test_ungrounded(used: str, known: str, expected: set[str]) -> None:
    """Sums, differences, doubles, dates and small counts are explained; made-up ids are not."""
    assert ungrounded(atoms_of_text(used), atoms_of_text(known).strong) == expected


def test_a_pool_grows() -> None:
    """A pool holds every kind of atom of all that was added to it."""
    pool = Pool(atoms_of({"a": "Turin"}))
    pool.add(atoms_of("B-7 and words"))
    assert pool.strong == {"b-7"}
    assert pool.leaves == {"turin"}
    assert {"turin", "words"} <= pool.weak


def test_hostile_text_is_bounded() -> None:
    """A huge or odd text costs little and raises nothing."""
    assert atoms_of_text("9" * 500_000).strong is not None
    assert atoms_of_text("a@" * 100_000 + "\ud800").strong is not None
    assert ungrounded(atoms_of_text(" ".join(map(str, range(5_000)))), set())
