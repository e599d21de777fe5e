"""What loaded rules ask of a run beyond its likeness, as data, and how decoded spans answer.

A likeness leaves durations, numbers and words out. Where a rule looks at one, what goes in is not
the value but what the rule makes of it: on which side of a constant it lies, whether a pattern
fits, whether a calculation holds. Of a total only "it cannot be met" is told; where that cannot be
shown, the values go in as they are. Where a rule could match for reasons that no such answer tells,
the run has no likeness (``TooCloseError``) and is judged in full.

The compiled reader (``native/src/asked.rs``) takes the same ``Questions`` and tells the same runs
apart.
"""

from __future__ import annotations

from typing import Literal

import msgspec

NAME = "\0name"
"""The key by which a span's name is asked for."""
STATUS_MESSAGE = "\0status_message"


class TooCloseError(Exception):
    """Some rule could match this run, for all that can be told without judging it."""


class Pattern(msgspec.Struct, frozen=True, kw_only=True):
    """A pattern that values are compared with; ``needles`` as ``signatures.fragments`` has them."""

    text: str
    needles: tuple[str, ...] = ()
    is_folded: bool = False


class OfKey(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of the values under one key of spans, events, resources and scopes.

    Attributes:
        limits: numbers that values are compared with, ascending.
        words: texts that values are compared with, ascending.
        is_whole: the value itself counts.
        is_same: it counts where the run had the same value under such a key before.
    """

    key: str
    limits: tuple[float, ...] = ()
    words: tuple[str, ...] = ()
    patterns: tuple[Pattern, ...] = ()
    is_whole: bool = False
    is_same: bool = False


class Alias(msgspec.Struct, frozen=True, kw_only=True):
    """Where dialects keep a number: at a dotted ``path`` within a value, or the value itself."""

    key: str
    path: str = ""


class Variable(msgspec.Struct, frozen=True, kw_only=True):
    """A number of a span.

    Attributes:
        what: where it comes from; ``trace`` is the duration of the span's trace.
        key: of an attribute.
        aliases: where dialects keep what rules know under ``key``; read where ``key`` is not there.
        is_count: what is read by an alias is cut to an integer, else it is a float.
        of_parent: it is the parent's.
    """

    what: Literal["attribute", "duration", "trace", "start", "end"]
    key: str = ""
    aliases: tuple[Alias, ...] = ()
    is_count: bool = False
    of_parent: bool = False


class Put(msgspec.Struct, frozen=True, kw_only=True):
    """One step of a calculation in postfix form; exactly one member is set."""

    variable: Variable | None = None
    number: int | float | None = None
    operator: Literal["", "+", "-", "*", "/"] = ""


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """A comparison of two calculations with numbers of one span."""

    left: tuple[Put, ...]
    operator: Literal["=", "!=", "<", "<=", ">", ">="]
    right: tuple[Put, ...]


class Total(msgspec.Struct, frozen=True, kw_only=True):
    """A sum or mean over some spans of a run against a limit that it must rise above.

    Of a falling one every single value must lie above the limit.
    """

    variable: Variable
    limit: float
    is_mean: bool = False
    is_falling: bool = False


class Names(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of names: a likeness has the ids in them as ``#``.

    Attributes:
        places: where, besides spans' names, they lie.
        ids: ids that rules name; of the others counts where the run had the same one before.
        is_whole: all ids count.
    """

    places: tuple[Alias, ...] = ()
    ids: tuple[str, ...] = ()
    is_whole: bool = False


class Digests(msgspec.Struct, frozen=True, kw_only=True):
    """Payloads under ``keys`` are compared with each other; ``gate`` is in a run where they are."""

    keys: tuple[str, ...]
    gate: str = ""


class Questions(msgspec.Struct, frozen=True, kw_only=True):
    """All that is asked.

    Attributes:
        durations: limits of spans' durations, in nanoseconds, ascending.
        trace_durations: limits of traces' durations.
        names: whether, and how, the ids in names count.
        has_order: whether it counts which spans ended before which others began.
        size: payloads above so many bytes are judged.
        total_size: runs whose payloads are together above so many bytes are judged.
        gates: runs that hold one of these texts are judged.
    """

    keys: tuple[OfKey, ...] = ()
    durations: tuple[float, ...] = ()
    trace_durations: tuple[float, ...] = ()
    tests: tuple[Check, ...] = ()
    totals: tuple[Total, ...] = ()
    names: Names | None = None
    has_order: bool = False
    size: float | None = None
    total_size: float | None = None
    gates: tuple[str, ...] = ()
    digests: tuple[Digests, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether nothing is asked."""
        return self == NOTHING


NOTHING = Questions()
