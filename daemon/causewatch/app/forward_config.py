"""The ``forward`` section of ``causewatch.yaml``: where judged runs go on to."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from causewatch.app.address import Address
from causewatch.app.secret import read_secret
from causewatch.forward.destination import (
    ClientTls,
    Compression,
    Destination,
    Filter,
    Mode,
    Protocol,
    Verdict,
)
from causewatch.forward.exporter import host_and_port
from causewatch.rules.read import Section
from causewatch.rules.yaml import Problems
from causewatch.sampling.read import read_sampling

_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}\Z")
_HEADER_NAME = re.compile(r"[A-Za-z0-9!#$%&'*+.^_`|~-]{1,200}\Z")
_HEADER_VALUE = re.compile(r"[\x20-\x7e]{0,8192}\Z")
_RESERVED = frozenset({"content-type", "content-encoding", "content-length", "host", "te"})
_LOOPBACK = frozenset({"localhost", "127.0.0.1", "::1"})
_EVERY_INTERFACE = frozenset({"0.0.0.0", "::"})  # noqa: S104  # compared with, not listened on


def read_forward(
    section: Section, folder: Path, listening: Sequence[Address], problems: Problems
) -> tuple[Destination, ...]:
    """Return the destinations; two of one name, and one that is ourselves, are problems.

    ``listening`` are the addresses of our own receivers.
    """
    found: dict[str, Destination] = {}
    for item in section.sections("forward"):
        destination = _destination(item, folder, problems)
        # One file cannot be two queues, and some file systems do not tell case apart.
        key = destination.name.lower()
        if key in found:
            message = f"a second destination {destination.name!r}"
            problems.add(item.place_of("name"), "duplicate", message)
        found[key] = destination
        if item.is_good("endpoint"):
            _refuse_loop(item, destination, listening, problems)
    return tuple(found.values())


def _destination(section: Section, folder: Path, problems: Problems) -> Destination:
    default = Destination(name="", endpoint="")
    name, endpoint = section.text("name"), section.text("endpoint").strip()
    if section.is_good("name") and not _NAME.match(name):
        message = "a name has letters, digits, `-` and `_`, at most 64"
        problems.add(section.place_of("name"), "value", message)
    if section.is_good("endpoint") and not _is_url(endpoint):
        message = "an address such as http://tempo:4317 or https://host/path is asked for"
        problems.add(section.place_of("endpoint"), "value", message)
    if section.has("sampling") and not section.boolean("sampled", default=True):
        message = "`sampled: false` leaves the policies given here without use"
        problems.add(section.place_of("sampled"), "value", message)
    return Destination(
        name=name,
        endpoint=endpoint,
        protocol=cast("Protocol", section.text("protocol", default.protocol)),
        headers=_headers(section, folder, problems),
        tls=_tls(section, folder, problems),
        compression=cast("Compression", section.text("compression", default.compression)),
        filter=_filter(section.section("filter")),
        sampled=section.boolean("sampled", default=default.sampled),
        sampling=read_sampling(section.section("sampling"), problems),
        mode=cast("Mode", section.text("mode", default.mode)),
        queue_mib=section.integer("queue_mib", default.queue_mib),
        max_age_s=section.seconds("max_age", default.max_age_s),
        max_request_mib=section.integer("max_request_mib", default.max_request_mib),
        timeout_s=section.seconds("timeout", default.timeout_s),
    )


def _headers(section: Section, folder: Path, problems: Problems) -> dict[str, str]:
    found: dict[str, str] = {}
    place = section.place_of("headers")
    for name, given in section.mapping("headers").items():
        value = given
        if isinstance(given, Section):
            value = read_secret(given, "value", folder, problems)
            if given.ok and not value:
                problems.add(given.place, "value", f"header {name!r} needs a value")
        if not isinstance(value, str):
            continue
        if not _HEADER_NAME.match(name) or name.lower() in _RESERVED:
            problems.add(place, "value", f"{name!r} cannot be set as a header")
        if not _HEADER_VALUE.match(value):
            # The value itself is not shown: it may be a secret.
            message = f"the value of header {name!r} has characters that no header may have"
            problems.add(place, "value", message)
        found[name] = value
    return found


def _tls(section: Section, folder: Path, problems: Problems) -> ClientTls:
    tls = section.section("tls")
    if tls is None:
        return ClientTls()
    if tls.ok and tls.has("cert_file") != tls.has("key_file"):
        problems.add(tls.place, "value", "give `cert_file` and `key_file`, or neither")
    names = {key: tls.text(key) for key in ("ca_file", "cert_file", "key_file")}
    return ClientTls(**{key: str(folder / name) if name else "" for key, name in names.items()})


def _filter(section: Section | None) -> Filter:
    if section is None:
        return Filter()
    return Filter(
        verdicts=cast("tuple[Verdict, ...]", section.texts("verdict")),
        workflows=section.texts("workflow"),
        services=section.texts("service"),
    )


def _is_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"http", "https"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False


def _refuse_loop(
    section: Section, destination: Destination, listening: Sequence[Address], problems: Problems
) -> None:
    """Refuse an endpoint that is one of our own receivers, as far as its address tells."""
    if not _is_url(destination.endpoint):
        return
    host, port = host_and_port(destination.endpoint)
    for address in listening:
        here = {address.host, *_LOOPBACK} if _is_here(address) else {address.host}
        if port == address.port and host in here:
            message = f"this is our own receiver at {address}: runs would come back for ever"
            problems.add(section.place_of("endpoint"), "loop", message)
            return


def _is_here(address: Address) -> bool:
    return address.is_loopback or address.host in _EVERY_INTERFACE
