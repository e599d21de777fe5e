"""The semantic comparison: what was received may say it otherwise, but must say it.

Structure is compared with structure, place by place: arrays in any order, texts without regard to
case, white space and the spelling of numbers and dates. Where a text was reworded, or structure
became prose, the facts that were sent must be found in what was received, wherever they stand.
Deterministic; no model is asked.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from functools import cached_property
from itertools import islice

import msgspec

from causewatch.contracts.difference import Difference, Kind, Path, has_cut_marker, is_cut
from causewatch.contracts.equality import (
    MAX_DEPTH,
    is_empty,
    is_live,
    parsed,
    same,
    scalar_text,
    spelled_alike,
)
from causewatch.contracts.mention import Mention, Told, leaves_of, mentions_of
from causewatch.contracts.pointer import pointer_of
from causewatch.model.calendar import take_dates
from causewatch.model.facts import fact_of
from causewatch.model.value import Value

MAX_VALUE_CHARS = 64
"""A longer text, or one with several words, is prose: it may be reworded."""
MIN_PROSE_WORDS_COUNT = 4
MIN_KEPT_WORDS_RATIO = 0.5
"""A passage that has fewer of its words elsewhere is gone, not moved."""
MIN_SHARED_RATIO = 0.5
"""An object that has fewer of the members that were sent, and others, is another record."""
MIN_WORD_CHARS = 4
MAX_POSTINGS_COUNT = 8
"""A fact that more items share than that tells none of them apart."""
_PLACEHOLDER = re.compile(r"\s*(?:\[object \w{1,40}\]|<[\w.]{1,80} object at 0x[0-9a-fA-F]+>)\s*")
_SENTENCE_END = re.compile(r"""[.!?。！？:;)\]}"'”»]\s*\Z""")  # noqa: RUF001 -- full-width marks


class Sides:
    """Both sides of a handoff, and their facts where these are asked for."""

    def __init__(self, sent: Value, received: Value) -> None:
        self.sent = sent
        self.received = received

    @cached_property
    def sent_told(self) -> Told:
        """Return what the sender tells."""
        return Told(self.sent)

    @cached_property
    def received_told(self) -> Told:
        """Return what the receiver is told."""
        return Told(self.received)

    @cached_property
    def are_same(self) -> bool:
        """Tell whether both are one JSON value."""
        return spelled_alike(self.sent, self.received) or same(self.sent, self.received)

    @property
    def is_whole(self) -> bool:
        """Tell whether neither side holds more facts than the limit allows."""
        return self.sent_told.mentions.is_whole and self.received_told.mentions.is_whole

    @property
    def sent_count(self) -> int:
        """Return how many facts were sent; a value without one counts as one."""
        facts = self.sent_told.mentions.facts
        places = {fact.pointer for fact in facts}
        bare = (path for path, leaf in leaves_of(self.sent) if not is_empty(leaf))
        return len(facts) + sum(pointer_of(path) not in places for path in bare)


class Meaning(msgspec.Struct, frozen=True, kw_only=True):
    """What a semantic comparison found.

    ``lost_count`` is the number of facts that were sent and are not told, and of values without a
    fact that are gone.
    """

    differences: tuple[Difference, ...] = ()
    lost_count: int = 0


def compare_meaning(sides: Sides, limit: int) -> Meaning:
    """Compare what was received with what was sent by what they say.

    Takes time linear in their sizes but for sorting.
    """
    if sides.are_same:
        return Meaning()
    comparison = _Comparison(sides)
    found = tuple(islice(comparison.all(), limit))
    return Meaning(differences=found, lost_count=comparison.lost_count)


