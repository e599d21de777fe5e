"""What programs write in place of structure."""

from __future__ import annotations

import pytest

from causewatch.faults.placeholders import is_placeholder, placeholders_in


@pytest.mark.parametrize(
    "text",
    [
        "[object Object]",
        "[object Array]",
        "order: [object Object]",
        "[object Object],[object Object]",
        "{ id: 7, lines: [Object] }",
        "[Circular *1]",
        "[Function: toString]",
        "<desk.models.Order object at 0x7f3a1c2b9d50>",
        "<Order object at 0x10f2a>",
        "<desk.make.<locals>.Order object at 0x7f3a1c2b9d50>",
        "<coroutine object fetch at 0x7f3a1c2b9d50>",
        "<generator object rows at 0x7f3a1c2b9d50>",
        "<function fetch at 0x7f3a1c2b9d50>",
        "<bound method Order.id of order>",
        "Promise { <pending> }",
        "#<Order:0x000055d2a1b0>",
        "com.desk.model.Order@1b6d3586",
        "System.Collections.Generic.List`1[Desk.Order]",
    ],
)
def test_placeholders(text: str) -> None:
    """Each language has its own word for an object that it cannot write."""
    assert is_placeholder(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "an object",
        "[Object](https://example.org)",
        "rows[Object]",
        "mail me at jo@example.org",
        "<b>Order</b>",
        "we met at 0x10",
        "see com.desk.model.Order for more",
    ],
)
def test_what_is_none(text: str) -> None:
    """Links, addresses and markup are none."""
    assert placeholders_in(text) == []
    assert not is_placeholder(text)


def test_a_text_about_placeholders_is_none() -> None:
    """Whoever writes about one writes more than it."""
    text = "The page shows [object Object] in place of the price, since the template prints it raw."
    assert placeholders_in(text) == ["[object Object]"]
    assert not is_placeholder(text)
    assert not is_placeholder(text * 100)
