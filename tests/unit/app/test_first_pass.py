from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.app.files import Request, read_requests
from causewatch.app.groups import Groups
from causewatch.app.pipeline import Pipeline
from causewatch.app.rulefiles import load_bundle
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.likeness.familiar import Familiars
from causewatch.model.limits import RunLimits
from causewatch.resources import shipped
from causewatch.store.record import StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from graph_fixtures import CAPTURES

S = 1_000_000_000
T0_NS = 1_790_000_000 * S
OK, CUT = "pydantic-ai__native__ok", "pydantic-ai__native__truncated_handoff"
UNSEEN = "mcp__fastmcp__ok"


class Desk:
    """A pipeline with the shipped rules, fed with copies of recorded runs."""

    def __init__(self, folder: Path) -> None:
        self.now_ns = T0_NS
        self.sent = 0
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            folder / "inbox.db", now_ns=lambda: self.now_ns, metrics=self.metrics
        )
        self.store = SqliteStore(folder / "state.db")
        self.groups = Groups(
            load_bundle([shipped("rules")]),
            store=self.store,
            metrics=self.metrics,
            tell=lambda _changes, _slot_ns: None,
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(RunLimits(quiet_s=1)),
            groups=self.groups,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
        )
        # Fewer than in earnest: what comes of so many is the question.
        self.pipeline._first_pass._familiars = Familiars(confirmations=3)

    def close(self) -> None:
        """Give the files back."""
        self.inbox.close()
        self.store.close()

    def send(self, name: str) -> bytes:
        """Send a copy of a recorded run with ids of its own; return that of its last trace."""
        self.sent += 1
        return self.send_some(list(read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[])))

    def send_some(self, requests: Sequence[Request]) -> bytes:
        """Send some requests with the ids of the copy that is sent last."""
        trace = b""
        for request in requests:
            message = ExportTraceServiceRequest.FromString(request.body)
            for group in message.resource_spans:
                for span in (span for scoped in group.scope_spans for span in scoped.spans):
                    trace = span.trace_id = self.sent.to_bytes(8, "big") + span.trace_id[8:]
            self.inbox.append("traces", message.SerializeToString(), 1).result()
        return trace

    def look_early(self) -> None:
        """Look at what is under way, whenever that was done last."""
        self.pipeline._early_at_s = self.pipeline._look_at_s = 0.0
        self.pipeline.turn()

    def told_at_once(self, name: str, rule_id: str) -> bool:
        """Send one, and tell whether a rule finds something in it before it is quiet."""
        trace = self.send(name).hex()
        self.look_early()
        self.look()
        return any(trace in found.trace_ids for found in self.store.findings(rule_id, since_ns=0))

    def run(self, name: str) -> StoredRun:
        """Send one, judge it when it is quiet, and let the rules look."""
        trace = self.send(name)
        self.pipeline.turn()
        self.now_ns += 100 * S
        self.pipeline.turn()
        self.look()
        link = self.store.trace(trace.hex())
        assert link is not None
        found = self.store.run(link.run_id)
        assert found is not None
        return found

    def look(self) -> None:
        """Evaluate all rule groups."""
        for key in self.groups.keys():  # noqa: SIM118  # it is no mapping
            self.groups.evaluate(key, self.now_ns)

    def steps(self) -> float:
        """Return how many steps were counted, of all kinds."""
        (found,) = self.metrics.steps.collect()
        return sum(each.value for each in found.samples if each.name.endswith("_total"))

    def count(self, outcome: str) -> float:
        """Return how many runs the first pass made this of."""
        found = self.metrics.registry.get_sample_value(
            "causewatch_first_pass_runs_total", {"outcome": outcome}
        )
        return found or 0.0


@pytest.fixture
def desk(tmp_path: Path) -> Iterator[Desk]:
    """Return a desk in an empty folder."""
    found = Desk(tmp_path)
    yield found
    found.close()


def test_a_run_like_three_that_were_judged_is_passed_over(desk: Desk) -> None:
    """It is kept and counted all the same, and its line of explain is there, in short."""
    first = desk.run(OK)
    steps = desk.steps()
    desk.run(OK)
    desk.run(OK)
    passed = desk.run(OK)
    assert (desk.count("judged"), desk.count("quiet")) == (3, 1)
    assert (passed.verdict, passed.state, passed.workflow) == (
        "healthy",
        "complete",
        first.workflow,
    )
    assert (passed.started_at_ns, passed.ended_at_ns) == (
        first.started_at_ns,
        first.ended_at_ns,
    )
    assert passed.batches
    line = json.loads(passed.summary)
    assert line["passed_over"] is True
    assert (line["verdict"], line["path"], line["trace_ids"]) == (
        "healthy",
        [],
        list(passed.trace_ids),
    )
    assert "like earlier runs" in passed.explanation
    sample = desk.metrics.registry.get_sample_value
    assert sample("causewatch_runs_total", {"state": "complete", "verdict": "healthy"}) == 4
    assert desk.steps() == 4 * steps > 0