class _Comparison:
    """One comparison, and how much was lost so far."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides
        self.lost_count = 0

    @property
    def told(self) -> Told:
        return self.sides.received_told

    @cached_property
    def _known(self) -> frozenset[tuple[str, str]]:
        facts = self.sides.sent_told.mentions.facts
        return frozenset((fact.kind, reading) for fact in facts for reading in fact.readings)

    def all(self) -> Iterator[Difference]:
        """Yield every difference."""
        sent, received = self.sides.sent, self.sides.received
        if not is_empty(sent) and is_empty(received):
            self.lost_count = self.sides.sent_count
            yield self._difference("missing", (), "nothing was received", sent, received)
        else:
            yield from self.walk(sent, received, ())

    def walk(self, sent: Value, received: Value, path: Path) -> Iterator[Difference]:
        """Yield the differences at one place and below."""
        if len(path) > MAX_DEPTH:
            if not spelled_alike(sent, received):
                yield self._difference("delta", path, "differs below the depth limit", None, None)
        elif isinstance(sent, dict) and isinstance(received, dict):
            yield from self._objects(sent, received, path)
        elif isinstance(sent, list) and isinstance(received, list):
            yield from self._arrays(sent, received, path)
        elif is_empty(received) and not is_empty(sent):
            yield from self._gone(sent, path, "missing", "the value was lost")
        elif isinstance(sent, dict | list):
            yield from self._structure(sent, received, path)
        elif not means_the_same(sent, received):
            yield from self._scalars(sent, received, path)

    def _objects(
        self, sent: dict[str, Value], received: dict[str, Value], path: Path
    ) -> Iterator[Difference]:
        shared = sent.keys() & received.keys()
        if len(shared) < MIN_SHARED_RATIO * len(sent) and received.keys() - sent.keys():
            # Another record, into which what was sent was put: only its facts can be looked for.
            yield from self._facts(sent, received, path)
            return
        for key, value in sent.items():
            if key in received:
                yield from self.walk(value, received[key], (*path, key))
            elif not is_empty(value):
                yield from self._gone(value, (*path, key), "truncation", "the member was lost")

    def _arrays(self, sent: list[Value], received: list[Value], path: Path) -> Iterator[Difference]:
        left, rest = _unmatched(sent, received)
        gone = 0
        for index, other in _paired(sent, received, left, rest):
            if other is not None:
                yield from self.walk(sent[index], received[other], (*path, index))
            elif self._is_gone(sent[index]):
                gone += 1
        if gone:
            message = f"{gone} of {len(sent)} items were lost"
            yield self._difference("truncation", path, message, sent, received)

    def _structure(
        self, sent: dict[str, Value] | list[Value], received: Value, path: Path
    ) -> Iterator[Difference]:
        """Structure that arrived as text: prose may tell it, but not a placeholder."""
        if isinstance(received, str) and _PLACEHOLDER.fullmatch(received):
            self.lost_count += 1
            message = "structure became a placeholder"
            yield self._difference("serialization", path, message, sent, received)
        elif path and isinstance(received, str) and same(parsed(received), sent):
            message = "JSON inside of a string"
            yield self._difference("serialization", path, message, sent, received)
        else:
            yield from self._facts(sent, received, path)

    def _scalars(self, sent: Value, received: Value, path: Path) -> Iterator[Difference]:
        if isinstance(sent, str) and isinstance(received, str) and not _are_values(sent, received):
            if _is_broken_off(sent, received):
                self.lost_count += max(len(self._lost(sent)), 1)
                message = f"only {len(received)} of {len(sent)} characters arrived"
                yield self._difference("truncation", path, message, sent, received)
            else:
                yield from self._facts(sent, received, path)
        else:
            yield self._difference("delta", path, "another value", sent, received)

    def _facts(self, sent: Value, received: Value, path: Path) -> Iterator[Difference]:
        """Yield a difference where facts that stand in ``sent`` are told nowhere."""
        lost = self._lost(sent)
        if not lost:
            return
        kinds = sorted({fact.kind for fact in lost})
        fresh = {fact.kind for fact in mentions_of(received).facts if not self._was_sent(fact)}
        texts: list[Value] = [fact.text for fact in lost]
        if set(kinds) <= fresh:
            message = f"facts changed: {', '.join(kinds)}"
            yield self._difference("delta", path, message, texts, received)
        else:
            self.lost_count += len(lost)
            message = f"facts are no longer told: {', '.join(kinds)}"
            yield self._difference("truncation", path, message, texts, received)

    def _gone(self, value: Value, path: Path, kind: Kind, message: str) -> Iterator[Difference]:
        if self._is_gone(value):
            yield self._difference(kind, path, message, value, None)

    def _is_gone(self, value: Value) -> bool:
        """Tell whether what stood in a place of its own is told nowhere else; count it if so."""
        lost = self._lost(value)
        count = len(lost)
        if not lost and not mentions_of(value).facts:
            count = sum(self._is_leaf_gone(leaf) for _, leaf in leaves_of(value))
        self.lost_count += count
        return count > 0

    def _is_leaf_gone(self, leaf: Value) -> bool:
        if is_empty(leaf) or is_live(leaf):
            return False
        if not isinstance(leaf, str):
            return True
        if normal_text(leaf) in self.told.folded:
            return False
        words = {word for word in normal_text(leaf).split() if len(word) >= MIN_WORD_CHARS}
        kept = sum(word.strip(".,:;!?()\"'") in self.told.words for word in words)
        return not words or kept < MIN_KEPT_WORDS_RATIO * len(words)

    def _lost(self, value: Value) -> list[Mention]:
        return [fact for fact in mentions_of(value).facts if not self.told.has(fact)]

    def _was_sent(self, fact: Mention) -> bool:
        return any((fact.kind, reading) in self._known for reading in fact.readings)

    def _difference(
        self, kind: Kind, path: Path, message: str, sent: Value, received: Value
    ) -> Difference:
        return Difference(
            kind=kind,
            pointer=pointer_of(path),
            message=message,
            sent=sent,
            received=received,
        )


def means_the_same(sent: Value, received: Value) -> bool:
    """Tell whether two scalars are the same but for case, white space and spelling."""
    if isinstance(sent, str) and isinstance(received, str):
        if normal_text(sent) == normal_text(received):
            return True
    elif (spelled := scalar_text(sent)) is not None and spelled == scalar_text(received):
        return True
    one, other = _fact_key(sent), _fact_key(received)
    return bool(one & other)


def normal_text(text: str) -> str:
    """Return a text without regard to case, white space and Unicode form."""
    return " ".join(unicodedata.normalize("NFKC", text).casefold().split())


def _fact_key(value: Value) -> frozenset[str]:
    """Return what a scalar that is one fact may be read as."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        return frozenset()
    text = value.strip() if isinstance(value, str) else scalar_text(value) or ""
    if len(text) > MAX_VALUE_CHARS or not any(map(str.isdigit, text)):
        return frozenset()
    if " " in text:
        rest, dates = take_dates(text)
        days = dates[0][1] if len(dates) == 1 and not rest.strip() else frozenset[str]()
        return frozenset(f"date {day}" for day in days)
    fact = fact_of(text)
    return frozenset(f"{fact.kind} {each}" for each in fact.readings) if fact else frozenset()


