"""New values for the facts of a recorded run: others in each run, and the same within one."""

from __future__ import annotations

import struct
from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from random import Random
from typing import NamedTuple

from bench.recorded.facts import NS_PER_S, Fact
from bench.recorded.words import WORDS

_MAX_DIGITS = 20
_ID_BYTES = {"trace": 16, "span": 8}


class Slot(NamedTuple):
    """One way in which one fact is written."""

    fact: Fact
    is_raw: bool
    """Whether an id is written as bytes, not as hexadecimal text."""

    @property
    def size_bytes(self) -> int:
        """How many bytes it takes, in every run."""
        if self.fact.kind == "time":
            return 8
        if self.is_raw:
            return _ID_BYTES[self.fact.kind]
        return len(written_width(self.fact).encode())


def written_width(fact: Fact) -> str:
    """Return a text as long as every value of a fact: a session's number is widened."""
    return fact.key if fact.kind == "number" and len(fact.key) > len(fact.text) else fact.text


class Drawer:
    """Draws the values of all slots of one recording; ``start_ns`` is when it began."""

    def __init__(self, slots: Sequence[Slot], start_ns: int) -> None:
        self._slots = slots
        self._start_ns = start_ns
        self._of: dict[str, list[int]] = defaultdict(list)
        for index, slot in enumerate(slots):
            self._of[slot.fact.kind].append(index)
        times = self._of["time"]
        self._pack = struct.Struct(f"<{len(times)}Q")
        self._times = [int(slots[index].fact.key) for index in times]
        self._words = _numbered(slots[index].fact.key for index in self._of["word"])

    def draw(self, dice: Random, start_ns: int) -> tuple[list[bytes], dict[str, bytes]]:
        """Return a value for each slot, and the new trace id of each recorded one."""
        values = [b""] * len(self._slots)
        by_ns = start_ns - self._start_ns
        traces = self._ids(values, dice, "trace")
        self._ids(values, dice, "span")
        packed = self._pack.pack(*[at + by_ns for at in self._times])
        for number, index in enumerate(self._of["time"]):
            values[index] = packed[8 * number : 8 * number + 8]
        self._hex(values, dice)
        self._numbers(values, dice)
        self._dates(values, by_ns)
        self._say(values, dice)
        return values, traces

    def _ids(self, values: list[bytes], dice: Random, kind: str) -> dict[str, bytes]:
        """Draw ids: a recorded one has one new one, as bytes and as text."""
        drawn: dict[str, bytes] = {}
        for index in self._of[kind]:
            fact, is_raw = self._slots[index]
            found = drawn.get(fact.key)
            if found is None:
                found = drawn[fact.key] = dice.randbytes(_ID_BYTES[kind])
            values[index] = found if is_raw else found.hex().encode()
        return drawn

    def _hex(self, values: list[bytes], dice: Random) -> None:
        for index in self._of["hex"]:
            size = len(self._slots[index].fact.text)
            values[index] = dice.randbytes(size // 2 + 1).hex()[:size].encode()
        for index in self._of["uuid"]:
            text, new = self._slots[index].fact.text, dice.randbytes(16).hex()
            # What tells the version and the variant of a UUID stays.
            values[index] = (
                f"{new[:8]}-{new[8:12]}-{text[14]}{new[13:16]}-{text[19]}{new[17:20]}-{new[20:]}"
            ).encode()

    def _numbers(self, values: list[bytes], dice: Random) -> None:
        """Move all numbers of one length by the same amount: different ones stay different."""
        turns = [dice.getrandbits(60) for _ in range(_MAX_DIGITS)]
        turn = turns[0]
        for index in self._of["digits"]:
            text = self._slots[index].fact.key
            by = turns[len(text) % _MAX_DIGITS]
            values[index] = b"%0*d" % (len(text), (int(text) + by) % 10 ** len(text))
        for index in self._of["number"]:
            text = self._slots[index].fact.key
            values[index] = b"%d" % _turned(text, turns[len(text) % _MAX_DIGITS])
        for index in self._of["money"]:
            fact = self._slots[index].fact
            whole, _, rest = fact.key.partition(".")
            # The last digit stays, so that the amount is written with as many decimals.
            digits = f"{_turned((whole + rest)[:-1], turn)}{rest[-1]}"
            values[index] = _as_amount(digits, len(rest), fact.text).encode()
        for index in self._of["share"]:
            text = self._slots[index].fact.text
            last = len(text.rstrip("0")) - 1
            digit = (int(text[last]) - 1 + turn) % 9 + 1
            values[index] = f"{text[:last]}{digit}{text[last + 1 :]}".encode()

    def _dates(self, values: list[bytes], by_ns: int) -> None:
        by = timedelta(seconds=by_ns // NS_PER_S)
        days = timedelta(days=round(by_ns / NS_PER_S / 86_400))
        for index in self._of["moment"]:
            text = self._slots[index].fact.text
            moved = datetime.fromisoformat(text).replace(tzinfo=UTC) + by
            values[index] = moved.strftime(f"%Y-%m-%d{text[10]}%H:%M:%S").encode()
        for index in self._of["day"]:
            day = datetime.fromisoformat(self._slots[index].fact.text).replace(tzinfo=UTC) + days
            values[index] = day.strftime("%Y-%m-%d").encode()
        for index in self._of["epoch"]:
            text = self._slots[index].fact.text
            values[index] = b"%d" % (int(text) + by_ns // 10 ** (19 - len(text)))

    def _say(self, values: list[bytes], dice: Random) -> None:
        """Put other words for about half of the words."""
        turn, chosen = dice.getrandbits(30), dice.getrandbits(max(1, len(self._words)))
        for index in self._of["word"]:
            fact = self._slots[index].fact
            place = self._words.get(fact.key)
            if place is None or not chosen >> place.bit & 1:
                values[index] = fact.text.encode()
                continue
            word = place.pool[(place.number + turn) % len(place.pool)]
            values[index] = (word.capitalize() if fact.text[0].isupper() else word).encode()


def _turned(text: str, turn: int) -> int:
    """Return another number of as many digits."""
    least: int = 10 ** (len(text) - 1)
    return least + (int(text) - least + turn) % (9 * least)


def _as_amount(digits: str, decimals: int, text: str) -> str:
    """Write an amount as ``text`` is written: with a point, a comma, a last zero, or in cents."""
    for mark in (".", ","):
        _, found, rest = text.partition(mark)
        if found:
            cents = digits[-decimals:].ljust(len(rest), "0")[: len(rest)]
            return f"{digits[:-decimals]}{mark}{cents}"
    return digits + "0" * (len(text) - len(digits))


class _Place(NamedTuple):
    """Where a word stands among those of a recording."""

    bit: int
    """Its number among all."""
    number: int
    """Its number among those of its length."""
    pool: tuple[str, ...]
    """What may stand for it."""


def _numbered(words: Iterable[str]) -> dict[str, _Place]:
    """Return the places of words, but for those that are more than there are others of a length.

    So two different words never become one.
    """
    known = dict.fromkeys(words)
    free = {size: tuple(w for w in pool if w not in known) for size, pool in WORDS.items()}
    found: dict[str, _Place] = {}
    taken: dict[int, int] = defaultdict(int)
    for word in known:
        size = len(word)
        pool = free.get(size, ())
        if taken[size] < len(pool):
            found[word] = _Place(len(found), taken[size], pool)
            taken[size] += 1
    return found
