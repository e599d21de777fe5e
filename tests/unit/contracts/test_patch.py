from __future__ import annotations

import json
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.contracts.patch import MAX_PATCH_BYTES, patch_between

SHORT = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.sampled_from(["", "a", "b", "a/b", "~"]),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.sampled_from(["a", "b", "a/b", "~1"]), inner, max_size=3)
    ),
    max_leaves=8,
)


def applied(document: Any, text: str) -> Any:
    """Apply a patch as RFC 6902 says, independently of the code that makes it."""
    document = json.loads(json.dumps(document))
    for operation in json.loads(text):
        parts = [
            part.replace("~1", "/").replace("~0", "~") for part in operation["path"].split("/")[1:]
        ]
        if not parts:
            document = operation["value"]
            continue
        target = document
        for part in parts[:-1]:
            target = target[int(part)] if isinstance(target, list) else target[part]
        last: Any = int(parts[-1]) if isinstance(target, list) else parts[-1]
        if operation["op"] == "remove":
            del target[last]
        elif operation["op"] == "add" and isinstance(target, list):
            target.insert(last, operation["value"])
        else:
            target[last] = operation["value"]
    return document


def typed(value: Any) -> str:
    """Return a value so that true and 1 differ."""
    return json.dumps(value, sort_keys=True)


@given(SHORT, SHORT)
def test_a_patch_that_is_whole_leads_from_one_value_to_the_other(sent: Any, received: Any) -> None:
    """Applied in order, by an implementation of its own, it gives what was received."""
    patch = patch_between(sent, received)
    assert len(patch.text.encode()) <= MAX_PATCH_BYTES
    if not patch.shortened:
        assert typed(applied(sent, patch.text)) == typed(received)


@pytest.mark.parametrize(
    ("sent", "received", "operations"),
    [
        ({"a": 1}, {"a": 1}, []),
        ({"a": 1, "b": 2}, {"a": 1}, [{"op": "remove", "path": "/b"}]),
        ({"a": 1}, {"a": 1, "b": 2}, [{"op": "add", "path": "/b", "value": 2}]),
        ({"a": 1}, {"a": True}, [{"op": "replace", "path": "/a", "value": True}]),
        ([1, 2, 3, 4], [1, 4], [{"op": "remove", "path": "/2"}, {"op": "remove", "path": "/1"}]),
        ([1, 4], [1, 2, 4], [{"op": "add", "path": "/1", "value": 2}]),
        (
            [{"n": 1}, {"n": 2}],
            [{"n": 1}, {"n": 3}],
            [{"op": "replace", "path": "/1/n", "value": 3}],
        ),
        ({"a/b": 1}, {}, [{"op": "remove", "path": "/a~1b"}]),
    ],
)
def test_a_patch_says_what_a_person_would_say(
    sent: Any, received: Any, operations: list[dict[str, Any]]
) -> None:
    """Lost items and members are removals, not a list that became another one."""
    patch = patch_between(sent, received)
    assert json.loads(patch.text) == operations
    assert not patch.shortened


def test_redacted_values_stay_out() -> None:
    """Wherever they stand: at the place itself, inside of it, or around it."""
    sent: dict[str, Any] = {"goal": "x", "who": {"name": "x", "n": 1}}
    received: dict[str, Any] = {
        "goal": "secret-1",
        "who": {"name": "secret-2", "n": 2},
        "new": {"k": "secret-3"},
    }
    patch = patch_between(sent, received, redact=("/goal", "/who/name", "/new/k"))
    assert "secret" not in patch.text
    assert patch.shortened
    assert {"op": "replace", "path": "/who/n", "value": 2} in json.loads(patch.text)
    whole = patch_between({}, "secret", redact=("/goal",))
    assert "secret" not in whole.text


def test_long_values_are_excerpts_and_say_so() -> None:
    """A page of text is not for a delta."""
    patch = patch_between({"t": "a"}, {"t": "word " * 500})
    (operation,) = json.loads(patch.text)
    assert operation["shortened"] is True
    assert len(operation["value"]) <= 120
    assert patch.shortened


def test_many_changes_stop_at_the_limit() -> None:
    """What does not fit is left out, and that is said."""
    sent: dict[str, Any] = {f"key number {i}": i for i in range(5_000)}
    patch = patch_between(sent, dict.fromkeys(sent, -1))
    assert patch.shortened
    assert len(patch.text.encode()) <= MAX_PATCH_BYTES
    assert json.loads(patch.text)


def test_long_lists_take_linear_time() -> None:
    """Ten thousand items of which each second one is gone are compared in well under a second."""
    sent: list[Any] = [{"n": i, "text": "x" * 20} for i in range(10_000)]
    began_s = time.perf_counter()
    patch_between(sent, sent[::2])
    patch_between(sent[::2], sent)
    patch_between(sent, sent[::-1])
    assert time.perf_counter() - began_s < 2


def test_hostile_payloads_end() -> None:
    """Deep nesting, long keys and what no JSON knows give a patch all the same."""
    deep: Any = 1
    for _ in range(2_000):
        deep = [deep]
    assert patch_between({"a": deep}, {"a": 2}).text
    assert patch_between({"a": 2}, {"a": deep}).text
    assert patch_between(deep, [deep]).text
    assert len(patch_between({}, {"k" * 100_000: 1}).text) <= MAX_PATCH_BYTES
    assert patch_between({}, {"a": float("nan"), "b": b"\xff", "c": "\ud800", "\ud800": 1}).text
