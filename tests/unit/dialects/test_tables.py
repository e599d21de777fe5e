from __future__ import annotations

import re
from typing import get_args

import pytest

from causewatch.dialects.table import Dialect, Field, KindRule, Source, When, fields, keys
from causewatch.dialects.tables import SHIPPED
from causewatch.model.step import Step, StepKind, Usage

KINDS = set(get_args(StepKind))
MESSAGE_FIELDS = {"system", "input_messages", "output_messages"}
PAYLOAD_FIELDS = {"arguments", "result", "input", "output"}
FORMATS = {
    "messages": {"messages", "parts", "events", "flat_messages"},
    "payload": {"payload"},
    "documents": {"documents", "flat_documents"},
    "evaluations": {"flat_evaluations", "evaluation_events"},
    "text": {"text"},
}


def wanted_formats(field: str) -> set[str]:
    """Return the formats that can fill a field."""
    if field in MESSAGE_FIELDS:
        return FORMATS["messages"]
    if field in PAYLOAD_FIELDS:
        return FORMATS["payload"]
    return FORMATS[field if field in FORMATS else "text"]


def conditions(dialect: Dialect) -> list[When]:
    """Return all conditions of a dialect."""
    return [*dialect.detect, *(when for rule in dialect.kinds for when in rule.when)]


def test_ids_and_priorities_are_unique() -> None:
    """Two dialects of one priority would make the answer depend on their order."""
    assert len({d.id for d in SHIPPED}) == len(SHIPPED)
    assert len({d.priority for d in SHIPPED}) == len(SHIPPED)
    assert [d.priority for d in SHIPPED] == sorted(d.priority for d in SHIPPED)


@pytest.mark.parametrize("dialect", SHIPPED, ids=lambda d: d.id)
def test_a_table_is_well_formed(dialect: Dialect) -> None:
    """Kinds exist, patterns compile, each field is filled from formats that fit it, once."""
    assert dialect.title
    assert dialect.detect
    assert {rule.kind for rule in dialect.kinds} <= KINDS
    assert all(rule.why for rule in dialect.kinds)
    for when in conditions(dialect):
        re.compile(when.name)
    names = [rule.field for rule in dialect.fields]
    assert len(set(names)) == len(names)
    for rule in dialect.fields:
        for source in rule.sources:
            assert source.fmt in wanted_formats(rule.field), (rule.field, source)
            re.compile(source.pattern)


@pytest.mark.parametrize("dialect", SHIPPED, ids=lambda d: d.id)
def test_every_source_says_where(dialect: Dialect) -> None:
    """A source names exactly one place: an attribute, a prefix, an event or a part of the span."""
    for rule in dialect.fields:
        for source in rule.sources:
            places = [
                bool(source.key and not source.events),
                bool(source.prefix),
                bool(source.events),
                bool(source.span),
            ]
            assert sum(places) == 1, (rule.field, source)
            assert not source.prefix or source.prefix.endswith(".")
            assert bool(source.prefix) == source.fmt.startswith("flat_")


@pytest.mark.parametrize("dialect", SHIPPED, ids=lambda d: d.id)
def test_every_condition_tests_something(dialect: Dialect) -> None:
    """An empty condition would make a dialect claim all spans there are."""
    for when in conditions(dialect):
        assert any(
            (
                when.key,
                when.prefix,
                when.scope,
                when.scope_prefix,
                when.event_prefix,
                when.name,
                when.root,
            )
        )
        assert not when.path or when.key


def test_fields_of_tables_are_fields_of_steps() -> None:
    """What a dialect can fill is what a step, or its usage, has."""
    assert set(get_args(Field)) <= {*Step.__struct_fields__, *Usage.__struct_fields__}


def test_a_field_that_does_not_exist_is_refused() -> None:
    """A misspelt field is an error of the table, found when it is loaded."""
    with pytest.raises(ValueError, match="agnet"):
        fields(agnet=keys("agent.name"))


def test_tables_are_compared_by_identity() -> None:
    """Tables serve as keys of caches, so they must be hashable and cheap to compare."""
    one, other = Source(key="a"), Source(key="a")
    assert one != other
    assert len({KindRule(kind="tool", when=(), why="x"), *SHIPPED}) == len(SHIPPED) + 1
