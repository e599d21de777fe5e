"""Reads ``links`` of the configuration: where people look at a trace."""

from __future__ import annotations

from causewatch.notify.backends import BACKENDS, SETTINGS, template_of
from causewatch.notify.links import PLACES, places_in, web_url
from causewatch.rules.read import Section, did_you_mean
from causewatch.rules.yaml import Problems


def read_trace_link(section: Section, problems: Problems) -> str:
    """Return the template of a trace's address, empty where none is configured."""
    links = section.section("links")
    if links is None or not links.is_good("trace"):
        return ""
    full = links.section("trace")
    if full is not None:
        return _of_backend(full, problems)
    template = links.text("trace")
    found = places_in(template)
    for name in found:
        if name not in PLACES:
            hint = did_you_mean(name, PLACES)
            message = f"there is no {{{{ ${name} }}}}{hint}"
            problems.add(links.place_of("trace"), "value", message)
    if not found:
        message = "an address of a trace has {{ $trace_id }} in it"
        problems.add(links.place_of("trace"), "value", message)
    return template


def _of_backend(section: Section, problems: Problems) -> str:
    """Return the template of a backend that is known by name."""
    name = section.text("backend")
    backend = BACKENDS.get(name)
    if backend is None:
        return ""  # which is said already
    for key in SETTINGS:
        if section.has(key) and key not in backend.needs:
            message = f"{name} does not take {key!r}"
            problems.add(section.key_place(key), "unknown-key", message)
    needed = (*(() if backend.url else ("url",)), *backend.needs)
    for key in needed:
        if not section.has(key):
            problems.add(section.place, "missing-key", f"{name} needs the key {key!r}")
    url = section.text("url")
    if section.is_good("url") and not web_url(url):
        problems.add(section.place_of("url"), "value", "an http or https address is asked for")
    return template_of(name, {key: section.text(key) for key in ("url", *SETTINGS)})
