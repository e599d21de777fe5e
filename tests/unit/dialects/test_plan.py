"""Which places are looked at: leaving one out must never change what is read."""

from __future__ import annotations

import pytest

from causewatch.dialects.detect import recognise
from causewatch.dialects.plan import plan
from causewatch.dialects.read import read
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.dialects.view import View
from causewatch.model.value import Value
from graph_fixtures import CAPTURES, capture, span, with_attributes

RECORDED = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))


@pytest.mark.parametrize("name", RECORDED)
def test_a_place_that_is_left_out_holds_nothing(name: str) -> None:
    """What the plan drops would have been read as nothing."""
    for each in capture(name)[::3]:
        found = recognise(each, SHIPPED)
        view = View(each, (), found.kind)
        planned = {
            source
            for rules in plan(found.dialects, each, found.kind, has_logs=False)
            for _, sources in rules.rules
            for source in sources
        }
        for dialect in found.dialects:
            for rule in dialect.fields:
                for source in rule.sources:
                    assert source in planned or read(source, view) is None


def test_fallbacks_come_after_all_dialects() -> None:
    """The span's own name stands for an agent only where no dialect says a better one."""
    vercel: dict[str, Value] = {
        "openinference.span.kind": "AGENT",
        "ai.operationId": "ai.generateText",
        "ai.telemetry.functionId": "triage",
    }
    named = with_attributes(span(1, name="ai.generateText"), vercel)
    assert understand(named).agent == "triage"
    alone = with_attributes(span(1, name="triage"), {"openinference.span.kind": "AGENT"})
    assert understand(alone).agent == "triage"


def test_spans_with_endless_names_are_planned_each_time() -> None:
    """The names of an odd span are not kept, and are read all the same."""
    odd: dict[str, Value] = {
        "gen_ai.operation.name": "execute_tool",
        "gen_ai.tool.name": "t",
        "x" * 5_000: 1,
    }
    assert understand(with_attributes(span(1), odd)).tool == "t"
