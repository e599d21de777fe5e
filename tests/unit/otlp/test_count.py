from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.common.v1 import common_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.otlp import count, decode
from causewatch.otlp.decode import Counted, NotOtlpError
from causewatch.otlp.json import json_to_protobuf
from causewatch.otlp.raw import Resources
from otlp_fixtures import capture_lines, tag, traces_body, varint

IDS = tag(1, b"t" * 16) + tag(2, b"s" * 8)
LATE = (2**63).to_bytes(8, "little")
START, END = varint(7 << 3 | 1), varint(8 << 3 | 1)


def spans(*bodies: bytes) -> bytes:
    """Return a request with these spans in one scope of one resource."""
    return tag(1, tag(2, b"".join(tag(2, body) for body in bodies)))


def by_span(body: bytes) -> Counted | str:
    """Return what looking at each span finds, and decoding gives, or that it is no request."""
    try:
        found = decode.count_traces(body)
        decoded = decode.decode_traces(body)
    except NotOtlpError as error:
        return str(error)
    assert (len(decoded.spans), decoded.rejected) == (found.kept, found.rejected)
    return found


def quickly(body: bytes) -> Counted | str:
    """Return what the quick way finds, or that it is no request."""
    try:
        return count.count_traces(body)
    except NotOtlpError as error:
        return str(error)


