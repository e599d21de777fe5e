"""The table of faults in the docs, held against the code and the tests that it names."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from slack_sdk.errors import SlackApiError

from causewatch.notify.outcome import Dead, Outcome, Retry, Sent, Unknown
from causewatch.notify.slack import answer
from causewatch.notify.slack.answer import NO_ACCESS_WAIT_S, outcome_of_answer, outcome_of_webhook

HERE = Path(__file__).parent
PAGE = (HERE.parents[2] / "docs" / "reference" / "slack-faults.md").read_text(encoding="utf-8")
TABLES = (
    answer.GONE | answer.UNREADABLE | answer.NO_SCOPE | answer.REFUSED_MESSAGE | answer.NO_ACCESS
    | answer.RATE_LIMITED | answer.UNSURE
)  # fmt: skip
CODE = re.compile(r"`([a-z_]+)`")


def rows(heading: str) -> list[list[str]]:
    """Return the cells of a table of the page, without its head."""
    section = PAGE.split(f"## {heading}\n")[1].split("\n## ")[0]
    lines = [line for line in section.splitlines() if line.startswith("| ")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines[1:]]


def refused(code: str) -> Outcome:
    """Return what becomes of a message that Slack answers so."""
    response = {"ok": False, "error": code, "status": 200, "headers": {}}
    error = SlackApiError("refused", response)  # type: ignore[no-untyped-call]  # slack-sdk's
    return outcome_of_answer(error)


CASES = [
    (code, cells[2]) for cells in rows("Answers of the Web API") for code in CODE.findall(cells[1])
]


@pytest.mark.parametrize(("code", "becomes"), CASES)
def test_the_table_of_faults_is_true(code: str, becomes: str) -> None:
    """What the page says of a code is what the code does with it."""
    outcome = refused(code)
    match becomes.partition(" ")[0].rstrip(",:"):
        case "dead":
            assert isinstance(outcome, Dead)
        case "looked":
            assert isinstance(outcome, Unknown)
        case "kept" if "every 2 minutes" in becomes:
            assert isinstance(outcome, Retry)
            assert outcome.after_s == NO_ACCESS_WAIT_S == 120
        case "kept":
            assert isinstance(outcome, Retry)
            assert outcome.whole_channel
        case "posted":
            assert code in answer.GONE
        case "sent":
            assert code in answer.UNREADABLE
        case word:
            raise AssertionError(word)


def test_every_code_that_is_known_is_on_the_page() -> None:
    """Once each."""
    found = [code for code, _ in CASES]
    assert sorted(found) == sorted(TABLES)


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (200, Sent()),
        (400, Dead(reason="Slack webhook: HTTP 400 why")),
        (413, Dead(reason="Slack webhook: HTTP 413 why")),
        (410, Dead(reason="Slack webhook: HTTP 410 why", disable=True)),
        (403, Retry(reason="Slack webhook: HTTP 403 why", after_s=120.0)),
        (404, Retry(reason="Slack webhook: HTTP 404 why", after_s=120.0)),
        (429, Retry(reason="Slack webhook: HTTP 429 why", after_s=7.0, whole_channel=True)),
        (503, Unknown(reason="Slack webhook: HTTP 503 why")),
    ],
)
def test_each_status_of_a_webhook_has_its_outcome(status: int, expected: Outcome) -> None:
    """As the page says."""
    assert outcome_of_webhook(status, "why", {"Retry-After": "7"}) == expected


def test_an_unknown_code_is_tried_again() -> None:
    """Slack invents new ones; a message is not lost for that."""
    assert refused("a_code_of_tomorrow") == Retry(reason="Slack: a_code_of_tomorrow")


def test_every_test_on_the_page_exists() -> None:
    """A fault without a test is a promise."""
    known = {
        name
        for path in HERE.glob("test_*.py")
        for name in re.findall(r"^def (test_\w+)", path.read_text(encoding="utf-8"), re.MULTILINE)
    }
    named = set(re.findall(r"`(test_\w+)`", PAGE))
    assert named
    assert named <= known
    for line in PAGE.splitlines():
        assert not line.startswith("| ") or "test" in line or line.startswith("|---"), line
