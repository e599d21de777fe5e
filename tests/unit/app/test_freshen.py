"""Recorded requests, sent again as new runs."""

from __future__ import annotations

import gzip
from pathlib import Path

from causewatch.app.freshen import freshen
from causewatch.model.span import Span
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.json import json_to_protobuf

CAPTURE = Path(__file__).parents[2] / "captures" / "autogen__native__ok.jsonl.gz"
NOW_NS = 1_900_000_000_000_000_000


def recorded() -> list[bytes]:
    """Return the requests of a recorded run of many linked traces."""
    lines = gzip.decompress(CAPTURE.read_bytes()).splitlines()
    return [json_to_protobuf("traces", line) for line in lines]


def spans_of(bodies: list[bytes]) -> list[Span]:
    """Return all spans of some requests."""
    return [span for body in bodies for span in decode_traces(body).spans]


def test_ids_change_and_stay_consistent() -> None:
    """Parents and links lead to the same spans as before, under other ids."""
    old, new = spans_of(recorded()), spans_of(freshen(recorded(), salt="a", now_ns=NOW_NS))
    renamed = {o.span_id: n.span_id for o, n in zip(old, new, strict=True)}
    assert not set(renamed) & set(renamed.values())
    for before, after in zip(old, new, strict=True):
        assert after.parent_id == (renamed[before.parent_id] if before.parent_id else "")
        assert [k.span_id for k in after.links] == [renamed[k.span_id] for k in before.links]


def test_times_move_together_and_end_now() -> None:
    """Durations and order stay; the last span ends at the time given."""
    old, new = spans_of(recorded()), spans_of(freshen(recorded(), salt="a", now_ns=NOW_NS))
    assert max(span.end_ns for span in new) == NOW_NS
    moved = {n.start_ns - o.start_ns for o, n in zip(old, new, strict=True)}
    assert len(moved) == 1
    assert [n.end_ns - n.start_ns for n in new] == [o.end_ns - o.start_ns for o in old]


def test_each_salt_gives_another_run() -> None:
    """Two replays of one recording are two runs; the same salt gives the same ids."""
    ids = [
        {span.trace_id for span in spans_of(freshen(recorded(), salt=salt, now_ns=NOW_NS))}
        for salt in ("a", "b", "a")
    ]
    assert not ids[0] & ids[1]
    assert ids[0] == ids[2]
