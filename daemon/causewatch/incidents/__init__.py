"""Alerts that share one cause become one incident."""

from causewatch.incidents.gather import REOPEN_WITHIN_NS, ChangeReason, IncidentChange, gather

__all__ = ["REOPEN_WITHIN_NS", "ChangeReason", "IncidentChange", "gather"]
