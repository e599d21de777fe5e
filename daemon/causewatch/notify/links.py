"""The addresses that messages lead to: the incident's page, the trace, the runbook. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit

from causewatch.model.incident import Incident
from causewatch.notify.config import DIGEST_KEY, Links

MAX_URL_CHARS = 2900
_PLACE = re.compile(r"\{\{ ?\$(trace_id|span_id|run_id) ?\}\}")


def incident_url(links: Links, incident: Incident) -> str:
    """Return the address of an incident's page, of a digest's that of all; empty if unknown."""
    if not links.external_url:
        return ""
    if incident.key == DIGEST_KEY:
        return web_url(f"{links.external_url.rstrip('/')}/")
    return web_url(f"{links.external_url.rstrip('/')}/incidents/{quote(incident.id, safe='')}")


def trace_url(links: Links, incident: Incident) -> str:
    """Return the address of the trace of the origin (else of the symptom), empty if unknown."""
    ref = incident.cause.origin or incident.cause.symptom
    runs = incident.run_ids
    values = {
        "trace_id": ref.trace_id if ref else "",
        "span_id": ref.span_id if ref else "",
        "run_id": runs[-1] if runs else "",
    }
    used = _PLACE.findall(links.trace_url)
    if not used or not all(values[name] for name in used):
        return ""
    return web_url(
        _PLACE.sub(lambda place: quote(values[place.group(1)], safe=""), links.trace_url)
    )


def runbook_url(incident: Incident) -> str:
    """Return the first runbook address among the alerts' annotations, empty without one."""
    found = (web_url(alert.annotations.get("runbook_url", "")) for alert in incident.alerts)
    return next((url for url in found if url), "")


def web_url(text: str) -> str:
    """Return text that is an http(s) address, else the empty string.

    An annotation may carry text of a payload: no other scheme may become a link.
    """
    if len(text) > MAX_URL_CHARS or not text.isprintable() or any(c in text for c in " <>|\"'`\\"):
        return ""
    try:
        parts = urlsplit(text)
    except ValueError:
        return ""
    return text if parts.scheme in {"http", "https"} and parts.hostname else ""
