"""Reads what is posted to the API: silences in Alertmanager's shape, and who does what. Pure."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import msgspec

from causewatch.incidents.matcher import Matcher, MatchOperator
from causewatch.incidents.matcher_text import MatcherError, parse_matchers
from causewatch.incidents.silence import Refusal

MAX_BODY_BYTES = 64 * 1024
_US = timedelta(microseconds=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


class AskedSilence(msgspec.Struct, frozen=True, kw_only=True):
    """A silence that somebody asks for. Times are Unix ns; a start of 0 is now."""

    matchers: tuple[Matcher, ...]
    starts_at_ns: int
    ends_at_ns: int
    created_by: str
    comment: str


class AskedDeed(msgspec.Struct, frozen=True, kw_only=True):
    """Who does something to an incident, and why."""

    by: str
    comment: str = ""


class _Matcher(msgspec.Struct, frozen=True, rename="camel"):
    """A matcher as Alertmanager's API writes it."""

    name: str
    value: str
    is_regex: bool = False
    is_equal: bool = True


class _Silence(msgspec.Struct, frozen=True, rename="camel"):
    """A silence as Alertmanager's API writes it; a matcher may also be text."""

    matchers: list[_Matcher | str]
    ends_at: str
    created_by: str
    comment: str
    starts_at: str = ""
    id: str = ""


def asked_silence(body: bytes) -> AskedSilence | Refusal:
    """Return the silence that a body asks for, or what is wrong with it."""
    try:
        found = msgspec.json.decode(body, type=_Silence)
        matchers = [m for each in found.matchers for m in _matchers(each)]
    except (msgspec.DecodeError, MatcherError) as error:
        return Refusal(reason=str(error))
    if found.id:
        return Refusal(reason="a silence is not changed: expire it, and add another one")
    starts_at_ns = _time_ns(found.starts_at) if found.starts_at else 0
    ends_at_ns = _time_ns(found.ends_at)
    if starts_at_ns is None or ends_at_ns is None:
        return Refusal(reason="a time is such as 2026-11-23T10:00:00Z, with its zone")
    return AskedSilence(
        matchers=tuple(matchers),
        starts_at_ns=starts_at_ns,
        ends_at_ns=ends_at_ns,
        created_by=found.created_by,
        comment=found.comment,
    )


def asked_deed(body: bytes) -> AskedDeed | Refusal:
    """Return who does something, or what is wrong with the body."""
    try:
        return msgspec.json.decode(body, type=AskedDeed)
    except msgspec.DecodeError as error:
        return Refusal(reason=str(error))


def _matchers(matcher: _Matcher | str) -> tuple[Matcher, ...]:
    if isinstance(matcher, str):
        return parse_matchers(matcher)
    op: MatchOperator = "=" if matcher.is_equal else "!="
    if matcher.is_regex:
        op = "=~" if matcher.is_equal else "!~"
    return (Matcher(name=matcher.name, op=op, value=matcher.value),)


def _time_ns(text: str) -> int | None:
    try:
        at = datetime.fromisoformat(text)
    except ValueError:
        return None
    return (at - _EPOCH) // _US * 1000 if at.tzinfo is not None else None
