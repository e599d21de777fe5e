"""What the receivers took out makes runs unverifiable, and never corrupted."""

from __future__ import annotations

from functools import cache

import pytest

from causewatch.app.files import read_requests
from causewatch.blame.judge import judge
from causewatch.dialects.capture import WITHHELD_FIX
from causewatch.dialects.needed import needed_keys
from causewatch.dialects.tables import SHIPPED
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from causewatch.model.span import Span
from causewatch.model.withheld import WITHHELD
from causewatch.otlp.decode import decode_traces
from causewatch.receive.redact import Redactor
from causewatch.receive.redaction import KINDS, Redaction, Rule, kind
from causewatch.telemetry.metrics import Metrics
from graph_fixtures import CAPTURES, agent, graph_of, tool, with_attributes

HEALTHY = ("pydantic-ai__native__ok", "llamaindex__openinference__ok", "vercel-ai__native__ok")
HARSH = {
    "kinds": Redaction(rules=tuple(kind(name) for name in KINDS)),
    "numbers": Redaction(rules=(Rule(name="n", pattern=r"[0-9]{3,}"),)),
    "names": Redaction(rules=(Rule(name="n", pattern=r"\b[A-Z][a-z]{2,}\b"),)),
    "results": Redaction(drops=("*result*", "*output*")),
    "questions": Redaction(drops=("*input*", "*prompt*", "*arguments*")),
    "one side": Redaction(
        rules=(Rule(name="n", pattern=r"[0-9]{3,}", attributes=("*result*", "*output*")),)
    ),
}


@cache
def bodies(name: str) -> tuple[bytes, ...]:
    """Return the trace requests of a recorded run."""
    requests = read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[])
    return tuple(request.body for request in requests if request.signal == "traces")


def assessed(name: str, redaction: Redaction) -> Assessment:
    """Judge a recorded run of which something was taken out."""
    redact = Redactor(redaction, is_read=needed_keys(SHIPPED), metrics=Metrics())
    spans: list[Span] = []
    for body in bodies(name):
        spans += decode_traces(redact("traces", body)).spans
    return judge(build(run_id=spans[0].trace_id, spans=spans))


@pytest.mark.parametrize("redaction", HARSH.values(), ids=list(HARSH))
@pytest.mark.parametrize("name", HEALTHY)
def test_no_redaction_makes_a_healthy_run_corrupted(name: str, redaction: Redaction) -> None:
    """However much was taken out, and from whichever side."""
    assert assessed(name, redaction).blame.verdict in {"healthy", "unverifiable"}


def test_it_says_what_was_withheld_and_what_to_do() -> None:
    """The SDK's limits are not to blame."""
    found = assessed("pydantic-ai__native__ok", HARSH["numbers"]).blame
    assert found.verdict == "unverifiable"
    assert {gap.fix for gap in found.unverifiable} == {WITHHELD_FIX}
    assert all("redacted or dropped on receipt" in gap.reason for gap in found.unverifiable)


def test_the_words_of_a_mark_alone_excuse_nothing() -> None:
    """Payload text is written by whoever an agent reads: it cannot pass for redacted."""
    result = {"rows": ["[redacted:email]"]}
    fake = graph_of(agent(1, None, "desk"), tool(2, 1, "read", arguments={"q": "x"}, result=result))
    assert fake.steps[1].result is not None
    assert not fake.steps[1].result.cut
    marked = with_attributes(
        tool(2, 1, "read", arguments={"q": "x"}, result=result), {WITHHELD: ["redact:email"]}
    )
    true = graph_of(agent(1, None, "desk"), marked)
    assert true.steps[1].result is not None
    assert true.steps[1].result.cut
