"""Dates as people write them, taken out of a text: 12 March 2026, March 12, 2026, 2026年3月12日."""

from __future__ import annotations

import re
from collections.abc import Iterator

_MONTHS = {
    1: "jan ene gen янв sty led", 2: "feb fév fev фев lut úno", 3: "mar mär maa mrt мар bře",
    4: "apr abr avr апр kwi dub", 5: "may mai mag mei maj maggio мая май kvě",
    6: "jun jui giu июн cze čer", 7: "jul juil lug июл lip", 8: "aug ago aoû août авг sie srp",
    9: "sep set сен wrz zář", 10: "oct okt ott out окт paź říj", 11: "nov ноя lis",
    12: "dec dez dic déc дек gru pro",
}  # fmt: skip
"""How the names of the months begin in a dozen languages."""
_BY_START = {start: month for month, starts in _MONTHS.items() for start in starts.split()}
_WORD = r"[^\W\d_]{3,12}\.?"
_DAY_FIRST = (
    rf"(?<!\d)(\d{{1,2}})(?:st|nd|rd|th|\.|º)?\s(?:de\s|of\s)?({_WORD}),?\s(?:de\s)?(\d{{4}})"
)
_MONTH_FIRST = rf"({_WORD})\s(\d{{1,2}})(?:st|nd|rd|th)?,?\s(\d{{4}})"
_EASTERN = r"(\d{4})[年년]\s?(\d{1,2})[月월]\s?(\d{1,2})[日일]"
_DATE = re.compile(rf"{_DAY_FIRST}(?!\d)|{_MONTH_FIRST}(?!\d)|{_EASTERN}")
MAX_DAY = 31
MAX_NEAR_CHARS = 24
MAX_MONTH = 12


def take_dates(text: str) -> tuple[str, list[tuple[str, frozenset[str]]]]:
    """Return a text without the dates that are written in words, and the days they stand for.

    Days are written year-month-day.
    """
    if not any(map(str.isdigit, text)):
        return text, []
    found: list[tuple[str, frozenset[str]]] = []

    def take(match: re.Match[str]) -> str:
        days = frozenset(_days(match))
        if not days:
            return match.group()
        found.append((match.group(), days))
        return " "

    return _DATE.sub(take, text), found


def names_day(day: str, text: str) -> bool:
    """Tell whether a text may speak of a day, written year-month-day, by its number alone.

    It does not where the number belongs to another month.
    """
    _, month, number = day.split("-")
    for match in re.finditer(rf"(?<!\d)0?{int(number)}(?:st|nd|rd|th|\.|º)?(?!\d)", text):
        before = text[max(match.start() - MAX_NEAR_CHARS, 0) : match.start()].split()[-1:]
        after = text[match.end() : match.end() + MAX_NEAR_CHARS].split()[:2]
        months = [found for word in (*before, *after) for found in _months(word)]
        if not months or int(month) in months:
            return True
    return False


def _days(match: re.Match[str]) -> Iterator[str]:
    day, word, year, other_word, other_day, other_year, far_year, far_month, far_day = (
        match.groups()
    )
    year, day = year or other_year or far_year, day or other_day or far_day
    months = [int(far_month)] if far_month else _months(word or other_word)
    for month in months:
        if 1 <= month <= MAX_MONTH and 1 <= int(day) <= MAX_DAY:
            yield f"{year}-{month:02d}-{int(day):02d}"


def _months(word: str) -> list[int]:
    word = word.casefold()
    for size in (4, 3):
        if month := _BY_START.get(word[:size]):
            return [month]
    return []
