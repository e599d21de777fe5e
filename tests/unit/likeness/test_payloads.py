from __future__ import annotations

from typing import Any

import pytest

from causewatch.likeness.asked import Digests, Questions, TooCloseError
from causewatch.likeness.bounds import check_sizes, is_flat
from causewatch.likeness.payloads import Payloads
from causewatch.model.span import SpanEvent
from causewatch.model.value import Value
from graph_fixtures import span

ASKED = (Digests(keys=("args",), gate="refund"),)


def places(*values: Any, key: str = "args") -> list[tuple[int, ...]]:
    """Return where a run first had what is under a key of its spans, and each part of that."""
    payloads = Payloads(ASKED)
    return [tuple(payloads.of_span(span(i, **{key: each}))) for i, each in enumerate(values)]


def test_equal_payloads_have_one_place_however_they_are_written() -> None:
    """The order of members, blanks and Python's notation do not count; another number does."""
    first, second, third, other = places(
        '{"a": 5, "b": 1}', '{"b":1,"a":5.0}', "{'a': 5, 'b': 1}", '{"a": 6, "b": 1}'
    )
    assert first[1] == second[1] == third[1] != other[1]
    assert len({first[0], second[0], third[0], other[0]}) == 4


def test_what_was_there_before_is_not_walked_again() -> None:
    """Where it was says it all."""
    first, second = places('{"a": [1, "x"]}', '{"a": [1, "x"]}')
    assert len(first) > 1
    assert second == first[:1]


def test_a_number_counts_where_an_envelope_may_hold_it() -> None:
    """Elsewhere equal numbers are chance."""
    one, other, third = places('{"content": 5, "id": 1}', '{"content": 5, "id": 2}', '{"n": 5}')
    assert set(one) & set(other)
    assert not set(one) & set(third)


def test_other_attributes_count_where_they_name_what_the_rule_is_about() -> None:
    """Calls that nobody recorded are read from messages."""
    assert places('[{"name": "refund", "arguments": {"a": 1}}]', key="messages") != [()]
    assert places('[{"name": "find", "arguments": {"a": 1}}]', key="messages") == [()]
    assert places('{"a": 1}', key="messages.0.arguments") != [()]
    assert places("a refund, please", key="text") == [()]
    assert places({"a": 1}, key="other") == [(0,)]
    assert places(5, 5, 6) == [(0,), (0,), (1,)]


def test_deep_values_end_somewhere() -> None:
    """What lies deeper is not looked for."""
    deep: Value = "x"
    for _ in range(80):
        deep = [deep]
    assert len(places(deep)[0]) < 40


@pytest.mark.parametrize(
    ("attributes", "size"),
    [
        ({"a": "x" * 10, "b": "y" * 7}, 10),
        ({"a": "ü" * 10}, 20),
        ({"a": "[1e15, 2.E3]"}, 12 + 2 * 24),
        ({"a": "'\\x01'"}, 6 + 24),
        ({"a": ["x" * 10]}, 24 + 60 + 24),
        ({"a": {"k": 1.5}}, 24 + 6 + 24 + 24),
        ({"causewatch.handoff.sent.bytes": 900}, 900),
        ({"m.0.a": "x" * 10, "m.1.a": "x" * 10}, 2 * (10 + 5 + 24)),
    ],
)
def test_a_payload_is_no_larger_than_its_attribute(attributes: dict[str, Any], size: int) -> None:
    """Or than what was flattened, or what reading and writing it again makes of it."""
    one = span(0, **attributes)
    check_sizes(Questions(size=size), [one])
    with pytest.raises(TooCloseError):  # it has no text: nobody reads it
        check_sizes(Questions(size=size - 1), [one])


def test_sizes_of_a_run_add_up() -> None:
    """The payloads of all its spans and events together."""
    event = SpanEvent(name="e", time_ns=0, attributes={"a": "x" * 30})
    spans = [span(0, a="x" * 10), span(1, events=[event])]
    check_sizes(Questions(total_size=40), spans)
    check_sizes(Questions(size=30), spans)
    with pytest.raises(TooCloseError):  # as above
        check_sizes(Questions(total_size=39), spans)
    with pytest.raises(TooCloseError):  # as above
        check_sizes(Questions(size=29), spans)


def test_bytes_are_of_any_size() -> None:
    """The compiled reader does not keep them."""
    with pytest.raises(TooCloseError):  # as above
        check_sizes(Questions(size=1_000), [span(0, a=b"x")])


def test_what_was_flattened_has_an_index_in_its_key() -> None:
    """A dot, and a number after it."""
    assert [is_flat(key) for key in ("a.0.b", "a.b", "a0", "a.0")] == [True, False, False, True]
