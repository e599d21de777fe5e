"""What makes two alerts one incident: the key of their cause, ids stripped from its names."""

from __future__ import annotations

import hashlib
import re

import msgspec

from causewatch.model.finding import Alert, Cause

MAX_NAME_CHARS = 200
ID_CHARS = 10
_MIN_HEX_CHARS = 8
_MIN_MIXED_CHARS = 12
_UUID = re.compile(r"[0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{4}-[0-9a-fA-F]{12}")
_WORD = re.compile(r"[0-9A-Za-z]+")
_SEPARATORS = re.compile(r"[\s_\-./:#=,|~]+")


def incident_key(alert: Alert) -> str:
    """Return the key of the incident an alert belongs to.

    By cause where one is known, else by the alert itself: its name and labels.
    """
    by_cause = cause_key(alert.cause)
    if by_cause:
        return by_cause
    return _text("alert", alert.alertname, *(f"{k}={v}" for k, v in sorted(alert.labels.items())))


def cause_key(cause: Cause) -> str:
    """Return the key of a cause: workflow, origin agent, kind and name, category; empty if none."""
    origin = cause.origin
    if origin is None:
        return ""
    return _text(
        "cause",
        without_ids(cause.workflow),
        without_ids(origin.agent),
        origin.kind,
        without_ids(origin.name),
        cause.category,
    )


def without_ids(name: str) -> str:
    """Return a name without what differs from run to run: UUIDs, numbers, hex and mixed ids.

    Words that merely end in digits (``agent2``) stay; a name that is nothing but an id becomes
    ``#``.
    """
    cut = _UUID.sub("", name[:MAX_NAME_CHARS])
    kept = _WORD.sub(lambda word: "" if _is_id(word.group()) else word.group(), cut)
    plain = _SEPARATORS.sub(" ", kept).strip()
    return plain or ("#" if name else "")


def incident_id(key: str, opened_at_ns: int) -> str:
    """Return the id of an incident: the first hex digits of a hash of its key and opening time."""
    return hashlib.sha256(f"{opened_at_ns}\n{key}".encode()).hexdigest()[:ID_CHARS]


def _is_id(word: str) -> bool:
    digits = sum(letter.isdigit() for letter in word)
    if digits == len(word):
        return True
    is_hex = all(letter in "0123456789abcdefABCDEF" for letter in word)
    if is_hex and digits and len(word) >= _MIN_HEX_CHARS:
        return True
    # A random id mixes digits into its letters; a word such as "gpt35turbo" is shorter than one.
    return len(word) >= _MIN_MIXED_CHARS and digits * 5 >= len(word)


def _text(*parts: str) -> str:
    return msgspec.json.encode(parts).decode()
