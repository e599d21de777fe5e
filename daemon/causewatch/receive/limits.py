"""How a receiver listens, whom it lets in, and how much it takes."""

from __future__ import annotations

import hmac
from pathlib import Path

import msgspec

from causewatch.errors import UserError

MIB_BYTES = 1024 * 1024


class ReceiveLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of the receivers.

    Attributes:
        max_message_mib: one request, unpacked. The usual 4 MiB loses a default Collector's
            batches: 8,192 AI spans are 11 MiB.
        max_buffered_mib: all request bodies that HTTP is reading at one time, and all that are
            being handled.
        max_body_s: how long HTTP reads one body; a sender that stalls holds what others may need.
        max_streams_per_connection: gRPC requests at one time on one connection.
        retry_after_s: what a sender is told when we failed.
    """

    max_message_mib: int = 64
    max_buffered_mib: int = 512
    max_body_s: float = 60.0
    max_streams_per_connection: int = 64
    retry_after_s: float = 2.0

    @property
    def max_message_bytes(self) -> int:
        """Return the bound of one request in bytes."""
        return self.max_message_mib * MIB_BYTES

    @property
    def max_buffered_bytes(self) -> int:
        """Return the bound of all requests at one time in bytes."""
        return self.max_buffered_mib * MIB_BYTES


class ReceiverAuth(msgspec.Struct, frozen=True, kw_only=True):
    """The tokens a sender may say, any of them, in ``header`` after ``scheme``."""

    tokens: tuple[str, ...]
    header: str = "authorization"
    scheme: str = "Bearer"

    def permits(self, header_value: str | None) -> bool:
        """Return whether the header carries one of the tokens, in time that tells nothing."""
        given = header_value or ""
        if self.scheme:
            scheme, _, given = given.partition(" ")
            if scheme.lower() != self.scheme.lower():
                return False
        given_bytes = given.strip().encode()
        if not given_bytes:
            # An empty token file must not let in whoever says nothing.
            return False
        matches = [hmac.compare_digest(given_bytes, token.encode()) for token in self.tokens]
        return any(matches)


class ReceiverTls(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files. With ``client_ca_file`` every client must show a certificate it has signed."""

    cert_file: Path
    key_file: Path
    client_ca_file: Path | None = None


class Listen(msgspec.Struct, frozen=True, kw_only=True):
    """Where one receiver listens (``host:port``, port 0 for any free one), and for whom."""

    address: str
    auth: ReceiverAuth | None = None
    tls: ReceiverTls | None = None


def host_and_port(address: str) -> tuple[str, int]:
    """Return the parts of ``host:port`` or ``[ipv6]:port``; an empty host means all.

    Raises:
        UserError: it is neither.
    """
    host, colon, port = address.rpartition(":")
    if not colon or not port.isascii() or not port.isdigit() or int(port) > 65535:
        raise UserError(f"{address!r} is no address: want host:port")
    return host.strip("[]"), int(port)
