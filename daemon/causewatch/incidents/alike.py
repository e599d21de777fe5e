"""What describes an incident so that its return is silenced, too. Pure."""

from __future__ import annotations

from causewatch.incidents.labels import incident_labels
from causewatch.incidents.matcher import Matcher
from causewatch.model.incident import Incident

_OF_A_CAUSE = ("workflow", "category", "origin", "origin_agent")


def matchers_like(incident: Incident) -> tuple[Matcher, ...]:
    """Return what matches an incident and others of its cause; without a cause it alone.

    An alert whose own labels say otherwise (a label named ``category``) is not silenced by it.
    """
    labels = incident_labels(incident)
    known = incident.cause.origin is not None
    names = _OF_A_CAUSE if known else ("incident",)
    return tuple(Matcher(name=name, value=labels[name]) for name in names)
