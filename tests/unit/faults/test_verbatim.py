"""Texts that were carried word for word, but for a fact."""

from __future__ import annotations

import pytest

from causewatch.faults.verbatim import changes_between
from causewatch.model.value import Value

SENT = "Move crate U-327 to the quay, the ship sails at 14:30 sharp."


@pytest.mark.parametrize(
    ("received", "changes"),
    [
        (SENT, ()),
        (SENT.upper(), ()),
        (f"Task: {SENT} Thanks.", ()),
        (SENT.replace("14:30", "18:45"), (("14:30", "18:45"),)),
        (f"1. {SENT.replace('U-327', 'U-372')} (2)", (("U-327", "U-372"),)),
        ({"task": SENT.replace("14:30", "18:45")}, (("14:30", "18:45"),)),
        ("Move the crate to the quay before 18:45.", ()),
        ("", ()),
    ],
)
def test_what_changed(received: Value, changes: tuple[tuple[str, str], ...]) -> None:
    """Only where all other words are there, in their order, is a fact changed."""
    assert changes_between({"task": SENT}, received) == changes


def test_another_spelling_is_no_change() -> None:
    """The same number, written otherwise, is the same."""
    sent = "The refund for the broken lamp amounts to 1,249.90 in all."
    assert changes_between(sent, sent.replace("1,249.90", "1.249,9")) == ()


def test_a_short_template_fits_anything() -> None:
    """Few words around a number prove nothing."""
    assert changes_between("Item 14", "Item 15") == ()
