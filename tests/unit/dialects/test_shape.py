"""What is kept of spans that look alike must never tell one span's answer for another."""

from __future__ import annotations

import pytest

from causewatch.dialects import detect
from causewatch.dialects.detect import recognise
from causewatch.dialects.shape import MAX_KEPT_VALUE_CHARS, Tables, has_prefix, tables_of
from causewatch.dialects.table import Dialect, KindRule, When
from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import Span, SpanEvent
from causewatch.model.step import StepKind
from causewatch.model.value import Value
from graph_fixtures import CAPTURES, capture, span, with_attributes

RECORDED = sorted(path.name.removesuffix(".jsonl.gz") for path in CAPTURES.glob("*.jsonl.gz"))


def table(*when: When, kind: StepKind = "tool") -> tuple[Dialect, ...]:
    """Return a dialect of every span with ``k``, of which those with ``when`` are of a kind."""
    rule = KindRule(kind=kind, when=when, why="a rule")
    return (Dialect(id="t", title="t", priority=1, detect=(When(key="k"),), kinds=(rule,)),)


def one(name: str = "n", parent: int | None = None, /, **attributes: Value) -> Span:
    """Return a span with ``k`` and these attributes."""
    return with_attributes(span(1, parent, name=name), {"k": "v", **attributes})


@pytest.mark.parametrize("name", RECORDED)
def test_what_is_kept_is_what_would_be_found_anew(name: str) -> None:
    """A span's dialects and kind do not depend on the spans before it."""
    for each in capture(name):
        first = recognise(each, SHIPPED)
        assert recognise(each, SHIPPED) is first or recognise(each, SHIPPED) == first
        assert recognise(each, tuple(reversed(SHIPPED))) == first


@pytest.mark.parametrize(
    ("when", "yes", "no"),
    [
        (When(key="a", values=("x",)), one(a="x"), one(a="y")),
        (When(key="a", values=("True",)), one(a=True), one(a=1)),
        (When(key="a", values=("1",)), one(a=1), one(a=True)),
        (When(key="a", values=("1",)), one(a="1"), one(a=2)),
        (When(key="a", values=("1.0",)), one(a=1.0), one(a=1)),
        (When(key="a", path="b.c"), one(a='{"b": {"c": 1}}'), one(a='{"b": {"d": 1}}')),
        (When(key="a", equals_name=True), one("x", a="x"), one("y", a="x")),
        (When(key="a", equals_key="b"), one(a="x", b="x"), one(a="x", b="y")),
        (When(key="a", pattern="x+"), one(a="x" * 500), one(a="y" * 500)),
        (When(name="find"), one("find x"), one("lose x")),
        (When(name="find"), one("find" + "x" * 500), one("lose" + "x" * 500)),
        (When(root=True), one(), one("n", 2)),
        (When(child=True), one("n", 2), one()),
        (When(key="a", negate=True), one(a=""), one(a="x")),
    ],
)
def test_spans_of_one_shape_are_told_apart(when: When, yes: Span, no: Span) -> None:
    """Whatever a condition looks at is part of what the answer is kept by, in either order."""
    for first, second in ((yes, no), (no, yes)):
        tables = table(when)
        for each in (first, second, first):
            assert recognise(each, tables).kind == ("tool" if each is yes else "other")


def test_spans_are_told_apart_by_their_events() -> None:
    """Events are looked at by their names, also by those of another span of the same shape."""
    tables = table(When(event_prefix="gen_ai."))
    for name, kind in (("gen_ai.choice", "tool"), ("exception", "other"), ("x" * 9_000, "other")):
        events = [SpanEvent(name=name, time_ns=1)]
        assert recognise(span(1, events=events, k="v"), tables).kind == kind


def test_a_table_that_looks_at_much_is_asked_each_time() -> None:
    """Too many values to be kept by: the answer is found anew, and is the same."""
    tables = table(*(When(key=f"k{i}") for i in range(60)))
    values: dict[str, Value] = {f"k{i}": "v" for i in range(60)}
    assert tables_of(tables).shape_of(one(**values)).look(one(**values)) is None
    assert recognise(one(**values), tables).kind == "tool"


def test_nothing_long_is_kept() -> None:
    """Content does not stay in memory for having been looked at once."""
    tables = table(When(key="a", values=("x",)))
    shape = tables_of(tables).shape_of(one(a="x"))
    assert shape.look(one(a="x" * (MAX_KEPT_VALUE_CHARS + 1))) is None
    assert shape.look(one("n" * (MAX_KEPT_VALUE_CHARS + 1), a="x")) is None
    assert shape.look(one(a=["x"])) is None
    assert shape.look(one(a="x")) is not None


def test_what_is_kept_has_a_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """A sender of ever new values does not fill the memory."""
    monkeypatch.setattr(detect, "MAX_KEPT_COUNT", 3)
    tables = table(When(key="a", values=("x",)))
    for i in range(20):
        assert recognise(one(a=f"v{i}"), tables).kind == "other"
        assert len(tables_of(tables).answers) <= 3
    assert recognise(one(a="x"), tables).kind == "tool"


def test_shapes_of_endless_names_are_not_kept() -> None:
    """Each is made anew, with a number of its own: no two are taken for one."""
    tables = Tables(table(When(key="a")))
    odd: dict[str, Value] = {"x" * 5_000: 1}
    assert tables.shape_of(one(**odd)).number != tables.shape_of(one(**odd)).number
    assert tables.shape_of(one(a=1)).number == tables.shape_of(one(a=2)).number


@pytest.mark.parametrize(
    ("prefix", "expected"),
    [("a.", True), ("a", True), ("a.c", False), ("b", True), ("c", False), ("", True)],
)
def test_a_prefix_is_found_in_order(prefix: str, *, expected: bool) -> None:
    """Of sorted names only the place where the prefix would stand has to be looked at."""
    assert has_prefix(["a.b", "a.d", "b"], prefix) is expected
    assert has_prefix([], prefix) is False
