from __future__ import annotations

import pytest

from causewatch.faults.empty import is_empty, says_nothing
from causewatch.model.value import Value


@pytest.mark.parametrize(
    "text",
    [
        "No results.", "no matching documents found", "0 rows", "Nothing found.", "Keine Treffer",
        "Sin resultados.", "Aucun résultat trouvé", "Nenhum resultado", "Ничего не найдено.",
        "該当なし", "没有找到", "결과 없음", "لا توجد نتائج",
    ],
)  # fmt: skip
def test_a_text_may_say_that_nothing_was_found(text: str) -> None:
    """In many languages, whatever its case."""
    assert says_nothing(text)
    assert is_empty(text)
    assert is_empty({"message": text, "total": 0})


@pytest.mark.parametrize(
    "text",
    [
        "BQ-2207",
        "No results for 2025, 3 results for 2026.",
        "There were no results that would speak against it: " + "the berth is free. " * 5,
        "The norms of the hall",
        "",
    ],
)
def test_other_texts_say_something(text: str) -> None:
    """A count, a long text, or plain words."""
    assert not says_nothing(text)


@pytest.mark.parametrize("value", [None, "", "  ", [], {}, {"a": [], "count": 0}, [[]][:0]])
def test_nothing_is_empty(value: Value) -> None:
    """No value, blanks, empty collections, zero counts."""
    assert is_empty(value)


@pytest.mark.parametrize("value", [0, False, [0], {"found": False}, {"a": "x"}, [None]])
def test_something_is_not(value: Value) -> None:
    """A zero or a false by itself is an answer."""
    assert not is_empty(value)
