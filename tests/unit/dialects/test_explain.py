"""Why spans were understood as they were: every statement is checked against the step itself."""

from __future__ import annotations

from typing import Any, get_args

import pytest

from causewatch.dialects.explain import Explanation, explain
from causewatch.dialects.table import Field
from causewatch.dialects.understand import understand
from causewatch.model.span import LogRecord, Span, SpanEvent
from causewatch.model.step import Step
from graph_fixtures import CAPTURES, capture, span, with_attributes

RECORDED = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))


def filled(step: Step) -> set[str]:
    """Return the fields that a step, or its usage, holds."""
    usage = {name for name in get_args(Field) if getattr(step.usage, name, None) is not None}
    return usage | {name for name in get_args(Field) if getattr(step, name, None)}


def places(found: Explanation, field: str) -> tuple[str, ...]:
    """Return where a field came from."""
    return next(origin.places for origin in found.origins if origin.field == field)


@pytest.mark.parametrize("name", RECORDED)
def test_the_explained_step_is_the_understood_one(name: str) -> None:
    """Explaining decides nothing anew, and names a place for every field that is filled."""
    for each in capture(name):
        found = explain(each)
        assert found.step == understand(each)
        explained = {origin.field for origin in found.origins}
        # A handoff's mode that is no mode is read, and means nothing.
        assert filled(found.step) <= explained | {"error_type", "error_message"}
        for origin in found.origins:
            assert origin.places
            assert set(origin.attributes) <= set(each.attributes)


@pytest.mark.parametrize("name", RECORDED)
def test_every_attribute_is_accounted_for(name: str) -> None:
    """An attribute told of its dialect, filled a field, was not needed, or was not read."""
    for each in capture(name):
        found = explain(each)
        used = {a for origin in found.origins for a in origin.attributes}
        told = {a for match in found.matches for a in match.attributes}
        shadowed = {one.attribute for one in found.shadowed}
        assert not used & shadowed
        assert not (used | told | shadowed) & set(found.unread)
        assert set(found.unread) <= set(each.attributes)


def attributed(attributes: dict[str, Any], *, name: str = "", scope: str = "") -> Span:
    """Return a span with these attributes."""
    return with_attributes(span(1, 0, name=name, scope=scope), attributes)


def test_the_deciding_key_is_named_with_its_value() -> None:
    """Which attribute recognised the dialect, and which value gave the kind."""
    found = explain(attributed({"openinference.span.kind": "TOOL", "tool.name": "look"}))
    assert (found.by, found.step.kind) == ("openinference", "tool")
    assert found.because == ("attribute openinference.span.kind = TOOL",)
    assert found.matches[0].because == ("attribute openinference.span.kind",)
    assert places(found, "tool") == ("attribute tool.name",)


def test_the_scope_that_decided_is_named() -> None:
    """A dialect may be recognised by who instrumented."""
    found = explain(attributed({"x": 1}, scope="openinference.instrumentation.dspy"))
    assert found.matches[0].because == ("scope openinference.instrumentation.dspy",)
    assert (found.step.kind, found.by) == ("other", "")
    assert found.because == ("no dialect gives it a kind",)
    assert found.unread == ("x",)


def test_a_span_of_no_dialect_is_explained_too() -> None:
    """Nothing matched, nothing was read, everything is listed."""
    found = explain(attributed({"http.method": "GET"}, name="GET /"))
    assert (found.matches, found.origins, found.unread) == ((), (), ("http.method",))


def test_mixed_dialects_say_which_of_them_filled_what() -> None:
    """The first dialect decides; what it leaves open comes from the next, and the text says so."""
    both = {
        "openinference.span.kind": "LLM",
        "llm.model_name": "m-1",
        "gen_ai.request.model": "m-2",
        "gen_ai.conversation.id": "c-9",
    }
    found = explain(attributed(both))
    dialects = {origin.field: origin.dialect for origin in found.origins}
    assert (dialects["model"], dialects["session"]) == ("openinference", "otel_genai")
    assert [(one.attribute, one.field) for one in found.shadowed] == [
        ("gen_ai.request.model", "model")
    ]


def test_events_and_log_records_are_told_apart() -> None:
    """The same message event may come on the span or as a log record of its own."""
    model = attributed({"gen_ai.system": "openai", "gen_ai.operation.name": "chat"})
    event = SpanEvent(name="gen_ai.user.message", time_ns=1, attributes={"content": "hi"})
    record = LogRecord(
        time_ns=1, event_name="gen_ai.user.message", body={"content": "hi"},
        trace_id=model.trace_id, span_id=model.span_id,
    )  # fmt: skip
    on_span = Span(
        trace_id="a" * 32, span_id="b" * 16, attributes=model.attributes, events=(event,)
    )
    assert places(explain(on_span), "input_messages") == ("event gen_ai.user.message",)
    beside = explain(model, (record,))
    assert places(beside, "input_messages") == ("log record gen_ai.user.message",)
    assert beside.unread_events == ()


def test_events_that_nobody_reads_are_listed() -> None:
    """An event of some other maker, and a log record without a name."""
    odd = Span(
        trace_id="a" * 32, span_id="b" * 16, attributes={"gen_ai.operation.name": "chat"},
        events=(SpanEvent(name="my.event", time_ns=1),),
    )  # fmt: skip
    assert explain(odd, (LogRecord(body="text"),)).unread_events == (
        "event my.event",
        "log record without a name",
    )


def test_fields_that_follow_from_others_say_from_which() -> None:
    """A call id that stands in the result's envelope has no attribute of its own."""
    result = '{"type": "tool", "tool_call_id": "c1", "content": "done", "name": "look"}'
    found = explain(
        attributed({"openinference.span.kind": "TOOL", "tool.name": "l", "output.value": result})
    )
    assert found.step.call_id == "c1"
    assert places(found, "call_id") == ("the envelope of result",)


def test_negated_and_root_conditions_are_told() -> None:
    """A kind may go by what is not there."""
    chain = attributed({"openinference.span.kind": "CHAIN"})
    assert explain(chain).because[-1] == "not a root"
    assert (
        "no attribute graph.node.id"
        in explain(
            attributed(
                {"openinference.span.kind": "AGENT"},
                scope="openinference.instrumentation.openai_agents",
            )
        ).because
    )
