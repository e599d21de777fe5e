"""Counting the usable spans of a request by compiled code, against looking at each of them."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import pytest
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.resource.v1 import resource_pb2

from causewatch.likeness.proof import traces_counter
from causewatch.otlp import count, decode
from causewatch.otlp.decode import Counted, NotOtlpError
from causewatch.otlp.json import json_to_protobuf
from otlp_fixtures import capture_lines, tag, traces_body, varint

pytestmark = pytest.mark.slow

IDS = tag(1, b"t" * 16) + tag(2, b"s" * 8)
NAMED = IDS + tag(5, b"n")
LATE = (2**63).to_bytes(8, "little")
START, END = varint(7 << 3 | 1), varint(8 << 3 | 1)
LONG_NAME = IDS + tag(5, b"n" * (decode.MAX_NAME_BYTES + 1))


def spans(*bodies: bytes, around: bytes = b"", beside: bytes = b"") -> bytes:
    """Return a request with these spans in one scope of one resource."""
    return tag(1, beside + tag(2, around + b"".join(tag(2, body) for body in bodies)))


def valued(value: common_pb2.AnyValue) -> bytes:
    """Return the bytes of an attribute."""
    return common_pb2.KeyValue(key="key", value=value).SerializeToString()


def nested(depth: int) -> common_pb2.AnyValue:
    """Return a list in a list, so many times."""
    found = common_pb2.AnyValue(string_value="ä")
    for _ in range(depth):
        found = common_pb2.AnyValue(array_value=common_pb2.ArrayValue(values=[found]))
    return found


def deep(depth: int) -> bytes:
    """Return the bytes of an attribute with lists in it, deeper than protobuf itself writes."""
    found = tag(1, b"text")
    for _ in range(depth):
        found = tag(5, tag(1, found))
    return tag(1, b"key") + tag(2, found)


def said(function: Callable[[bytes], Counted], body: bytes) -> Counted | str:
    """Return what is counted, or that it is no request."""
    try:
        return function(body)
    except NotOtlpError as error:
        return str(error)


def test_what_exporters_send_is_counted_in_one_pass(
    library: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of no recording, and of no usual form of resource, scope and span, is the slow way taken."""
    record = common_pb2.KeyValueList(values=[common_pb2.KeyValue(key="k", value=nested(2))])
    values = [
        *(nested(depth) for depth in (0, 1, 9)),
        common_pb2.AnyValue(int_value=-1),
        common_pb2.AnyValue(bool_value=True),
        common_pb2.AnyValue(double_value=0.5),
        common_pb2.AnyValue(bytes_value=b"\xff"),
        common_pb2.AnyValue(kvlist_value=record),
        common_pb2.AnyValue(),
    ]
    bodies = [json_to_protobuf("traces", line) for line in list(capture_lines())[::3]]
    for value in values:
        resource = resource_pb2.Resource(dropped_attributes_count=3)
        resource.attributes.add(key="k", value=value)
        scope = common_pb2.InstrumentationScope(name="n", version="1", dropped_attributes_count=1)
        scope.attributes.add(key="k", value=value)
        beside = tag(1, resource.SerializeToString()) + tag(3, b"https://example.org/schema")
        around = tag(1, scope.SerializeToString()) + tag(3, b"https://example.org/schema")
        bodies.append(spans(NAMED, NAMED + tag(9, valued(value)), around=around, beside=beside))
    bodies += [
        traces_body(3),
        spans(IDS + tag(4, b"p" * 8) + tag(5, b"child"), NAMED),
        spans(IDS + tag(4, bytes(8)) + tag(5, b"a parent of zeros is none")),
        spans(tag(5, b"in any order") + tag(2, b"s" * 8) + tag(1, b"t" * 16)),
        spans(NAMED + START + bytes(7) + b"\x7f" + END + b"\xff" * 7 + b"\x7f"),
        spans(NAMED + tag(99, b"of a later OTLP") + varint(16 << 3 | 5) + bytes(4)),
        spans(NAMED + tag(9, b"\xff") + tag(11, b"\x0b")),
    ]
    expected = [count.count_traces(body) for body in bodies]
    counter = traces_counter(library)
    monkeypatch.setattr(count, "count_traces", None)
    assert [counter(body) for body in bodies] == expected
    assert sum(found.kept for found in expected) > 400


