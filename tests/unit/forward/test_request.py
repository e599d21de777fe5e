"""Requests put together by their bytes."""

from __future__ import annotations

from causewatch.forward.annotate import unmodified
from causewatch.forward.request import pieces
from forward_fixtures import plain_run, request_of, spans_of


def test_spans_share_their_resource_and_scope() -> None:
    """Ten spans of one service are one group in one request."""
    (made,) = pieces(unmodified(plain_run(10)), 1 << 20)
    (group,) = request_of(made.body).resource_spans
    (scoped,) = group.scope_spans
    assert (made.spans, len(scoped.spans)) == (10, 10)


def test_two_requests_are_one() -> None:
    """One after the other they have the spans of both, in order."""
    one, other = (next(pieces(unmodified(plain_run(1, first=i)), 1 << 20)) for i in (0, 1))
    assert [span.name for span in spans_of(one.body, other.body)] == ["step 0", "step 1"]


def test_a_large_run_is_cut_between_its_spans() -> None:
    """No request is larger than asked for, and every span is in one of them, once."""
    made = list(pieces(unmodified(plain_run(50, text="x" * 1_000)), 8_000))
    assert max(len(piece.body) for piece in made) <= 8_000
    assert len(made) > 5
    names = [span.name for piece in made for span in spans_of(piece.body)]
    assert names == [f"step {index}" for index in range(50)]
    assert [piece.spans for piece in made] == [len(spans_of(piece.body)) for piece in made]


def test_a_span_that_is_too_large_goes_by_itself() -> None:
    """Whether it can be taken is the destination's to say."""
    parts = [
        part for text in ("x", "x" * 10_000, "x") for part in unmodified(plain_run(1, text=text))
    ]
    assert [piece.spans for piece in pieces(parts, 1_000)] == [1, 1, 1]


def test_no_spans_are_no_request() -> None:
    """A run without spans sends nothing."""
    assert list(pieces([], 1_000)) == []
