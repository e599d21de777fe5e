"""The SDKs of Go, Node and Python -> causewatch, straight and through the real Collector.

Each speaks every protocol it has. One agent system, healthy and broken, is told in each language.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from causewatch.inbox.archive import stored_batches
from collector import DEPLOYED, Collector
from daemon import Daemon
from sdk_agents import PROTOCOLS, Endpoint, Language, Protocol, Story, Told, run

pytestmark = [pytest.mark.collector, pytest.mark.timeout(400)]

WAYS = ("straight", "otlp-grpc.yaml", "otlp-http.yaml")
STORIES: tuple[Story, ...] = ("healthy", "cut")
_PROGRAM_LIMIT_S = 60

AGENTS = ["intake", "adjuster", "letter_writer"]
STEPS = [
    ("workflow", "invoke_workflow parcel_claims", None),
    ("agent", "invoke_agent intake", 0),
    ("model", "chat example-large", 1),
    ("tool", "transfer_to_adjuster", 1),
    ("agent", "invoke_agent adjuster", 0),
    ("model", "chat example-large", 4),
    ("tool", "tariff_lookup", 4),
    ("model", "chat example-large", 4),
    ("agent", "invoke_agent letter_writer", 0),
    ("model", "chat example-large", 8),
]
"""Kind and name of each step of a run, and the step around it."""

SHARED: dict[str, object] = {
    "hard.fraction": 0.1,
    "hard.texts": ["", "naïve", "漢字"],
    "hard.flags": [True, False],
    "hard.text": 'Übergabe, 漢字 \0 📦 "quoted"\n',
}
WHOLE: dict[str, object] = {
    **SHARED,
    "hard.beyond_2_53": 2**53 + 1,
    "hard.negative": -(2**63),
    "hard.ints": [2**63 - 1, 0, -1],
    "hard.bytes": b"\0\xff\x80cw",
    "hard.nested": [[2**53 + 1, 2], ["deep", {"leaf": True, "raw": b"\xff"}]],
}
HARD: dict[Language, dict[str, object]] = {
    "go": WHOLE,
    "python": WHOLE,
    # Its spans take no bytes and nothing nested, and no integer that is not a JavaScript number.
    "node": {
        **SHARED,
        "hard.beyond_2_53": 2**53 + 2,
        "hard.negative": -(2**53) - 2,
        "hard.ints": [2**53 + 2, 0, -1],
    },
}


class Case(NamedTuple):
    """One run: who told it, how, and which way it went."""

    language: Language
    protocol: Protocol
    way: str
    story: Story


CASES = [
    Case(language, protocol, way, story)
    for language, protocols in PROTOCOLS.items()
    for protocol in protocols
    for way in WAYS
    for story in STORIES
]


class House(NamedTuple):
    """What was told, and what became of it."""

    told: dict[Case, Told]
    spans: dict[str, list[Span]]
    """By trace, as they were received."""
    graphs: dict[str, dict[str, Any]]
    """By trace, as ``causewatch graph`` prints them."""
    incidents: list[dict[str, Any]]
    store: Path


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> House:
    """Run every case against one daemon; the broken ones compress what they send."""
    folder = tmp_path_factory.mktemp("sdks")
    settings = {"runs": {"quiet": "1s", "quiet_without_root": "5s"}}
    with (
        Daemon(folder / "daemon", settings=settings) as daemon,
        Collector(folder / "grpc", [DEPLOYED / WAYS[1]], daemon.target) as over_grpc,
        Collector(folder / "http", [DEPLOYED / WAYS[2]], daemon.target) as over_http,
    ):
        ends = {
            WAYS[0]: Endpoint(daemon.grpc_port, daemon.http_port),
            WAYS[1]: Endpoint(over_grpc.grpc_port, over_grpc.http_port),
            WAYS[2]: Endpoint(over_http.grpc_port, over_http.http_port),
        }
        told = {
            case: run(
                case.language, case.story, case.protocol, ends[case.way], gzip=case.story == "cut"
            )
            for case in CASES
        }
        daemon.wait_for_verdicts(len(told))
        incidents = daemon.incidents()
        assert daemon.child.stop() == 0
    store = daemon.folder / "store"
    graphs = {graph["run"]: graph for graph in answers("graph", "--store", str(store))}
    return House(told, received(store), graphs, incidents, store)


def answers(*arguments: str) -> list[dict[str, Any]]:
    """Return the lines that a command prints."""
    done = subprocess.run(
        [sys.executable, "-m", "causewatch", *arguments, "--format", "json"],
        capture_output=True,
        text=True,
        check=True,
        timeout=_PROGRAM_LIMIT_S,
    )
    return [json.loads(line) for line in done.stdout.splitlines()]


def received(store: Path) -> dict[str, list[Span]]:
    """Return all spans of a store's inbox by trace."""
    found: dict[str, list[Span]] = {}
    for batch in stored_batches(store / "inbox.db", errors=[]):
        request = ExportTraceServiceRequest.FromString(batch.body)
        for resource in request.resource_spans:
            for scope in resource.scope_spans:
                for span in scope.spans:
                    found.setdefault(span.trace_id.hex(), []).append(span)
    return found


