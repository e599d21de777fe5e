"""Atoms: the values in a text that can be recognised again elsewhere.

Strong atoms are ids, numbers, addresses: whoever repeats one had it from somewhere. Weak atoms are
words; one alone proves little. Numbers are normalised, so that 2499.0, 2499 and "2,499.00" are one.
"""

from __future__ import annotations

import re
from collections.abc import Set as AbstractSet
from functools import lru_cache
from itertools import combinations

import msgspec

from causewatch.faults.text import fold
from causewatch.model.facts import MAX_SCANNED_CHARS
from causewatch.model.value import Value, leaves

MAX_KEPT_CHARS = 8_192
MIN_LEAF_CHARS = 4
MAX_LEAF_CHARS = 80
MIN_WORD_CHARS = 5
MAX_SUMMANDS_COUNT = 40
MAX_FACTORS_COUNT = 20
_EMAIL_OR_URL = re.compile(
    r"[\w.+-]{1,64}@[\w-]{1,64}(?:\.[\w-]{1,64})+|https?://[^\s\"'<>)\]]{1,2000}"
)
_TOKEN = re.compile(r"\w+(?:[-./:,#]\w+)*")
_UNSPACED = r"\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af\u0e00-\u0e7f"
_SEAM = re.compile(rf"(?<=[{_UNSPACED}])(?=[A-Za-z0-9])|(?<=[A-Za-z0-9])(?=[{_UNSPACED}])")
"""Where an id or a number meets a script that writes no blanks around it."""
_JOINT = re.compile(r"[\W_]")
_NUMBER = re.compile(r"\d{1,15}(?:[.,]\d{1,15})*")
_DATE = re.compile(
    r"\d{4}[-/.]\d{1,2}[-/.]\d{1,2}(?:t.*)?|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}|\d{1,2}/\d{1,2}"
    r"|\d{1,2}:\d{2}(?::\d{2})?(?:[+-]\d{2}:\d{2})?"
)
_COUNTED = re.compile(r"\d+[-.]?[a-z]{1,3}")
"""Ordinals, units and times of day: 1st, 10km, 5pm."""
_GROUPED = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")


class Atoms(msgspec.Struct, frozen=True, kw_only=True):
    """The recognisable values of some content."""

    strong: frozenset[str] = frozenset()
    weak: frozenset[str] = frozenset()
    leaves: frozenset[str] = frozenset()
    """Whole short string values of structured content, folded."""


def atoms_of_text(text: str) -> Atoms:
    """Return the atoms of a text. Those of short texts are kept: runs repeat what they say."""
    return _atoms_of_short(text) if len(text) <= MAX_KEPT_CHARS else _atoms_of_long(text)


@lru_cache(maxsize=512)
def _atoms_of_short(text: str) -> Atoms:
    return _atoms_of_long(text)


def _atoms_of_long(text: str) -> Atoms:
    strong: set[str] = set()
    weak: set[str] = set()
    text = text[:MAX_SCANNED_CHARS]
    if not text.isascii():
        text = _SEAM.sub(" ", text)
    if "@" in text or "://" in text:
        for match in _EMAIL_OR_URL.findall(text):
            strong.add(match.lower().rstrip("/.,").split("://", 1)[-1])
    for token in set(_TOKEN.findall(text)):
        if (word := token.lower()).isalpha():
            if len(word) >= MIN_WORD_CHARS:
                weak.add(word)
        elif not any(map(str.isdigit, token)):
            weak.update(w for w in _JOINT.split(word) if len(w) >= MIN_WORD_CHARS)
        elif number := number_of(token):
            strong.add(number)
        elif len(token) > 2 and not token.isdigit():
            strong.add(word)
    return Atoms(strong=frozenset(strong), weak=frozenset(weak))


def number_of(token: str) -> str:
    """Return the normal form of a number of at least two digits, empty for anything else."""
    if not _NUMBER.fullmatch(token) or len(token) < 2:
        return ""
    if _GROUPED.fullmatch(token):
        token = token.replace(",", "")
    try:
        value = float(token.replace(",", "."))
    except ValueError:
        return ""
    return str(int(value)) if value.is_integer() else str(value)


def atoms_of(value: Value) -> Atoms:
    """Return the atoms of a payload's value."""
    if isinstance(value, str):
        return atoms_of_text(value)
    scalars = [leaf for _, leaf in leaves(value)]
    strings = [leaf for leaf in scalars if isinstance(leaf, str)]
    numbers = [str(leaf) for leaf in scalars if isinstance(leaf, int | float) and leaf is not True]
    found = atoms_of_text("\n".join((*strings, *numbers)))
    short = (fold(text) for text in strings if MIN_LEAF_CHARS <= len(text) <= MAX_LEAF_CHARS)
    return Atoms(strong=found.strong, weak=found.weak, leaves=frozenset(short))


class Pool:
    """Atoms that become known one content after another."""

    def __init__(self, *parts: Atoms) -> None:
        self.strong: set[str] = set()
        self.weak: set[str] = set()
        self.leaves: set[str] = set()
        for part in parts:
            self.add(part)

    def add(self, part: Atoms) -> None:
        """Add the atoms of one content."""
        self.strong |= part.strong
        self.weak |= part.weak
        self.leaves |= part.leaves


def ungrounded(used: Atoms, known: AbstractSet[str]) -> frozenset[str]:
    """Return the strong atoms of ``used`` that none of the strong atoms ``known`` explains.

    A number may be a sum, a difference, a product, a share or a double of known ones; dates are
    computed; two digits, ordinals and quantities are counted. None of these is evidence.
    """
    missing = {atom for atom in used.strong - known if len(atom) > 2}
    missing = {
        atom for atom in missing if not _DATE.fullmatch(atom) and not _COUNTED.fullmatch(atom)
    }
    if not missing:
        return frozenset()
    whole = " ".join(known)
    missing = {atom for atom in missing if atom not in whole}
    numbers = sorted(n for n in map(_as_number, known) if n is not None)[:MAX_SUMMANDS_COUNT]
    derived = {round(a + b, 2) for a, b in combinations(numbers, 2)}
    derived |= {round(b - a, 2) for a, b in combinations(numbers, 2)}
    derived |= {round(2 * n, 2) for n in numbers} | {round(n / 2, 2) for n in numbers}
    products = [a * b for a, b in combinations(numbers[:MAX_FACTORS_COUNT], 2)]
    derived |= {round(each, 2) for each in products} | {round(each / 100, 2) for each in products}
    return frozenset(atom for atom in missing if _as_number(atom) not in derived)


def _as_number(atom: str) -> float | None:
    return float(atom) if _NUMBER.fullmatch(atom) and atom.count(".") <= 1 else None
