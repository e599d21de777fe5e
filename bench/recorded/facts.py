"""What may vary in a recorded run: ids, numbers, dates and words, each found wherever it is.

One fact keeps its name (a key) in the whole run, however it is written there, so that what agreed
in the recording agrees in every run that is made of it. Each takes the same number of bytes in
every run: nothing around it has to be encoded anew.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Literal, NamedTuple

from causewatch.likeness.signs import signs_in

Kind = Literal[
    "trace", "span", "time", "hex", "uuid", "digits", "number", "money", "share", "moment", "day",
    "epoch", "word",
]  # fmt: skip
"""How a fact's value is drawn; a ``time`` is a time of OTLP, the others stand in texts as well."""

WIDE_DIGITS = 12
"""So many digits has the number of a session, an order, a call: no two runs share one."""
NS_PER_S = 1_000_000_000
_EPOCH_S_DIGITS = 10
_MIN_ID_DIGITS = 3
_MIN_NUMBER_DIGITS = 4
_MIN_AMOUNT_DIGITS = 2
_MAX_CENT_DIGITS = 2
_CODES = range(100, 600)
"""Three digits that may be the status of an answer."""
_YEARS = range(1900, 2100)
_NEAR_S = 7 * 86_400
_TOKEN = re.compile(
    r"(?P<uuid>[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12})"
    r"|(?P<address>(?:localhost|\d+\.\d+\.\d+[\w.]*)(?::\d{2,5})?)"
    r"|(?P<moment>(?<![\w-])20\d\d-[01]\d-[0-3]\d[T ][0-2]\d:[0-5]\d:[0-5]\d)"
    r"|(?P<day>(?<![\w-])20\d\d-[01]\d-[0-3]\d(?![\w-]))"
    r"|(?P<model>[a-zA-Z][\w.]*(?:-\w+)*-20\d\d-[01]\d-[0-3]\d)"
    r"|(?P<hex>(?<![0-9A-Za-z])(?=[a-f]*\d)[0-9a-f]{16,64}(?![0-9A-Za-z]))"
    r"|(?P<real>(?<![\d.])\d+[.,]\d{1,6}(?!\d|[.,]\d))"
    r"|(?P<digits>\d+)"
    r"|(?P<word>(?:(?<=\\n)|(?<=[^:]\s)|(?<=\()|^)[A-Za-z][a-z]{4,11}"
    r"(?=[\s,;)!?]|\\n|[.:](?:[\s\"]|\\n|$)|$))"
)
_ANY_WORD = re.compile(r"(?:(?<=\\n)|(?<![A-Za-z\\]))[A-Za-z]{5,}")
_COUNTED_BEFORE = re.compile(r"tokens\\*\"?: ?$")
_ID_BEFORE = re.compile(r"[A-Za-z]+[-_]$")


class Fact(NamedTuple):
    """One fact as it is written in one place."""

    kind: Kind
    key: str
    """What it is called in the whole run; several ways to write one fact share it."""
    text: str
    """As it was recorded: it tells how the fact is written here."""


class Known(NamedTuple):
    """What is known of a recording before its facts are looked for."""

    kept: frozenset[str]
    """Words that stand in names, in keys, or alone, and tell-tale ones: programs read them."""
    fixed: frozenset[str]
    """Numbers that stand somewhere as numbers and not as text: those could not follow."""
    cents: dict[str, str]
    """Amounts by what they are in cents."""
    sessions: frozenset[str]
    """Numbers of sessions, orders, calls and the like."""
    traces: frozenset[str]
    spans: frozenset[str]
    start_ns: int


def facts_in(text: str, known: Known) -> Iterator[str | Fact]:
    """Yield a text in pieces: what stays, and facts."""
    at = 0
    for found in _TOKEN.finditer(text):
        fact = _fact(found, known)
        if fact is not None:
            yield text[at : found.start()]
            yield fact
            at = found.end()
    yield text[at:]


