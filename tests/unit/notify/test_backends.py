"""Addresses of traces in the backends that are known by name, and how wrong ones are refused."""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from causewatch.app.config import load_config
from causewatch.errors import ProblemsError
from causewatch.notify.backends import BACKENDS, SETTINGS, template_of
from causewatch.notify.config import Links
from causewatch.notify.links import PLACES, places_in, trace_url
from notify_fixtures import TRACE, a_cause, an_alert, opened, step_ref

SPAN = "00f067aa0ba902b7"
GIVEN = {
    "url": "https://traces.example.com/base/",
    "project": "p 1",
    "organization": "org/é",
    "environment": "prod",
    "dataset": "agents",
    "datasource": 'uid"1',
}
EXPECTED = {
    "jaeger": f"/trace/{TRACE}?uiFind={SPAN}",
    "langfuse": f"/project/p%201/traces/{TRACE}?observation={SPAN}",
    "phoenix": f"/redirects/spans/{SPAN}",
    "langsmith": "/o/org%2F%C3%A9/projects/p/p%201/r/00000000-0000-0000-00f0-67aa0ba902b7",
    "weave": f"/org%2F%C3%A9/p%201/weave/calls/{SPAN}",
    "honeycomb": "/org%2F%C3%A9/environments/prod/datasets/agents/trace"
    f"?trace_id={TRACE}&span={SPAN}&trace_start_ts=1789978400&trace_end_ts=1790003600",
    "datadog": f"/apm/trace/{TRACE}?spanID=67667974448284343&timeHint=1790000000000",
    "kibana": f"/app/apm/link-to/trace/{TRACE}"
    "?rangeFrom=2026-09-21T08%3A13%3A20.000Z&rangeTo=2026-09-21T15%3A13%3A20.000Z",
}
"""Without Tempo, whose address carries JSON."""


def address(name: str, given: dict[str, str]) -> str:
    """Return the address of an incident's trace in a backend."""
    origin = step_ref("lookup", "clerk", span_id=SPAN)
    incident = opened(an_alert(cause=a_cause(origin=origin))).incident
    return trace_url(Links(trace_url=template_of(name, given)), incident)


@pytest.mark.parametrize("name", EXPECTED)
def test_the_trace_of_an_incident_in_each_backend(name: str) -> None:
    """At its span where the backend can show one; what is put in is quoted."""
    assert address(name, GIVEN) == "https://traces.example.com/base" + EXPECTED[name]


def test_a_trace_in_tempo_is_a_query_of_explore() -> None:
    """The pane is JSON that Grafana reads, with the times around the incident."""
    found = urlsplit(address("tempo", GIVEN | {"datasource": "tempo-1"}))
    assert found.path == "/base/explore"
    asked = parse_qs(found.query)
    (pane,) = json.loads(asked["panes"][0]).values()
    assert asked["schemaVersion"] == ["1"]
    assert pane["datasource"] == pane["queries"][0]["datasource"]["uid"] == "tempo-1"
    assert pane["queries"][0]["query"] == TRACE
    assert pane["range"] == {"from": "1789978400000", "to": "1790003600000"}


@pytest.mark.parametrize("name", BACKENDS)
def test_every_template_has_known_places_alone(name: str) -> None:
    """Nothing of a template is left over in an address."""
    backend = BACKENDS[name]
    assert set(places_in(backend.template)) <= set(PLACES)
    assert set(backend.needs) <= set(SETTINGS)
    found = address(name, GIVEN)
    assert found.startswith("https://traces.example.com/base/")
    assert not set(found) & set("<>{}$ ")
    if backend.url:
        assert address(name, GIVEN | {"url": ""}).startswith(backend.url + "/")


def test_an_id_that_is_no_id_makes_no_address() -> None:
    """Rather than a wrong one: some backends have ids of another form."""
    origin = step_ref("lookup", span_id="not hex")
    incident = opened(an_alert(cause=a_cause(origin=origin))).incident
    for name in ("langsmith", "datadog"):
        assert trace_url(Links(trace_url=template_of(name, GIVEN)), incident) == ""


def template(folder: Path, text: str) -> str:
    """Return the template that a configuration comes to."""
    path = folder / "causewatch.yaml"
    path.write_text(f"links: {{trace: {text}}}\n", encoding="utf-8")
    return load_config(path).trace_url


def test_a_backend_is_named_in_the_configuration(tmp_path: Path) -> None:
    """With its settings; a template of one's own is taken as it is."""
    found = template(tmp_path, "{backend: jaeger, url: 'https://jaeger.example.com'}")
    assert found == "https://jaeger.example.com/trace/{{ $trace_id }}?uiFind={{ $span_id }}"
    own = "https://t.example.com/{{ $trace_id }}"
    assert template(tmp_path, f"'{own}'") == own
    assert template(tmp_path, "{backend: langfuse, project: p1}").startswith(
        "https://cloud.langfuse.com/project/p1/"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{backend: jager, url: 'https://x'}", "1:26: error: "),
        ("{backend: jaeger}", "1:16: error: jaeger needs the key 'url'"),
        ("{backend: langfuse}", "1:16: error: langfuse needs the key 'project'"),
        (
            "{backend: jaeger, url: 'https://x', project: p}",
            "1:52: error: jaeger does not take 'project'",
        ),
        ("{backend: jaeger, url: 'ftp://x'}", "1:39: error: an http or https address"),
        ("{url: 'https://x'}", "1:16: error: a trace link needs the key 'backend'"),
        ("'https://x/'", "1:16: error: an address of a trace has {{ $trace_id }} in it"),
        ("'https://x/{{ $traceid }}'", "there is no {{ $traceid }}; did you mean 'trace_id'?"),
    ],
)
def test_what_is_wrong_is_said_at_its_place(tmp_path: Path, text: str, expected: str) -> None:
    """File, line, column, and what is meant."""
    with pytest.raises(ProblemsError) as refused:
        template(tmp_path, text)
    assert expected in str(refused.value)
