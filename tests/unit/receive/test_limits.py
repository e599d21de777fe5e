from __future__ import annotations

import pytest

from causewatch.errors import UserError
from causewatch.receive.limits import ReceiverAuth, host_and_port

TOKENS = ("first-token", "zweites-tökén")


@pytest.mark.parametrize(
    ("value", "is_permitted"),
    [
        ("Bearer first-token", True),
        ("bearer first-token", True),
        ("Bearer  first-token ", True),
        ("Bearer zweites-tökén", True),
        ("Bearer first-toke", False),
        ("Bearer first-token2", False),
        ("Bearer", False),
        ("Bearer ", False),
        ("Basic first-token", False),
        ("first-token", False),
        ("", False),
        (None, False),
    ],
)
def test_only_the_tokens_are_permitted(value: str | None, is_permitted: bool) -> None:
    """Scheme in any case, token exactly, any of the list (so that one can be rotated)."""
    assert ReceiverAuth(tokens=TOKENS).permits(value) is is_permitted


def test_a_header_without_scheme_holds_the_token_itself() -> None:
    """Vendors' style ``x-api-key: token``."""
    auth = ReceiverAuth(tokens=TOKENS, header="x-api-key", scheme="")
    assert auth.permits("first-token")
    assert not auth.permits("Bearer first-token")


def test_no_tokens_let_nobody_in() -> None:
    """An empty token file must not mean an open door."""
    assert not ReceiverAuth(tokens=()).permits("Bearer ")
    assert not ReceiverAuth(tokens=("",)).permits("Bearer ")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        ("127.0.0.1:4317", ("127.0.0.1", 4317)),
        ("localhost:0", ("localhost", 0)),
        ("[::1]:4317", ("::1", 4317)),
        (":4318", ("", 4318)),
    ],
)
def test_addresses(address: str, expected: tuple[str, int]) -> None:
    """Host and port, IPv6 in brackets, no host for all."""
    assert host_and_port(address) == expected


@pytest.mark.parametrize(
    "address", ["", "4317", "localhost", "localhost:", "h:x", "h:65536", "h:-1"]
)
def test_what_is_no_address_is_the_users_mistake(address: str) -> None:
    """Said before anything is bound."""
    with pytest.raises(UserError, match="no address"):
        host_and_port(address)
