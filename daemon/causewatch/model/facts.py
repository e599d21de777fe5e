"""Facts: the numbers, ids, dates and addresses in a text, and how two of them nearly agree.

A fact has *readings*: the same number is written 1.234,50 or 1,234.50 or 1234.5, and 1.234 may be
either of two. Two facts are one if they share a reading. Two that share none may still be so close
(a decimal point moved, two digits swapped) that one was made from the other.
"""

from __future__ import annotations

import re
import unicodedata
from functools import lru_cache
from typing import Literal

import msgspec

FactKind = Literal["number", "id", "date", "address"]

MAX_SCANNED_CHARS = 200_000
"""Of a longer text the beginning is read."""
MAX_KEPT_CHARS = 4_096
MIN_SHIFTED_DIGITS_COUNT = 3
MIN_CHANGED_DIGITS_COUNT = 4
MIN_ADDRESS_CHARS = 8
MIN_HASH_CHARS = 16
MIN_TURNS_COUNT = 4
MAX_SLIPS_COUNT = 2
MAX_NEXT_DIFFERENCE = 3
"""Ids so close follow each other: the next one is another thing, not a slip of the pen."""

_LETTER = "A-Za-zÀ-ɏͰ-ӿ"
_ADDRESS = r"(?<![\w.+-])[\w.+-]{1,64}+@[\w-]{1,64}(?:\.[\w-]{1,64}){1,8}"
_BEFORE_DIGIT = rf"(?<![{_LETTER}0-9_.-])[{_LETTER}_-]{{0,40}}+"
_WITH_DIGIT = rf"{_BEFORE_DIGIT}\d[{_LETTER}\d_./:,'\u2019\u066b\u066c\u00a0\u202f-]{{0,80}}"
_TOKEN = re.compile(f"{_ADDRESS}|{_WITH_DIGIT}")
_NO_ADDRESS = re.compile(_WITH_DIGIT)
"""The same where no address can be: most texts hold none, and to look for one takes long."""
_CURRENCIES = (
    "EUR|USD|GBP|JPY|CHF|CNY|INR|KRW|BRL|MXN|CAD|AUD|NZD|SEK|NOK|DKK|PLN|CZK|HUF|TRY|RUB|UAH|AED|SAR"
    "|EGP|ILS|ZAR|SGD|HKD|TWD|THB|IDR|VND|PHP|MYR|NGN|KES|ARS|CLP|COP"
)
_WITH_UNIT = re.compile(
    rf"(?:{_CURRENCIES}|)([-+]?\d+(?:[.,'\u2019\u00a0\u202f]\d+)*)([a-zA-Z]{{0,3}})"
)
_DATE = re.compile(
    r"(\d{4})[-/.](\d{1,2})[-/.](\d{1,2})(?:[tT ].*)?|(\d{1,2})[-/.](\d{1,2})[-/.](\d{4})"
)
_ID = re.compile(rf"(?=.*[{_LETTER}])[{_LETTER}\d]+(?:[-_/.][{_LETTER}\d]+)*")
_VERSION = re.compile(r"(?i)v?\d+(?:\.\d+)+[a-z]?\d*")
_TURNS = re.compile(r"[a-z](?=\d)|\d(?=[a-z])", re.IGNORECASE)
_DIGITS = re.compile(r"\d+")
_DAY = re.compile(r"(?:19|20)\d\d(?:(?:0\d|1[0-2])(?:[0-2]\d|3[01])\d{0,6})?")
_ENDS = ".,:/'\u2019-_\u00a0\u202f"
_ESCAPE = re.compile(r"(?<!\\)\\{1,8}(?:u([0-9a-fA-F]{4})|([ntr\"'/]))")
_ESCAPED = {"n": "\n", "t": "\t", "r": "\r"}
MAX_MONTH = 12
MAX_DAY = 31


class Fact(msgspec.Struct, frozen=True, kw_only=True):
    """One fact: what it is, how it is written, and what it may be read as."""

    kind: FactKind
    text: str
    readings: frozenset[str]


def unescaped(text: str) -> str:
    """Return a text with the escapes of JSON inside of it read: line breaks, quotes, letters.

    Frameworks write results into prompts as JSON, where a Japanese word is a row of codes.
    """
    if "\\" not in text:
        return text
    return _ESCAPE.sub(_read_escape, text)


def _read_escape(found: re.Match[str]) -> str:
    return chr(int(found[1], 16)) if found[1] else _ESCAPED.get(found[2], found[2])


def tokens_of(text: str) -> tuple[str, ...]:
    """Return what may be facts in a text, as written: whatever holds a digit, and addresses."""
    return _kept(text) if len(text) <= MAX_KEPT_CHARS else _found(text)


@lru_cache(maxsize=2048)
def _kept(text: str) -> tuple[str, ...]:
    return _found(text)


