"""What a tool's result says about the call itself: failed, partial, or nothing."""

from __future__ import annotations

from itertools import islice
from typing import Literal

import msgspec

from causewatch.faults.expand import expand
from causewatch.faults.text import bounded, excerpt
from causewatch.faults.words import (
    BAD_STATUS,
    BENIGN_TEXTS,
    BLOCK_KEYS,
    CODE_KEYS,
    COMPLETE_KEYS,
    ENVELOPE_KEYS,
    ERROR_KEYS,
    EXIT_KEYS,
    EXPLAIN_KEYS,
    FAILED_STATUS,
    PARTIAL_KEYS,
    PARTIAL_STATUS,
    PROBLEM_KEYS,
    STATUS_KEYS,
    SUCCESS_KEYS,
    TROUBLE_KEYS,
    is_rate_limit,
    starts_as_failure,
)
from causewatch.model.value import Value

MAX_ENVELOPE_DEPTH = 2
FEW_MEMBERS_COUNT = 3
MAX_BLOCKS_COUNT = 4
_TELLING_KEYS = (
    ERROR_KEYS | SUCCESS_KEYS | TROUBLE_KEYS | STATUS_KEYS | CODE_KEYS | EXIT_KEYS | COMPLETE_KEYS
    | PARTIAL_KEYS
)  # fmt: skip
"""All names by which a member may tell how the call went."""
FailureKind = Literal["failed", "partial", "rate_limited"]


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """The part of a result that reports a failure: where, and in which words."""

    where: str
    what: str
    confidence: float
    kind: FailureKind = "failed"
    """Failed, only partly done (which it says itself), or refused for the number of calls."""


def failure_in(value: Value) -> Failure | None:
    """Return what a result says of its own failure, or ``None``.

    Objects are judged by their parsed members, down to ``MAX_ENVELOPE_DEPTH`` envelopes; what lies
    deeper, or in lists, is the tool's data. Text is judged by its beginning, JSON inside of text
    (also what is left of a cut one) by its members.
    """
    return failure_of(expand(value))


def failure_of(opened: Value) -> Failure | None:
    """Return the same of a result with the JSON inside of its strings already read."""
    return _in_value(opened, 0)


def _in_value(value: Value, depth: int) -> Failure | None:
    if isinstance(value, dict):
        return _in_object(value, depth)
    if isinstance(value, str) and starts_as_failure(value):
        kind: FailureKind = "rate_limited" if is_rate_limit(value) else "failed"
        return Failure(where="text", what=excerpt(value), confidence=0.8, kind=kind)
    if (
        isinstance(value, list)
        and 1 <= len(value) <= MAX_BLOCKS_COUNT
        and depth < MAX_ENVELOPE_DEPTH
    ):
        # Content blocks: the report is the first; a longer list is the tool's own data.
        return _in_value(value[0], depth + 1) if len(value) == 1 or _is_block(value[0]) else None
    return None


def _is_block(value: Value) -> bool:
    return isinstance(value, dict) and "text" in value and len(value) <= FEW_MEMBERS_COUNT


def _in_object(value: dict[str, Value], depth: int) -> Failure | None:
    partial: Failure | None = None
    for name, member in islice(value.items(), 200):
        key = name.replace("-", "_").lower()
        if key not in _TELLING_KEYS:
            continue
        confidence = 0.9 if depth == 0 else 0.8
        found = _in_member(key, member, value)
        if found:
            told = f"{found} {_explained(value)}"
            kind: FailureKind = "rate_limited" if is_rate_limit(told) else "failed"
            return Failure(where=name, what=excerpt(found), confidence=confidence, kind=kind)
        found = "" if partial else _partial_text(key, member, depth)
        if found:
            what = excerpt(found)
            partial = Failure(where=name, what=what, confidence=confidence, kind="partial")
    if depth >= MAX_ENVELOPE_DEPTH:
        return partial
    for key, member in islice(value.items(), 50):
        if key.lower() in ENVELOPE_KEYS or len(value) == 1:
            inner = _in_value(member, depth + (0 if key.lower() in BLOCK_KEYS else 1))
            if inner and (partial is None or inner.kind != "partial"):
                where = f"{key}.{inner.where}"
                return Failure(where=where, what=inner.what, confidence=0.8, kind=inner.kind)
    return partial


