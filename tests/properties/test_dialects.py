"""Odd spans: whatever stands in the attributes that tables name, nothing raises and all agree."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from causewatch.dialects.explain import explain
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.model.span import LogRecord, Scope, Span, SpanEvent

SOURCES = [s for d in SHIPPED for rule in d.fields for s in rule.sources]
KEYS = sorted(
    {s.key for s in SOURCES if s.key and not s.events}
    | {w.key for d in SHIPPED for w in d.detect if w.key}
    | {w.key for d in SHIPPED for rule in d.kinds for w in rule.when if w.key}
    | {f"{s.prefix}{tail}" for s in SOURCES if s.prefix
       for tail in ("0.role", "0.message.role", "0.message.content", "1.document.content", "0.x",
                    "0.message.tool_calls.0.tool_call.function.name", "99999999999.y", ".", "0.")}
)  # fmt: skip
EVENTS = sorted({name for s in SOURCES for name in s.events})
EVENT_KEYS = sorted({s.key for s in SOURCES if s.events and s.key} | {"content", "message", "role"})
WORDS = sorted(
    {value for d in SHIPPED for rule in d.kinds for w in rule.when for value in w.values}
    | {"__REDACTED__", "{}", "[", '{"a"', '"x"', "[1, 2]", "nan", "1e999", "-1", "\x00", "(1,"}
    | {'[{"role": "user"}]', '{"messages": [[]]}', '{"choices": [{"message": null}]}'}
    | {'{"content": {"parts": 1}}', '[{"event.name": "gen_ai.choice"}]', '{"usage": {"input": []}}'}
)
SCOPES = sorted({w.scope or w.scope_prefix for d in SHIPPED for w in d.detect} - {""})
LEAVES = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.sampled_from(WORDS) | st.text()
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
    ),
    max_leaves=6,
)  # fmt: skip
ATTRIBUTES = st.dictionaries(st.sampled_from(KEYS), VALUES, max_size=12)
EVENT_ATTRIBUTES = st.dictionaries(st.sampled_from(EVENT_KEYS), VALUES, max_size=3)


@st.composite
def spans(draw: st.DrawFn) -> Span:
    """Return a span with odd values where tables look."""
    names = st.tuples(st.sampled_from(EVENTS), EVENT_ATTRIBUTES)
    return Span(
        trace_id="a" * 32,
        span_id="b" * 16,
        parent_id=draw(st.sampled_from(["", "c" * 16])),
        name=draw(st.sampled_from(["", "chat", "agent_run [x]", "handoff to y", "a\nb"])),
        attributes=draw(ATTRIBUTES),
        events=tuple(
            SpanEvent(name=name, time_ns=i, attributes=attributes)
            for i, (name, attributes) in enumerate(draw(st.lists(names, max_size=3)))
        ),
        scope=Scope(name=draw(st.sampled_from(["", *SCOPES]))),
        dropped_attributes_count=draw(st.integers(0, 2)),
        dropped_events_count=draw(st.integers(0, 2)),
    )


def record_of(name: str, body: Any, attributes: dict[str, Any]) -> LogRecord:
    """Return a log record of an event."""
    return LogRecord(event_name=name, body=body, attributes=attributes)


RECORDS = st.lists(
    st.builds(record_of, st.sampled_from(EVENTS), VALUES, EVENT_ATTRIBUTES), max_size=2
)


@given(spans(), RECORDS)
def test_odd_spans_are_understood_and_explained_alike(span: Span, logs: list[LogRecord]) -> None:
    """No exception; the explanation is of the very same step; every attribute has its place."""
    step = understand(span, logs)
    found = explain(span, logs)
    assert repr(found.step) == repr(step)
    assert understand(span, logs).kind == step.kind
    used = {name for origin in found.origins for name in origin.attributes}
    shadowed = {one.attribute for one in found.shadowed}
    assert used | shadowed | set(found.unread) <= set(span.attributes)
    assert not shadowed & set(found.unread)
    if step.usage is not None:
        counts = [step.usage.input_tokens, step.usage.output_tokens, step.usage.total_tokens]
        assert all(count is None or count >= 0 for count in counts)
