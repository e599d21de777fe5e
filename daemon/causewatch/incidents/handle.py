"""What people do to an incident: acknowledge it, resolve it, reopen it.

Theory of operation: an incident is open, acknowledged (somebody works on it: it is not told again
and again), closed (resolved by hand while alerts of it still fire) or ended (no alert of it fires).
A closed incident stays so until an alert comes up in it anew; ``gather`` sees to that.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal, assert_never, get_args

import msgspec

from causewatch.incidents.gather import ACTIVE, IncidentChange
from causewatch.incidents.silence import MAX_COMMENT_CHARS, MAX_CREATOR_CHARS, Refusal
from causewatch.incidents.title import one_line
from causewatch.model.incident import Incident

Deed = Literal["acknowledge", "resolve", "reopen"]
DEEDS: tuple[Deed, ...] = get_args(Deed)
Standing = Literal["open", "acknowledged", "closed", "ended"]
REFUSED: Mapping[tuple[Standing, Deed], str] = {
    ("acknowledged", "acknowledge"): "it is acknowledged already",
    ("closed", "acknowledge"): "it is resolved",
    ("ended", "acknowledge"): "it is resolved",
    ("closed", "resolve"): "it is resolved already",
    ("ended", "resolve"): "it is resolved already",
    ("open", "reopen"): "it is open already",
    ("ended", "reopen"): "no alert of it fires any more",
}
"""Everything else is done. An acknowledged incident that is reopened is nobody's again."""


def handle(
    incident: Incident, deed: Deed, *, by: str, comment: str = "", now_ns: int
) -> IncidentChange | Refusal:
    """Return what a deed changes, or why it changes nothing."""
    who = one_line(by, MAX_CREATOR_CHARS)
    if not who:
        return Refusal(reason="say who does it")
    refused = REFUSED.get((standing_of(incident), deed))
    if refused is not None:
        return Refusal(reason=f"incident {incident.id}: {refused}")
    why = one_line(comment, MAX_COMMENT_CHARS)
    after = msgspec.structs.replace(incident, updated_at_ns=now_ns, revision=incident.revision + 1)
    said = f" by {who}{f': {why}' if why else '.'}"
    match deed:
        case "acknowledge":
            after = msgspec.structs.replace(after, acknowledged_by=who, acknowledged_at_ns=now_ns)
            return IncidentChange(
                incident=after, reason="acknowledged", notes=(f"Acknowledged{said}",)
            )
        case "resolve":
            after = msgspec.structs.replace(
                after, state="resolved", closed_by=who, closed_at_ns=now_ns, resolved_at_ns=now_ns
            )
            return IncidentChange(incident=after, reason="resolved", notes=(f"Resolved{said}",))
        case "reopen":
            after = msgspec.structs.replace(
                after,
                state="open",
                closed_by="",
                closed_at_ns=0,
                resolved_at_ns=0,
                acknowledged_by="",
                acknowledged_at_ns=0,
            )
            return IncidentChange(incident=after, reason="reopened", notes=(f"Reopened{said}",))
        case _ as never:
            assert_never(never)


def standing_of(incident: Incident) -> Standing:
    """Return where an incident stands for the people who handle it."""
    if incident.state == "open":
        return "acknowledged" if incident.acknowledged_by else "open"
    is_closed = incident.closed_at_ns and any(a.state in ACTIVE for a in incident.alerts)
    return "closed" if is_closed else "ended"
