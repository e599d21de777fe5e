"""Facts that must survive a transition: what a payload mentions, and whether another one tells it.

A fact is known again whatever its spelling: 1.234,50 is 1234.5, 2026-03-12 is 12 March 2026, 1.5 kg
is 1500 g, PO-881 is "PO 881". What is compared is never the words around it, so a summary or a
translation keeps its facts; what cannot be told for sure counts as kept.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from decimal import Decimal, InvalidOperation
from functools import lru_cache
from itertools import pairwise
from typing import Literal

import msgspec

from causewatch.contracts.equality import is_live
from causewatch.contracts.pointer import pointer_of
from causewatch.contracts.units import Quantity, quantity_of
from causewatch.model.calendar import take_dates
from causewatch.model.facts import MAX_SCANNED_CHARS, fact_of, masked, unescaped
from causewatch.model.value import Value

Path = tuple[str | int, ...]
MentionKind = Literal["number", "id", "date", "address", "url", "name"]

MAX_MENTIONS_COUNT = 50_000
MAX_DEPTH = 64
MAX_SEARCHED_CHARS = 50_000_000
"""How much text is searched for facts that are not found otherwise; the rest counts as kept."""
MIN_NUMBER_DIGITS_COUNT = 2
"""A single digit without a unit is written as a word, left out, or counted by anybody."""
MAX_NUMBER = 1e30
"""A larger number is no quantity that anybody follows."""
_UPPER = "A-ZÀ-ÖØ-ÞΑ-ΩА-ЯЁ"
_LOWER = "a-zß-öø-ÿά-ώа-яё"
_WORD = rf"[{_UPPER}][{_LOWER}]{{1,30}}(?:[-'\u2019][{_UPPER}]?[{_LOWER}]{{1,30}})?"
_NAME = re.compile(
    rf"(?<![\w.@/-])({_WORD})((?: (?:van|von|der|de|da|di|del|la|al|bin|den|ter))? {_WORD}){{1,3}}"
)
_NAME_WORD = re.compile(rf"{_WORD}")
_SIGN = re.compile(rf"[\d@]|://|[{_UPPER}][{_LOWER}].* [{_UPPER}]", re.DOTALL)
"""Without any of these a text holds no fact."""
_DIGIT = re.compile(r"\d")
_YEAR = re.compile(r"\d{4}")
_URL = re.compile(r"https?://[^\s<>\"'`“”«»\uff09】]{3,500}", re.IGNORECASE)
_SENTENCE_END = re.compile(r"(?:^|[.!?:;\n•*\"“(-])\s*\Z")
_PLUMBING = re.compile(r"(?i)0x[0-9a-f]{6,16}|(?:call|toolu|chatcmpl|resp|fc)[_-][\w-]{1,60}")
"""Addresses of memory, and what model providers call a call: nobody follows these."""
_RUN = re.compile(r"[^\W\d_]+|\d+")
"""The parts of an id: letters, and digits."""


class Mention(msgspec.Struct, frozen=True, kw_only=True):
    """A fact, how it is written, where it stands, and what it may be read as."""

    kind: MentionKind
    text: str
    pointer: str
    readings: frozenset[str]
    quantity: Quantity | None = None


class Mentions(msgspec.Struct, frozen=True, kw_only=True):
    """The facts of one payload, each once; ``is_whole`` is false where a limit cut the list."""

    facts: tuple[Mention, ...]
    is_whole: bool


def mentions_of(value: Value) -> Mentions:
    """Return the facts in a payload: numbers, ids, dates, addresses, URLs, names.

    Takes time linear in its size.
    """
    found: dict[tuple[str, frozenset[str], Quantity | None], Mention] = {}
    for path, leaf in leaves_of(value):
        for mention in _mentions(leaf, path):
            found.setdefault((mention.kind, mention.readings, mention.quantity), mention)
        if len(found) > MAX_MENTIONS_COUNT:
            break
    facts = tuple(found.values())
    return Mentions(facts=facts[:MAX_MENTIONS_COUNT], is_whole=len(facts) <= MAX_MENTIONS_COUNT)


def leaves_of(value: Value) -> Iterator[tuple[Path, Value]]:
    """Yield each scalar of a payload with its path, in order; what is too deep is left out."""
    stack: list[tuple[Path, Value]] = [((), value)]
    while stack:
        path, item = stack.pop()
        if isinstance(item, dict) and len(path) < MAX_DEPTH:
            stack.extend(((*path, key), member) for key, member in reversed(item.items()))
        elif isinstance(item, list) and len(path) < MAX_DEPTH:
            stack.extend(((*path, i), item[i]) for i in range(len(item) - 1, -1, -1))
        elif not isinstance(item, dict | list):
            yield path, item


def keys_of(value: Value) -> Iterator[str]:
    """Yield the keys of all objects in a payload."""
    stack: list[tuple[Value, int]] = [(value, 0)]
    while stack:
        item, depth = stack.pop()
        if depth > MAX_DEPTH:
            continue
        if isinstance(item, dict):
            yield from item
            stack.extend((member, depth + 1) for member in item.values())
        elif isinstance(item, list):
            stack.extend((member, depth + 1) for member in item)


def _mentions(leaf: Value, path: Path) -> Iterator[Mention]:
    if isinstance(leaf, str) and not is_live(leaf):
        for piece in _pieces(leaf):
            # Most texts hold no fact: that must be cheap to see.
            if _SIGN.search(piece):
                yield from _in_text(piece, path)
    elif isinstance(leaf, int | float) and not isinstance(leaf, bool):
        mention = _mention(_spelled(leaf), "", "", path)
        if mention is not None:
            yield mention


def _pieces(text: str) -> Iterator[str]:
    """Yield a text in pieces that are read whole, each of which ends with a word."""
    while len(text) > MAX_SCANNED_CHARS:
        end = text.rfind(" ", MAX_SCANNED_CHARS // 2, MAX_SCANNED_CHARS)
        end = end if end > 0 else MAX_SCANNED_CHARS
        yield text[:end]
        text = text[end:]
    yield text


def _spelled(number: float) -> str:
    """Return a number without an exponent, as people write it."""
    if isinstance(number, int) and abs(number) < MAX_NUMBER:
        return str(number)
    try:
        return format(Decimal(str(number)), "f") if abs(number) < MAX_NUMBER else ""
    except (InvalidOperation, ValueError, OverflowError):
        return ""


def _in_text(text: str, path: Path) -> Iterator[Mention]:
    """Yield the facts of a text; each is taken out, so that a date is not three numbers as well."""
    text = unescaped(text)
    if "://" in text:
        pointer = pointer_of(path)
        for url in _URL.findall(text):
            readings = frozenset({_plain_url(url)})
            yield Mention(kind="url", text=url, pointer=pointer, readings=readings)
        text = _URL.sub(" ", text)
    if " " in text:
        yield from _names(text, path)
    if _DIGIT.search(text) is None and "@" not in text:
        return
    if _YEAR.search(text):
        text, dates = take_dates(text)
        for written, days in dates:
            yield Mention(kind="date", text=written, pointer=pointer_of(path), readings=days)
    words, tokens = masked(text)
    around = words.split("\0")
    for i, token in enumerate(tokens):
        mention = _mention(token, around[i][-8:], around[i + 1][:16], path)
        if mention is not None:
            yield mention


def _mention(token: str, before: str, after: str, path: Path) -> Mention | None:
    """Return the fact that a token is, with the unit that stands at it or beside it."""
    fact = fact_of(token)
    if fact is None or _PLUMBING.fullmatch(fact.text):
        return None
    quantity = quantity_of(fact, before, after) if fact.kind == "number" else None
    if fact.kind == "number" and quantity is None:
        digits = sum(map(str.isdigit, fact.text))
        if digits < MIN_NUMBER_DIGITS_COUNT:
            return None
    return Mention(
        kind=fact.kind,
        text=fact.text,
        pointer=pointer_of(path),
        readings=fact.readings,
        quantity=quantity,
    )


def _names(text: str, path: Path) -> Iterator[Mention]:
    """Yield names of two words and more: in scripts with capitals these stand out.

    A word at the beginning of a sentence is capital anyway, and is not counted.
    """
    for match in _NAME.finditer(text):
        words = _NAME_WORD.findall(match.group())
        if _SENTENCE_END.search(text[max(0, match.start() - 4) : match.start()]):
            is_all = match.group() == text.strip()
            words = words if is_all else words[1:]
        if len(words) > 1:
            readings = frozenset(word.casefold() for word in words)
            pointer = pointer_of(path)
            yield Mention(kind="name", text=match.group(), pointer=pointer, readings=readings)


@lru_cache(maxsize=1024)
def _plain_url(url: str) -> str:
    return url.rstrip(".,;:!?)]}*_/").split("://", 1)[-1].removeprefix("www.").lower()


class Told:
    """What a payload tells: answers whether a fact of another payload is among it."""

    def __init__(self, value: Value) -> None:
        self.mentions = mentions_of(value)
        self._readings: dict[str, set[str]] = {}
        self._quantities: dict[str, set[Quantity | None]] = {}
        self._places: set[tuple[str, Decimal]] = set()
        leaves = [leaf for _, leaf in leaves_of(value) if isinstance(leaf, str)]
        # An object may be keyed by what it tells of: {"PO-881": "paid"}.
        keys = "\n".join(keys_of(value))
        for fact in (*self.mentions.facts, *mentions_of(keys).facts):
            self._readings.setdefault(fact.kind, set()).update(fact.readings)
            if fact.quantity is not None:
                self._places |= fact.quantity.places
            for reading in fact.readings if fact.kind == "number" else ():
                self._quantities.setdefault(reading, set()).add(fact.quantity)
            for reading in _as_shares(fact):
                self._quantities.setdefault(reading, set()).add(None)
        self.text = unescaped("\n".join((*leaves, keys))).casefold()
        self._words: frozenset[str] | None = None
        self._folded: str | None = None
        self._runs: frozenset[str | tuple[str, str]] | None = None
        self._searched_chars = 0

    def has(self, fact: Mention) -> bool:
        """Tell whether the fact stands in the payload, in whatever spelling."""
        match fact.kind:
            case "number":
                return self._has_number(fact)
            case "name":
                return bool(fact.readings & self.words)
            case "id":
                return bool(fact.readings & self._readings.get("id", set())) or self._spells(fact)
            case "date":
                known = fact.readings & self._readings.get("date", set())
                return bool(known) or self._contains(fact.text.casefold())
            case "url" | "address":
                known = fact.readings & self._readings.get(fact.kind, set())
                return bool(known) or any(map(self._contains, fact.readings))

    def _contains(self, text: str) -> bool:
        """Tell whether a text stands in the payload; yes, once too much has been searched."""
        self._searched_chars += len(self.text)
        return self._searched_chars > MAX_SEARCHED_CHARS or text in self.text

    def _spells(self, fact: Mention) -> bool:
        """Tell whether an id stands there with other marks between its parts, or none."""
        if self._runs is None:
            runs = _RUN.findall(self.text)
            self._runs = frozenset(runs) | frozenset(pairwise(runs))
        parts = _RUN.findall(fact.text.casefold())
        pairs = list(pairwise(parts))
        return all(each in self._runs for each in pairs or parts)

    @property
    def folded(self) -> str:
        """Return the text with each run of white space as one blank."""
        if self._folded is None:
            self._folded = " ".join(unicodedata.normalize("NFKC", self.text).split())
        return self._folded

    @property
    def words(self) -> frozenset[str]:
        """Return the words of the payload, in lower case."""
        if self._words is None:
            self._words = frozenset(re.findall(r"[^\W\d_]+(?:[-'\u2019][^\W\d_]+)?", self.text))
        return self._words

    def _has_number(self, fact: Mention) -> bool:
        """A number is kept by its value; beside another unit of its kind it is another quantity."""
        for reading in fact.readings:
            known = self._quantities.get(reading)
            if known is not None and (
                fact.quantity is None
                or any(each is None or not fact.quantity.contradicts(each) for each in known)
            ):
                return True
        if fact.quantity is not None and fact.quantity.places & self._places:
            return True
        readings = fact.readings | _as_shares(fact)
        return any(each in self._quantities for each in (*_as_shares(fact), *_roundings(readings)))


def _as_shares(fact: Mention) -> frozenset[str]:
    """Return what a percentage is as a share of one: 87 % is 0.87."""
    if fact.quantity is None or fact.quantity.kind != "share":
        return frozenset()
    return frozenset(format(size, "f") for size in fact.quantity.sizes)


def _roundings(readings: frozenset[str]) -> Iterator[str]:
    """Yield what a long decimal fraction is rounded to, with two significant digits and more."""
    for reading in readings:
        whole, _, share = reading.partition(".")
        for places in range(len(share) - 1, -1, -1):
            rounded = format(round(Decimal(reading), places), "f")
            if len(rounded.replace(".", "").lstrip("0")) < MIN_NUMBER_DIGITS_COUNT:
                break
            yield rounded.rstrip("0").rstrip(".") if "." in rounded else rounded
            if not whole:
                break
