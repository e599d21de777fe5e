"""Text that comes from outside: escaped, cut, kept private, never a link or a mention."""

from __future__ import annotations

import html

import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.model.finding import Cause
from causewatch.notify.config import Links
from causewatch.notify.excerpt import without_excerpts
from causewatch.notify.links import incident_url, runbook_url, trace_url, web_url
from causewatch.notify.slack.mentions import mention, unresolved
from causewatch.notify.slack.mrkdwn import code, escape, joined, moment
from causewatch.notify.times import duration, iso, utc_text
from notify_fixtures import NOW, TRACE, S, a_cause, an_alert, opened


@pytest.mark.parametrize(
    ("text", "limit", "escaped"),
    [
        ("<!channel> & co", 99, "&lt;!channel&gt; &amp; co"),
        ("<@U123>", 99, "&lt;@U123&gt;"),
        ("<https://evil.example|Open>", 99, "&lt;https://evil.example|Open&gt;"),
        ("&amp;", 99, "&amp;amp;"),
        ("a\n*b*", 99, "a *b*"),
        ("abcdef", 4, "abc…"),
        ("<<<<", 10, "&lt;&lt;…"),
        ("", 4, ""),
    ],
)
def test_slack_markup_is_escaped(text: str, limit: int, escaped: str) -> None:
    """No mention, link or entity comes from a value; the limit counts what is sent."""
    assert escape(text, limit) == escaped


@given(st.text(max_size=400), st.integers(1, 200))
def test_escaped_text_is_safe_and_short(text: str, limit: int) -> None:
    """Whatever the text: no bare markup, no half entity, no longer than asked."""
    found = escape(text, limit)
    assert len(found) <= limit
    assert not set("<>") & set(found)
    plain = html.unescape(found)
    assert escape(plain, 10**6) == found


def test_code_cannot_be_ended_early() -> None:
    """A back-tick in a name does not turn the rest into markup; nothing is still a code span."""
    assert code("a`*b*`", 80) == "`a'*b*'`"
    assert code("", 80) == "` `"


def test_a_time_is_shown_in_the_readers_zone() -> None:
    """Slack's date markup, with text in UTC where it is not understood."""
    assert moment(1_790_000_000 * S) == (
        "<!date^1790000000^{date_short_pretty} {time}|2026-09-21 14:13:20 UTC>"
    )


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(-5, "0 s"), (0, "0 s"), (59, "59 s"), (60, "1 min"), (3599, "59 min"),
     (3600, "1 h 0 min"), (86_399, "23 h 59 min"), (90_000, "1 d 1 h")],
)  # fmt: skip
def test_durations_have_two_units(seconds: int, text: str) -> None:
    """Long enough to be right, short enough to be read."""
    assert duration(seconds * S) == text


def test_times_as_text() -> None:
    """ISO 8601 in UTC with milliseconds; never is no time."""
    assert iso(NOW + 1_500_000) == "2026-09-21T14:13:20.001Z"
    assert iso(0) is None
    assert utc_text(NOW) == "2026-09-21 14:13:20 UTC"


@pytest.mark.parametrize(
    ("lines", "limit", "text"),
    [
        (["a", "b"], 100, "a\nb"),
        (["a" * 50, "b" * 50], 80, "a" * 50 + "\n… and 1 more"),
        (["a" * 500], 80, "… and 1 more"),
        ([], 80, ""),
    ],
)
def test_lists_are_cut_by_whole_lines(lines: list[str], limit: int, text: str) -> None:
    """A line is there as a whole or counted among those left out."""
    assert joined(lines, limit) == text
    assert len(text) <= limit


@pytest.mark.parametrize(
    ("name", "markup"),
    [
        ("U0123ABC", "<@U0123ABC>"),
        ("@W0123ABC", "<@W0123ABC>"),
        ("S0123ABC", "<!subteam^S0123ABC>"),
        ("@here", "<!here>"),
        ("channel", "<!channel>"),
        ("@ai-oncall", "<!subteam^S1>"),
        ("@unknown", "@unknown"),
        ("<!channel>", ""),
        ("", ""),
    ],
)
def test_mentions_by_id_or_handle(name: str, markup: str) -> None:
    """Ids and known handles become mentions, others stay text, odd ones vanish."""
    assert mention(name, {"ai-oncall": "S1"}) == markup


def test_only_handles_have_to_be_asked_for() -> None:
    """Slack is asked for its groups only where a handle needs it."""
    assert unresolved(("U0123ABC", "@here", "@ai-oncall")) == ("ai-oncall",)


