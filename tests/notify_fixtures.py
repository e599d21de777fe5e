"""Incidents, alerts and a virtual clock for the tests of store, incidents, notify and web."""

from __future__ import annotations

from typing import Any

import msgspec

from causewatch.incidents.gather import IncidentChange, gather
from causewatch.incidents.route import Route
from causewatch.model.finding import Alert, AlertState, Cause, StepRef
from causewatch.model.incident import Incident
from causewatch.notify.config import Receiver, SlackConfig, Target, WebhookConfig, targets_of

S = 1_000_000_000
NOW = 1_790_000_000 * S
TRACE = "a" * 32


def step_ref(name: str, agent: str = "", kind: str = "tool", **rest: Any) -> StepRef:
    """Return a reference to a step of one trace; its span id follows from its name."""
    span_id = rest.pop("span_id", f"{sum(name.encode()):016x}")
    return StepRef(trace_id=TRACE, span_id=span_id, name=name, agent=agent, kind=kind, **rest)


def a_cause(**changes: Any) -> Cause:
    """Return the cause of a run in which a tool failed inside of a green span."""
    cause = Cause(
        category="tool_failure",
        workflow="warranty",
        origin=step_ref("stock_lookup", "clerk"),
        origin_reason="returned a failure inside an OK span",
        propagators=(step_ref("clerk", "clerk", "agent"),),
        symptom=step_ref("send_label", "shipper"),
        path=(
            step_ref("stock_lookup", "clerk", evidence="first seen here"),
            step_ref("clerk", "clerk", "agent", evidence="took the result of stock_lookup"),
            step_ref("send_label", "shipper", evidence="called with what clerk handed over"),
        ),
        confidence=0.9,
    )
    return msgspec.structs.replace(cause, **changes)


def an_alert(
    name: str = "ToolFailed",
    state: AlertState = "firing",
    *,
    cause: Cause | None = None,
    **rest: Any,
) -> Alert:
    """Return an alert; ``rest`` are its other fields."""
    fields: dict[str, Any] = {
        "rule_id": f"group/{name}",
        "rule_version": "v1",
        "labels": {"severity": "ticket"},
        "annotations": {"summary": "A tool failed and nobody noticed."},
        "value": 1.0,
        "active_at_ns": NOW,
        "fired_at_ns": NOW,
        "run_ids": ("run-1",),
        "evidence": ("stock_lookup answered with an error envelope (48 bytes) and status OK.",),
        "revision": "abc1234",
    }
    fields |= rest
    cause = a_cause() if cause is None else cause
    return Alert(alertname=name, state=state, cause=cause, **fields)


def opened(*alerts: Alert, now_ns: int = NOW) -> IncidentChange:
    """Return the change that opens an incident of these alerts."""
    (change,) = gather((), alerts or (an_alert(),), now_ns)
    return change


def then(incident: Incident, *alerts: Alert, after_s: float = 60) -> IncidentChange:
    """Return what these alerts change, some seconds after the incident was last updated."""
    (change,) = gather((incident,), alerts, incident.updated_at_ns + int(after_s * S))
    return change


def resolved(alert: Alert) -> Alert:
    """Return the alert, resolved."""
    return msgspec.structs.replace(alert, state="resolved", resolved_at_ns=NOW + 60 * S)


def slack_target(**changes: Any) -> Target:
    """Return a Slack channel served by a bot token."""
    config = SlackConfig(channel="#agents", bot_token="xoxb-test", **changes)
    return targets_of(Receiver(name="team", slack=(config,)))[0]


def webhook_target(**changes: Any) -> Target:
    """Return a generic webhook."""
    config = WebhookConfig(url="https://hooks.example.com/x", **changes)
    return targets_of(Receiver(name="team", webhooks=(config,)))[0]


def route_to(name: str = "team", **rest: Any) -> Route:
    """Return a tree of one route."""
    return Route(receiver=name, **rest)


class VirtualClock:
    """A clock that tests move; a sleeper that moves it."""

    def __init__(self, now_ns: int = NOW) -> None:
        self.time_ns = now_ns

    def now_ns(self) -> int:
        return self.time_ns

    def advance(self, seconds: float) -> None:
        self.time_ns += max(1, int(seconds * S))
