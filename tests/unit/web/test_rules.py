"""The rules as the API shows them."""

from __future__ import annotations

from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web import create_web_app
from causewatch.web.reader import Health, Reloaded
from causewatch.web.rules import GroupStatus, RulesStatus, RuleStatus
from web_client import Browser

RULE = RuleStatus(id="g/A", name="A", kind="signature", place="a.yaml:3", version="v1")
GROUP = GroupStatus(
    name="g", file="a.yaml", interval_s=10.0, last_slot_ns=10**18, took_s=0.25, rules=(RULE,)
)


def browser(found: RulesStatus, *, bearer_token: str = "") -> Browser:
    """Return a browser on an application with these rules."""
    app = create_web_app(
        SqliteStore(),
        Metrics(),
        health=Health,
        reload=Reloaded,
        rules=lambda: found,
        bearer_token=bearer_token,
    )
    return Browser(app)


def test_rules_are_told_in_the_words_of_prometheus() -> None:
    """Groups with their rules; a time that never was is null."""
    answer = browser(RulesStatus(revision="r1", sha256="abc", groups=(GROUP,)))
    found = answer.get("/api/v1/rules").json()
    assert (found["revision"], found["sha256"]) == ("r1", "abc")
    (group,) = found["groups"]
    assert (group["name"], group["interval"], group["evaluationTime"]) == ("g", 10.0, 0.25)
    assert group["lastEvaluation"] == "2001-09-09T01:46:40.000Z"
    (rule,) = group["rules"]
    assert (rule["name"], rule["type"], rule["state"]) == ("A", "signature", "inactive")
    assert (rule["health"], rule["lastError"], rule["lastErrorAt"]) == ("unknown", "", None)
    assert rule["lastEvaluation"] == group["lastEvaluation"]


def test_rules_are_behind_the_token() -> None:
    """Names of rules say what a company runs."""
    found = RulesStatus(revision="", sha256="", groups=(GROUP,))
    assert browser(found, bearer_token="secret").get("/api/v1/rules").status_code == 401