LINKS = Links(
    external_url="https://cw.example.com/base/",
    trace_url="https://t.example.com/{{ $trace_id }}?s={{$span_id}}&r={{ $run_id }}",
)


def test_addresses_follow_from_the_configuration() -> None:
    """The page below the external URL; the trace by the origin's ids and the newest run."""
    incident = opened(an_alert(run_ids=("run 1", "run/2"))).incident
    assert incident_url(LINKS, incident) == f"https://cw.example.com/base/incidents/{incident.id}"
    origin = incident.cause.origin
    assert origin is not None
    assert trace_url(LINKS, incident) == (
        f"https://t.example.com/{TRACE}?s={origin.span_id}&r=run%2F2"
    )


def test_what_is_not_known_is_no_link() -> None:
    """Without configuration or a cause there is no address, rather than a wrong one."""
    incident = opened(an_alert(cause=Cause())).incident
    assert incident_url(Links(), incident) == ""
    assert trace_url(LINKS, incident) == ""
    assert trace_url(Links(), opened().incident) == ""
    assert trace_url(Links(trace_url="https://t.example.com/"), opened().incident) == ""


def test_the_symptom_leads_to_the_trace_without_an_origin() -> None:
    """Where only the end is known, the trace of the end is opened."""
    incident = opened(an_alert(cause=a_cause(origin=None))).incident
    assert TRACE in trace_url(LINKS, incident)


@pytest.mark.parametrize(
    ("text", "is_link"),
    [
        ("https://runbooks.example.com/a?b=c#d", True),
        ("http://localhost:3000/x", True),
        ("javascript:alert(1)", False),
        ("data:text/html,x", False),
        ("//evil.example.com", False),
        ("https://", False),
        ("https://a.example.com/|x", False),
        ("https://a.example.com/<x>", False),
        ('https://a.example.com/"x', False),
        ("https://a.example.com/ x", False),
        ("https://a.example.com/\n", False),
        ("https://[broken", False),
        ("https://a.example.com/" + "x" * 4000, False),
        ("", False),
    ],
)
def test_only_plain_web_addresses_are_links(text: str, is_link: bool) -> None:
    """An annotation may hold text of a payload: no script, no markup, no surprise."""
    assert (web_url(text) == text != "") == is_link


def test_the_first_good_runbook_is_taken() -> None:
    """Alerts without one, or with something odd, are passed over."""
    urls = ("", "javascript:x", "https://r.example.com/1", "https://r.example.com/2")
    alerts = [an_alert(f"A{n}", annotations={"runbook_url": url}) for n, url in enumerate(urls)]
    assert runbook_url(opened(*alerts).incident) == "https://r.example.com/1"
    assert runbook_url(opened().incident) == ""


@pytest.mark.parametrize(
    ("sentence", "private"),
    [
        ('tool "stock_lookup" failed', 'tool "stock_lookup" failed'),
        ("'/items/0' differs", "'/items/0' differs"),
        ("`$.a.b` is missing", "`$.a.b` is missing"),
        ('it said "my card is 4111 1111"', "it said [20 characters]"),
        ("number '4111111111111111' changed", "number [16 characters] changed"),
        ("“ein Satz mit Worten” fehlt", "[19 characters] fehlt"),
        ("the tool's answer and the agent's", "the tool's answer and the agent's"),
        ("it's 'a b' isn't it", "it's [3 characters] isn't it"),
        ('got "" back', 'got "" back'),
        ('cut in "the middle of', "cut in […]"),
        ("it said “half of a sec…; clerk passed it on", "it said […]; clerk passed it on"),
        ("it said “a … b c…; clerk passed it on", "it said […]; clerk passed it on"),
        ("no quotes at all", "no quotes at all"),
        ('"a b" and "c d"', "[3 characters] and [3 characters]"),
        ("", ""),
    ],
)
def test_quoted_excerpts_are_left_out(sentence: str, private: str) -> None:
    """Names and pointers stay; what may be someone's data is replaced by its length."""
    assert without_excerpts(sentence) == private


@given(st.text(max_size=500))
def test_any_sentence_can_be_made_private(sentence: str) -> None:
    """No text raises, and doing it twice changes no more than doing it once."""
    once = without_excerpts(sentence)
    assert without_excerpts(once).count('"') <= once.count('"')


def test_privacy_is_linear() -> None:
    """A megabyte of quotes does not hold up a message."""
    assert len(without_excerpts("'\"`" * 300_000)) < 20_000


def test_one_word_of_a_payload_is_left_out_as_well() -> None:
    """Between “ and ” even what looks like a name is a payload's: an id, or a key."""
    assert without_excerpts("uses “sk-live-abc123” of it") == "uses [14 characters] of it"