def kept_words(texts: Iterable[str], names: Iterable[str]) -> frozenset[str]:
    """Return the words that have to stay, in lower case.

    Those are the words of ``names``, those that stand in ``texts`` other than in a sentence, and
    those by which a detector may know trouble.
    """
    kept = {"false"} | {word.lower() for name in names for word in re.findall(r"[A-Za-z]+", name)}
    for text in texts:
        prose = set[int]()
        if " " in text:
            prose = {one.start() for one in _TOKEN.finditer(text) if one.lastgroup == "word"}
        for found in _ANY_WORD.finditer(text):
            word = found.group().lower()
            if word not in kept and (found.start() not in prose or signs_in(word)):
                kept.add(word)
    return frozenset(kept)


def amounts_in(texts: Iterable[str]) -> dict[str, str]:
    """Return the amounts in texts by what they are in cents."""
    found = (one for text in texts for one in _TOKEN.finditer(text) if one.lastgroup == "real")
    amounts = {fact.key for one in found if (fact := _real(one.group())) and fact.kind == "money"}
    return {str(int(Decimal(amount) * 100)): amount for amount in amounts}


def _fact(found: re.Match[str], known: Known) -> Fact | None:  # noqa: PLR0911  # one case a kind
    text = found.group()
    match found.lastgroup:
        case "uuid":
            return Fact("uuid", text, text)
        case "hex" if text in known.traces:
            return Fact("trace", text, text)
        case "hex" if text in known.spans:
            return Fact("span", text, text)
        case "hex":
            return Fact("hex", text, text)
        case "moment":
            return Fact("moment", text, text)
        case "day":
            return Fact("day", text, text)
        case "real":
            return None if text in known.fixed else _real(text)
        case "digits":
            return _digits(text, found, known)
        case "word" if text.lower() not in known.kept:
            return Fact("word", text.lower(), text)
        case _:
            return None


def _real(text: str) -> Fact | None:
    """Return an amount, or a share of one."""
    whole, _, rest = text.replace(",", ".").partition(".")
    if whole == "0":
        return Fact("share", text, text) if len(rest) > 1 and rest.strip("0") else None
    is_amount = len(whole) >= _MIN_AMOUNT_DIGITS and whole[0] != "0"
    if not is_amount or len(whole) >= _EPOCH_S_DIGITS or len(rest.rstrip("0")) > _MAX_CENT_DIGITS:
        return None
    return Fact("money", f"{whole}.{rest.rstrip('0') or '0'}", text)


def _digits(text: str, found: re.Match[str], known: Known) -> Fact | None:
    """Return an id or an amount, ``None`` for years, codes, counts and versions."""
    if text in known.sessions:
        return Fact("number", text.rjust(WIDE_DIGITS, "1"), text)
    if text in known.cents:
        return Fact("money", known.cents[text], text)
    if _is_time(text, known.start_ns):
        return Fact("epoch", text, text)
    before = found.string[max(0, found.start() - 20) : found.start()]
    least = _MIN_ID_DIGITS if _ID_BEFORE.search(before) else _MIN_NUMBER_DIGITS
    stays = (
        text in known.fixed
        or len(text) < least
        or (text[0] != "0" and int(text) in _CODES)
        or _COUNTED_BEFORE.search(before)  # totals would not be sums any more
        or before.endswith(".")  # parts of a second
        or (least == _MIN_NUMBER_DIGITS and (before[-1:].isalpha() or int(text) in _YEARS))
    )
    if stays:
        return None
    return Fact("digits" if text[0] == "0" else "number", text, text)


def _is_time(text: str, start_ns: int) -> bool:
    """Tell whether digits are seconds or milliseconds since 1970, near the recording's start."""
    scale = {_EPOCH_S_DIGITS: NS_PER_S, _EPOCH_S_DIGITS + 3: NS_PER_S // 1000}.get(len(text), 0)
    return abs(int(text) * scale - start_ns) < _NEAR_S * NS_PER_S