@pytest.mark.parametrize(
    "body",
    [
        traces_body(3),
        spans(IDS + tag(5, b"name")),
        spans(IDS + tag(4, b"p" * 8) + tag(5, b"root and child"), IDS + tag(5, b"n")),
        spans(IDS + tag(4, bytes(8)) + tag(5, b"a parent of zeros is none")),
        spans(tag(5, b"fields in any order") + tag(2, b"s" * 8) + tag(1, b"t" * 16)),
        spans(tag(1, b"the last one counts") + IDS + tag(5, b"n")),
        spans(IDS + tag(5, b"n") + START + bytes(7) + b"\x7f" + END + b"\xff" * 7 + b"\x7f"),
        spans(IDS + tag(5, b"n") + tag(99, b"a field of a later OTLP")),
        traces_body(2) + traces_body(1) + tag(50, b"more"),
        tag(1, tag(2, b"") + tag(2, tag(2, IDS + tag(5, b"after an empty scope")))),
        spans(tag(1, bytes(8) + b"64 bits!") + tag(2, b"s" * 8) + tag(5, b"a short trace id")),
    ],
)
def test_all_is_well_is_seen_without_looking_at_a_span(
    body: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What exporters send, in whatever order, never takes the slow way."""
    expected = decode.count_traces(body)
    monkeypatch.setattr(decode, "count_traces", None)
    assert count.count_traces(body) == expected
    assert expected.rejected == ()


@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        (tag(2, b"s" * 8) + tag(5, b"none"), "trace_id"),
        (tag(1, b"t" * 15) + tag(2, b"s" * 8), "trace_id"),
        (tag(1, b"t" * 17) + tag(2, b"s" * 8), "trace_id"),
        (tag(1, bytes(16)) + tag(2, b"s" * 8), "trace_id"),
        (IDS + tag(1, b"the last one counts"), "trace_id"),
        (tag(1, b"t" * 16), "span_id"),
        (tag(1, b"t" * 16) + tag(2, bytes(8)), "span_id"),
        (tag(1, b"t" * 16) + tag(2, b"s" * 9), "span_id"),
        (IDS + tag(4, b"p" * 7), "parent_id"),
        (IDS + START + LATE, "time_ns"),
        (IDS + START + bytes(8) + END + LATE, "time_ns"),
        (IDS + tag(5, b"n" * (decode.MAX_NAME_BYTES + 1)), "name_bytes"),
        (IDS + tag(5, "ä".encode() * (decode.MAX_NAME_BYTES // 2 + 1)), "name_bytes"),
    ],
)
@pytest.mark.parametrize("at", [0, 1, 2])
def test_one_bad_span_among_good_ones_is_told(bad: bytes, reason: str, at: int) -> None:
    """Wherever it stands, and whatever is wrong with it, it is counted with its reason."""
    bodies = [IDS + tag(4, b"p" * 8) + tag(5, b"good")] * 2
    bodies.insert(at, bad)
    found = count.count_traces(spans(*bodies))
    assert (found.kept, [(each.count, each.reason) for each in found.rejected]) == (
        2,
        [(1, reason)],
    )


def test_two_ids_in_one_span_do_not_make_up_for_none_in_another() -> None:
    """As many ids as spans is no proof."""
    twice = tag(1, b"a" * 16) + IDS + tag(5, b"n")
    assert quickly(spans(twice, tag(2, b"s" * 8) + tag(5, b"n"))).kept == 1  # type: ignore[union-attr]  # it parses


def test_a_request_that_is_none_is_refused_alike() -> None:
    """Cut, empty, of another signal, broken inside a value: the same words either way."""
    good = traces_body(2)
    for body in (b"", b"\x0a", good[:-3], tag(2, b"x"), tag(1, b""), spans(IDS + tag(9, b"\xff"))):
        assert quickly(body) == by_span(body)


field = st.one_of(
    st.builds(
        tag, st.sampled_from([1, 2, 4]), st.sampled_from([b"", bytes(8), b"i" * 8, b"t" * 16])
    ),
    st.builds(tag, st.integers(1, 17), st.binary(max_size=17)),
    st.builds(
        lambda number, value: varint(number << 3 | 1) + value,
        st.sampled_from([7, 8]),
        st.sampled_from([bytes(8), LATE, b"\x01" * 8]),
    ),
    st.builds(
        lambda number, value: varint(number << 3) + varint(value),
        st.integers(1, 17),
        st.integers(0, 2**64 - 1),
    ),
)
some_span = st.builds(
    lambda ids, rest: ids + b"".join(rest),
    st.sampled_from([IDS, IDS, b""]),
    st.lists(field, max_size=5),
)
some_scope = st.builds(
    lambda found, more: b"".join(tag(2, span) for span in found) + more,
    st.lists(some_span, max_size=4),
    st.one_of(st.just(b""), field),
)


@given(st.lists(st.lists(some_scope, max_size=2), max_size=3), st.one_of(st.just(b""), field))
def test_both_ways_agree_on_whatever_is_built_of_fields(
    resources: list[list[bytes]], more: bytes
) -> None:
    """Fields missing, twice, of wrong types and lengths, at any level."""
    body = b"".join(tag(1, b"".join(tag(2, scope) for scope in scopes)) for scopes in resources)
    assert quickly(body + more) == by_span(body + more)


@given(st.binary(max_size=60))
def test_both_ways_agree_on_noise(body: bytes) -> None:
    """Bytes of no meaning."""
    assert quickly(body) == by_span(body)


def test_both_ways_agree_on_recorded_requests_whole_and_damaged() -> None:
    """Of each framework's recording: as sent, and with bytes changed, cut out and doubled."""
    dice = random.Random(7)
    differ = 0
    for line in list(capture_lines())[::6]:
        body = json_to_protobuf("traces", line)
        assert quickly(body) == by_span(body)
        for _ in range(12):
            damaged = bytearray(body)
            at = dice.randrange(len(damaged))
            match dice.randrange(3):
                case 0:
                    damaged[at] = dice.randrange(256)
                case 1:
                    del damaged[at : at + dice.randint(1, 9)]
                case _:
                    damaged[at:at] = damaged[at : at + dice.randint(1, 9)]
            found = quickly(bytes(damaged))
            assert found == by_span(bytes(damaged))
            differ += found != quickly(body)
    assert differ > 20


def test_damage_inside_the_ids_is_found_alike() -> None:
    """Each byte of a small request takes each of some telling values."""
    body = spans(IDS + tag(4, b"p" * 8) + tag(5, b"n") + START + b"\x01" * 8 + END + b"\x02" * 8)
    for at in range(len(body)):
        for value in (0, 1, 7, 8, 9, 15, 16, 0x12, 0x22, 0x39, 0x41, 0x80, 0xFF):
            damaged = body[:at] + bytes([value]) + body[at + 1 :]
            assert quickly(damaged) == by_span(damaged)


@pytest.mark.parametrize("broken", [tag(9, b"\xff"), tag(11, b"\x0b"), tag(9, tag(1, b"\xff"))])
def test_what_is_counted_comes_out_whatever_its_content(broken: bytes) -> None:
    """Attributes are not looked into before the answer, so none may cost an accepted span."""
    body = spans(IDS + tag(5, b"n"), IDS + tag(5, b"n") + broken)
    assert count.count_traces(body) == Counted(kept=2)
    assert len(decode.decode_traces(body).spans) == len(Resources().split(body)) == 2


@pytest.mark.parametrize("at", [1, 2])
def test_resources_and_scopes_are_looked_into(at: int) -> None:
    """They stand for all their spans: where one is broken, the sender is told."""
    scoped = tag(2, IDS + tag(5, b"n"))
    if at == 1:
        inner = tag(1, tag(1, b"\xff")) + tag(2, scoped)
    else:
        inner = tag(2, tag(1, tag(3, b"\xff")) + scoped)
    with pytest.raises(NotOtlpError):
        count.count_traces(tag(1, inner))


def test_a_variant_has_the_numbers_and_types_of_otlp() -> None:
    """What it knows it parses as OTLP does, and what it was not told to leave out is there."""
    pool = count._Heads.DESCRIPTOR.file.pool
    for name, message in common_pb2.DESCRIPTOR.message_types_by_name.items():
        same = pool.FindMessageTypeByName(message.full_name)
        assert list(same.fields_by_name) == list(message.fields_by_name), name
    head = pool.FindMessageTypeByName(trace_pb2.Span.DESCRIPTOR.full_name)
    for field in head.fields:
        official = trace_pb2.Span.DESCRIPTOR.fields_by_name[field.name]
        assert (field.number, field.type) == (official.number, official.type)