def _explained(value: dict[str, Value]) -> str:
    """Return the texts that explain an envelope."""
    told = (v for k, v in list(value.items())[:50] if k.lower() in EXPLAIN_KEYS | CODE_KEYS)
    return " ".join(str(member)[:200] for member in told if isinstance(member, str | int))


def _in_member(key: str, member: Value, whole: dict[str, Value]) -> str:
    """Return how this member reports a failure, or the empty string."""
    if key in ERROR_KEYS:
        return _error_text(key, member)
    if key in SUCCESS_KEYS and _is_false(member):
        return f"{key} is false"
    if key in TROUBLE_KEYS and member is True:
        return f"{key} is true"
    if key in STATUS_KEYS:
        return _status_text(key, member, whole)
    if key in CODE_KEYS and len(whole) > 1 and {k.lower() for k in whole} <= PROBLEM_KEYS:
        # A code of a thing is data; beside nothing but an explanation it is the call's.
        return _status_text(key, member, whole)
    return _exit_text(key, member, whole) if key in EXIT_KEYS else ""


def _partial_text(key: str, member: Value, depth: int) -> str:
    """Return how this member says that the result is only a part, or the empty string."""
    if key in COMPLETE_KEYS and depth == 0 and member is False:
        return f"{key} is false"
    if key in PARTIAL_KEYS and member is True:
        return f"{key} is true"
    if key in STATUS_KEYS and isinstance(member, str) and _word(member) in PARTIAL_STATUS:
        return f"{key} is {member[:40]}"
    return ""


def _exit_text(key: str, member: Value, whole: dict[str, Value]) -> str:
    """Return how a command failed: an exit code, and words on the error channel.

    Without words the code is an answer, such as that of a search that found nothing.
    """
    if isinstance(member, bool) or not isinstance(member, int) or not member:
        return ""
    said = next((v for k, v in whole.items() if k.lower() in {"stderr", "error_output"}), "")
    return f"{key} is {member}: {said}" if isinstance(said, str) and said.strip() else ""


def _word(text: str) -> str:
    return "_".join(text[:100].strip().lower().replace("-", " ").split())


def _error_text(key: str, member: Value) -> str:
    match member:
        case bool():
            return f"{key} is true" if member else ""
        case int() | float():
            # ``errors: 3`` is a count; ``error: 503`` a code.
            return f"{key} {member}" if member and not key.endswith("s") else ""
        case str():
            return f"{key}: {member}" if member.strip().lower() not in BENIGN_TEXTS else ""
        case dict():
            return f"{key}: {_shown(member)}" if any(v for v in member.values()) else ""
        case list():
            return f"{key}: {_shown(member)}" if member else ""
        case _:
            return ""


def _status_text(key: str, member: Value, whole: dict[str, Value]) -> str:
    if isinstance(member, str):
        word = _word(member)
        if word.isdecimal() and key != "state":
            return _status_text(key, int(word[:9]), whole)
        explained = any(name.lower() in EXPLAIN_KEYS for name in whole)
        failed = word in FAILED_STATUS and (explained or len(whole) <= FEW_MEMBERS_COUNT)
        return f"{key} is {word}" if failed or word in BAD_STATUS else ""
    if isinstance(member, int) and not isinstance(member, bool):
        return f"{key} is {member}" if 400 <= member <= 599 and key != "state" else ""
    return ""


def _is_false(member: Value) -> bool:
    return member is False or (isinstance(member, str) and member.strip().lower() == "false")


def _shown(member: dict[str, Value] | list[Value]) -> str:
    return bounded(msgspec.json.encode(member, enc_hook=str).decode("utf-8", "replace"))
