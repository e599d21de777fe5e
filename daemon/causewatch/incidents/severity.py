"""The order of severities: free text, with a few well-known words above the rest."""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.model.finding import Alert

DEFAULT_SEVERITY = "ticket"
ORDER = ("page", "critical", "error", "ticket", "warning", "info")


def severity_of(alert: Alert) -> str:
    """Return an alert's severity label, the default where it has none."""
    return alert.labels.get("severity", "") or DEFAULT_SEVERITY


def rank(severity: str) -> int:
    """Return how high a severity is: larger is higher, words not in the order are lowest."""
    word = severity.lower()
    return len(ORDER) - ORDER.index(word) if word in ORDER else 0


def highest(severities: Iterable[str]) -> str:
    """Return the highest severity, the first of equals; the default of none."""
    return max(severities, key=rank, default=DEFAULT_SEVERITY)