@pytest.mark.parametrize(
    "body",
    [
        b"",
        tag(1, b""),
        tag(2, b"of another signal"),
        spans(),
        spans(NAMED, tag(2, b"s" * 8)),
        spans(tag(1, b"t" * 15) + tag(2, b"s" * 8), NAMED),
        spans(tag(1, bytes(16)) + tag(2, b"s" * 8)),
        spans(NAMED + tag(1, b"the last one counts")),
        spans(NAMED + tag(4, b"p" * 7)),
        spans(NAMED + START + LATE),
        spans(NAMED + END + LATE),
        spans(LONG_NAME, NAMED),
        spans(LONG_NAME + tag(5, b"short")),
        spans(varint(1 << 3) + b"\x01" + NAMED),
        spans(NAMED + b"\x0b\x0c"),
        spans(NAMED + b"\x00\x00"),
        spans(NAMED + b"\x88\x80\x80\x80\x80\x80\x00\x01"),
        spans(NAMED + varint(6 << 3) + b"\xff" * 9 + b"\x7f"),
        spans(NAMED, around=tag(1, tag(1, b"\xff"))),
        spans(NAMED, around=tag(1, tag(3, b"\xff"))),
        spans(NAMED, beside=tag(1, tag(1, b"\xff"))),
        spans(NAMED, beside=tag(1, tag(1, tag(1, b"\xff")))),
        spans(NAMED, beside=tag(1, tag(1, deep(40)))),
        spans(NAMED, beside=tag(1, tag(1, deep(2_000)))),
        spans(NAMED, beside=tag(1, tag(3, b"")) + tag(1, tag(1, b"\xff"))),
        spans(NAMED)[:-1],
        spans(NAMED) + tag(50, b"more"),
    ],
)
def test_what_is_odd_is_left_to_the_strict_reader(library: Path, body: bytes) -> None:
    """Rejected spans, bytes that are no request, and what is merely unusual: told alike."""
    assert said(traces_counter(library), body) == said(count.count_traces, body)


def test_whatever_is_damaged_is_told_alike(library: Path) -> None:
    """Of each framework's recording: bytes changed, cut out and doubled, also in its resource."""
    counter = traces_counter(library)
    dice = random.Random(11)
    differ = 0
    for line in list(capture_lines())[::5]:
        body = json_to_protobuf("traces", line)
        for number in range(40):
            damaged = bytearray(body)
            at = dice.randrange(min(len(damaged), 400) if number % 2 else len(damaged))
            match dice.randrange(3):
                case 0:
                    damaged[at] = dice.randrange(256)
                case 1:
                    del damaged[at : at + dice.randint(1, 9)]
                case _:
                    damaged[at:at] = damaged[at : at + dice.randint(1, 9)]
            found = said(counter, bytes(damaged))
            assert found == said(count.count_traces, bytes(damaged))
            differ += found != counter(body)
    assert differ > 100


def test_each_byte_of_a_small_request_may_be_any(library: Path) -> None:
    """Ids, times, tags and sizes: whatever stands there, both ways agree."""
    counter = traces_counter(library)
    scope = common_pb2.InstrumentationScope(name="n", version="1").SerializeToString()
    resource = tag(1, valued(common_pb2.AnyValue(int_value=-1)))
    span = NAMED + tag(4, b"p" * 8) + START + b"\x01" * 8 + END + b"\x02" * 8
    body = spans(span, around=tag(1, scope), beside=tag(1, resource))
    for at in range(len(body)):
        for value in range(0, 256, 3):
            damaged = body[:at] + bytes([value]) + body[at + 1 :]
            assert said(counter, damaged) == said(count.count_traces, damaged)


def test_without_the_library_python_counts(tmp_path: Path) -> None:
    """Where it is missing, or of a version that cannot count, nothing else changes."""
    (tmp_path / "none.so").write_bytes(b"no library")
    for library in (tmp_path / "none.so", tmp_path / "missing.so"):
        assert traces_counter(library) is count.count_traces
