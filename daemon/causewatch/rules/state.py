"""The states of an alert, as a table.

Theory of operation
===================
A rule has one alert for each distinct set of labels. Its *value* at a time ``t`` is the number of
distinct runs with a finding in ``(t - window, t]``. Findings are events, so the value is a step
function: it changes only where a finding comes in or leaves the window. The condition is *met*
while ``value >= min_runs``.

===========  =======================================================================
state        meaning
===========  =======================================================================
inactive     nothing to tell; such an alert has no row (a row that comes back with this
             state was pending and is to be forgotten)
pending      met, but not yet for as long as ``for`` says
firing       met, for long enough
keep_firing  no longer met, but not yet for as long as ``keep_firing_for`` says; for
             people it still fires
resolved     it fired, and is over; a new match starts a new episode of the same row
===========  =======================================================================

What happens at a time is one of five events: ``held`` (met, and long enough), ``waiting`` (met, but
``for`` is not over), ``keeping`` (not met, ``keep_firing_for`` is not over), ``over`` (not met, and
nothing keeps it) and ``gone`` (the rule is no longer in the files). ``TRANSITIONS`` answers every
pair of state and event. ``for`` counts from ``active_at_ns``; ``keep_firing_for`` from the time the
condition was last met; both are read from the row, so they survive a restart. So an alert resolves
``window + keep_firing_for`` after its last finding.

Slots may be missed. When the last slot is given, the time since then is replayed from change to
change, so the outcome, down to every time in the row, does not depend on which slots took place;
without it only the state at this slot is looked at. A slot time before the last one is a clock
that went backwards: nothing is changed, and ``backwards`` says why.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Literal, assert_never

import msgspec

from causewatch.model.finding import Alert, AlertState, Cause, Finding
from causewatch.rules.bundle import AnyRule, Bundle, Group
from causewatch.rules.health import OWN
from causewatch.rules.identity import rule_id_of
from causewatch.rules.keys import DEFAULT_SEVERITY

MAX_RUN_IDS = 100
MAX_EVIDENCE = 20
LIMITED_ALERTNAME = "CausewatchGroupLimited"

Event = Literal["held", "waiting", "keeping", "over", "gone"]
Fingerprint = tuple[str, tuple[tuple[str, str], ...]]
ACTIVE: frozenset[AlertState] = frozenset({"pending", "firing", "keep_firing"})

TRANSITIONS: Mapping[AlertState, Mapping[Event, AlertState]] = {
    "inactive": {
        "held": "firing",
        "waiting": "pending",
        "keeping": "inactive",  # what never fired is not kept firing
        "over": "inactive",
        "gone": "inactive",
    },
    "pending": {
        "held": "firing",
        "waiting": "pending",
        "keeping": "inactive",
        "over": "inactive",
        "gone": "inactive",
    },
    "firing": {
        "held": "firing",
        "waiting": "firing",  # a longer `for` after a reload does not take back what fired
        "keeping": "keep_firing",
        "over": "resolved",
        "gone": "resolved",
    },
    "keep_firing": {
        "held": "firing",
        "waiting": "firing",  # still the same episode: it has waited once
        "keeping": "keep_firing",
        "over": "resolved",
        "gone": "resolved",
    },
    "resolved": {
        "held": "firing",
        "waiting": "pending",
        "keeping": "resolved",
        "over": "resolved",
        "gone": "resolved",
    },
}


def advance(
    group: Group,
    findings: Mapping[str, Sequence[Finding]],
    alerts: Sequence[Alert],
    slot_ns: int,
    *,
    previous_slot_ns: int | None = None,
) -> tuple[Alert, ...]:
    """Return the alerts of a group that changed up to a slot; what is equal is left out.

    Args:
        group: the rules as they are now.
        findings: by rule id, at least those of the last ``window`` before the last slot (of any
            version of the rule: a reload does not end what fires).
        alerts: the rows known for this group; rows of other groups are passed over.
        slot_ns: Unix time of this slot.
        previous_slot_ns: the slot the rows are of; the time since then is replayed. ``None`` looks
            at this slot only.

    A returned alert in state ``inactive`` was pending and is to be deleted. What fired is always
    returned once as ``resolved``, even where it fired and ended between two slots.
    """
    if backwards(alerts, slot_ns, previous_slot_ns):
        return ()
    rules = {rule.rule_id: rule for rule in group}
    known = {alert.fingerprint: alert for alert in alerts if _is_of(group, alert)}
    start_ns = slot_ns if previous_slot_ns is None else previous_slot_ns
    after = dict(known)
    for rule in rules.values():
        for lane in _lanes(rule, findings.get(rule.rule_id, ()), known.values()):
            alert = lane.replay(start_ns, slot_ns)
            if alert is not None:
                after[alert.fingerprint] = alert
    for fingerprint, alert in known.items():
        is_gone = alert.rule_id not in rules and not _is_limit(group, alert)
        if is_gone and alert.state in ACTIVE:
            after[fingerprint] = _gone(alert, slot_ns)
    after = _limited(group, known, after, slot_ns)
    return tuple(alert for key, alert in after.items() if known.get(key) != alert)


def backwards(
    alerts: Sequence[Alert], slot_ns: int, previous_slot_ns: int | None = None
) -> str | None:
    """Return why a slot is to be ignored, or ``None`` when it is not."""
    if previous_slot_ns is not None and slot_ns < previous_slot_ns:
        return f"slot {slot_ns} is before the last slot {previous_slot_ns}"
    latest = max((_latest(alert) for alert in alerts), default=0)
    if slot_ns < latest:
        return f"slot {slot_ns} is before {latest}, when an alert last changed its state"
    return None


def resolve_vanished(bundle: Bundle, alerts: Sequence[Alert], slot_ns: int) -> tuple[Alert, ...]:
    """Return, ended, the active alerts of rules that are in no group any more.

    Those of no group at all, ``rules.health``, end by themselves.
    """
    ids = {rule.rule_id for group in bundle.groups for rule in group}
    ids |= {limit_id(group) for group in bundle.groups}
    gone = (
        alert
        for alert in alerts
        if alert.state in ACTIVE and alert.rule_id not in ids and not alert.rule_id.startswith(OWN)
    )
    return tuple(_gone(alert, slot_ns) for alert in gone)


def limit_id(group: Group) -> str:
    """Return the rule id of the alert that says that a group is over its limit."""
    return rule_id_of(group.key, "limit:")


class _Lane:
    """One rule, one set of labels: its row, and its findings by time."""

    def __init__(self, rule: AnyRule, labels: Mapping[str, str]) -> None:
        self.rule = rule
        self.labels = dict(labels)
        self.known: Alert | None = None
        self.findings: list[Finding] = []
        self._window_ns = _ns(rule.window_s)

    def replay(self, start_ns: int, slot_ns: int) -> Alert | None:
        """Return the row at the slot; ``None`` when there is nothing to keep."""
        self.findings = sorted(
            (f for f in self.findings if start_ns - self._window_ns < f.at_ns <= slot_ns),
            key=lambda finding: finding.at_ns,
        )
        row = self.known or self._blank()
        ended: Alert | None = None
        for time_ns, value in self._changes(start_ns, slot_ns):
            for deadline_ns in self._deadlines(row, start_ns, time_ns):
                row = self._step(row, deadline_ns, row.value)
                ended = row if row.state == "resolved" else ended
            row = self._step(row, time_ns, value)
            ended = row if row.state == "resolved" else ended
        if row.state == "inactive":
            # A later pending that came to nothing does not hide that what fired is over.
            row = ended or row
        if row.state not in ACTIVE and _is_same_end(row, self.known):
            return self.known
        return self._dressed(row, slot_ns)

    def _blank(self) -> Alert:
        return Alert(
            rule_id=self.rule.rule_id,
            rule_version=self.rule.version,
            alertname=self.rule.alertname,
            labels=self.labels,
            state="inactive",
            value=0.0,
        )

    def _changes(self, start_ns: int, slot_ns: int) -> Iterator[tuple[int, float]]:
        """Yield every time in ``(start, slot]`` at which the value changes, and the slot."""
        moves = sorted(
            move
            for finding in self.findings
            for move in (
                (finding.at_ns, 1, finding.run_id),
                (finding.at_ns + self._window_ns, -1, finding.run_id),
            )
            if move[0] <= slot_ns
        )
        depth: Counter[str] = Counter()
        for number, (time_ns, change, run_id) in enumerate(moves):
            depth[run_id] += change
            if depth[run_id] == 0:
                del depth[run_id]
            is_last = number + 1 == len(moves) or moves[number + 1][0] != time_ns
            if is_last and start_ns < time_ns < slot_ns:
                yield time_ns, float(len(depth))
        yield slot_ns, float(len(depth))

    def _deadlines(self, row: Alert, start_ns: int, time_ns: int) -> Iterator[int]:
        """Yield when ``for`` or ``keep_firing_for`` runs out before a time, if it does."""
        match row.state:
            case "pending":
                deadline_ns = row.active_at_ns + _ns(self.rule.for_s)
            case "keep_firing":
                deadline_ns = row.keep_firing_since_ns + _ns(self.rule.keep_firing_for_s)
            case "inactive" | "firing" | "resolved":
                return
            case _:
                assert_never(row.state)
        if start_ns < deadline_ns < time_ns:
            yield deadline_ns

    def _step(self, row: Alert, time_ns: int, value: float) -> Alert:
        event = self._event(row, time_ns, value)
        return _moved(row, TRANSITIONS[row.state][event], time_ns, value)

    def _event(self, row: Alert, time_ns: int, value: float) -> Event:
        if value >= self.rule.min_runs:
            since_ns = row.active_at_ns if row.state in ACTIVE else time_ns
            return "held" if time_ns - since_ns >= _ns(self.rule.for_s) else "waiting"
        since_ns = row.keep_firing_since_ns if row.state == "keep_firing" else time_ns
        return "over" if time_ns - since_ns >= _ns(self.rule.keep_firing_for_s) else "keeping"

    def _dressed(self, row: Alert, slot_ns: int) -> Alert:
        """Return the row with the runs, cause, evidence and texts of this slot."""
        shown = [f for f in self.findings if f.at_ns > slot_ns - self._window_ns]
        if not shown and (self.known is None or not self.known.run_ids):
            shown = self.findings
        if shown:
            row = msgspec.structs.replace(
                row,
                run_ids=tuple(dict.fromkeys(f.run_id for f in shown))[-MAX_RUN_IDS:],
                cause=_cause_of(row, shown),
                evidence=_evidence_of(shown),
            )
        row = msgspec.structs.replace(row, rule_version=self.rule.version)
        texts = {name: text.render(row) for name, text in self.rule.annotations.items()}
        return msgspec.structs.replace(row, annotations=texts)


def _lanes(rule: AnyRule, findings: Iterable[Finding], known: Iterable[Alert]) -> Iterator[_Lane]:
    """Yield a lane for each set of labels that has a finding or a row."""
    lanes: dict[tuple[tuple[str, str], ...], _Lane] = {}

    def lane(labels: Mapping[str, str]) -> _Lane:
        return lanes.setdefault(tuple(sorted(labels.items())), _Lane(rule, labels))

    for alert in known:
        if alert.rule_id == rule.rule_id:
            lane(alert.labels).known = alert
    for finding in findings:
        lane(rule.alert_labels(finding.labels)).findings.append(finding)
    yield from lanes.values()


def _moved(row: Alert, state: AlertState, time_ns: int, value: float) -> Alert:
    """Return the row in its next state, with the times that belong to it."""
    begins = row.state not in ACTIVE and state in ACTIVE
    active_at_ns = time_ns if begins else row.active_at_ns
    fired_at_ns = 0 if begins else row.fired_at_ns
    if state == "firing" and row.state not in {"firing", "keep_firing"}:
        fired_at_ns = time_ns
    keep_since_ns = 0
    if state == "keep_firing":
        keep_since_ns = row.keep_firing_since_ns if row.state == "keep_firing" else time_ns
    ended = state == "resolved" and row.state in ACTIVE
    resolved_at_ns = time_ns if ended else (0 if state != "resolved" else row.resolved_at_ns)
    return msgspec.structs.replace(
        row,
        state=state,
        value=value,
        active_at_ns=active_at_ns,
        fired_at_ns=fired_at_ns,
        keep_firing_since_ns=keep_since_ns,
        resolved_at_ns=resolved_at_ns,
    )


def _is_same_end(row: Alert, known: Alert | None) -> bool:
    """Return whether nothing has happened to an alert that is over, or never was."""
    if known is None:
        return row.state == "inactive"
    before = known.state, known.active_at_ns, known.resolved_at_ns
    return before == (row.state, row.active_at_ns, row.resolved_at_ns)


def _gone(alert: Alert, slot_ns: int) -> Alert:
    return _moved(alert, TRANSITIONS[alert.state]["gone"], slot_ns, 0.0)


def _cause_of(row: Alert, findings: Sequence[Finding]) -> Cause:
    """Return the cause to show: kept while the episode lasts, so that incidents do not flap."""
    if row.cause.origin is not None and any(f.run_id in row.run_ids for f in findings):
        return row.cause
    with_origin = (f.cause for f in reversed(findings) if f.cause.origin is not None)
    return next(with_origin, findings[-1].cause)


def _evidence_of(findings: Sequence[Finding]) -> tuple[str, ...]:
    sentences = (sentence for finding in reversed(findings) for sentence in finding.evidence)
    return tuple(dict.fromkeys(sentences))[:MAX_EVIDENCE]


def _limited(
    group: Group,
    known: Mapping[Fingerprint, Alert],
    after: dict[Fingerprint, Alert],
    slot_ns: int,
) -> dict[Fingerprint, Alert]:
    """Keep the first ``limit`` active alerts; one more says how many were left out."""
    own = {key: alert for key, alert in after.items() if not _is_limit(group, alert)}
    active = [key for key, alert in own.items() if alert.state in ACTIVE]
    active.sort(key=lambda key: (not _was_active(known.get(key)), own[key].active_at_ns, key))
    over = active[group.limit :] if group.limit else []
    # What was active before stays, even past a limit that a reload has lowered.
    over = [key for key in over if not _was_active(known.get(key))]
    for key in over:
        del after[key]
        if key in known:
            after[key] = known[key]
    row = _limit_row(group, known)
    if over or row.state in ACTIVE:
        alert = _limit_alert(group, row, len(over), slot_ns)
        after[alert.fingerprint] = alert
    return after


def _limit_row(group: Group, known: Mapping[Fingerprint, Alert]) -> Alert:
    labels = {"severity": DEFAULT_SEVERITY, **group.labels}
    blank = Alert(
        rule_id=limit_id(group),
        rule_version="",
        alertname=LIMITED_ALERTNAME,
        labels={**labels, "alertname": LIMITED_ALERTNAME, "group": group.name},
        state="inactive",
        value=0.0,
    )
    return next((alert for alert in known.values() if _is_limit(group, alert)), blank)


def _limit_alert(group: Group, row: Alert, over: int, slot_ns: int) -> Alert:
    event: Event = "held" if over else "over"
    moved = _moved(row, TRANSITIONS[row.state][event], slot_ns, float(over))
    text = f"The group {group.name} is over its limit of {group.limit}: {over} more would fire"
    annotations = {"summary": text} if over else row.annotations
    return msgspec.structs.replace(moved, annotations=annotations)


def _is_of(group: Group, alert: Alert) -> bool:
    return alert.rule_id.startswith(rule_id_of(group.key, ""))


def _is_limit(group: Group, alert: Alert) -> bool:
    return alert.rule_id == limit_id(group)


def _was_active(alert: Alert | None) -> bool:
    return alert is not None and alert.state in ACTIVE


def _latest(alert: Alert) -> int:
    return max(
        alert.active_at_ns, alert.fired_at_ns, alert.keep_firing_since_ns, alert.resolved_at_ns
    )


def _ns(seconds: float) -> int:
    return round(seconds * 1e9)
