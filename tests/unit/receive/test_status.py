from __future__ import annotations

import json

import pytest
from google.protobuf import json_format
from google.rpc.error_details_pb2 import RetryInfo
from google.rpc.status_pb2 import Status

from causewatch.receive.status import status_json, status_protobuf

RETRIES_S = [0.0, 0.25, 1.0, 1.5, 30.0, 3600.000000001]


@pytest.mark.parametrize("retry_after_s", RETRIES_S)
def test_the_bytes_are_those_of_googles_own_messages(retry_after_s: float) -> None:
    """Encoded by hand, read by the official classes: code, text and delay are the same."""
    status = Status.FromString(status_protobuf(14, "später " * 40, retry_after_s))
    assert (status.code, status.message) == (14, "später " * 40)
    (detail,) = status.details
    info = RetryInfo()
    assert detail.Unpack(info)
    assert info.retry_delay.ToNanoseconds() == round(retry_after_s * 1e9)


def test_no_retry_has_no_details() -> None:
    """A sender must not try a wrong request again: no ``RetryInfo`` there."""
    status = Status.FromString(status_protobuf(3, "wrong"))
    assert (status.code, status.message, list(status.details)) == (3, "wrong", [])
    assert json.loads(status_json(3, "wrong")) == {"code": 3, "message": "wrong"}


@pytest.mark.parametrize("retry_after_s", RETRIES_S)
def test_the_json_is_that_of_the_same_message(retry_after_s: float) -> None:
    """The official parser reads the JSON into the message that the bytes are."""
    from_json = json_format.Parse(status_json(8, "full", retry_after_s), Status())
    assert from_json == Status.FromString(status_protobuf(8, "full", retry_after_s))
