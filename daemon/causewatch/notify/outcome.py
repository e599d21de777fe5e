"""How one attempt to send ended, and what is handed to a channel to send."""

from __future__ import annotations

from typing import Literal, Protocol, TypeAlias

import msgspec

from causewatch.store.record import MessageRef, OutboxRow


class Sent(msgspec.Struct, frozen=True, kw_only=True):
    """It arrived; ``ref`` says where, when the message can be changed later."""

    ref: MessageRef | None = None
    picture: Literal["", "sent", "failed"] = ""
    """What became of the picture that goes with it; empty where none was due."""


class Retry(msgspec.Struct, frozen=True, kw_only=True):
    """It surely did not arrive; try again after ``after_s`` (``None``: by the schedule).

    ``whole_channel``: nothing else can be sent there in the meantime either (a rate limit).
    """

    after_s: float | None = None
    reason: str
    whole_channel: bool = False


class Dead(msgspec.Struct, frozen=True, kw_only=True):
    """It can never arrive. ``disable``: the receiver wants no more messages at all (410 Gone)."""

    reason: str
    disable: bool = False


class Unknown(msgspec.Struct, frozen=True, kw_only=True):
    """It was handed over, but no answer came: it may have arrived."""

    reason: str


Outcome: TypeAlias = Sent | Retry | Dead | Unknown


class Delivery(msgspec.Struct, frozen=True, kw_only=True):
    """One row to send. ``ref`` is where the incident's message is.

    ``near`` is where the newest message of the target is: it tells a channel's id.
    """

    row: OutboxRow
    ref: MessageRef | None = None
    near: MessageRef | None = None


class Channel(Protocol):
    """One place that messages are sent to; used by one thread at a time."""

    @property
    def integration(self) -> str:
        """Return the kind of channel, for metrics."""
        ...

    @property
    def receiver(self) -> str:
        """Return the receiver's name, for metrics."""
        ...

    @property
    def pace_key(self) -> str:
        """Return what shares a pace: channels with the same key wait for each other."""
        ...

    @property
    def min_gap_s(self) -> float:
        """Return the least time between two messages, seconds."""
        ...

    def send(self, delivery: Delivery) -> Outcome:
        """Try once; answer for every outcome, raise for none."""
        ...

    def close(self) -> None:
        """Let go of connections."""
        ...