def test_a_run_that_was_judged_while_it_grew_is_passed_over_all_the_same(desk: Desk) -> None:
    """What counts is what it was like when it was complete, unless something was told of it."""
    for _ in range(3):
        desk.run(OK)
    requests = list(read_requests([str(CAPTURES / f"{OK}.jsonl.gz")], errors=[]))
    desk.sent += 1
    desk.send_some(requests[-1:])  # its root comes first
    desk.look_early()
    assert desk.pipeline._early
    desk.send_some(requests[:-1])
    desk.look_early()
    desk.now_ns += 100 * S
    desk.pipeline.turn()
    assert (desk.count("judged"), desk.count("quiet")) == (3, 1)
    assert not desk.pipeline._early


@pytest.mark.parametrize(
    ("name", "rule"),
    [
        ("pydantic-ai__native__loop", "AgentLoop"),
        ("a2a-pydantic__httpx-prop__truncated_handoff", "ContentLost"),
        (CUT, "ContentLost"),
    ],
)
def test_what_told_something_is_told_at_once_the_next_time(
    desk: Desk, name: str, rule: str
) -> None:
    """A loop has no symptom, and a run may be of two processes: neither waits until it is quiet."""
    assert desk.run(name).verdict == "corrupted"
    assert desk.told_at_once(name, f"silent-failures/{rule}")
    assert desk.told_at_once(name, f"silent-failures/{rule}")


def test_a_loop_is_told_at_once_before_any_was_complete(desk: Desk) -> None:
    """The next one of its likeness does not wait either, though it showed no symptom."""
    loop, rule_id = "pydantic-ai__native__loop", "silent-failures/AgentLoop"
    assert desk.told_at_once(loop, rule_id)
    assert desk.told_at_once(loop, rule_id)


def test_calls_to_another_process_are_known_from_a_complete_run(desk: Desk) -> None:
    """Before that it may be that spans of the other process are yet to come."""
    name, rule_id = "a2a-pydantic__httpx-prop__truncated_handoff", "silent-failures/ContentLost"
    assert not desk.told_at_once(name, rule_id)


def test_a_run_in_which_something_goes_wrong_is_not(desk: Desk) -> None:
    """However many went well before it, and however often it comes."""
    for _ in range(5):
        desk.run(OK)
    assert [desk.run(CUT).verdict for _ in range(5)] == ["corrupted"] * 5
    assert desk.count("quiet") == 2


def test_what_could_not_be_checked_is_told_of_each_run(desk: Desk) -> None:
    """A run without content is unverifiable, also when it is passed over."""
    lines = [json.loads(desk.run(UNSEEN).summary) for _ in range(4)]
    assert desk.count("quiet") == 1
    assert lines[3]["verdict"] == "unverifiable"
    assert lines[3]["unverifiable"] == lines[0]["unverifiable"] != []


def test_other_rules_start_anew(desk: Desk) -> None:
    """A new rule may match what none matched before."""
    for _ in range(4):
        desk.run(OK)
    desk.groups.replace(load_bundle([shipped("rules")]))
    desk.run(OK)
    assert (desk.count("judged"), desk.count("quiet")) == (4, 1)


def test_nothing_is_passed_over_before_the_rules_looked(desk: Desk) -> None:
    """A run that is judged may yet match. Those after it wait for the rules, but not for ever."""
    for _ in range(5):
        desk.send(OK)
        for _ in range(2):
            desk.pipeline.turn()
            desk.now_ns += 100 * S
        desk.pipeline.turn()
    assert (desk.count("judged"), desk.count("quiet")) == (5, 0)


def test_of_many_alike_at_one_time_a_few_are_judged(desk: Desk) -> None:
    """The others wait until the rules have looked at these, and are passed over then."""
    for _ in range(12):
        desk.send(OK)
    desk.pipeline.turn()
    desk.now_ns += 100 * S
    desk.pipeline.turn()
    judged = desk.count("judged")
    assert 0 < judged < 12
    desk.look()
    desk.pipeline.turn()
    assert (desk.count("judged"), desk.count("quiet")) == (judged, 12 - judged)


def test_a_late_span_has_its_run_judged_again(desk: Desk) -> None:
    """More spans are another likeness."""
    for _ in range(4):
        desk.run(OK)
    first, *_ = read_requests([str(CAPTURES / f"{OK}.jsonl.gz")], errors=[])
    message = ExportTraceServiceRequest.FromString(first.body)
    span = message.resource_spans[0].scope_spans[0].spans[0]
    span.trace_id = desk.sent.to_bytes(8, "big") + span.trace_id[8:]
    span.span_id = b"lateness"
    del message.resource_spans[0].scope_spans[0].spans[1:]
    desk.inbox.append("traces", message.SerializeToString(), 1).result()
    desk.pipeline.turn()
    desk.now_ns += 100 * S
    desk.pipeline.turn()
    assert (desk.count("judged"), desk.count("quiet")) == (4, 1)
