"""What the inbox holds, how much of it, and how it says no."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

from causewatch.errors import CausewatchError, UserError

Signal: TypeAlias = Literal["traces", "logs"]

MIB_BYTES = 1024 * 1024


class InboxLimits(msgspec.Struct, frozen=True, kw_only=True):
    """The bounds of the inbox.

    Attributes:
        max_pending_mib: raw bytes that wait for a commit; over it ``append`` refuses.
        max_size_mib: bytes stored and pending; over it ``append`` refuses until ``delete``.
        max_commit_mib: raw bytes in one group commit (one request may be larger by itself).
        max_linger_ms: how long the first request of a commit waits for others.
        retry_after_s: what a refused sender is told.
    """

    max_pending_mib: int = 256
    max_size_mib: int = 8192
    max_commit_mib: int = 32
    max_linger_ms: float = 2.0
    retry_after_s: float = 1.0


class Batch(msgspec.Struct, frozen=True, kw_only=True):
    """One stored request: ``body`` is its protobuf as received, ``seq`` grows with each commit."""

    seq: int
    signal: Signal
    received_ns: int
    body: bytes


class NotStoredError(CausewatchError):
    """A request could not be committed; it was not acknowledged and may be sent again."""


class InboxUnusableError(UserError):
    """The inbox cannot be opened: in use by another process, damaged, or of a later version."""


class InboxInUseError(InboxUnusableError):
    """Another process has it."""