def _are_values(sent: str, received: str) -> bool:
    """Tell whether two texts are values rather than prose: short, and of few words."""
    return all(
        len(text) <= MAX_VALUE_CHARS and len(text.split()) < MIN_PROSE_WORDS_COUNT
        for text in (sent, received)
    )


def _is_broken_off(sent: str, received: str) -> bool:
    """Tell whether a text stops in the middle; an excerpt that ends with a sentence is no cut."""
    if not is_cut(sent, received):
        return False
    return has_cut_marker(received) or _SENTENCE_END.search(received) is None


def _key(value: Value, depth: int = 0) -> bytes:
    """Return bytes that are equal for values that mean the same, as far as spelling goes."""
    if depth > MAX_DEPTH:
        return b"?"
    if isinstance(value, dict):
        members = sorted((key, _key(member, depth + 1)) for key, member in value.items())
        return b"{%s}" % b",".join(
            key.encode("utf-8", "surrogatepass") + b":" + m for key, m in members
        )
    if isinstance(value, list):
        return b"[%s]" % b",".join(sorted(_key(item, depth + 1) for item in value))
    if isinstance(value, bytes):
        return value
    text = scalar_text(value)
    if isinstance(value, str):
        readings = _fact_key(value)
        text = min(readings) if readings else normal_text(value)
    return repr(text).encode("utf-8", "surrogatepass")


def _unmatched(sent: list[Value], received: list[Value]) -> tuple[list[int], list[int]]:
    """Return the indices of the items of both arrays that have no equal in the other."""
    waiting: dict[bytes, list[int]] = {}
    for index, item in enumerate(received):
        waiting.setdefault(_key(item), []).append(index)
    left = []
    for index, item in enumerate(sent):
        equal = waiting.get(_key(item))
        if equal:
            equal.pop()
        else:
            left.append(index)
    return left, sorted(index for rest in waiting.values() for index in rest)


def _paired(
    sent: list[Value], received: list[Value], left: list[int], rest: list[int]
) -> Iterator[tuple[int, int | None]]:
    """Yield each unmatched item with what it became: by shared values, else by order."""
    postings: dict[str, list[int]] = {}
    for other in rest:
        for reading in _readings(received[other]):
            postings.setdefault(reading, []).append(other)
    taken: set[int] = set()
    alone = []
    for index in left:
        votes: dict[int, int] = {}
        for reading in _readings(sent[index]):
            for other in postings.get(reading, ()) if _tells(postings, reading) else ():
                if other not in taken:
                    votes[other] = votes.get(other, 0) + 1
        if votes:
            best = max(votes, key=lambda other: (votes[other], -other))
            taken.add(best)
            yield index, best
        else:
            alone.append(index)
    free = iter([other for other in rest if other not in taken])
    for index in alone:
        yield index, next(free, None)


def _tells(postings: dict[str, list[int]], reading: str) -> bool:
    return len(postings.get(reading, ())) <= MAX_POSTINGS_COUNT


def _readings(value: Value) -> frozenset[str]:
    """Return the values by which an item is known again: those that hold a digit."""
    texts = (scalar_text(leaf) for _, leaf in leaves_of(value) if not isinstance(leaf, bool))
    return frozenset(
        text
        for text in texts
        if text and len(text) <= MAX_VALUE_CHARS and any(map(str.isdigit, text))
    )
