"""Runs to forward, queues in a folder, and exporters that answer by script."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1 import trace_pb2

from app_fixtures import CAPTURES, assessment
from causewatch.app.files import read_requests
from causewatch.forward.destination import Destination, Verdict
from causewatch.forward.outcome import Delivered, Outcome
from causewatch.forward.queue import ForwardQueue
from causewatch.forward.request import Piece
from causewatch.forward.run import ForwardedRun
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.sampling.decision import Decision
from otlp_fixtures import traces_body

T0_NS = 1_800_000_000_000_000_000
S = 1_000_000_000
LOCAL = Destination(name="local", endpoint="http://127.0.0.1:1", compression="none")
KEPT = Decision(keep=True, policy="errors", reason="The run was corrupted.", probability=1.0)
DROPPED = Decision(keep=False, policy="rest", reason="One in a hundred is kept.", probability=0.01)


class ScriptedExporter:
    """Answers as told, then takes everything; keeps the bodies that it took."""

    def __init__(self, *outcomes: Outcome) -> None:
        self.outcomes = list(outcomes)
        self.tried: list[bytes] = []
        self.taken: list[bytes] = []
        self.is_closed = False

    def send(self, body: bytes) -> Outcome:
        """Answer by script."""
        self.tried.append(body)
        outcome = self.outcomes.pop(0) if self.outcomes else Delivered()
        if isinstance(outcome, Delivered):
            self.taken.append(body)
        return outcome

    def close(self) -> None:
        """Note it."""
        self.is_closed = True


def captured(name: str) -> tuple[RawSpan, ...]:
    """Return the spans of a recorded run as they were received."""
    resources = Resources()
    requests = read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[])
    return tuple(s for r in requests if r.signal == "traces" for s in resources.split(r.body))


def judged_capture(name: str, decision: Decision | None = None) -> ForwardedRun:
    """Return a recorded run, judged in full."""
    found = assessment(name)
    return ForwardedRun(
        run_id=found.graph.run_id,
        spans=captured(name),
        verdict=found.blame.verdict,
        workflow=found.graph.workflow,
        assessment=found,
        decision=decision,
    )


def plain_run(
    count: int = 2,
    *,
    run_id: str = "run-1",
    first: int = 0,
    text: str = "some text",
    verdict: Verdict | None = "healthy",
    workflow: str = "desk",
    aliases: tuple[str, ...] = (),
    decision: Decision | None = None,
) -> ForwardedRun:
    """Return a run that was passed over, with spans without parents."""
    return ForwardedRun(
        run_id=run_id,
        spans=tuple(Resources().split(traces_body(count, first=first, text=text))),
        verdict=verdict,
        workflow=workflow,
        aliases=aliases,
        decision=decision,
    )


def request_of(*bodies: bytes) -> ExportTraceServiceRequest:
    """Return requests as the one that they are when one follows the other."""
    return ExportTraceServiceRequest.FromString(b"".join(bodies))


def spans_of(*bodies: bytes) -> list[trace_pb2.Span]:
    """Return the spans of requests, in order."""
    found = request_of(*bodies).resource_spans
    return [s for group in found for scoped in group.scope_spans for s in scoped.spans]


def attributes_of(span: trace_pb2.Span) -> dict[str, object]:
    """Return a span's attributes; of lists their texts. A key that stands twice is an error."""
    found: dict[str, object] = {}
    for pair in span.attributes:
        assert pair.key not in found
        kind = pair.value.WhichOneof("value")
        if kind == "array_value":
            found[pair.key] = [item.string_value for item in pair.value.array_value.values]
        else:
            found[pair.key] = getattr(pair.value, kind) if kind else None
    return found


def queue_in(
    folder: Path,
    *,
    max_bytes: int = 1_000_000,
    max_age_s: float = 3600.0,
    on_drop: Callable[[str, int], None] = lambda _reason, _spans: None,
) -> ForwardQueue:
    """Return a queue in a folder."""
    path = folder / "forward-local.db"
    return ForwardQueue(path, max_bytes=max_bytes, max_age_s=max_age_s, on_drop=on_drop)


def piece(index: int = 0, count: int = 1) -> Piece:
    """Return a request of so many spans."""
    return Piece(count, traces_body(count, first=index))


def numbers() -> Iterator[int]:
    """Yield a clock that goes on a second at each look."""
    now_ns = T0_NS
    while True:
        yield now_ns
        now_ns += S