def plain(value: AnyValue) -> object:
    """Return an attribute's value as Python has it."""
    match value.WhichOneof("value"):
        case "array_value":
            return [plain(each) for each in value.array_value.values]
        case "kvlist_value":
            return {each.key: plain(each.value) for each in value.kvlist_value.values}
        case None:
            return None
        case name:
            found: object = getattr(value, name)
            return found


@pytest.mark.parametrize("case", CASES, ids=str)
def test_every_span_arrives_once(case: Case, house: House) -> None:
    """Whatever the SDK, the protocol and the way: the spans of a trace are those that were made."""
    told = house.told[case]
    assert Counter(span.span_id.hex() for span in house.spans[told.trace_id]) == Counter(told.spans)


@pytest.mark.parametrize("case", CASES, ids=str)
def test_attributes_arrive_as_they_were_set(case: Case, house: House) -> None:
    """Integers beyond 2**53, bytes, nested arrays and odd text are the same, of the same type."""
    told = house.told[case]
    root = next(span for span in house.spans[told.trace_id] if span.span_id.hex() == told.spans[0])
    found = {each.key: plain(each.value) for each in root.attributes if "hard." in each.key}
    # As texts: 1 == True == 1.0, and each of them is another type on the wire.
    assert repr(sorted(found.items())) == repr(sorted(HARD[case.language].items()))


@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_graph_is_the_same_in_every_language(case: Case, house: House) -> None:
    """Ten steps, each where it belongs, and two handoffs between three agents."""
    graph = house.graphs[house.told[case].trace_id]
    ids = [step["span_id"] for step in graph["steps"]]
    numbers = {span_id: number for number, span_id in enumerate(ids)}
    assert graph["agents"] == AGENTS
    assert ids == list(house.told[case].spans)
    assert [
        (step["step"], step["name"], numbers.get(step["parent"])) for step in graph["steps"]
    ] == STEPS
    handoffs = [(each["from"], each["to"], each["intact"]) for each in graph["handoffs"]]
    whole = case.story == "healthy"
    assert handoffs == [("intake", "adjuster", whole), ("adjuster", "letter_writer", True)]


def test_what_broke_in_each_language_is_one_incident(house: House) -> None:
    """One cause, whoever told it: all broken runs are in the incident, and no healthy one."""
    (incident,) = house.incidents
    broken = {house.told[case].trace_id: case for case in CASES if case.story == "cut"}
    assert set(incident["runs"]) == set(broken)
    assert incident["cause"]["category"] == "truncation"
    assert incident["cause"]["origin"]["span_id"] in {
        house.told[case].handoff for case in broken.values()
    }
    assert incident["cause"]["propagators"][0]["agent"] == "adjuster"


@pytest.mark.parametrize(
    ("query", "languages"),
    [
        ("{ span.hard.beyond_2_53 = 9007199254740993 }", {"go", "python"}),
        ("{ span.hard.beyond_2_53 = 9007199254740994 }", {"node"}),
        ("{ span.hard.beyond_2_53 = 9007199254740992 }", set()),
        ("{ span.hard.negative < -9223372036854775807 }", {"go", "python"}),
    ],
)
def test_queries_see_large_integers_whole(
    query: str, languages: set[Language], house: House
) -> None:
    """A number next to another is another number, also where no double can tell them apart."""
    found = set(answers("query", query, "--raw", "--store", str(house.store))[0]["result"])
    assert found == {
        told.trace_id for case, told in house.told.items() if case.language in languages
    }
