"""Silences: alerts that nobody is told of for a while, because somebody said so and why.

Theory of operation: a silence is pending, then active, then expired; only time and ``expire`` move
it. Each ends, and says who wants it and why: a silence that is forgotten hides an outage. One that
would match every alert is refused. A maintenance that is planned is a silence with a start.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

import msgspec

from causewatch.incidents.matcher import Matcher, matches_all, problem_of
from causewatch.incidents.title import one_line

SilenceState = Literal["pending", "active", "expired"]
MAX_SILENCES = 1000
"""Pending and active ones together."""
MAX_MATCHERS = 20
MAX_MATCHER_CHARS = 1000
MAX_COMMENT_CHARS = 1000
MAX_CREATOR_CHARS = 100
MAX_LENGTH_NS = 366 * 86_400 * 1_000_000_000
ID_CHARS = 12


class Silence(msgspec.Struct, frozen=True, kw_only=True):
    """Alerts that meet all ``matchers`` are not told from ``starts_at_ns`` to ``ends_at_ns``."""

    id: str
    matchers: tuple[Matcher, ...]
    starts_at_ns: int
    ends_at_ns: int
    created_by: str
    comment: str
    created_at_ns: int
    updated_at_ns: int


class Refusal(msgspec.Struct, frozen=True, kw_only=True):
    """Why something is not done, as a sentence for whoever asked."""

    reason: str


def new_silence(  # noqa: PLR0913  # what a silence is made of, one by one
    matchers: Sequence[Matcher],
    *,
    starts_at_ns: int,
    ends_at_ns: int,
    created_by: str,
    comment: str,
    now_ns: int,
    known: Sequence[Silence] = (),
) -> Silence | Refusal:
    """Return a silence, or why there is none. A start in the past is now."""
    starts_at_ns = max(starts_at_ns, now_ns)
    creator = one_line(created_by, MAX_CREATOR_CHARS)
    comment = one_line(comment, MAX_COMMENT_CHARS)
    reason = (
        _problem_of_matchers(matchers)
        or _problem_of_times(starts_at_ns, ends_at_ns, now_ns)
        or ("" if creator else "say who asks for the silence")
        or ("" if comment else "say why, in a comment")
        or _problem_of_number(known, now_ns)
    )
    if reason:
        return Refusal(reason=reason)
    said = msgspec.json.encode((matchers, starts_at_ns, ends_at_ns, creator, comment, now_ns))
    return Silence(
        id=hashlib.sha256(said).hexdigest()[:ID_CHARS],
        matchers=tuple(matchers),
        starts_at_ns=starts_at_ns,
        ends_at_ns=ends_at_ns,
        created_by=creator,
        comment=comment,
        created_at_ns=now_ns,
        updated_at_ns=now_ns,
    )


def state_of(silence: Silence, now_ns: int) -> SilenceState:
    """Return the state of a silence at a moment."""
    if now_ns >= silence.ends_at_ns:
        return "expired"
    return "active" if now_ns >= silence.starts_at_ns else "pending"


def expire(silence: Silence, now_ns: int) -> Silence | Refusal:
    """Return the silence, ended now; one that is over stays as it is."""
    if state_of(silence, now_ns) == "expired":
        return Refusal(reason=f"the silence {silence.id} is over")
    starts_at_ns = min(silence.starts_at_ns, now_ns)
    return msgspec.structs.replace(
        silence, starts_at_ns=starts_at_ns, ends_at_ns=now_ns, updated_at_ns=now_ns
    )


def silenced_by(silences: Iterable[Silence], labels: Mapping[str, str], now_ns: int) -> str:
    """Return why an alert with these labels is not told, empty when it is."""
    for silence in silences:
        if state_of(silence, now_ns) == "active" and matches_all(silence.matchers, labels):
            return f"silenced by {silence.created_by}: {silence.comment} (silence {silence.id})"
    return ""


def _problem_of_matchers(matchers: Sequence[Matcher]) -> str:
    if not 1 <= len(matchers) <= MAX_MATCHERS:
        return f"a silence has 1 to {MAX_MATCHERS} matchers"
    for matcher in matchers:
        if not matcher.name or len(matcher.name) + len(matcher.value) > MAX_MATCHER_CHARS:
            return f"a matcher has a name, and at most {MAX_MATCHER_CHARS} characters"
        problem = problem_of(matcher)
        if problem:
            return problem
    if matches_all(matchers, {}):
        return "one of the matchers must ask for something: these match alerts without any label"
    return ""


def _problem_of_times(starts_at_ns: int, ends_at_ns: int, now_ns: int) -> str:
    if ends_at_ns <= now_ns:
        return "the silence would be over already"
    if ends_at_ns <= starts_at_ns:
        return "a silence ends after it starts"
    if ends_at_ns - now_ns > MAX_LENGTH_NS:
        return f"a silence ends within {MAX_LENGTH_NS // (86_400 * 10**9)} days"
    return ""


def _problem_of_number(known: Sequence[Silence], now_ns: int) -> str:
    in_force = sum(1 for silence in known if state_of(silence, now_ns) != "expired")
    if in_force < MAX_SILENCES:
        return ""
    return f"there are {MAX_SILENCES} silences in force: expire some, or use fewer matchers"
