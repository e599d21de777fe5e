"""Silences: what they hide, for how long, and which ones are refused."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.incidents.matcher import Matcher
from causewatch.incidents.matcher_text import parse_matchers
from causewatch.incidents.silence import (
    MAX_COMMENT_CHARS,
    MAX_MATCHERS,
    MAX_SILENCES,
    Refusal,
    Silence,
    expire,
    new_silence,
    silenced_by,
    state_of,
)
from notify_fixtures import NOW, S

HOUR = 3600 * S


def made(text: str = 'team="ai"', **changes: Any) -> Silence | Refusal:
    """Return a silence of one hour."""
    fields: dict[str, Any] = {
        "starts_at_ns": NOW,
        "ends_at_ns": NOW + HOUR,
        "created_by": "Ana",
        "comment": "a deploy",
        "now_ns": NOW,
    }
    return new_silence(parse_matchers(text), **(fields | changes))


def silence(text: str = 'team="ai"', **changes: Any) -> Silence:
    """Return a silence that is not refused."""
    found = made(text, **changes)
    assert isinstance(found, Silence)
    return found


@pytest.mark.parametrize(
    ("after_s", "state"), [(-1, "pending"), (0, "active"), (3599, "active"), (3600, "expired")]
)
def test_time_alone_moves_a_silence(after_s: int, state: str) -> None:
    """From its start, included, to its end, not included."""
    planned = silence(starts_at_ns=NOW + 10 * S, ends_at_ns=NOW + 10 * S + HOUR)
    assert state_of(planned, NOW + (10 + after_s) * S) == state


def test_a_clock_that_goes_back_makes_it_active_again() -> None:
    """Its state is a matter of the moment asked for, of nothing that was remembered."""
    assert state_of(silence(), NOW + 2 * HOUR) == "expired"
    assert state_of(silence(), NOW) == "active"


@pytest.mark.parametrize(
    ("text", "labels", "is_silenced"),
    [
        ('team="ai"', {"team": "ai", "x": "y"}, True),
        ('team="ai"', {"team": "web"}, False),
        ('team="ai", severity!="page"', {"team": "ai", "severity": "page"}, False),
        ('team="ai", severity!="page"', {"team": "ai"}, True),
        ('alertname=~"Tool.*"', {"alertname": "ToolFailed"}, True),
    ],
)
def test_all_matchers_must_match(text: str, labels: dict[str, str], is_silenced: bool) -> None:
    """And what is silenced says by whom, why, and by which silence."""
    found = silence(text)
    reason = silenced_by([found], labels, NOW)
    assert bool(reason) is is_silenced
    assert reason in {"", f"silenced by Ana: a deploy (silence {found.id})"}


def test_only_an_active_silence_hides() -> None:
    """Neither one that is yet to start nor one that is over."""
    planned = silence(starts_at_ns=NOW + S)
    assert silenced_by([planned], {"team": "ai"}, NOW) == ""
    assert silenced_by([planned], {"team": "ai"}, NOW + 2 * HOUR) == ""


@pytest.mark.parametrize(
    ("text", "changes", "reason"),
    [
        ("", {}, "a silence has 1 to"),
        ('team=~".*"', {}, "must ask for something"),
        ('team!="ai"', {}, "must ask for something"),
        ('absent=""', {}, "must ask for something"),
        ('team="ai"', {"ends_at_ns": NOW}, "over already"),
        ('team="ai"', {"ends_at_ns": NOW - S}, "over already"),
        ('team="ai"', {"starts_at_ns": NOW + 2 * HOUR}, "ends after it starts"),
        ('team="ai"', {"ends_at_ns": NOW + 400 * 24 * HOUR}, "within 366 days"),
        ('team="ai"', {"created_by": " \n"}, "who asks"),
        ('team="ai"', {"comment": ""}, "say why"),
        (f'team="{"x" * 2000}"', {}, "at most 1000 characters"),
    ],
)
def test_a_silence_that_would_hide_too_much_is_refused(
    text: str, changes: dict[str, Any], reason: str
) -> None:
    """Each limit says what it is."""
    found = made(text, **changes)
    assert isinstance(found, Refusal)
    assert reason in found.reason


def test_there_are_limits_to_numbers() -> None:
    """Of matchers, and of silences in force; those that are over do not count."""
    many = [Matcher(name=f"n{n}", value="x") for n in range(MAX_MATCHERS + 1)]
    text = ",".join(map(str, many))
    assert isinstance(made(text), Refusal)
    full = [silence()] * MAX_SILENCES
    assert isinstance(made(known=full), Refusal)
    over = [msgspec.structs.replace(each, ends_at_ns=NOW) for each in full]
    assert isinstance(made(known=over), Silence)


def test_text_of_people_is_one_short_line() -> None:
    """It gets into logs and messages."""
    found = silence(comment="a\nb" + "c" * 5000, created_by="A\tB")
    assert len(found.comment) == MAX_COMMENT_CHARS
    assert found.comment.startswith("a b")
    assert found.created_by == "A B"


@pytest.mark.parametrize("start_s", [0, 600])
def test_a_silence_can_be_ended_early(start_s: int) -> None:
    """Also one that has not started; a second time changes nothing."""
    ended = expire(silence(starts_at_ns=NOW + start_s * S), NOW + 60 * S)
    assert isinstance(ended, Silence)
    assert state_of(ended, NOW + 60 * S) == "expired"
    assert ended.starts_at_ns <= ended.ends_at_ns
    assert isinstance(expire(ended, NOW + 61 * S), Refusal)


def test_ids_differ() -> None:
    """Two silences of the same matchers, made at two moments, are two."""
    assert silence().id != silence(now_ns=NOW + S).id != silence(comment="else").id
