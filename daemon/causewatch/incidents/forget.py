"""Takes out of alerts and incidents what is known from runs that are to be forgotten. Pure.

Names of agents, tools and rules stay, and so do ids; sentences of evidence, which quote payloads,
go, and so do alerts and incidents that are about nothing else.
"""

from __future__ import annotations

from collections.abc import Callable, Collection

from msgspec.structs import replace

from causewatch.model.finding import Alert, Cause, StepRef
from causewatch.model.incident import Incident

Mask = Callable[[str], str]
"""Returns a sentence without what it quotes."""


def forgotten_in_alert(
    alert: Alert, *, runs: Collection[str], traces: Collection[str], mask: Mask
) -> Alert | None:
    """Return an alert without these runs: itself if about none of them, ``None`` if about no other.

    Args:
        alert: the alert.
        runs: ids of the runs to forget.
        traces: ids of their traces.
        mask: for its annotations.
    """
    kept = tuple(run for run in alert.run_ids if run not in runs)
    if len(kept) == len(alert.run_ids) and not _names(alert.cause, traces):
        return alert
    if alert.run_ids and not kept:
        return None
    return replace(
        alert,
        run_ids=kept,
        evidence=(),
        cause=_without_words(alert.cause),
        annotations={name: mask(text) for name, text in alert.annotations.items()},
    )


def forgotten_in_incident(
    incident: Incident, *, runs: Collection[str], traces: Collection[str], mask: Mask
) -> Incident | None:
    """Return an incident without these runs, in the manner of ``forgotten_in_alert``."""
    alerts = [
        forgotten_in_alert(alert, runs=runs, traces=traces, mask=mask) for alert in incident.alerts
    ]
    kept = tuple(alert for alert in alerts if alert is not None)
    is_untouched = kept == incident.alerts and not _names(incident.cause, traces)
    if is_untouched:
        return incident
    if not kept:
        return None
    return replace(
        incident,
        alerts=kept,
        title=mask(incident.title),
        cause=_without_words(incident.cause),
    )


def _names(cause: Cause, traces: Collection[str]) -> bool:
    """Tell whether a cause is one of these traces."""
    refs = (cause.origin, cause.symptom, *cause.propagators, *cause.path)
    return any(ref is not None and ref.trace_id in traces for ref in refs)


def _without_words(cause: Cause) -> Cause:
    return replace(
        cause,
        origin=_bare(cause.origin) if cause.origin else None,
        origin_reason="",
        propagators=tuple(map(_bare, cause.propagators)),
        symptom=_bare(cause.symptom) if cause.symptom else None,
        path=tuple(map(_bare, cause.path)),
    )


def _bare(ref: StepRef) -> StepRef:
    return replace(ref, evidence="")
