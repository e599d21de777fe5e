"""A storm of alerts: the first of them are told, and one message says how many more there are."""

from __future__ import annotations

import pytest

from causewatch.incidents.gather import gather
from causewatch.incidents.grouping import grouped_by
from causewatch.model.finding import Cause, Finding
from causewatch.notify.config import Alerting, Receiver, SlackConfig, WebhookConfig
from causewatch.notify.tell import tell
from causewatch.rules.file import load
from causewatch.rules.state import advance
from causewatch.store.record import OutboxRow
from causewatch.store.sqlite import SqliteStore
from notify_fixtures import NOW, S, route_to, step_ref

RULES = """\
groups:
- name: storm
  interval: 10s
  limit: 3
  rules:
  - alert: Failed
    signature: '{ span.causewatch.fault = "failure" } as source'
    by: [source.span.causewatch.tool]
    window: 5m
"""
TEAM = Receiver(
    name="team",
    slack=(SlackConfig(channel="#agents", bot_token="x"),),
    webhooks=(WebhookConfig(url="https://example.com"),),
)
ALERTING = Alerting(route=route_to(), receivers={"team": TEAM})


def found(number: int) -> Finding:
    """Return a finding of a tool of its own, with a cause of its own."""
    tool = f"tool_{'abcdefghij'[number // 10]}{'abcdefghij'[number % 10]}"
    return Finding(
        rule_id="storm/Failed",
        rule_version="v1",
        run_id=f"run-{number}",
        trace_ids=("t",),
        labels={"alertname": "Failed", "source_tool": tool},
        at_ns=NOW,
        cause=Cause(category="tool_failure", origin=step_ref(tool, "clerk")),
    )


def told(findings: list[Finding], group_by: tuple[str, ...] = ("cause",)) -> tuple[OutboxRow, ...]:
    """Return what is queued when all of these come at once."""
    (group,) = load({"storm.yaml": RULES.encode()}).groups
    store = SqliteStore()
    alerts = advance(group, {"storm/Failed": findings}, (), NOW + S)
    alerting = Alerting(route=route_to(group_by=group_by), receivers=ALERTING.receivers)
    changes = gather((), alerts, NOW + S, key_of=grouped_by(alerting.route))
    with store.transaction():
        store.put_incidents([change.incident for change in changes])
        tell(store, changes, alerting=alerting, now_ns=NOW + S)
    return store.unfinished()


@pytest.mark.parametrize("count", [4, 50])
def test_the_first_are_told_and_one_message_counts_the_rest(count: int) -> None:
    """The limit of the rule group: three incidents, and one that names the group and the number."""
    rows = told([found(number) for number in range(count)])
    for place in ("slack", "webhook"):
        incidents = [row.incident for row in rows if f"/{place}/" in row.target]
        names = [incident.alertnames for incident in incidents]
        assert sorted(names) == [("CausewatchGroupLimited",)] + [("Failed",)] * 3
        limited = next(i for i in incidents if i.alertnames == ("CausewatchGroupLimited",))
        summary = limited.alerts[0].annotations["summary"]
        assert summary == f"The group storm is over its limit of 3: {count - 3} more would fire"


def test_within_the_limit_nothing_is_said_of_it() -> None:
    """Three alerts, three incidents."""
    rows = told([found(number) for number in range(3)])
    assert {row.incident.alertnames for row in rows} == {("Failed",)}
    assert len(rows) == 6


def test_a_storm_of_one_name_can_be_one_incident() -> None:
    """Grouped by name: one message with all that the limit lets through."""
    rows = told([found(number) for number in range(50)], group_by=("alertname",))
    webhook = [row.incident for row in rows if "/webhook/" in row.target]
    assert sorted(len(incident.alerts) for incident in webhook) == [1, 3]
