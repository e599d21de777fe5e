"""Units beside numbers: which are the same, which are another size of the same kind."""

from __future__ import annotations

import re
from decimal import Decimal

import msgspec

from causewatch.model.facts import Fact

_SCALES: dict[str, dict[str, str]] = {
    "mass": {"0.001": "mg", "1": "g gram grams gramm", "1000": "kg kilo kilos kilogram kilograms",
             "1000000": "t ton tons tonne tonnes tonnen"},
    "length": {"0.001": "mm", "0.01": "cm", "1": "m meter meters metre metres", "1000": "km"},
    "time": {"0.001": "ms", "1": "s sec secs second seconds sekunden",
             "60": "min mins minute minutes minuten", "3600": "h hr hrs hour hours stunden std",
             "86400": "d day days tage jours días"},
    "volume": {"0.001": "ml", "0.01": "cl", "1": "l liter liters litre litres"},
    "size": {"1": "b byte bytes", "1000": "kb", "1000000": "mb", "1000000000": "gb"},
    "energy": {"1": "wh", "1000": "kwh", "1000000": "mwh"},
    "share": {"0.01": "% percent prozent pct"},
}  # fmt: skip
"""The size of each unit in the smallest or plainest of its kind."""
_CURRENCIES = {
    "€": "EUR", "£": "GBP", "₹": "INR", "₩": "KRW", "₺": "TRY", "₽": "RUB", "₴": "UAH",
    "eur": "EUR", "euro": "EUR", "euros": "EUR", "usd": "USD", "gbp": "GBP", "chf": "CHF",
    "jpy": "JPY", "cny": "CNY", "inr": "INR", "krw": "KRW", "brl": "BRL", "mxn": "MXN",
    "cad": "CAD", "aud": "AUD", "nzd": "NZD", "sek": "SEK", "nok": "NOK", "dkk": "DKK",
    "pln": "PLN", "czk": "CZK", "huf": "HUF", "try": "TRY", "rub": "RUB", "uah": "UAH",
    "sgd": "SGD", "hkd": "HKD", "zar": "ZAR",
}  # fmt: skip
"""``$``, ``¥`` and ``kr`` are signs of several currencies: they contradict none."""
_UNITS = {
    name: (kind, Decimal(factor))
    for kind, scale in _SCALES.items()
    for factor, names in scale.items()
    for name in names.split()
}
_GLUED = re.compile(r"[^\W\d_]{1,6}\Z|%\Z")
_GLUED_BEFORE = re.compile(r"\A[^\W\d_]{3}(?=[-+]?\d)")
_AFTER = re.compile(r"\A\s?([^\W\d_]{1,12}|[%€£₹₩₺₽₴])(?![^\W_])")
_BEFORE = re.compile(r"(?:\A|\W)([^\W\d_]{3}|[€£₹₩₺₽₴])\s?\Z")


class Quantity(msgspec.Struct, frozen=True, kw_only=True):
    """A number with its unit: ``kind`` of unit, and the sizes it may have in the plainest one."""

    kind: str
    unit: str
    sizes: frozenset[Decimal]

    @property
    def places(self) -> frozenset[tuple[str, Decimal]]:
        """Return the kind of unit with each size: two quantities that share one are the same.

        Nobody says at what rate money is changed, so each currency is a kind of its own.
        """
        kind = self.unit if self.kind == "currency" else self.kind
        return frozenset((kind, size) for size in self.sizes)

    def contradicts(self, other: Quantity) -> bool:
        """Tell whether the same number has another meaning beside the other unit."""
        return self.kind == other.kind and self.unit != other.unit


def quantity_of(fact: Fact, before: str, after: str) -> Quantity | None:
    """Return a number with the unit written at it, before it or after it; ``None`` for none."""
    glued, leading = _GLUED.search(fact.text), _GLUED_BEFORE.search(fact.text)
    following, preceding = _AFTER.search(after), _BEFORE.search(before)
    for name in (
        glued and glued.group(),
        leading and leading.group(),
        None if glued else following and following.group(1),
        None if glued else preceding and preceding.group(1),
    ):
        if not name:
            continue
        if currency := _CURRENCIES.get(name.lower()):
            sizes = frozenset(map(Decimal, fact.readings))
            return Quantity(kind="currency", unit=currency, sizes=sizes)
        if found := _UNITS.get(name.lower()):
            kind, factor = found
            sizes = frozenset((Decimal(each) * factor).normalize() for each in fact.readings)
            return Quantity(kind=kind, unit=str(factor), sizes=sizes)
    return None
