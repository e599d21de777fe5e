"""What a tool's result says of its own failure, and what only looks like it."""

from __future__ import annotations

from typing import Any

import pytest

from causewatch.faults.envelope import failure_in
from causewatch.faults.expand import expand
from causewatch.faults.unclosed import is_unclosed, read_unclosed

FAILED: list[Any] = [
    {"error": "timeout", "items": [1]},
    {"error": {"code": 7, "message": "gone"}},
    {"error": True},
    {"error": 503},
    {"errors": [{"message": "no such field"}], "data": None},
    {"error_message": "gone"},
    {"Error": "gone"},
    {"error-code": "E17"},
    {"fehler": "Zeit abgelaufen"},
    {"success": False},
    {"ok": "false", "data": {}},
    {"complete": False, "rows": []},
    {"partial": True, "rows": [1]},
    {"is_error": True, "text": "x"},
    {"timed_out": True},
    {"status": 504, "body": ""},
    {"statusCode": "404"},
    {"status": "error", "items": []},
    {"status": "Partial Content", "rows": [1]},
    {"status": "service unavailable"},
    {"status": "failed", "message": "disk full", "a": 1, "b": 2},
    {"status": "failed"},
    {"result": {"error": "gone"}},
    {"data": {"meta": {"partial": True}}},
    {"response": "Error: no route to host"},
    {"result": '{"error": "gone"}'},
    '{"error": "gone", "rows": [1, 2',
    [{"type": "text", "text": "Error: bad key"}],
    {"content": [{"type": "text", "text": '{"success": false}'}], "tool_name": "x"},
    "Error: timeout",
    "ERROR 1045 (28000): Access denied",
    "Traceback (most recent call last):\n  File ...",
    "ValueError: not a date",
    "requests.exceptions.ConnectionError: refused",
    "An error occurred while reading the file",
    "Error executing task with agent 'x'",
    "HTTP 502 Bad Gateway",
    "503 Service Unavailable",
    "Failed to fetch the record",
    "Could not connect to the database",
    "Request timed out after 30 s",
    "Rate limit exceeded, try again later",
    "Fehler: Dienst nicht erreichbar",
    "Zeitüberschreitung beim Abruf",
    "Erreur : délai dépassé",
    "  \n**Error**: nothing there",
]
FINE: list[Any] = [
    None,
    "",
    {},
    [],
    {"error": None, "success": True},
    {"error": "", "errors": [], "ok": True},
    {"error": "none", "errors": {}},
    {"error": False},
    {"errors": 3, "rows": 9},
    {"error_rate": 0.2, "error_count": 4},
    {"status": 200},
    {"status": "completed"},
    {"status": 450.5},
    {"status": True},
    {"status": "failed", "id": 1, "amount": 3, "card": "v", "currency": "EUR"},
    {"state": 500, "population": 3},
    {"completed": False, "title": "buy milk"},
    {"partial": False, "truncated": False},
    {"items": [{"error": "disk full", "job": 1}, {"error": "oom", "job": 2}]},
    {"payment": {"error": "declined"}, "order": 5},
    {"a": {"b": {"c": {"error": "deep"}}}, "d": 1},
    [{"error": "a"}, {"error": "b"}, {"x": 1}, {"y": 2}, {"z": 3}],
    "Errors are refunded within 30 days.",
    "The error code list has 12 entries",
    "Failed payments need form 7",
    "Timeouts of the server are 30 s by default",
    "Cannot-do lists are popular",
    "Unable seamen were paid less",
    "404 guests came to the party",
    "500 EUR",
    "All went well, no error.",
    "{'error': None}",
    {"text": "how to handle errors"},
    7,
    True,
    b"bytes",
    float("nan"),
]


@pytest.mark.parametrize("value", FAILED, ids=lambda value: str(value)[:50])
def test_failures_are_seen(value: Any) -> None:
    """A result that reports its own failure is a failure, whatever its shape."""
    found = failure_in(value)
    assert found is not None
    assert found.what
    assert 0.5 < found.confidence <= 1


@pytest.mark.parametrize("value", FINE, ids=lambda value: str(value)[:50])
def test_likenesses_are_not(value: Any) -> None:
    """Data about failures, counts, null members and prose are no failure."""
    assert failure_in(value) is None


def test_an_excerpt_is_bounded_and_printable() -> None:
    """A hostile message reaches people as one short printable line."""
    found = failure_in({"error": "\x1b[2J" + "x" * 10_000 + "\n"})
    assert found is not None
    assert len(found.what) <= 122  # with its quotation marks
    assert found.what.isprintable()


def test_depth_is_bounded() -> None:
    """Nesting without end, in structure or in strings, ends the search."""
    value: Any = {"error": "deep"}
    for _ in range(2_000):
        value = {"result": value}
    assert failure_in(value) is None
    text = "1"
    for _ in range(12):
        text = '{"a": ' + repr(text).replace("'", '"') + "}"
        text = text.replace("\\", "")
    assert expand(text) is not None


UNCLOSED = [
    ('{"a": 1, "b": [1, 2', {"a": 1, "b": [1, 2]}),
    ('{"a": "some te', {"a": "some te"}),
    ('[{"a": 1}, {"a"', [{"a": 1}]),
    ('{"a": {"b": {"c": 1', {"a": {"b": {"c": 1}}}),
    ('{"a": 1, "b": tru', {"a": 1}),
    ('{"a": "x\\"y", "b', {"a": 'x"y'}),
]
CLOSED = [
    '{"a": 1}',
    "[1, 2]",
    "{'a': 1",
    "{not json",
    "[see below",
    "plain",
    "{",
    '{"a": 1} and {',
    "",
]


@pytest.mark.parametrize(("text", "value"), UNCLOSED)
def test_cut_json_is_read_as_far_as_it_goes(text: str, value: Any) -> None:
    """A JSON text that never closes is recognised, and its whole members are read."""
    assert is_unclosed(text)
    assert read_unclosed(text) == value


@pytest.mark.parametrize("text", CLOSED)
def test_other_texts_are_not_cut_json(text: str) -> None:
    """Whole JSON, Python literals and prose in brackets are not taken for cut JSON."""
    assert not is_unclosed(text)


def test_expand_reads_strings_within_strings() -> None:
    """JSON inside of strings is read, other strings stay as they are."""
    value: Any = {"a": '{"b": "[1, 2]"}', "c": "[x]", "d": ['{"e": 1234']}
    assert expand(value) == {"a": {"b": [1, 2]}, "c": "[x]", "d": [{"e": 1234}]}
