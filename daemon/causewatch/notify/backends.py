"""Addresses of a trace in the backends that people look at traces in. Pure: a table.

Each form was read in the backend's own source or documentation: Grafana's Explore, Jaeger's
``uiFind``, Langfuse's ``observation``, Phoenix's redirects by OpenTelemetry ids, LangSmith's run id
made of a span id (``langsmith.integrations.otel``), Weave's call id (the span's), Honeycomb's
direct trace links, Datadog's trace page, Kibana's ``link-to``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from urllib.parse import quote

import msgspec

GRAFANA_PANE = (
    '{"a":{"datasource":"<datasource>","queries":[{"refId":"A","datasource":{"type":"tempo",'
    '"uid":"<datasource>"},"queryType":"traceql","query":"{{ $trace_id }}"}],'
    '"range":{"from":"{{ $from_ms }}","to":"{{ $to_ms }}"}}}'
)
"""The state of Explore, as its address carries it."""
_PLACE = re.compile(r"(<[a-z]+>|\{\{ \$[a-z_]+ \}\})")


class Backend(msgspec.Struct, frozen=True, kw_only=True):
    """How a backend's addresses look. ``<key>`` stands for a setting, ``{{ $name }}`` for an id."""

    template: str
    needs: tuple[str, ...] = ()
    """Settings that it takes beside ``url``; each is needed."""
    url: str = ""
    """Where it is, unless a setting says so; empty where everybody has their own."""


def _quoted(text: str) -> str:
    """Return text as a part of an address, its places left as they are."""
    parts = _PLACE.split(text)
    return "".join(part if at % 2 else quote(part, safe="") for at, part in enumerate(parts))


BACKENDS: Mapping[str, Backend] = {
    "tempo": Backend(
        template="<url>/explore?schemaVersion=1&panes=" + _quoted(GRAFANA_PANE),
        needs=("datasource",),
    ),
    "jaeger": Backend(template="<url>/trace/{{ $trace_id }}?uiFind={{ $span_id }}"),
    "langfuse": Backend(
        template="<url>/project/<project>/traces/{{ $trace_id }}?observation={{ $span_id }}",
        needs=("project",),
        url="https://cloud.langfuse.com",
    ),
    "phoenix": Backend(template="<url>/redirects/spans/{{ $span_id }}"),
    "langsmith": Backend(
        template="<url>/o/<organization>/projects/p/<project>/r/{{ $span_uuid }}",
        needs=("organization", "project"),
        url="https://smith.langchain.com",
    ),
    "weave": Backend(
        template="<url>/<organization>/<project>/weave/calls/{{ $span_id }}",
        needs=("organization", "project"),
        url="https://wandb.ai",
    ),
    "honeycomb": Backend(
        template="<url>/<organization>/environments/<environment>/datasets/<dataset>/trace"
        "?trace_id={{ $trace_id }}&span={{ $span_id }}"
        "&trace_start_ts={{ $from_s }}&trace_end_ts={{ $to_s }}",
        needs=("organization", "environment", "dataset"),
        url="https://ui.honeycomb.io",
    ),
    "datadog": Backend(
        template="<url>/apm/trace/{{ $trace_id }}?spanID={{ $span_number }}&timeHint={{ $at_ms }}",
        url="https://app.datadoghq.com",
    ),
    "kibana": Backend(
        template="<url>/app/apm/link-to/trace/{{ $trace_id }}"
        "?rangeFrom={{ $from_time }}&rangeTo={{ $to_time }}",
    ),
}
SETTINGS = tuple(dict.fromkeys(key for backend in BACKENDS.values() for key in backend.needs))


def template_of(name: str, settings: Mapping[str, str]) -> str:
    """Return the template of a backend's trace addresses, its settings put in.

    Args:
        name: one of ``BACKENDS``.
        settings: ``url`` where it has no default or another one, and what it needs.
    """
    backend = BACKENDS[name]
    url = settings.get("url", "") or backend.url
    found = backend.template.replace("<url>", url.rstrip("/"))
    for key in backend.needs:
        found = found.replace(f"<{key}>", quote(settings.get(key, ""), safe=""))
    return found
