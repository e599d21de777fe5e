"""One message for many incidents: names the first of them and counts the rest. Pure.

It is told like an incident of its own: changed in place as the count changes, resolved when there
is nothing left to count. It is in no list of incidents.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence

import msgspec

from causewatch.incidents.gather import ChangeReason, IncidentChange
from causewatch.incidents.severity import highest, rank
from causewatch.model.finding import Alert, Cause
from causewatch.model.incident import Incident
from causewatch.notify.config import DIGEST_KEY, Target
from causewatch.notify.times import duration

MAX_NAMED_COUNT = 7
MAX_RUNS_COUNT = 100
_RULE_ID = "causewatch/receiver-limit"
_ALERTNAME = "CausewatchReceiverLimited"


class Crowd(msgspec.Struct, frozen=True, kw_only=True):
    """The incidents that a target is not told of one by one.

    ``gone_count`` are those that ended before anybody heard of them.
    """

    waiting: tuple[Incident, ...]
    gone_count: int = 0
    interval_s: float = 60.0


def digest_of(
    crowd: Crowd, target: Target, before: Incident | None, *, now_ns: int
) -> IncidentChange | None:
    """Return what the digest says now, ``None`` where that is nothing or nothing new.

    Args:
        crowd: what it is about.
        target: whom it is for.
        before: the digest as it was last, where it is still open.
        now_ns: Unix ns.
    """
    count = len(crowd.waiting)
    if before is None and not (count or crowd.gone_count):
        return None
    listed = sorted(crowd.waiting, key=lambda i: (-rank(i.severity), i.opened_at_ns, i.id))
    alert = _alert(crowd, listed, target, before, now_ns)
    opened_at_ns = before.opened_at_ns if before else now_ns
    after = Incident(
        id=before.id if before else _id(target, now_ns),
        key=DIGEST_KEY,
        state="open" if count else "resolved",
        title=f"Over the limit of receiver {target.receiver}: {_said(count, crowd.gone_count)}",
        severity=alert.labels["severity"],
        cause=Cause(),
        alerts=(alert,),
        opened_at_ns=opened_at_ns,
        updated_at_ns=now_ns,
        resolved_at_ns=0 if count else now_ns,
        revision=before.revision + 1 if before else 1,
    )
    if before is not None and (before.state, before.alerts) == (after.state, after.alerts):
        return None
    return IncidentChange(incident=after, reason=_reason(before, after))


def _alert(
    crowd: Crowd, listed: Sequence[Incident], target: Target, before: Incident | None, now_ns: int
) -> Alert:
    named = [f"{incident.title} ({incident.id})" for incident in listed[:MAX_NAMED_COUNT]]
    rest = len(listed) - len(named)
    severities = [incident.severity for incident in listed]
    least = before.severity if before and not severities else highest(severities)
    limit = f"{target.limit} in {duration(int(crowd.interval_s * 1_000_000_000))}"
    summary = f"More than {limit}: {_said(len(listed), crowd.gone_count)}."
    begun_ns = before.opened_at_ns if before else now_ns
    return Alert(
        rule_id=_RULE_ID,
        rule_version="",
        alertname=_ALERTNAME,
        labels={"alertname": _ALERTNAME, "receiver": target.receiver, "severity": least},
        annotations={"summary": summary},
        state="firing" if listed else "resolved",
        value=float(len(listed)),
        active_at_ns=begun_ns,
        fired_at_ns=begun_ns,
        # The newest of each: forgetting a run finds this message by them, too.
        run_ids=tuple(
            incident.run_ids[-1] for incident in listed[:MAX_RUNS_COUNT] if incident.run_ids
        ),
        evidence=(*named, f"and {rest} more") if rest else tuple(named),
    )


def _said(count: int, gone_count: int) -> str:
    more = f"{count} more {'incident is' if count == 1 else 'incidents are'} open"
    if not count:
        more = "all incidents past it are told or over"
    return f"{more}, {gone_count} ended untold" if gone_count else more


def _reason(before: Incident | None, after: Incident) -> ChangeReason:
    if before is None:
        return "opened"
    if after.state == "resolved":
        return "resolved"
    return "severity_raised" if rank(after.severity) > rank(before.severity) else "more_runs"


def _id(target: Target, now_ns: int) -> str:
    text = f"{target.name}\n{now_ns}"
    return "storm-" + hashlib.sha256(text.encode()).hexdigest()[:10]
