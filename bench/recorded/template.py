"""Recorded runs as templates of runs to come."""

from __future__ import annotations

import gzip
import hashlib
import re
import uuid
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from bench.captures import captures_of
from bench.recorded.draw import Drawer
from bench.recorded.facts import Known, amounts_in, kept_words
from bench.recorded.wire import Encoder, Piece, head, size_of
from bench.stories.controls import CONTROLS
from bench.stories.make import make_one
from bench.verdicts import assessed, spans_of_file
from causewatch.otlp.json import json_to_protobuf

_SPANS, _RESOURCE, _SCOPE = 2, 1, 1
_RANDOM_CHARS = 20
"""A session's name of so many characters is a random one, and varies as such."""
_SESSION = re.compile(r"(?i)(?:session|conversation|thread)[._]?id$")
_IN_JSON = re.compile(
    r"\\?\"(?:session|conversation|thread)_?id\\?\": ?\\?\"([^\"\\]+)", re.IGNORECASE
)
_RECORD = re.compile(r"(?<![\w-])[A-Za-z]{1,10}[-_](\d{3,9})(?![\w-])")
_VARIES = re.compile(r"(?<![0-9a-f])\d{3,}|[0-9a-f]{16}|[0-9a-f]{8}-[0-9a-f]{4}-")
_NAMES = re.compile(r"(?i)[._](?:name|model|role|type|kind|system)$|^(?:name|agent|model)")


class Place(NamedTuple):
    """Whose spans they are."""

    resource: bytes
    """As recorded; ``Run.resources`` has that of the process which plays the run."""
    scope: bytes
    """A field of ``ScopeSpans``, ready to be sent."""


class Run(NamedTuple):
    """One run, ready to be sent in the order in which its spans ended."""

    template: Template
    trace_ids: tuple[str, ...]
    spans: list[bytes]
    """Each is a field of its ``ScopeSpans``."""
    resources: dict[bytes, bytes]
    """Fields of ``ResourceSpans``, by the recorded ones."""


class Template:
    """One recorded run."""

    def __init__(self, name: str, *, fault: str, bodies: list[bytes]) -> None:
        self.name = name
        self.fault = fault
        """What was planted, `none` for nothing."""
        found = sorted(
            _spans(bodies, name.partition("__")[0]), key=lambda one: one[1].end_time_unix_nano
        )
        spans = [span for _, span in found]
        _number_sessions(spans)
        known = _known(spans)
        encoder = Encoder(known)
        pieces = [(place, encoder.parts(span)) for place, span in found]
        self.places: list[Place] = [place for place, _ in pieces]
        self._pieces = [Piece([head(_SPANS, size_of(p)), *p], encoder.slots) for _, p in pieces]
        self._drawer = Drawer(list(encoder.slots), known.start_ns)
        self._resources = dict.fromkeys(place.resource for place in self.places)
        self._played: dict[int, dict[bytes, bytes]] = {}

    def run(self, dice: Random, start_ns: int, process: int = 0) -> Run:
        """Return a run that was never there before, played by one of several processes."""
        values, traces = self._drawer.draw(dice, start_ns)
        return Run(
            template=self,
            trace_ids=tuple(trace.hex() for trace in traces.values()),
            spans=[piece.render(values) for piece in self._pieces],
            resources=self._of_process(process),
        )

    def _of_process(self, process: int) -> dict[bytes, bytes]:
        found = self._played.get(process)
        if found is None:
            found = {one: _field(_RESOURCE, _moved(one, process)) for one in self._resources}
            self._played[process] = found
        return found


def templates(files: Iterable[tuple[Path, str]]) -> list[Template]:
    """Return templates of recorded files, each with the fault that was planted in it."""
    return [
        Template(path.name.partition(".")[0], fault=fault, bodies=_bodies(path))
        for path, fault in files
    ]


def made_up(count: int, seed: int) -> list[Template]:
    """Return templates of healthy stories, of many topologies and languages (`bench/stories`)."""
    found = []
    names = list(CONTROLS)
    for number in range(count):
        story = names[number % len(names)]
        request, label = make_one(f"{number}", story, Random(f"{seed}/{number}"))
        body = json_to_protobuf("traces", msgspec.json.encode(request))
        name = f"story-{label.dialect}__{story}"
        found.append(Template(name, fault="none", bodies=[body]))
    return found


def labelled(folder: Path) -> list[tuple[Path, str]]:
    """Return a folder's recordings with their faults: from its manifest, else from their names.

    A recording without content is left out, since what was planted in it cannot be seen.
    """
    if (folder / "MANIFEST.yaml").exists():
        return [
            (folder / f"{capture.file}.gz", capture.fault)
            for capture in captures_of(folder)
            if capture.content_present
        ]
    names = sorted(folder.glob("*.jsonl.gz"))
    faults = [path.name.partition(".")[0].rpartition("__")[2] for path in names]
    found = [
        (path, "none" if fault == "ok" else fault)
        for path, fault in zip(names, faults, strict=True)
    ]
    return [(path, fault) for path, fault in found if fault == "none" or _has_content(path)]


