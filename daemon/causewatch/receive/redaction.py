"""What to take out of telemetry before anything is stored, as data: kinds, patterns, keys."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

import msgspec

MIN_CARD_DIGITS, MAX_CARD_DIGITS = 13, 19
MIN_PHONE_DIGITS, MAX_PHONE_DIGITS = 8, 15
MIN_IBAN_CHARS, MAX_IBAN_CHARS = 15, 34
_IBAN_REMAINDER = 1
_CARD = re.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|(?:5[1-5]|2[2-7])\d{14}|3[47]\d{13}|3(?:0[0-5]|[68]\d)\d{11}"
    r"|35\d{14}|(?:6011|6[245]\d\d)\d{12,15}|(?:50|5[6-9]|6\d)\d{11,17}"
)
"""Begin and length of the cards of Visa, Mastercard, American Express, Diners, JCB, Discover,
UnionPay and Maestro: a time in milliseconds, or an order's number, is none."""
_GROUP = re.compile(r"[0-9]+")
Span = tuple[int, int]


class Rule(msgspec.Struct, frozen=True, kw_only=True):
    """One thing to take out of values.

    Attributes:
        name: what stands in its place: ``[redacted:NAME]``.
        pattern: an RE2 pattern; what it matches goes.
        kind: the name in ``KINDS`` that it comes from, if any.
        attributes: globs of the keys it is for; none for all. A log record's body is ``body``.
    """

    name: str
    pattern: str
    kind: str = ""
    attributes: tuple[str, ...] = ()


class Redaction(msgspec.Struct, frozen=True, kw_only=True):
    """All that is to be taken out; ``drops`` are globs of attribute keys that are never stored."""

    rules: tuple[Rule, ...] = ()
    drops: tuple[str, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Tell whether there is nothing to do."""
        return not self.rules and not self.drops


NO_REDACTION = Redaction()

KINDS: Mapping[str, str] = {
    "iban": r"\b[A-Z]{2}[0-9]{2}(?: ?[A-Z0-9]){11,40}",
    "credit_card": r"\b[0-9](?:[ \-]?[0-9]){12,95}\b",
    "us_ssn": r"\b[0-9]{3}-[0-9]{2}-[0-9]{4}\b",
    "secret": (
        r"\bsk-[A-Za-z0-9_\-]{20,}|\bgh[pousr]_[A-Za-z0-9]{36,}|\bgithub_pat_[A-Za-z0-9_]{22,}"
        r"|\bxox[abeoprs]-[A-Za-z0-9\-]{10,}|\b(?:AKIA|ASIA)[A-Z0-9]{16}\b"
        r"|\bAIza[A-Za-z0-9_\-]{35}|\bglpat-[A-Za-z0-9_\-]{20,}|\bhf_[A-Za-z0-9]{30,}"
        r"|\bwhsec_[A-Za-z0-9+/=]{24,}|\b[spr]k_(?:live|test)_[A-Za-z0-9]{16,}"
        r"|\beyJ[A-Za-z0-9_\-]{8,}\.eyJ[A-Za-z0-9_\-]{8,}\.[A-Za-z0-9_\-]{8,}"
        r"|\b[Bb]earer [A-Za-z0-9._~+/\-]{16,}=*"
        r"|-----BEGIN [A-Z ]{0,32}PRIVATE KEY-----[A-Za-z0-9+/=\s\\]*"
        r"(?:-----END [A-Z ]{0,32}PRIVATE KEY-----)?"
        r"|://[^\s/:@\"'\\]{1,128}:[^\s/@\"'\\]{1,256}@"
    ),
    "email": r"[\pL\pN._%+\-]+@[\pL\pN][\pL\pN\-]*(?:\.[\pL\pN][\pL\pN\-]*)+",
    "ip": (
        r"\b(?:(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1?[0-9]?[0-9])\b"
        r"|(?i:\b(?:[0-9a-f]{1,4}:){7}[0-9a-f]{1,4}\b"
        r"|\b(?:[0-9a-f]{1,4}:){1,6}(?::[0-9a-f]{1,4}){1,6}\b)"
    ),
    "phone": (
        r"(?:\+|\b00)[1-9][0-9]{0,2}(?:[ \-./]?\(?[0-9]{1,5}\)?){2,6}"
        r"|\(?\b[2-9][0-9]{2}\)?[ \-.][2-9][0-9]{2}[ \-.][0-9]{4}\b"
    ),
}
"""What a kind matches, those first that others would take for theirs.

They are meant to miss little: what is no card or account number by its check digits stays, all else
that looks so goes.
"""

KIND_DOCS: Mapping[str, str] = {
    "email": "e-mail addresses",
    "phone": "phone numbers, international ones (`+`, `00`) and those of North America",
    "credit_card": "card numbers with a right check digit",
    "iban": "bank account numbers with right check digits",
    "us_ssn": "US social security numbers",
    "ip": "IPv4 and IPv6 addresses",
    "secret": "API keys and tokens of known forms, JWTs, private keys, passwords in URLs",
}


def _cards(text: str) -> list[Span]:
    """Return where card numbers are among groups of digits, by the Luhn check (ISO/IEC 7812-1)."""
    groups = list(_GROUP.finditer(text))
    found: list[Span] = []
    at = 0
    while at < len(groups):
        count = _groups_of_card([group.group() for group in groups[at : at + MAX_CARD_DIGITS]])
        if count:
            found.append((groups[at].start(), groups[at + count - 1].end()))
        at += max(count, 1)
    return found


def _groups_of_card(groups: Sequence[str]) -> int:
    """Return how many groups make a card number, as many as may be; 0 if they make none."""
    digits, ends = "", []
    for group in groups:
        digits += group
        ends.append(len(digits))
    for count in range(len(ends), 0, -1):
        if MIN_CARD_DIGITS <= ends[count - 1] <= MAX_CARD_DIGITS and _is_card(
            digits[: ends[count - 1]]
        ):
            return count
    return 0


def _is_card(digits: str) -> bool:
    if _CARD.fullmatch(digits) is None:
        return False
    numbers = [int(digit) for digit in digits]
    doubled = [sum(divmod(2 * number, 10)) for number in numbers[-2::-2]]
    return (sum(numbers[-1::-2]) + sum(doubled)) % 10 == 0


def _ibans(text: str) -> list[Span]:
    """Return where an account number ends whose check digits are right (ISO 13616, modulo 97)."""
    for end in range(len(text), MIN_IBAN_CHARS - 1, -1):
        plain = text[:end].replace(" ", "")
        if text[end - 1] == " " or not MIN_IBAN_CHARS <= len(plain) <= MAX_IBAN_CHARS:
            continue
        digits = "".join(str(int(char, 36)) for char in plain[4:] + plain[:4])
        if int(digits) % 97 == _IBAN_REMAINDER:
            return [(0, end)]
    return []


def _phones(text: str) -> list[Span]:
    """Return the whole where it has as many digits as phone numbers have (ITU-T E.164)."""
    count = sum(char.isdigit() for char in text)
    return [(0, len(text))] if MIN_PHONE_DIGITS <= count <= MAX_PHONE_DIGITS else []


CHECKS: Mapping[str, Callable[[str], list[Span]]] = {
    "credit_card": _cards,
    "iban": _ibans,
    "phone": _phones,
}
"""By kind, which parts of a match really are one."""


def kind(name: str, attributes: tuple[str, ...] = ()) -> Rule:
    """Return the rule for a kind of ``KINDS``."""
    return Rule(name=name, pattern=KINDS[name], kind=name, attributes=attributes)
