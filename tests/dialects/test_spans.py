"""Spans by hand, one file a dialect: each must be read as its file says, in every field.

A file lists spans as SDKs write them, mixed and odd ones among them, and beside each the step that
it must become. A mapping stands for its JSON text, as SDKs record it; ``structured`` holds values
that arrive as OTLP structures. A field that is not listed must be empty.
``CAUSEWATCH_REWRITE_GOLDEN=1`` writes the steps anew; the difference then shows in review.
"""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import msgspec
import pytest
import yaml

from causewatch.dialects.explain import explain
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.model.span import LogRecord, Resource, Scope, Span, SpanEvent, StatusCode
from causewatch.model.step import (
    Document,
    Message,
    OtherPart,
    Part,
    Payload,
    Step,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

FOLDER = Path(__file__).parent / "spans"
FILES = sorted(FOLDER.glob("*.yaml"))
TRACE, SPAN, PARENT = "a" * 32, "b" * 16, "c" * 16
NOT_FIELDS = {"span", "reason"}


def cases() -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each case with the name of its file."""
    for file in FILES:
        for case in yaml.safe_load(file.read_text(encoding="utf-8")):
            yield file.stem, case


CASES = list(cases())


def recorded(values: dict[str, Any]) -> dict[str, Any]:
    """Return attributes as SDKs record them: mappings as JSON text."""
    return {
        key: json.dumps(value, ensure_ascii=False) if isinstance(value, dict) else value
        for key, value in values.items()
    }


def span_of(case: dict[str, Any]) -> Span:
    """Return the span of a case."""
    return Span(
        trace_id=TRACE,
        span_id=SPAN,
        parent_id="" if case.get("root") else PARENT,
        name=case.get("name", ""),
        status=cast("StatusCode", case.get("status", "unset")),
        status_message=case.get("message", ""),
        attributes={**recorded(case.get("attributes", {})), **case.get("structured", {})},
        events=tuple(
            SpanEvent(name=e["name"], time_ns=i, attributes=recorded(e.get("attributes", {})))
            for i, e in enumerate(case.get("events", ()))
        ),
        resource=Resource(attributes={"service.name": "desk"}),
        scope=Scope(name=case.get("scope", "")),
        dropped_attributes_count=case.get("dropped", 0),
    )


def logs_of(case: dict[str, Any]) -> list[LogRecord]:
    """Return the log records of a case."""
    return [
        LogRecord(
            time_ns=number,
            trace_id=TRACE,
            span_id=SPAN,
            event_name=record.get("event", ""),
            body=record.get("body"),
            attributes=recorded(record.get("attributes", {})),
        )
        for number, record in enumerate(case.get("logs", ()))
    ]


def part_text(part: Part) -> str:
    """Return one part of a message as text."""
    match part:
        case TextPart():
            return part.content
        case ToolCallPart():
            return f"call {part.name} {compact(part.arguments)} #{part.id}"
        case ToolResultPart():
            return f"result {part.name} {compact(part.result)} #{part.id}"
        case OtherPart():
            return f"{part.type} {compact(part.content)}"


def compact(value: Any) -> str:
    """Return a value as JSON in one line."""
    return json.dumps(value, ensure_ascii=False, sort_keys=True)


def is_empty(value: Any) -> bool:
    """Tell whether a field says nothing."""
    return value is None or value is False or value in ("", ())


def shown(value: Any) -> Any:
    """Return a field as it stands in a file."""
    match value:
        case Payload():
            return {"cut": shown(value.value)} if value.cut else value.value
        case Message():
            finish = f" ({value.finish_reason})" if value.finish_reason else ""
            name = f" {value.name}" if value.name else ""
            return f"{value.role}{name}: {' | '.join(map(part_text, value.parts))}{finish}"
        case Document():
            return f"{value.id or '-'} {value.score}: {value.content}"
        case tuple():
            return [shown(item) for item in value]
        case msgspec.Struct():
            fields = {name: getattr(value, name) for name in value.__struct_fields__}
            return {name: item for name, item in fields.items() if not is_empty(item)}
        case _:
            return value


def facts(step: Step) -> dict[str, Any]:
    """Return every field that a step has, as it stands in a file."""
    fields = {name: getattr(step, name) for name in step.__struct_fields__}
    return {
        name: shown(value)
        for name, value in fields.items()
        if name not in NOT_FIELDS and not is_empty(value)
    }


@pytest.mark.parametrize(
    ("file", "case"), CASES, ids=[f"{file}: {case['claim']}" for file, case in CASES]
)
def test_a_span_is_read_as_its_file_says(file: str, case: dict[str, Any]) -> None:
    """Kind, dialect and every field; nothing else is filled."""
    span, logs = span_of(case), logs_of(case)
    assert facts(understand(span, logs)) == case["step"], file
    fillers = {origin.dialect for origin in explain(span, logs).origins}
    assert set(case.get("also", ())) <= fillers


def test_every_dialect_has_spans() -> None:
    """Each shipped dialect decides the kind of some span, or gives a field to one."""
    seen = {
        dialect
        for _, case in CASES
        for dialect in (case["step"].get("dialect"), *case.get("also", ()))
    }
    assert {dialect.id for dialect in SHIPPED} <= seen


def rewrite() -> None:
    """Write the steps of every file as they come out now."""
    for file in FILES:
        found = yaml.safe_load(file.read_text(encoding="utf-8"))
        for case in found:
            case["step"] = facts(understand(span_of(case), logs_of(case)))
        text = yaml.safe_dump(found, sort_keys=False, allow_unicode=True, width=100)
        file.write_text(text, encoding="utf-8")


if os.environ.get("CAUSEWATCH_REWRITE_GOLDEN"):
    rewrite()
    CASES[:] = list(cases())