def _has_content(path: Path) -> bool:
    """Tell whether a recording shows what its agents said: else nobody can see what went wrong."""
    return any(one.blame.verdict != "unverifiable" for one in assessed(spans_of_file(path)))


def _bodies(path: Path) -> list[bytes]:
    with gzip.open(path, "rb") as lines:
        return [json_to_protobuf("traces", line) for line in lines if b"resourceSpans" in line]


def _moved(resource: bytes, process: int) -> bytes:
    """Return a resource as another process of the same service has it."""
    found = Resource.FromString(resource)
    for pair in found.attributes:
        if pair.key == "service.instance.id":
            digest = hashlib.sha256(f"{process} {pair.value.string_value}".encode()).digest()
            pair.value.string_value = str(uuid.UUID(bytes=digest[:16], version=4))
    return found.SerializeToString()


def _spans(bodies: Sequence[bytes], framework: str) -> Iterator[tuple[Place, Span]]:
    """Yield a recording's spans; each framework's are those of a service of its own."""
    for body in bodies:
        for resource_spans in ExportTraceServiceRequest.FromString(body).resource_spans:
            for pair in resource_spans.resource.attributes:
                if pair.key == "service.name":
                    pair.value.string_value += f"-{framework}"
            resource = resource_spans.resource.SerializeToString()
            for scoped in resource_spans.scope_spans:
                scope = _field(_SCOPE, scoped.scope.SerializeToString())
                for span in scoped.spans:
                    yield Place(resource, scope), span


def _field(number: int, body: bytes) -> bytes:
    return head(number, len(body)) + body


def _known(spans: Sequence[Span]) -> Known:
    """Look through a recording for what has to stay, and what belongs together."""
    values = [value for span in spans for _, value in _attributes(span)]
    texts = [value for value in values if isinstance(value, str)]
    names = [key for span in spans for key, _ in _attributes(span)]
    names += [span.name for span in spans]
    names += [event.name for span in spans for event in span.events]
    names += [
        value
        for span in spans
        for key, value in _attributes(span)
        if isinstance(value, str) and _NAMES.search(key)
    ]
    fixed = frozenset(str(value) for value in values if not isinstance(value, str))
    # What is called agent-007 is called so in every run.
    fixed |= {number for name in names for number in re.findall(r"\d+", name)}
    return Known(
        kept=kept_words(texts, names),
        fixed=fixed,
        cents=amounts_in(texts),
        sessions=frozenset(_sessions(spans)) - fixed,
        traces=frozenset(span.trace_id.hex() for span in spans),
        spans=frozenset(span.span_id.hex() for span in spans),
        start_ns=min(span.start_time_unix_nano for span in spans),
    )


def _number_sessions(spans: Sequence[Span]) -> None:
    """Give sessions a number that have none: two runs of session `s-1` would be one run."""
    texts = [pair for span in spans for pair in span.attributes if pair.value.string_value]
    named = {pair.value.string_value for pair in texts if _SESSION.search(pair.key)}
    plain = {session for session in named if not _VARIES.search(session)}
    for pair in texts:
        if pair.value.string_value in plain:
            pair.value.string_value += "-1001001"


def _sessions(spans: Sequence[Span]) -> Iterator[str]:
    """Yield the numbers of sessions, orders, calls and so on: no two runs share one of them.

    Runs that share a session, the id of a call, or a whole message, are one run for causewatch.
    """
    for span in spans:
        for key, value in _attributes(span):
            if not isinstance(value, str):
                continue
            yield from _RECORD.findall(value)
            found = [value] if _SESSION.search(key) else _IN_JSON.findall(value)
            for session in found:
                if len(session) < _RANDOM_CHARS:
                    yield from re.findall(r"(?<![0-9a-f])\d{2,}", session)


def _attributes(span: Span) -> Iterator[tuple[str, str | int | float]]:
    for pairs in (span.attributes, *(event.attributes for event in span.events)):
        for pair in pairs:
            for value in _scalars(pair.value):
                yield pair.key, value


def _scalars(value: AnyValue) -> Iterator[str | int | float]:
    match value.WhichOneof("value"):
        case "string_value":
            yield value.string_value
        case "int_value":
            yield value.int_value
        case "double_value":
            yield value.double_value
        case "array_value":
            for item in value.array_value.values:
                yield from _scalars(item)
        case "kvlist_value":
            for pair in value.kvlist_value.values:
                yield from _scalars(pair.value)
        case _:
            return
