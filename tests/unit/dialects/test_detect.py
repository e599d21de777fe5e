from __future__ import annotations

import msgspec
import pytest

from causewatch.dialects.detect import by_priority, holds, recognise
from causewatch.dialects.shape import at_path
from causewatch.dialects.table import Dialect, KindRule, When
from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import Scope, Span, SpanEvent
from causewatch.model.step import StepKind
from graph_fixtures import span

SPAN = span(
    1,
    0,
    name="find x",
    scope="lib.sub",
    a__kind="ONE",
    meta='{"agent": {"name": "find x"}, "n": 3}',
    empty="",
    events=[SpanEvent(name="evt.first", time_ns=1)],
)


@pytest.mark.parametrize(
    ("condition", "expected"),
    [
        (When(), True),
        (When(key="a.kind"), True),
        (When(key="missing"), False),
        (When(key="empty"), False),
        (When(key="a.kind", values=("ONE", "TWO")), True),
        (When(key="a.kind", values=("TWO",)), False),
        (When(key="meta", path="agent.name"), True),
        (When(key="meta", path="agent.other"), False),
        (When(key="meta", path="n", values=("3",)), True),
        (When(key="meta", path="agent.name", equals_name=True), True),
        (When(key="a.kind", equals_name=True), False),
        (When(key="a.kind", path="x.y"), False),
        (When(prefix="a."), True),
        (When(prefix="b."), False),
        (When(scope="lib.sub"), True),
        (When(scope="lib"), False),
        (When(scope_prefix="lib"), True),
        (When(scope_prefix="other"), False),
        (When(event_prefix="evt."), True),
        (When(event_prefix="gen_ai."), False),
        (When(name="find ."), True),
        (When(name="x"), False),
        (When(root=True), False),
        (When(key="a.kind", negate=True), False),
        (When(key="missing", negate=True), True),
        (When(key="a.kind", scope="lib.sub", name="find"), True),
        (When(key="a.kind", scope="lib.sub", name="lose"), False),
    ],
)
def test_a_condition_holds_when_all_of_it_does(condition: When, *, expected: bool) -> None:
    """Each part of a condition is one test; all that is given must hold."""
    assert holds(condition, SPAN) is expected


def test_a_path_ends_where_there_is_nothing() -> None:
    """A path into what is no object leads nowhere."""
    assert at_path({"a": {"b": 1}}, "a.b") == 1
    assert at_path({"a": [1]}, "a.b") is None
    assert at_path("text", "a") is None


def table(
    name: str, priority: int, kind: StepKind | None = None, *, overlay: bool = False
) -> Dialect:
    """Return a dialect that matches every span with a scope."""
    rules = () if kind is None else (KindRule(kind=kind, when=(), why=name),)
    return Dialect(
        id=name,
        title=name,
        priority=priority,
        detect=(When(scope_prefix="lib"),),
        kinds=rules,
        overlay=overlay,
    )


@pytest.mark.parametrize(
    ("tables", "kind", "by"),
    [
        ([table("b", 2, "model"), table("a", 1, "tool")], "tool", "a"),
        ([table("a", 1), table("b", 2, "model")], "model", "b"),
        ([table("o", 1, "tool", overlay=True), table("b", 2, "model")], "model", "b"),
        ([table("o", 1, "tool", overlay=True), table("b", 2)], "tool", "o"),
        ([table("a", 1)], "other", None),
        ([], "other", None),
    ],
)
def test_the_best_dialect_with_a_rule_gives_the_kind(
    tables: list[Dialect], kind: StepKind, by: str | None
) -> None:
    """Priority decides; an overlay only where no other dialect has a kind for the span."""
    found = recognise(SPAN, tables)
    assert found.kind == kind
    assert (found.by.id if found.by else None) == by
    assert [d.id for d in found.dialects] == [d.id for d in by_priority(tuple(tables))]


def test_the_first_rule_that_holds_wins() -> None:
    """Rules are tried in the order of the table."""
    rules = (
        KindRule(kind="tool", when=(When(key="missing"),), why="1"),
        KindRule(kind="agent", when=(When(key="a.kind"),), why="2"),
        KindRule(kind="model", when=(When(key="a.kind"),), why="3"),
    )
    found = recognise(SPAN, [Dialect(id="d", title="d", priority=1, detect=(When(),), kinds=rules)])
    assert (found.kind, found.why) == ("agent", "2")


@pytest.mark.parametrize(
    ("recorded", "ids"),
    [
        (span(1, gen_ai__operation__name="chat"), ["otel_genai"]),
        (span(1, gen_ai__system="openai"), ["otel_genai", "otel_genai_legacy"]),
        (span(1, openinference__span__kind="LLM"), ["openinference"]),
        (span(1, scope="openinference.instrumentation.x"), ["openinference"]),
        (
            span(1, openinference__span__kind="LLM", gen_ai__operation__name="chat"),
            ["openinference", "otel_genai"],
        ),
        (
            span(1, scope="pydantic-ai", gen_ai__operation__name="chat"),
            ["pydantic_ai", "otel_genai"],
        ),
        (span(1, mcp__method__name="tools/call"), ["mcp"]),
        (span(1, mcp__method__name="tools/call", gen_ai__tool__name="t"), ["mcp", "otel_genai"]),
        (span(1, http__method="GET"), []),
    ],
)
def test_shipped_dialects_recognise_their_spans(recorded: Span, ids: list[str]) -> None:
    """Each shipped dialect knows its own marks and no others'."""
    assert [d.id for d in recognise(recorded, SHIPPED).dialects] == ids


@pytest.mark.parametrize("events", [(), (SpanEvent(name="gen_ai.choice", time_ns=1),)])
@pytest.mark.parametrize("scope", ["", "lib.tracer", "x" * 10_000])
@pytest.mark.parametrize("names", [("a.b",), ("gen_ai.system", "a"), ("k" * 10_000,), ()])
def test_ruling_out_by_names_changes_no_answer(
    names: tuple[str, ...], scope: str, events: tuple[SpanEvent, ...]
) -> None:
    """What is ruled out early is what the conditions would have ruled out, and nothing else."""
    span = msgspec.structs.replace(
        SPAN, attributes=dict.fromkeys(names, "v"), scope=Scope(name=scope), events=events
    )
    conditions = [
        When(key="a"),
        When(prefix="gen_ai."),
        When(scope="lib.tracer"),
        When(scope_prefix="lib"),
        When(event_prefix="gen_ai."),
        When(key="a", negate=True),
        When(name="."),
    ]
    tables = [
        Dialect(id=str(i), title="d", priority=i, detect=(condition,))
        for i, condition in enumerate(conditions)
    ]
    expected = [str(i) for i, condition in enumerate(conditions) if holds(condition, span)]
    assert [dialect.id for dialect in recognise(span, tables).dialects] == expected
