"""``causewatch demo``: what a new user sees first."""

from __future__ import annotations

import re

from cli_fixtures import Done, run


def incidents_of(done: Done) -> list[str]:
    """Return the output split at its incidents."""
    return re.split(r"^Incident ", done.out, flags=re.MULTILINE)[1:]


def test_the_demo_shows_both_incidents_and_what_to_do_next() -> None:
    """The real daemon, spans over OTLP, two causes, two Slack messages, then the next steps."""
    done = run("demo")
    assert (done.code, done.err.count("✓ sent")) == (0, 4)
    shown = incidents_of(done)
    assert len(shown) == 2
    for text in shown:
        assert "First corrupted by" in text
        assert "The Slack message:" in text
        assert "surfaced at issue_refund (billing_agent)" in text
    assert any("get_order (research_agent)" in text for text in shown)
    assert any("ask_billing (research_agent)" in text for text in shown)
    assert "What to do next" in done.out


def test_the_demo_leaves_nothing_behind_and_payloads_out_of_slack() -> None:
    """Excerpts stay out of what goes to Slack; they are in ``explain``, which is local."""
    done = run("demo")
    slack = "".join(text.split("The Slack message:", 1)[1] for text in incidents_of(done))
    assert "upstream timeout" not in slack.split("What to do next")[0]
    assert "upstream timeout" in done.out
