"""Sampling from stored batches to what a destination gets, with real parts all the way."""

from __future__ import annotations

from pathlib import Path

import pytest
from opentelemetry.proto.trace.v1 import trace_pb2

from app_fixtures import CAPTURES, LOST, T0_NS, S, loaded
from causewatch.app.config import load_config
from causewatch.app.files import read_requests
from causewatch.app.groups import Groups
from causewatch.app.pipeline import Pipeline
from causewatch.app.sampled import Sampler
from causewatch.forward.forwarding import Forwarding
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.limits import RunLimits
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from forward_fixtures import ScriptedExporter, attributes_of, spans_of

CUT = "pydantic-ai__native__truncated_handoff"
FINE = "pydantic-ai__native__ok"
LIMITS = RunLimits(quiet_s=10, quiet_without_root_s=60, max_age_s=600, late_s=3600)
CORRUPTED = "{name: bad, type: verdict, verdict: {verdicts: [corrupted]}}"
NOBODY = "{name: none, type: probabilistic, probabilistic: {sampling_percentage: 0}}"
TWO = f"""\
sampling:
  policies:
  - {CORRUPTED}
forward:
- {{name: kept, endpoint: "http://127.0.0.1:1"}}
- {{name: all, endpoint: "http://127.0.0.1:2", sampled: false}}
- {{name: raw, endpoint: "http://127.0.0.1:3", mode: unmodified}}
- name: none
  endpoint: http://127.0.0.1:4
  sampling: {{policies: [{NOBODY}]}}
"""


class Works:
    """A pipeline as the daemon wires it for a configuration, with exporters that keep all."""

    def __init__(self, folder: Path, text: str) -> None:
        self.now_ns = T0_NS
        self.folder = folder
        (folder / "causewatch.yaml").write_text(text, encoding="utf-8")
        self.config = load_config(folder / "causewatch.yaml", {})
        self.exporters: dict[str, ScriptedExporter] = {}
        self.open()

    def open(self) -> None:
        """Start, also after a stop."""
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            self.folder / "inbox.db", now_ns=lambda: self.now_ns, metrics=self.metrics
        )
        self.store = SqliteStore(self.folder / "state.db")
        groups = Groups(
            loaded(LOST), store=self.store, metrics=self.metrics, tell=lambda *_changes: None
        )
        self.forwarding = Forwarding(
            self.config.forward,
            self.folder,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
            connect=lambda one, _now: self.exporters.setdefault(one.name, ScriptedExporter()),
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(LIMITS),
            groups=groups,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
            forwarding=self.forwarding,
            sampler=Sampler(
                self.config.sampling,
                self.config.forward,
                matched=groups.matched,
                has_sent=self.forwarding.has_sent,
            ),
        )
        self.groups = groups

    def close(self) -> None:
        """Give the files back."""
        self.forwarding.stop()
        self.inbox.close()
        self.store.close()

    def take(self, name: str, *, only: slice = slice(None), after_s: int = 11) -> None:
        """Store the requests of a recorded run, and judge it once it is quiet."""
        requests = list(read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[]))
        for request in requests[only]:
            self.inbox.append(request.signal, request.body, 1).result()
        self.pipeline.turn()
        self.now_ns += after_s * S
        self.pipeline.turn()

    def spans(self, destination: str) -> list[trace_pb2.Span]:
        """Send all that waits; return the spans that a destination got so far."""
        self.forwarding.flush()
        for lane in self.forwarding._lanes:
            while lane.sender.pump() is not None:
                pass
        return spans_of(*self.exporters[destination].taken)

    def withheld(self, destination: str) -> float:
        """Return how many spans sampling kept from a destination."""
        labels = {"destination": destination, "reason": "sampling"}
        name = "causewatch_forward_withheld_spans_total"
        return self.metrics.registry.get_sample_value(name, labels) or 0.0


@pytest.fixture
def works(tmp_path: Path) -> Works:
    """Return a pipeline with four destinations."""
    return Works(tmp_path, TWO)


def test_each_destination_gets_what_its_policies_keep(works: Works) -> None:
    """The healthy run goes only where nothing is sampled; what is held back is counted."""
    works.take(FINE)
    fine = len(works.spans("all"))
    assert fine > 0
    assert [len(works.spans(name)) for name in ("kept", "raw", "none")] == [0, 0, 0]
    assert works.withheld("kept") == works.withheld("none") > 0
    works.take(CUT)
    assert len(works.spans("kept")) > 0
    assert works.spans("none") == []
    assert len(works.spans("all")) == fine + len(works.spans("kept"))
    works.close()


def test_what_was_decided_arrives_with_the_spans(works: Works) -> None:
    """Reason and probability on the root, the threshold on every span; none of it unmodified."""
    works.take(CUT)
    found = works.spans("kept")
    (root,) = [span for span in found if not span.parent_span_id]
    told = attributes_of(root)
    assert told["causewatch.sampling.policy"] == "bad"
    assert told["causewatch.sampling.reason"] == "The run was judged corrupted."
    assert told["causewatch.sampling.probability"] == 1.0
    assert {span.trace_state for span in found} == {"ot=th:0"}
    for name in ("raw", "all"):
        assert {span.trace_state for span in works.spans(name)} == {""}
        keys = {pair.key for span in works.spans(name) for pair in span.attributes}
        assert not {key for key in keys if key.startswith("causewatch.sampling.")}
    works.close()


def test_the_share_of_a_trace_is_told_on_its_spans(tmp_path: Path) -> None:
    """All are kept that way whose trace id is high enough, and only they."""
    share = "{name: p, type: probabilistic, probabilistic: {sampling_percentage: %s}}"
    text = 'sampling: {policies: [%s]}\nforward: [{name: a, endpoint: "http://127.0.0.1:1"}]\n'
    request = next(read_requests([str(CAPTURES / f"{FINE}.jsonl.gz")], errors=[]))
    trace_id = trace_pb2.TracesData.FromString(request.body).resource_spans[0].scope_spans[0]
    own = int.from_bytes(trace_id.spans[0].trace_id[-7:], "big") / 2**56
    for number, (percentage, keep) in enumerate(
        [(f"{(1 - own) * 100 + 0.1:.2f}", True), (f"{(1 - own) * 100 - 0.1:.2f}", False)]
    ):
        folder = tmp_path / str(number)
        folder.mkdir()
        works = Works(folder, text % (share % percentage))
        works.take(FINE)
        found = works.spans("a")
        assert bool(found) == keep
        assert all(span.trace_state.startswith("ot=th:") for span in found)
        works.close()


def test_late_spans_follow_after_a_restart(tmp_path: Path) -> None:
    """The queue remembers that the run was sent; by itself the rate has no room for all of it."""
    (first, *rest) = read_requests([str(CAPTURES / f"{FINE}.jsonl.gz")], errors=[])
    room = len(spans_of(first.body))
    rate = f"{{name: few, type: rate_limiting, rate_limiting: {{spans_per_second: {room}}}}}"
    text = f'sampling: {{policies: [{rate}]}}\nforward: [{{name: a, endpoint: "http://a:1"}}]\n'
    works = Works(tmp_path, text)
    works.take(FINE, only=slice(0, 1), after_s=61)
    assert len(works.spans("a")) == room
    works.groups.evaluate("silent", works.now_ns)
    works.pipeline.turn()
    works.close()
    works.open()
    works.take(FINE, only=slice(1, None), after_s=61)
    found = works.spans("a")
    assert len(found) >= room + sum(len(spans_of(each.body)) for each in rest) > room
    works.close()