def _found(text: str) -> tuple[str, ...]:
    # In the JSON of a string a line break is written as a letter, and would join what follows.
    text = unescaped(text[:MAX_SCANNED_CHARS])
    if " " in text:
        # A token holds no blank, and a word of nothing but letters is none: few are left of prose.
        text = " ".join([word for word in text.split(" ") if not word.isalpha()])
    pattern = _TOKEN if "@" in text else _NO_ADDRESS
    return tuple([each.strip(_ENDS) for each in pattern.findall(text)])


def masked(text: str) -> tuple[str, list[str]]:
    """Return a text with each possible fact as a null character, and the facts in order."""
    found: list[str] = []

    def take(match: re.Match[str]) -> str:
        found.append(match.group())
        return "\0"

    plain = " ".join(unescaped(text[:MAX_SCANNED_CHARS]).replace("\0", " ").split())
    return _TOKEN.sub(take, plain), found


@lru_cache(maxsize=4096)
def fact_of(token: str) -> Fact | None:
    """Return the fact that a token is, or ``None`` if it is none that can be compared."""
    token = _plain_digits(token).strip(_ENDS)
    if "@" in token:
        return Fact(kind="address", text=token, readings=frozenset({token.lower()}))
    if dates := _dates(token):
        return Fact(kind="date", text=token, readings=dates)
    if (found := _WITH_UNIT.fullmatch(token)) and (readings := _numbers(found[1])):
        return Fact(kind="number", text=token, readings=readings)
    if _ID.fullmatch(token) and not _VERSION.fullmatch(token):
        return Fact(kind="id", text=token, readings=frozenset({token.lower()}))
    return None


def _plain_digits(token: str) -> str:
    """Return a token with the digits and marks of other scripts as ASCII."""
    if token.isascii():
        return token
    token = token.replace("\u066b", ".").replace("\u066c", ",")
    return "".join(str(unicodedata.decimal(c)) if c.isdecimal() else c for c in token)


def _numbers(text: str) -> frozenset[str]:
    """Return the numbers that a text may be read as, in normal form, without sign; maybe none."""
    digits = text.lstrip("+-").replace("\u2019", "'").replace("\u00a0", "'").replace("\u202f", "'")
    marks = [mark for mark in ".,'" if mark in digits]
    whole = re.sub(r"[.,']", "", digits)
    if not marks:
        return frozenset({_normal(digits)})
    last = max(marks, key=digits.rfind)
    before, _, after = digits.rpartition(last)
    decimal = f"{re.sub(r'[.,]', '', before).replace(chr(39), '')}.{after}"
    if len(marks) > 1:
        return frozenset({_normal(decimal)})
    if digits.count(last) > 1 or last == "'":
        groups = digits.split(last)[1:]
        # Digits are grouped by three, in India also by two; a version number or address by any.
        is_grouped = len(groups[-1]) == 3 and all(len(each) in {2, 3} for each in groups)
        return frozenset({_normal(whole)}) if is_grouped else frozenset()
    if len(after) == 3 and before != "0":
        return frozenset({_normal(whole), _normal(decimal)})
    return frozenset({_normal(decimal)})


def _normal(number: str) -> str:
    whole, _, share = number.partition(".")
    whole, share = whole.lstrip("0") or "0", share.rstrip("0")
    return f"{whole}.{share}" if share else whole


def _dates(token: str) -> frozenset[str]:
    """Return the days that a token may stand for, as year-month-day."""
    found = _DATE.fullmatch(token)
    if found is None:
        return frozenset()
    if found[1]:
        readings = {(found[1], found[2], found[3])}
    else:
        readings = {(found[6], found[5], found[4]), (found[6], found[4], found[5])}
    return frozenset(
        f"{year}-{int(month):02d}-{int(day):02d}"
        for year, month, day in readings
        if 1 <= int(month) <= MAX_MONTH and 1 <= int(day) <= MAX_DAY
    )


def how_near(fact: Fact, other: Fact) -> str:
    """Return how ``fact`` may have been made from ``other`` by mistake, empty if it may not.

    They are of one kind and share no reading. The answer is a phrase for people.
    """
    if fact.kind != other.kind or fact.readings & other.readings:
        return ""
    match fact.kind:
        case "number":
            pairs = ((one, two) for one in fact.readings for two in other.readings)
            return next(filter(None, (_numbers_near(one, two) for one, two in pairs)), "")
        case "date":
            return _dates_near(fact, other)
        case "address":
            return _addresses_near(fact.text.lower(), other.text.lower())
        case "id":
            return _ids_near(fact.text.lower(), other.text.lower())


