"""The alerts on causewatch's own rules: one that fails, and one that always fires.

They are alerts like those of rules: they lead to incidents, go through the routing tree and survive
a restart as rows of the store. Their rule ids belong to a group without a name, which no rule file
can have. ``CausewatchRuleFailing`` has an alert for each rule in an episode of failures (see
``rules.backoff``). ``Watchdog`` fires as long as nothing is wrong with the daemon, for a monitor
that rings when it hears of it no more.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TypeAlias

import msgspec

from causewatch.model.finding import Alert, AlertState, Labels
from causewatch.rules.backoff import Failing
from causewatch.rules.identity import rule_id_of
from causewatch.rules.keys import DEFAULT_SEVERITY

FAILING_ALERTNAME = "CausewatchRuleFailing"
WATCHDOG_ALERTNAME = "Watchdog"
OWN = rule_id_of("", "")
"""How the ids of these alerts begin."""
FAILING_ID = f"{OWN}{FAILING_ALERTNAME}"
WATCHDOG_ID = f"{OWN}{WATCHDOG_ALERTNAME}"
WATCHDOG_SEVERITY = "info"
MIN_GROUP_FAILURES = 3
"""A store that is busy for a moment fails a whole look: the next one makes up for it."""
_RUNBOOK = (
    f"https://github.com/causewatch/causewatch/blob/main/docs/runbooks/{FAILING_ALERTNAME}.md"
)
_ACTIVE: frozenset[AlertState] = frozenset({"pending", "firing", "keep_firing"})
_Fingerprint: TypeAlias = tuple[str, tuple[tuple[str, str], ...]]


class FailingRule(msgspec.Struct, frozen=True, kw_only=True):
    """A rule in an episode of failures, or with an empty ``rule`` a group that cannot be looked at.

    ``labels`` are those of its group, so that the alert goes where those of the rule go.
    """

    group: str
    rule: str
    labels: Labels
    failing: Failing

    @property
    def is_told(self) -> bool:
        """Return whether people are to hear of it: at once of a rule, later of a whole group."""
        return bool(self.rule) or self.failing.failed_count >= MIN_GROUP_FAILURES


def failing_alerts(
    failing: Iterable[FailingRule],
    known: Iterable[Alert],
    now_ns: int,
    *,
    labels: Labels,
    is_settled: bool,
) -> tuple[Alert, ...]:
    """Return the alerts on failing rules that changed.

    Args:
        failing: the rules in an episode of failures now.
        known: the rows of the store.
        now_ns: the time of this look.
        labels: what these alerts carry besides; labels of the group win.
        is_settled: whether the daemon runs for so long that a rule of which nothing is remembered
            does not fail. Before, a row from before a restart stays as it is.
    """
    rows = {row.fingerprint: row for row in known if row.rule_id == FAILING_ID}
    after: dict[_Fingerprint, Alert] = {}
    for each in failing:
        if each.is_told:
            blank = _failing_row(each, labels)
            row = rows.get(blank.fingerprint, blank)
            after[blank.fingerprint] = _dressed(_fire(row, now_ns), each)
    for fingerprint, row in rows.items():
        if fingerprint not in after and row.state in _ACTIVE and is_settled:
            after[fingerprint] = _resolve(row, now_ns)
    return tuple(row for key, row in after.items() if rows.get(key) != row)


def watchdog_alerts(
    known: Iterable[Alert],
    now_ns: int,
    *,
    labels: Labels,
    is_wanted: bool,
    problems: Sequence[str],
) -> tuple[Alert, ...]:
    """Return the ``Watchdog`` alerts that changed.

    ``problems`` are what is wrong with the daemon, as sentences: while there is one it does not
    fire.
    """
    rows = {row.fingerprint: row for row in known if row.rule_id == WATCHDOG_ID}
    after: dict[_Fingerprint, Alert] = {}
    if is_wanted and not problems:
        wanted = {"severity": WATCHDOG_SEVERITY, **labels, "alertname": WATCHDOG_ALERTNAME}
        blank = _blank(WATCHDOG_ID, WATCHDOG_ALERTNAME, wanted)
        row = _fire(rows.get(blank.fingerprint, blank), now_ns)
        text = "This alert always fires: while it is told, causewatch judges runs and tells people"
        row = msgspec.structs.replace(row, value=1.0, annotations={"summary": text}, evidence=())
        after[row.fingerprint] = row
    for fingerprint, row in rows.items():
        if fingerprint not in after and row.state in _ACTIVE:
            ended = _resolve(row, now_ns)
            after[fingerprint] = msgspec.structs.replace(ended, evidence=tuple(problems))
    return tuple(row for key, row in after.items() if rows.get(key) != row)


def _failing_row(each: FailingRule, labels: Labels) -> Alert:
    wanted = {
        "severity": DEFAULT_SEVERITY,
        **labels,
        **each.labels,
        "alertname": FAILING_ALERTNAME,
        "group": each.group,
        "rule": each.rule,
    }
    return _blank(FAILING_ID, FAILING_ALERTNAME, wanted)


def _dressed(row: Alert, each: FailingRule) -> Alert:
    failing = each.failing
    what = f"The rule {each.rule} of" if each.rule else "All of"
    text = f"{what} the group {each.group} cannot be evaluated: {_runs(failing, each.rule)}"
    return msgspec.structs.replace(
        row,
        value=float(failing.failed_count + failing.rested_count),
        annotations={"summary": text, "runbook_url": _RUNBOOK},
        evidence=(failing.reason,),
        run_ids=failing.run_ids,
    )


def _runs(failing: Failing, rule: str) -> str:
    if not rule:
        return f"it failed {failing.failed_count} times, and is tried again; its runs wait"
    told = f"it failed over {failing.failed_count} runs"
    if failing.rested_count:
        told += f", and {failing.rested_count} more were passed over while it rested"
    return told


def _blank(rule_id: str, alertname: str, labels: Labels) -> Alert:
    return Alert(
        rule_id=rule_id,
        rule_version="",
        alertname=alertname,
        labels=labels,
        state="inactive",
        value=0.0,
    )


def _fire(row: Alert, now_ns: int) -> Alert:
    if row.state in _ACTIVE:
        return row
    return msgspec.structs.replace(
        row, state="firing", active_at_ns=now_ns, fired_at_ns=now_ns, resolved_at_ns=0
    )


def _resolve(row: Alert, now_ns: int) -> Alert:
    return msgspec.structs.replace(row, state="resolved", value=0.0, resolved_at_ns=now_ns)
