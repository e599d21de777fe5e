"""What an answer means, by the OTLP specification."""

from __future__ import annotations

import pytest

from causewatch.forward.backoff import MAX_RETRY_AFTER_S, MAX_S, wait_s
from causewatch.forward.outcome import (
    Refused,
    TooLarge,
    TryLater,
    outcome_of_grpc,
    outcome_of_http,
)
from causewatch.forward.status import retry_after_of
from causewatch.receive.status import status_protobuf

NOW_S = 1_800_000_000.0


@pytest.mark.parametrize(
    "code",
    ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"],
)
def test_these_codes_are_tried_again(code: str) -> None:
    """The table of the specification."""
    assert outcome_of_grpc(code, "busy", b"") == TryLater(message=f"{code}: busy")


@pytest.mark.parametrize(
    "code",
    [
        "UNKNOWN", "INVALID_ARGUMENT", "NOT_FOUND", "ALREADY_EXISTS", "PERMISSION_DENIED",
        "UNAUTHENTICATED", "FAILED_PRECONDITION", "UNIMPLEMENTED", "INTERNAL",
    ],
)  # fmt: skip
def test_these_codes_are_final(code: str) -> None:
    """The rest of the table."""
    assert outcome_of_grpc(code, "no", b"") == Refused(message=f"{code}: no")


def test_exhausted_is_tried_again_only_with_retry_info() -> None:
    """Without it the other side will not recover; with it, it says when."""
    code = "RESOURCE_EXHAUSTED"
    details = status_protobuf(8, "full", 2.5)
    assert outcome_of_grpc(code, "full", details) == TryLater(
        message="RESOURCE_EXHAUSTED: full", retry_after_s=2.5
    )
    assert isinstance(outcome_of_grpc(code, "quota", b""), Refused)


def test_a_message_past_the_limit_may_pass_in_parts() -> None:
    """What gRPC servers themselves say of a message that is too large."""
    said = "grpc: received message larger than max (5000000 vs. 4194304)"
    assert isinstance(outcome_of_grpc("RESOURCE_EXHAUSTED", said, b""), TooLarge)
    assert isinstance(outcome_of_http(413, {}, NOW_S), TooLarge)


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_these_statuses_are_tried_again(status: int) -> None:
    """The four of the specification, when they say, or by our own backoff."""
    assert outcome_of_http(status, {}, NOW_S) == TryLater(message=f"HTTP {status}")
    assert outcome_of_http(status, {"retry-after": "7"}, NOW_S) == TryLater(
        message=f"HTTP {status}", retry_after_s=7
    )


@pytest.mark.parametrize("status", [301, 307, 400, 401, 403, 404, 405, 500, 501])
def test_these_statuses_are_final(status: int) -> None:
    """Redirects too: our headers are for one host."""
    assert outcome_of_http(status, {}, NOW_S) == Refused(message=f"HTTP {status}")


@pytest.mark.parametrize("status", [200, 202, 204])
def test_success_has_its_word_in_the_body(status: int) -> None:
    """Of a part that was rejected."""
    assert outcome_of_http(status, {}, NOW_S) is None


def test_retry_after_may_be_a_date() -> None:
    """As seconds from now; one that is past is now; one that is neither is not said."""
    found = [
        outcome_of_http(503, {"retry-after": text}, NOW_S)
        for text in ("Fri, 15 Jan 2027 08:00:30 GMT", "Fri, 15 Jan 2021 08:00:30 GMT", "soon")
    ]
    assert [o.retry_after_s for o in found if isinstance(o, TryLater)] == [30, 0, None]


@pytest.mark.parametrize("seconds", [0.0, 0.25, 1.0, 61.5, 100_000.0])
def test_retry_info_is_read_as_it_is_written(seconds: float) -> None:
    """What our own receiver says, our own forwarding hears."""
    assert retry_after_of(status_protobuf(14, "busy", seconds)) == seconds


def test_a_status_without_retry_info_says_nothing() -> None:
    """Nor do other details."""
    assert retry_after_of(status_protobuf(14, "busy")) is None
    assert retry_after_of(b"") is None
    assert retry_after_of(b"\x1a\x0e\x0a\x0atype/other\x12\x00") is None


@pytest.mark.parametrize("cut", range(1, 40))
def test_a_broken_status_says_nothing(cut: int) -> None:
    """However it is cut; what stood before the cut is not guessed from."""
    whole = status_protobuf(14, "busy", 2.5)
    found = retry_after_of(whole[:cut])
    assert found is None or cut >= len(whole)
    assert retry_after_of(b"\xff" * cut) is None


def test_waits_grow_and_are_spread() -> None:
    """Twice as long after each failure, up to a minute; chance takes up to three quarters off."""
    longest = [wait_s(attempts, None, 1.0) for attempts in range(1, 10)]
    assert longest == [1, 2, 4, 8, 16, 32, 60, 60, 60]
    assert [wait_s(attempts, None, 0.0) for attempts in (1, 3, 1000)] == [0.25, 1.0, MAX_S / 4]


def test_what_the_other_side_asks_for_comes_first() -> None:
    """Up to a limit: its mistake must not stop forwarding for good."""
    assert wait_s(9, 0.5, 1.0) == 0.5
    assert wait_s(1, 1e9, 0.0) == MAX_RETRY_AFTER_S
    assert wait_s(1, -5.0, 0.0) == 0
