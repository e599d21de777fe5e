"""Alerts over time: a daemon in miniature, and what can be said of its alerts."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence

from causewatch.blame.judge import judge
from causewatch.model.finding import Alert, Finding
from causewatch.model.graph import CausalGraph
from causewatch.rules.bundle import Bundle
from causewatch.rules.evaluate import findings_of
from causewatch.rules.state import ACTIVE, advance

SECOND_NS = 1_000_000_000
EPOCH_NS = 1_760_000_000 * SECOND_NS
"""The Unix time that a scenario calls ``0s``."""
_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}
_TIME = re.compile(r"(?:\d+[smhd])+")
_ALERT = re.compile(
    r"(\w+)\s*(?:\{(.*?)\})?\s+(pending|firing|keep_firing|resolved)((?:\s+\S+\s+\S+)*)"
)
_LABEL = re.compile(r'\s*(\w+)\s*=\s*"((?:[^"\\]|\\.)*)"\s*(?:,|$)')


def time_of(text: str) -> int:
    """Return the Unix time, in ns, of a scenario's time such as ``90s`` or ``1h30m``.

    Raises:
        ValueError: it is none.
    """
    if not _TIME.fullmatch(text):
        message = f"{text!r} is no time such as 90s or 1h30m"
        raise ValueError(message)
    seconds = sum(int(n) * _UNITS[unit] for n, unit in re.findall(r"(\d+)([smhd])", text))
    return EPOCH_NS + seconds * SECOND_NS


def time_told(at_ns: int) -> str:
    """Return a time as a scenario would write it; ``never`` for none."""
    if not at_ns:
        return "never"
    minutes, seconds = divmod((at_ns - EPOCH_NS) // SECOND_NS, 60)
    told = [f"{minutes}m" if minutes else "", f"{seconds}s" if seconds or not minutes else ""]
    return "".join(told)


FIGURES: Mapping[str, Callable[[Alert], str]] = {
    "value": lambda alert: f"{alert.value:g}",
    "runs": lambda alert: str(len(alert.run_ids)),
    "category": lambda alert: alert.cause.category,
    "origin": lambda alert: alert.cause.origin.name if alert.cause.origin else "none",
    "active": lambda alert: time_told(alert.active_at_ns),
    "fired": lambda alert: time_told(alert.fired_at_ns),
    "resolved": lambda alert: time_told(alert.resolved_at_ns),
}


def fits(text: str, alert: Alert) -> bool:
    """Tell whether ``NAME{label="value"} state figure value …`` describes an alert.

    Labels and figures that are not written may be any.

    Raises:
        ValueError: the text is no description of an alert.
    """
    found = _ALERT.fullmatch(text)
    if found is None:
        message = 'an alert is written NAME{label="value"} state'
        raise ValueError(message)
    words = found[4].split()
    figures = dict(zip(words[::2], words[1::2], strict=True))
    if unknown := figures.keys() - FIGURES.keys():
        message = f"of an alert nothing is called {', '.join(sorted(unknown))}"
        raise ValueError(message)
    labels = dict(_LABEL.findall(found[2] or ""))
    return (
        (alert.alertname, alert.state) == (found[1], found[3])
        and all(alert.labels.get(name) == value for name, value in labels.items())
        and all(FIGURES[name](alert) == value for name, value in figures.items())
    )


def alerts_told(alerts: Sequence[Alert]) -> str:
    """Return alerts as a scenario would write them."""
    return "; ".join(map(_told, alerts)) or "no alerts"


def _told(alert: Alert) -> str:
    labels = ", ".join(f'{name}="{value}"' for name, value in sorted(alert.labels.items()))
    figures = " ".join(f"{name} {FIGURES[name](alert)}" for name in FIGURES)
    return f"{alert.alertname}{{{labels}}} {alert.state} {figures}"


class Desk:
    """Findings and alert rows, kept from one time to the next as the daemon keeps them."""

    def __init__(self, bundle: Bundle) -> None:
        self.bundle = bundle
        self.findings: dict[tuple[object, ...], Finding] = {}
        self.rows: dict[object, Alert] = {}
        self.slot_ns: int | None = None

    def slot(self, slot_ns: int, runs: Sequence[CausalGraph]) -> list[Alert]:
        """Evaluate every group; return the alerts that are active or ended just now."""
        judged = [judge(run, self.bundle.contracts, paths=self.bundle.paths) for run in runs]
        changed: list[Alert] = []
        for group in self.bundle.groups:
            for assessment in judged:
                for found in findings_of(group, assessment, slot_ns):
                    key = found.rule_id, found.run_id, tuple(sorted(found.labels.items()))
                    self.findings.setdefault(key, found)
            by_rule = {
                rule.rule_id: [f for f in self.findings.values() if f.rule_id == rule.rule_id]
                for rule in group
            }
            rows = tuple(self.rows.values())
            changed += advance(group, by_rule, rows, slot_ns, previous_slot_ns=self.slot_ns)
        for alert in changed:
            if alert.state == "inactive":
                self.rows.pop(alert.fingerprint, None)
            else:
                self.rows[alert.fingerprint] = alert
        self.slot_ns = slot_ns
        ended = [alert for alert in changed if alert.state == "resolved"]
        return [*(alert for alert in self.rows.values() if alert.state in ACTIVE), *ended]
