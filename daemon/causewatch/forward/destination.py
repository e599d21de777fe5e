"""Where judged runs go on to: values, as the configuration gives them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from causewatch.sampling.policy import Sampling

Protocol = Literal["grpc", "http"]
Mode = Literal["annotated", "unmodified"]
Compression = Literal["none", "gzip"]
Verdict = Literal["healthy", "corrupted", "unverifiable"]

MIB = 1024 * 1024


class ClientTls(msgspec.Struct, frozen=True, kw_only=True):
    """PEM files: whom to believe, and who we are (mTLS). Empty: the system's CAs, nobody."""

    ca_file: str = ""
    cert_file: str = ""
    key_file: str = ""


class Filter(msgspec.Struct, frozen=True, kw_only=True):
    """Which runs go to a destination: those that fit every entry that is not empty.

    ``workflows`` and ``services`` are globs, of which one must match; a run has the services of
    all its spans.
    """

    verdicts: tuple[Verdict, ...] = ()
    workflows: tuple[str, ...] = ()
    services: tuple[str, ...] = ()


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """One OTLP endpoint. ``endpoint`` is a URL: ``https`` means TLS, with gRPC too."""

    name: str
    endpoint: str
    protocol: Protocol = "grpc"
    headers: Mapping[str, str] = msgspec.field(default_factory=dict)
    tls: ClientTls = ClientTls()
    compression: Compression = "gzip"
    filter: Filter = Filter()
    sampled: bool = True
    """Whether runs that sampling does not keep are held back."""
    sampling: Sampling | None = None
    """Its own policies, instead of those that all destinations share."""
    mode: Mode = "annotated"
    queue_mib: int = 256
    max_age_s: float = 86_400.0
    max_request_mib: int = 3
    timeout_s: float = 20.0

    @property
    def queue_bytes(self) -> int:
        """Return how much may wait, in bytes."""
        return self.queue_mib * MIB

    @property
    def request_bytes(self) -> int:
        """Return the size that requests are kept to, uncompressed, in bytes."""
        return self.max_request_mib * MIB

    def __repr__(self) -> str:
        """Name it, never its headers."""
        return f"Destination(name={self.name!r}, endpoint={self.endpoint!r})"
