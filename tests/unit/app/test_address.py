"""Address addresses."""

from __future__ import annotations

import pytest

from causewatch.app.address import Address, parse_address

CASES = [
    ("127.0.0.1:4317", Address(host="127.0.0.1", port=4317), True),
    ("localhost:0", Address(host="localhost", port=0), True),
    ("[::1]:4318", Address(host="::1", port=4318), True),
    (":4317", Address(host="0.0.0.0", port=4317), False),  # noqa: S104  # the case itself
    ("0.0.0.0:4317", Address(host="0.0.0.0", port=4317), False),  # noqa: S104  # the case itself
    ("collector.internal:4317", Address(host="collector.internal", port=4317), False),
]


@pytest.mark.parametrize(("text", "listen", "is_loopback"), CASES)
def test_addresses_are_read_as_go_programs_read_them(
    text: str,
    listen: Address,
    is_loopback: bool,  # a case of the table
) -> None:
    """``host:port``, ``[v6]:port`` and ``:port`` are understood, and loopback is told apart."""
    assert parse_address(text) == listen
    assert listen.is_loopback is is_loopback


@pytest.mark.parametrize("text", ["4317", "host", "host:", "host:x", "host:65536", "host:-1", ""])
def test_what_is_no_address_is_none(text: str) -> None:
    """A missing or impossible port is not guessed."""
    assert parse_address(text) is None


def test_an_address_prints_as_it_is_written() -> None:
    """IPv6 hosts get their brackets back."""
    assert str(Address(host="::1", port=1)) == "[::1]:1"
    assert str(Address(host="127.0.0.1", port=1)) == "127.0.0.1:1"
