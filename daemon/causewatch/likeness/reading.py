"""What one run looks like when its words are left out: its structure, and what recurs where.

Theory of operation. Spans are walked in order of time. Each distinct text, and each larger number,
is remembered with the place (the attribute) where the run first held it. A value that occurred
before is written as that place; a new one as its form: does it contain earlier texts, does it bring
figures that nobody had, which tell-tale words are in it, how does it end. JSON is written by its
members; lists of records by the set of what their items look like and where the run first had a
list of that length. So two healthy runs of one program that differ in their data write the same,
and a run in which an item was lost, a text was cut, an argument came from elsewhere, a result has
another shape, or an answer brings a figure of its own, writes something else.

Cost: each character is looked at a few times; containment is searched in what came before, up to
``MAX_RUN_CHARS``.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable
from datetime import date
from itertools import pairwise

import msgspec

from causewatch.likeness.keys import tells_amount, tells_order, tells_usage
from causewatch.likeness.signs import signs_in
from causewatch.model.value import Value

MAX_RUN_CHARS = 1_000_000
MAX_JSON_DEPTH = 40
MAX_NODES_COUNT = 20_000
MAX_SPOTS_COUNT = 200
"""Earlier texts that a new one is searched for."""
MIN_SPOT_CHARS = 12
MIN_TEXT_CHARS = 24
"""Shorter ones contain nothing but themselves."""
MIN_KNOWN_NUMBER = 100
"""Smaller ones occur by chance."""
MIN_WITHIN_CHARS = 3
MIN_TIME_CHARS = 10
MAX_RECENT_LISTS_COUNT = 4
MIN_HISTORY_CHARS = 20
MAX_WORDS_COUNT = 16
MAX_WORD_KEYS_COUNT = 10_000
_OPENS = '{["'
_WORD = re.compile(r"[A-Za-z_\u0080-\U0010ffff]+")
_LETTERS = re.compile(r"[A-Za-z\u0080-\U0010ffff]+")
_DAY = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}")
_UNMET: set[str] = set()
_ANY_WORD = "?"
_EDGES = ".,;:!?()[]{}\"'`*_<>|“”„«»、。"
_ENDS = frozenset(".!?:;)]}\"'”»`>*|。！？…")  # noqa: RUF001  # sentences end so in other scripts
_TURN_KEYS = frozenset({"role", "parts", "type", "content"})
_FIRST_PLACE = 2
"""Minus one and minus two have the same hash."""
_DAY_S = 86_400
_EPOCH_DAY = date(1970, 1, 1).toordinal()
_PARSE: Callable[[str], Value] = msgspec.json.Decoder().decode


class Words:
    """Which single words occur under a key: few are the states of something, many are data."""

    def __init__(self) -> None:
        self._by_key: dict[str, set[str] | None] = {}

    def word(self, key: str, text: str) -> str:
        """Return the word itself while few are known under its key, else what stands for any."""
        words = self._by_key.get(key, _UNMET)
        if words is _UNMET:
            if len(self._by_key) >= MAX_WORD_KEYS_COUNT:
                self._by_key.clear()
            words = self._by_key[key] = set()
        if words is None:
            return _ANY_WORD
        if text not in words:
            words.add(text)
            if len(words) > MAX_WORDS_COUNT:
                self._by_key[key] = None
                return _ANY_WORD
        return text


class TooMuchError(Exception):
    """A run has more in it than is worth a look of this kind."""


class Reading:
    """The tokens of one run so far; see the module's theory of operation."""

    __slots__ = (
        "_chars", "_days", "_fresh", "_is_data", "_known", "_lengths", "_lists", "_nodes", "_place",
        "_places", "_seen", "_spots", "_starts", "_text", "_times", "_turns", "_words", "ids",
        "tokens",
    )  # fmt: skip

    def __init__(self, start_s: int, words: Words) -> None:
        self._words = words
        self.tokens: list[object] = []
        self.ids: dict[str, int] = {}
        """Where the ids in names were first."""
        self._days = start_s // _DAY_S
        self._place = _FIRST_PLACE
        self._chars = 0
        self._nodes = 0
        self._is_data = False
        """Within a list of records: what they hold may be new."""
        self._seen: dict[str, int] = {}
        self._known: set[str] = set()
        self._text = ""
        self._starts: list[int] = []
        self._places: list[int] = []
        self._spots: list[tuple[str, int]] = []
        self._fresh: list[str] = []
        self._lengths: dict[int, int] = {}
        self._lists: list[tuple[str, int]] = []
        self._turns: dict[str, float] = {}
        self._times: dict[str, str] = {}

    def take(self, key: str, value: Value) -> None:
        """Write one attribute's value.

        Raises:
            TooMuchError: the run is larger than the limits of this module.
        """
        self._place += 1
        if isinstance(value, str):
            self._whole(key, value)
        else:
            self._walk(key, value, self.tokens, 0)
        if self._fresh:
            self.tokens.append(signs_in("\n".join(self._fresh)))
            self._fresh.clear()

    def _whole(self, key: str, text: str) -> None:
        """Write a text that may be JSON, or what came before and more."""
        if not text:
            self.tokens.append("")
            return
        at = self._seen.get(text)
        if at is not None:
            self.tokens.append(at)
            return
        if text[0] not in _OPENS:
            # A time on a span is telemetry's own.
            self._leaf(key, text, self.tokens, is_attribute=True)
            return
        self._count(len(text))
        if text[0] == "[" and self._goes_on(key, text):
            return
        try:
            parsed = _PARSE(text)
        except (msgspec.DecodeError, RecursionError):
            self.tokens.append("~")
            self._leaf(key, text, self.tokens)
            return
        self._seen[text] = self._place
        if text[0] == '"':
            self.tokens.append("q")  # what was quoted once more is not what it was
        if text[0] == "[":
            self._lists.append((text, self._place))
            del self._lists[:-MAX_RECENT_LISTS_COUNT]
        self._walk(key, parsed, self.tokens, 1)

    def _goes_on(self, key: str, text: str) -> bool:
        """Write a list that begins as an earlier one does as what it adds: a longer history."""
        for earlier, place in reversed(self._lists):
            size = len(earlier)
            if MIN_HISTORY_CHARS < size < len(text) and text.startswith(earlier[:-1]):
                rest = text[size - 1 :].lstrip()
                if not rest.startswith(","):
                    continue
                try:
                    parsed = _PARSE("[" + rest[1:])
                except (msgspec.DecodeError, RecursionError):
                    return False
                self._seen[text] = self._place
                self.tokens.append(("+", place))
                self._lists.append((text, self._place))
                del self._lists[:-MAX_RECENT_LISTS_COUNT]
                self._walk(key, parsed, self.tokens, 1)
                return True
        return False

    def _count(self, chars: int) -> None:
        self._chars += chars
        if self._chars > MAX_RUN_CHARS:
            raise TooMuchError

    def _walk(self, key: str, value: Value, into: list[object], depth: int) -> None:
        self._nodes += 1
        if depth > MAX_JSON_DEPTH or self._nodes > MAX_NODES_COUNT:
            raise TooMuchError
        if isinstance(value, str):
            if depth and len(value) > 1 and value[0] in _OPENS:
                self._nested(key, value, into, depth)
            else:
                self._leaf(key, value, into)
        elif value is None or isinstance(value, bool):
            into.append(("b", value))
        elif isinstance(value, int | float):
            self._number(key, value, into)
        elif isinstance(value, dict):
            self._record(value, into, depth)
        elif isinstance(value, list):
            self._list(key, value, into, depth)
        else:
            into.append("bytes")

    def _nested(self, key: str, text: str, into: list[object], depth: int) -> None:
        at = self._seen.get(text)
        if at is not None:
            into.append(at)
            return
        try:
            parsed = _PARSE(text)
        except (msgspec.DecodeError, RecursionError):
            into.append("~")
            self._leaf(key, text, into)
            return
        self._seen[text] = self._place
        into.append("j")
        self._walk(key, parsed, into, depth + 1)

    def _record(self, record: dict[str, Value], into: list[object], depth: int) -> None:
        into.append("{")
        lengths: list[int] = []
        numbers: list[float] = []
        for key, member in record.items():
            into.append(key)
            self._walk(key, member, into, depth + 1)
            if isinstance(member, list):
                lengths.append(len(member))
            elif isinstance(member, int | float) and _is_amount(key):
                numbers.append(member)
        if numbers:
            # A total beside fewer items, page 1 of 3, an age beyond its limit.
            beside = lengths[:1] + numbers
            into.append(tuple((a > b) - (a < b) for a, b in pairwise(beside)))
        into.append("}")

    def _list(self, key: str, items: list[Value], into: list[object], depth: int) -> None:
        size = len(items)
        if size == 0:
            into.append("[]")
            return
        if any(isinstance(item, dict) and not _TURN_KEYS.isdisjoint(item) for item in items):
            # Messages and their parts: each counts, in its order.
            into.append(("[", size))
            for item in items:
                self._walk(key, item, into, depth + 1)
            return
        length = 1 if size == 1 else self._lengths.setdefault(size, self._place)
        forms: set[int] = set()
        was_data, self._is_data = self._is_data, True
        for item in items:
            form: list[object] = []
            self._walk(key, item, form, depth + 1)
            forms.add(hash(tuple(form)))
        self._is_data = was_data
        into.append(("[", size > 1, length, frozenset(forms)))

    def _number(self, key: str, value: float, into: list[object]) -> None:
        if tells_order(key):
            before = self._turns.get(key)
            self._turns[key] = value
            if before is not None:
                into.append(("o", (value > before) - (value < before)))
        if -MIN_KNOWN_NUMBER < value < MIN_KNOWN_NUMBER:
            into.append("0" if value == 0 else "+" if value > 0 else "-")
            return
        if tells_usage(key):
            into.append("u")
            return
        text = repr(value)
        at = self._seen.get(text)
        if at is not None:
            into.append(at)
            return
        if text in self._known:
            into.append("k")
            self._remember(text)
            return
        # Codes of HTTP and its kin are told apart by their hundreds.
        into.append(("n", value // 100 if isinstance(value, int) and 400 <= value <= 599 else 0))
        self._remember(text)

    def _leaf(self, key: str, text: str, into: list[object], *, is_attribute: bool = False) -> None:
        """Write a text: where it was before, or what it is like."""
        if not text:
            into.append("")
            return
        at = self._place_of(text)
        if at is not None:
            into.append(at)
            return
        size = len(text)
        self._count(size)
        if size >= MIN_TIME_CHARS and _DAY.match(text):
            self._time("" if is_attribute else key, text, into)
        elif size >= MIN_TEXT_CHARS:
            self._prose(text, into)
        else:
            is_known = self._is_known(text) or self._is_data
            is_word = _WORD.fullmatch(text) is not None
            into.append(("w", self._words.word(key, text)) if is_word else ("s", is_known))
            self._fresh.append(text)
        self._remember(text)

    def _time(self, key: str, text: str, into: list[object]) -> None:
        """Write a time by its age, and by whether it is later than the one before under its key."""
        try:
            age = self._days - (date.fromisoformat(text[:10]).toordinal() - _EPOCH_DAY)
        except ValueError:
            age = 0
        into.append(("t", -1 if age < -1 else 0 if age <= 1 else 1 if age <= 31 else 2))
        if not key:
            return
        before = self._times.get(key)
        self._times[key] = text
        if before is not None:
            into.append(("o", (text > before) - (text < before)))

    def _prose(self, text: str, into: list[object]) -> None:
        spots = {place for spot, place in self._spots if spot in text}
        is_known = self._is_known(text) or self._is_data
        into.append(("x", frozenset(spots), is_known, text[-1] in _ENDS))
        self._fresh.append(text)
        if len(self._spots) < MAX_SPOTS_COUNT:
            self._spots.append((text, self._place))

    def _is_known(self, text: str) -> bool:
        """Tell whether every figure, id and address in a text was there before."""
        words = set(text.split())
        unseen = words - self._known
        self._known |= unseen
        all_known = True
        for word in unseen:
            if _is_plain(word):
                continue
            bare = word.strip(_EDGES)
            if bare != word:
                if not bare or bare in self._known or _is_plain(bare):
                    continue
                self._known.add(bare)
            all_known = all_known and bare in self._text
        return all_known

    def _place_of(self, text: str) -> int | None:
        """Return where a text was first seen, whole or within another one."""
        at = self._seen.get(text)
        if at is not None or len(text) < MIN_WITHIN_CHARS:
            return at
        if len(text) < MIN_SPOT_CHARS and _is_plain(text):
            return None  # a short word is in others by chance
        found = self._text.find(text)
        if found < 0:
            return None
        # Within another text is not the same as equal to it: a cut looks so.
        at = self._seen[text] = -self._places[bisect_right(self._starts, found) - 1]
        return at

    def _remember(self, text: str) -> None:
        self._seen[text] = self._place
        self._starts.append(len(self._text))
        self._places.append(self._place)
        self._text += text + "\0"
        if MIN_SPOT_CHARS <= len(text) < MIN_TEXT_CHARS and len(self._spots) < MAX_SPOTS_COUNT:
            self._spots.append((text, self._place))


def _is_amount(key: str) -> bool:
    return tells_amount(key) and not tells_usage(key)


def _is_plain(word: str) -> bool:
    """Tell whether a word is letters only; outside of ASCII every character counts as one."""
    if word.isascii():
        return word.isalpha()
    return _LETTERS.fullmatch(word) is not None
