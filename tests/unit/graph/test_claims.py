from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest

from causewatch.graph.claims import told_by
from causewatch.graph.inbound import moved_aside
from causewatch.model.value import sha256_of
from claimed_fixtures import ORDER, digest, handoff_span, side
from graph_fixtures import span

CUT = json.dumps(ORDER)[:40]


def test_only_marked_spans_are_believed() -> None:
    """The same attributes without the mark are nobody's claim, and move aside."""
    attributes = side("sent", ORDER)
    assert told_by(span(1, **attributes)) is None
    moved = moved_aside(span(1, **attributes)).attributes
    assert all(key.startswith("causewatch.inbound.") for key in moved)


def test_what_the_instrumentation_writes_keeps_its_name() -> None:
    """Anything else under our name moves aside also on a marked span."""
    sent = handoff_span(1, None, causewatch__verdict="pass", **side("sent", ORDER, content=True))
    moved = moved_aside(sent)
    assert moved.attributes["causewatch.handoff.sent"] == json.dumps(ORDER)
    assert moved.attributes["causewatch.inbound.verdict"] == "pass"
    assert "causewatch.verdict" not in moved.attributes
    plain = handoff_span(1, None, **side("sent", ORDER))
    assert moved_aside(plain) is plain


def test_digests_and_shape_are_read_without_content() -> None:
    """A side without content has an imprint; a side that is not told has none."""
    told = told_by(handoff_span(1, None, **side("sent", ORDER)))
    assert told is not None
    assert (told.sent, told.received, told.claim.received) == (None, None, None)
    assert told.claim.sent is not None
    assert told.claim.sent.sha256 == sha256_of(ORDER)
    assert told.claim.sent.fields["/stops"].size == 3
    assert told.claim.id == "h-1"


def test_content_is_taken_as_it_is_written() -> None:
    """JSON inside of a string stays a string: that is what arrived."""
    twice = json.dumps(ORDER)
    told = told_by(handoff_span(1, None, **side("received", twice, content=True)))
    assert told is not None
    assert told.received is not None
    assert told.received.value == twice


def test_content_decides_over_its_digest() -> None:
    """A claimed digest that content contradicts is named as wrong, and put right."""
    attributes = side("sent", ORDER, content=True) | {
        "causewatch__handoff__sent__sha256": digest("something else")
    }
    told = told_by(handoff_span(1, None, **attributes))
    assert told is not None
    assert told.claim.wrong == ("sent",)
    assert told.claim.sent is not None
    assert told.claim.sent.sha256 == sha256_of(ORDER)


def test_cut_content_leaves_the_claim() -> None:
    """Content that telemetry cut contradicts nothing; the digest of the whole still counts."""
    attributes = side("sent", ORDER) | {"causewatch__handoff__sent": CUT}
    told = told_by(handoff_span(1, None, **attributes))
    assert told is not None
    assert told.sent is not None
    assert told.sent.cut
    assert told.claim.wrong == ()
    assert told.claim.sent is not None
    assert told.claim.sent.sha256 == sha256_of(ORDER)


def test_keyed_digests_are_not_held_against_content() -> None:
    """They are comparable with each other only."""
    attributes = side("sent", ORDER, content=True, key=b"secret")
    told = told_by(handoff_span(1, None, causewatch__handoff__keyed=True, **attributes))
    assert told is not None
    assert told.claim.keyed
    assert told.claim.wrong == ()
    assert told.claim.sent is not None
    assert told.claim.sent.sha256 == digest(ORDER, b"secret")


def test_a_canonical_text_with_a_large_number_is_what_it_says() -> None:
    """Beyond 2^53 a number reads as another one; the digest is of the text as it was written."""
    text = '{"id":1152921504606847000}'
    attributes = side("sent", {}) | {
        "causewatch__handoff__sent": text,
        "causewatch__handoff__sent__sha256": hashlib.sha256(text.encode()).hexdigest(),
    }
    told = told_by(handoff_span(1, None, **attributes))
    assert told is not None
    assert told.claim.wrong == ()


@pytest.mark.parametrize(
    "fields",
    ["", "[]", "{", '{"": 1}', '{"": []}', '{"": ["string", "x", 1]}', '{"": ["odd", 1, "a"]}',
     '{"": ["string", 1, "a", 7]}', 12, '{"/a": ["string", -5, "a", [1, "b"]]}', "x" * 300_000],
)  # fmt: skip
def test_odd_shapes_are_read_as_far_as_they_go(fields: Any) -> None:
    """Nothing that a sender can write raises; what is not of the agreed form is left out."""
    attributes = side("sent", ORDER) | {"causewatch__handoff__sent__fields": fields}
    told = told_by(handoff_span(1, None, **attributes))
    assert told is not None
    assert told.claim.sent is not None
    assert len(told.claim.sent.fields) <= 1
    assert all(field.size >= 0 for field in told.claim.sent.fields.values())


def test_a_deep_payload_stays_text() -> None:
    """No recursion follows what nests without end."""
    deep = "[" * 5_000 + "]" * 5_000
    told = told_by(handoff_span(1, None, causewatch__handoff__sent=deep))
    assert told is not None
    assert told.sent is not None
    assert told.sent.value == deep
