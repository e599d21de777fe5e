"""Names and words: reading or acting, pending or not."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.faults.truncated import ends_with_mark
from causewatch.faults.words import is_answer_like, is_pending, is_read_like, name_words

READS = [
    "get_order", "search_policy", "searchPolicy", "order_lookup_backup", "list_issues", "kb.query",
    "get_issue", "checkFraud", "fetch-invoice", "rechnung_abrufen", "consultar_pedido",
    "vector-retriever",
]  # fmt: skip
ACTS = [
    "issue_refund", "update_status", "send_report", "delete_history", "sendMail", "erstatten",
    "pay", "restart_pod", "create_ticket", "setPolicy", "x", "", "file_claim",
]  # fmt: skip


@pytest.mark.parametrize("name", READS)
def test_reading_names(name: str) -> None:
    """A tool whose name says that it looks is read-like, in several spellings and languages."""
    assert is_read_like(name)


@pytest.mark.parametrize("name", ACTS)
def test_acting_names(name: str) -> None:
    """A verb of acting decides over a noun of looking, and an unknown name counts as acting."""
    assert not is_read_like(name)


def test_answer_names_and_words() -> None:
    """A framework's return tool is no act; names split at every kind of joint."""
    assert is_answer_like("final_answer")
    assert is_answer_like("final-answer")
    assert not is_answer_like("answer_customer")
    assert name_words("getOrderHTTP.v2/all") == ("get", "order", "http", "v2", "all")


PENDING: list[tuple[str, Any, bool, bool]] = [
    ("status", "pending", False, True),
    ("state", "In progress", False, True),
    ("ready", False, False, True),
    ("", "Job is still running", True, True),
    ("text", "Refunds may be pending for 5 days", False, False),
    ("status", "done", False, False),
    ("", "pending " * 40, True, False),
    ("status", 3, False, False),
]


@pytest.mark.parametrize(("key", "member", "whole", "expected"), PENDING)
def test_pending(key: str, member: Any, whole: bool, expected: bool) -> None:
    """Only a progress member or a short whole text says that something is under way."""
    assert is_pending(key, member, whole=whole) is expected


MARKS = [
    ("one, two [truncated]", True),
    ("one, two (truncated).", True),
    ("a, b, (12 more)", True),
    ("a, b, ... 3 more rows", True),
    ("a, b … and 7 further items", True),
    ("a, b [3 omitted]", True),
    ("there are 12 more", False),
    ("it was truncated", False),
    ("[truncated] at the start", False),
    ("", False),
]


@pytest.mark.parametrize(("text", "expected"), MARKS)
def test_marks_of_a_cut(text: str, expected: bool) -> None:
    """Only an explicit mark at the end of a text says that part of it is left out."""
    assert ends_with_mark(text) is expected
