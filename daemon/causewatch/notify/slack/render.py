"""An incident as a Slack message. Pure: golden files show every case.

Everything interpolated is escaped; mentions come from the configuration alone. A message has at
most 16 blocks (Slack takes 50), and each text stays within Slack's limit for its place.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, TypeAlias

import msgspec

from causewatch.incidents.title import names
from causewatch.model.finding import Alert, AlertState, StepRef
from causewatch.model.incident import Incident
from causewatch.notify.config import DIGEST_KEY, Links
from causewatch.notify.excerpt import without_excerpts
from causewatch.notify.links import incident_url, runbook_url, trace_url, web_url
from causewatch.notify.slack.actions import buttons
from causewatch.notify.slack.mrkdwn import code, escape, joined, moment
from causewatch.notify.times import duration, utc_text

Block: TypeAlias = dict[str, Any]
MAX_BLOCKS = 45
MAX_SECTION_CHARS = 3000
MAX_HEADER_CHARS = 150
MAX_TEXT_CHARS = 1000
MAX_NAME_CHARS = 80
MAX_SENTENCE_CHARS = 300
MAX_PATH_STEPS = 12
MAX_EVIDENCE = 8
MAX_ALERTS = 10
MAX_RUNS = 8
MAX_LABELS = 8
RUN_IDS_KEPT = 100
EVENT_TYPE = "causewatch_incident"
_FIRING: frozenset[AlertState] = frozenset({"firing", "keep_firing"})
_ICONS = {
    "page": "🚨",
    "critical": "🚨",
    "error": "🔴",
    "ticket": "🟠",
    "warning": "🟡",
    "info": "🔵",
}


class SlackMessage(msgspec.Struct, frozen=True, kw_only=True):
    """What is posted: ``text`` for notifications and screen readers, ``blocks`` for the eye."""

    text: str
    blocks: tuple[Block, ...]
    metadata: dict[str, Any]


class Rendering(msgspec.Struct, frozen=True, kw_only=True):
    """What of the configuration a message depends on."""

    links: Links = msgspec.field(default_factory=Links)
    excerpts: bool = False
    actions: bool = False
    """Whether there are buttons that change something."""
    mentions: tuple[str, ...] = ()
    """Ready markup, such as ``<@U1>``."""
    instead_of: str = ""
    """The target that could not be told."""


def render(incident: Incident, rendering: Rendering, *, message_id: str = "") -> SlackMessage:
    """Return the message of an incident as it is now."""
    blocks = tuple(_blocks(incident, rendering))
    title = escape(_said(incident.title, rendering), MAX_TEXT_CHARS)
    return SlackMessage(
        text=f"{_icon(incident)} {_status(incident)}: {title}",
        blocks=blocks[:MAX_BLOCKS],
        metadata=_metadata(incident, message_id),
    )


def render_reply(
    incident: Incident, notes: Sequence[str], rendering: Rendering, *, message_id: str = ""
) -> SlackMessage:
    """Return the thread reply that says what changed; mentions, where given, come first."""
    lines = [" ".join(rendering.mentions)] if rendering.mentions else []
    lines += [escape(_said(note, rendering), MAX_SENTENCE_CHARS) for note in notes]
    if incident.state == "resolved":
        lasted = duration(incident.resolved_at_ns - incident.opened_at_ns)
        lines.append(f"✅ Resolved after {lasted}.")
    text = joined(lines or ["Updated."], MAX_SECTION_CHARS)
    return SlackMessage(
        text=text, blocks=(_section(text),), metadata=_metadata(incident, message_id)
    )


def headline(incident: Incident) -> str:
    """Return origin, propagators and symptom in one line of markup; empty without an origin."""
    cause = incident.cause
    if cause.origin is None:
        return ""
    origin = _step(cause.origin)
    passed_on = [code(ref.agent or ref.name, MAX_NAME_CHARS) for ref in cause.propagators]
    parts = [f"*First corrupted by* {origin}"]
    if passed_on:
        parts.append(f"*passed on by* {names(passed_on, 5)}")
    if cause.symptom is not None:
        parts.append(f"*surfaced at* {_step(cause.symptom)}")
    return " → ".join(parts)


def _blocks(incident: Incident, rendering: Rendering) -> Iterator[Block]:
    title = _said(incident.title, rendering)
    head = f"{_icon(incident)} {title}"
    yield {"type": "header", "text": _plain(head, MAX_HEADER_CHARS)}
    if rendering.mentions and incident.state == "open":
        yield _section(" ".join(rendering.mentions))
    summary = headline(incident)
    if summary:
        yield _section(summary)
    reason = incident.cause.origin_reason
    if reason:
        yield _section(f"*Why*: {escape(_said(reason, rendering), MAX_SENTENCE_CHARS)}")
    yield {"type": "section", "fields": list(_fields(incident))}
    lists = (
        ("Causal path", _path_lines(incident, rendering)),
        ("Evidence", _evidence_lines(incident, rendering)),
        ("Alerts", [_alert_line(alert, rendering) for alert in incident.alerts[:MAX_ALERTS]]),
        ("Runs", _run_lines(incident)),
    )
    for name, lines in lists:
        if lines:
            yield _section(f"*{name}*\n{joined(lines, MAX_SECTION_CHARS - len(name) - 3)}")
    elements = list(_buttons(incident, rendering.links))
    elements += buttons(incident) if rendering.actions else ()
    if elements:
        yield {"type": "actions", "elements": elements}
    yield {"type": "context", "elements": [_mrkdwn(_context(incident, rendering))]}


def _fields(incident: Incident) -> Iterator[Block]:
    cause = incident.cause
    yield _mrkdwn(f"*Status*\n{_status(incident)}")
    yield _mrkdwn(f"*Severity*\n{escape(incident.severity, MAX_NAME_CHARS)}")
    if cause.workflow:
        yield _mrkdwn(f"*Workflow*\n{code(cause.workflow, MAX_NAME_CHARS)}")
    if cause.category:
        yield _mrkdwn(f"*Category*\n{escape(cause.category, MAX_NAME_CHARS)}")
    if cause.confidence is not None:
        yield _mrkdwn(f"*Confidence*\n{round(cause.confidence * 100)} %")
    yield _mrkdwn(f"*Runs*\n{run_count(incident)}")
    yield _mrkdwn(f"*Opened*\n{moment(incident.opened_at_ns)}")
    if incident.acknowledged_by:
        who = escape(incident.acknowledged_by, MAX_NAME_CHARS)
        yield _mrkdwn(f"*Acknowledged*\n{moment(incident.acknowledged_at_ns)} by {who}")
    if incident.state == "resolved":
        lasted = duration(incident.resolved_at_ns - incident.opened_at_ns)
        yield _mrkdwn(f"*Resolved*\n{moment(incident.resolved_at_ns)} (after {lasted})")


def run_count(incident: Incident) -> str:
    """Return how many runs are behind an incident; an alert keeps its newest hundred."""
    count = len(incident.run_ids)
    full = any(len(alert.run_ids) >= RUN_IDS_KEPT for alert in incident.alerts)
    return f"{count} or more" if full else str(count)


def _path_lines(incident: Incident, rendering: Rendering) -> list[str]:
    lines = []
    for number, ref in enumerate(incident.cause.path, start=1):
        evidence = escape(_said(ref.evidence, rendering), MAX_SENTENCE_CHARS)
        lines.append(f"{number}. {_step(ref)}" + (f": {evidence}" if evidence else ""))
    if len(lines) > MAX_PATH_STEPS:
        # Both ends matter most: where it began and where it surfaced.
        half = MAX_PATH_STEPS // 2
        left_out = len(lines) - 2 * half
        lines = [*lines[:half], f"… {left_out} more steps …", *lines[-half:]]
    return lines


def _evidence_lines(incident: Incident, rendering: Rendering) -> list[str]:
    found = dict.fromkeys(text for alert in incident.alerts for text in alert.evidence if text)
    lines = [f"• {escape(_said(text, rendering), MAX_SENTENCE_CHARS)}" for text in found]
    more = len(lines) - MAX_EVIDENCE
    return [*lines[:MAX_EVIDENCE], f"… and {more} more"] if more > 0 else lines


def _alert_line(alert: Alert, rendering: Rendering) -> str:
    mark = "🔴" if alert.state in _FIRING else "✅"
    labels = [
        f"{escape(name, MAX_NAME_CHARS)}={escape(value, MAX_NAME_CHARS)}"
        for name, value in sorted(alert.labels.items())
        if name not in {"alertname", "severity"} and value
    ]
    line = f"{mark} *{escape(alert.alertname, MAX_NAME_CHARS)}*"
    if labels:
        line += f" ({names(labels, MAX_LABELS)})"
    summary = alert.annotations.get("summary", "")
    if summary:
        line += f": {escape(_said(summary, rendering), MAX_SENTENCE_CHARS)}"
    return line


def _run_lines(incident: Incident) -> list[str]:
    runs = incident.run_ids[::-1]
    if not runs:
        return []
    shown = ", ".join(code(run, MAX_NAME_CHARS) for run in runs[:MAX_RUNS])
    more = len(runs) - MAX_RUNS
    return [shown + (f" and {more} more" if more > 0 else "")]


def _buttons(incident: Incident, links: Links) -> Iterator[Block]:
    found = (
        (
            "All incidents" if incident.key == DIGEST_KEY else "Open incident",
            "incident",
            incident_url(links, incident),
        ),
        ("Open trace", "trace", trace_url(links, incident)),
        ("Runbook", "runbook", runbook_url(incident)),
    )
    for label, action, url in found:
        if web_url(url):
            text = {"type": "plain_text", "text": label}
            yield {"type": "button", "text": text, "url": url, "action_id": f"open_{action}"}


def _context(incident: Incident, rendering: Rendering) -> str:
    parts = [
        f"incident {escape(incident.id, MAX_NAME_CHARS)}",
        f"revision {incident.revision}",
        f"updated {utc_text(incident.updated_at_ns)}",
    ]
    if rendering.instead_of:
        target = escape(rendering.instead_of, MAX_NAME_CHARS)
        parts.insert(0, f"told here because {target} could not be")
    rules = dict.fromkeys(alert.revision for alert in incident.alerts if alert.revision)
    if rules:
        parts.append(f"rules {escape(names(rules, 2), MAX_NAME_CHARS)}")
    return " · ".join(parts)


def _step(ref: StepRef) -> str:
    shown = code(ref.name or ref.agent, MAX_NAME_CHARS)
    if ref.agent and ref.agent != ref.name and ref.name:
        shown += f" ({escape(ref.agent, MAX_NAME_CHARS)})"
    return shown


def _said(text: str, rendering: Rendering) -> str:
    return text if rendering.excerpts else without_excerpts(text)


def _icon(incident: Incident) -> str:
    if incident.state == "resolved":
        return "✅"
    return _ICONS.get(incident.severity.lower(), "🟠")


def _status(incident: Incident) -> str:
    if incident.state == "resolved":
        return "Resolved"
    return "Acknowledged" if incident.acknowledged_by else "Open"


def _metadata(incident: Incident, message_id: str) -> dict[str, Any]:
    payload = {
        "incident_id": incident.id,
        "revision": incident.revision,
        "message_id": message_id,
    }
    return {"event_type": EVENT_TYPE, "event_payload": payload}


def _section(text: str) -> Block:
    return {"type": "section", "text": _mrkdwn(text)}


def _mrkdwn(text: str) -> Block:
    # Verbatim: a bare address or @name in someone's text does not become a link or a mention.
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str, limit: int) -> Block:
    return {"type": "plain_text", "text": escape(text, limit), "emoji": False}