def _numbers_near(one: str, two: str) -> str:
    digits, exponent = _scientific(one)
    others, at = _scientific(two)
    if digits == others:
        moved = abs(exponent - at)
        return "the decimal point moved" if moved == 1 and _is_long(digits) else ""
    if exponent != at:
        return ""
    size = max(len(digits), len(others))
    if size < MIN_CHANGED_DIGITS_COUNT:
        return ""
    return _digits_near(digits.ljust(size, "0"), others.ljust(size, "0"))


def _is_long(digits: str) -> bool:
    return len(digits) >= MIN_SHIFTED_DIGITS_COUNT


def _scientific(number: str) -> tuple[str, int]:
    """Return the significant digits of a number and the power of ten of the first."""
    whole, _, share = number.partition(".")
    digits = whole + share
    stripped = digits.lstrip("0")
    exponent = len(whole) - 1 - (len(digits) - len(stripped))
    return stripped.rstrip("0") or "0", exponent


def _digits_near(one: str, two: str) -> str:
    """Compare two runs of digits of the same length."""
    differing = [i for i, (a, b) in enumerate(zip(one, two, strict=True)) if a != b]
    if len(differing) == 1:
        return "one digit changed"
    if len(differing) == 2:
        i, j = differing
        if j == i + 1 and one[i] == two[j] and one[j] == two[i]:
            return "two digits swapped"
    return ""


def _dates_near(fact: Fact, other: Fact) -> str:
    """A day and a month that changed places; where both spellings are possible, nothing is said."""
    if len(fact.readings) != 1 or len(other.readings) != 1:
        return ""
    (one,), (two,) = fact.readings, other.readings
    year, month, day = two.split("-")
    return "day and month changed places" if one == f"{year}-{day}-{month}" else ""


def _addresses_near(one: str, two: str) -> str:
    if min(len(one), len(two)) < MIN_ADDRESS_CHARS:
        return ""
    user, _, domain = one.partition("@")
    other, _, host = two.partition("@")
    if (user == other) == (domain == host):
        return ""
    left, right = (domain, host) if user == other else (user, other)
    if _DIGITS.sub("", left) == _DIGITS.sub("", right) or min(len(left), len(right)) < 5:
        return ""
    return "one letter changed" if _is_one_edit(left, right) else ""


def _ids_near(one: str, two: str) -> str:
    if len(one) >= MIN_HASH_CHARS and len(one) == len(two) and _is_hash(one):
        slips = sum(a != b for a, b in zip(one, two, strict=True))
        return "a character changed" if slips <= MAX_SLIPS_COUNT and not _follows(one, two) else ""
    if _DIGITS.sub("#", one) != _DIGITS.sub("#", two):
        return ""
    pairs = zip(_DIGITS.findall(one), _DIGITS.findall(two), strict=True)
    changed = [(a, b) for a, b in pairs if a != b]
    return _groups_near(*changed[0]) if len(changed) == 1 else ""


def _groups_near(left: str, right: str) -> str:
    """Compare the one group of digits in which two ids differ."""
    if max(len(left), len(right)) < MIN_CHANGED_DIGITS_COUNT or _follows(left, right):
        return ""
    if _DAY.fullmatch(left) and _DAY.fullmatch(right):
        return ""  # names by the day: another day is another thing
    if len(left) == len(right):
        return _digits_near(left, right)
    return "a digit lost or doubled" if _is_one_edit(left, right) else ""


def _is_hash(text: str) -> bool:
    """Tell whether letters and digits alternate as in a hash: then a letter is no word's."""
    return len(_TURNS.findall(text)) >= MIN_TURNS_COUNT


def is_next(fact: Fact, other: Fact) -> bool:
    """Tell whether two ids are of one series, and next to each other or nearly so."""
    if fact.kind != "id" or other.kind != "id":
        return False
    one, two = fact.text.lower(), other.text.lower()
    return _DIGITS.sub("#", one) == _DIGITS.sub("#", two) and _follows(one, two)


def _follows(one: str, two: str) -> bool:
    left, right = _DIGITS.findall(one), _DIGITS.findall(two)
    if len(left) != len(right):
        return False
    changed = [(a, b) for a, b in zip(left, right, strict=True) if a != b]
    return len(changed) == 1 and abs(int(changed[0][0]) - int(changed[0][1])) <= MAX_NEXT_DIFFERENCE


def _is_one_edit(one: str, two: str) -> bool:
    """Tell whether one insertion, deletion, substitution or swap of neighbours leads over."""
    start = next(
        (i for i, (a, b) in enumerate(zip(one, two, strict=False)) if a != b),
        min(len(one), len(two)),
    )
    left, right = one[start:], two[start:]
    if len(left) == len(right):
        return left[1:] == right[1:] or (left[:2] == right[1::-1] and left[2:] == right[2:])
    long, short = (left, right) if len(left) > len(right) else (right, left)
    return long[1:] == short
