"""The addresses that messages lead to: the incident's page, the trace, the runbook. Pure."""

from __future__ import annotations

import re
from urllib.parse import quote, urlsplit
from uuid import UUID

from causewatch.model.incident import Incident
from causewatch.notify.config import DIGEST_KEY, Links
from causewatch.notify.times import iso

MAX_URL_CHARS = 2900
NS_PER_S = 1_000_000_000
BEFORE_NS = 6 * 3600 * NS_PER_S
"""How long before its incident opened a trace may have begun, for backends that ask for a time."""
AFTER_NS = 3600 * NS_PER_S
PLACES = (
    *("trace_id", "span_id", "run_id", "span_uuid", "span_number"),
    *("at_ms", "from_s", "to_s", "from_ms", "to_ms", "from_time", "to_time"),
)
_PLACE = re.compile(r"\{\{ ?\$([a-z_]{1,32}) ?\}\}")
_SPAN_ID = re.compile(r"[0-9a-f]{16}")


def incident_url(links: Links, incident: Incident) -> str:
    """Return the address of an incident's page, of a digest's that of all; empty if unknown."""
    if not links.external_url:
        return ""
    if incident.key == DIGEST_KEY:
        return web_url(f"{links.external_url.rstrip('/')}/")
    return web_url(f"{links.external_url.rstrip('/')}/incidents/{quote(incident.id, safe='')}")


def trace_url(links: Links, incident: Incident) -> str:
    """Return the address of the trace of the origin (else of the symptom), empty if unknown."""
    values = _values(incident)
    used = places_in(links.trace_url)
    if not used or not all(values.get(name) for name in used):
        return ""
    return web_url(
        _PLACE.sub(lambda place: quote(values[place.group(1)], safe=""), links.trace_url)
    )


def places_in(template: str) -> tuple[str, ...]:
    """Return the names that a template has places for."""
    return tuple(_PLACE.findall(template))


def _values(incident: Incident) -> dict[str, str]:
    """Return what fills the places of a template; empty is not known."""
    ref = incident.cause.origin or incident.cause.symptom
    span_id = ref.span_id if ref else ""
    from_ns, to_ns = incident.opened_at_ns - BEFORE_NS, incident.updated_at_ns + AFTER_NS
    return {
        "trace_id": ref.trace_id if ref else "",
        "span_id": span_id,
        "span_uuid": str(UUID(span_id.zfill(32))) if _SPAN_ID.fullmatch(span_id) else "",
        "span_number": str(int(span_id, 16)) if _SPAN_ID.fullmatch(span_id) else "",
        "run_id": incident.run_ids[-1] if incident.run_ids else "",
        "at_ms": str(incident.opened_at_ns // 1_000_000),
        "from_s": str(from_ns // NS_PER_S),
        "to_s": str(to_ns // NS_PER_S),
        "from_ms": str(from_ns // 1_000_000),
        "to_ms": str(to_ns // 1_000_000),
        "from_time": iso(from_ns) or "",
        "to_time": iso(to_ns) or "",
    }


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
