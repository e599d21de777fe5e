from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.graph.claims import CLAIMED_KEYS
from causewatch.graph.imprints import imprint_of
from causewatch.instrument import names
from instrument_fixtures import VECTORS, Recorded

SIDES: tuple[names.Side, ...] = ("sent", "received")


@pytest.mark.parametrize(
    "vector",
    [each for each in VECTORS["payloads"] if not each["key"]],
    ids=lambda vector: str(vector["name"]),
)
def test_the_daemon_makes_the_same_shape_of_content(vector: dict[str, Any]) -> None:
    """Where only one side has content, its shape is compared with the other one's as written."""
    made = imprint_of(json.loads(vector["canonical"], parse_int=as_double))
    assert made.sha256 == vector["sha256"]
    assert made.size_bytes == vector["bytes"]
    assert made.dropped_count == vector["dropped"]
    written = json.loads(vector["fields"])
    assert {
        pointer: [each.type, each.size, each.digest, *([list(each.prefixes)] * bool(each.prefixes))]
        for pointer, each in made.fields.items()
    } == written


def as_double(digits: str) -> float:
    """Read an integer that only a double can hold as one."""
    value = int(digits)
    return value if abs(value) < 2**53 else float(value)


def test_the_daemon_believes_all_that_is_written() -> None:
    """Each attribute of a handoff keeps its name when it arrives."""
    recorded = Recorded("content", key=b"k")
    with recorded.instrument.handoff("a", "b", list(range(70))) as boundary:
        boundary.received([])
    written = {key for key in recorded.attributes("handoff b") if key.startswith("causewatch.")}
    assert written <= CLAIMED_KEYS
    unused = {name(side) for side in SIDES for name in (names.dropped_of, names.left_out_of)}
    assert CLAIMED_KEYS - written <= unused
