"""A span to a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, cast

import msgspec

from causewatch.dialects.control_flow import is_control_flow
from causewatch.dialects.detect import Recognised, recognise
from causewatch.dialects.plan import plan
from causewatch.dialects.read import NOTHING, Reading, View, number, read
from causewatch.dialects.table import Dialect, Field, FieldRule, Source
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.unwrap import unwrap
from causewatch.model.span import LogRecord, Span
from causewatch.model.step import HandoffMode, Payload, Step, StepKind, Usage

MAX_TOKENS_COUNT = 10**15
"""More than any model takes: such a number is a mistake."""
_EXPECTED: dict[StepKind, tuple[str, ...]] = {"tool": ("arguments", "result")}


class Taken(NamedTuple):
    """What one field was filled with, and from where: the sources that held it, of one dialect."""

    field: Field
    dialect: Dialect
    sources: tuple[Source, ...]
    reading: Reading


def understand(
    span: Span, logs: Sequence[LogRecord] = (), dialects: Sequence[Dialect] = SHIPPED
) -> Step:
    """Return what ``span`` means.

    Args:
        span: the span as received.
        logs: the log records that carry its trace and span id (some dialects put messages there).
        dialects: the tables to go by.

    Returns:
        The step; kind ``other`` where no dialect knows better. Never raises on odd content.
    """
    recognised = recognise(span, dialects)
    readings = {taken.field: taken.reading for taken in take(recognised, span, logs)}
    return step_of(recognised, readings, span)


def step_of(recognised: Recognised, readings: dict[Field, Reading], span: Span) -> Step:
    """Return the step that a span's dialects and what was read of it make."""

    def text(name: Field) -> str:
        return readings.get(name, NOTHING).text

    step = Step(
        span=span,
        kind=recognised.kind,
        dialect=recognised.by.id if recognised.by else _first_id(recognised),
        reason=recognised.why,
        operation=text("operation"),
        agent=text("agent"),
        agent_id=text("agent_id"),
        workflow=text("workflow"),
        session=text("session"),
        model=text("model"),
        tool=text("tool"),
        call_id=text("call_id"),
        arguments=_payload(readings, "arguments", recognised.kind, span),
        result=_payload(readings, "result", recognised.kind, span),
        input=_payload(readings, "input", recognised.kind, span),
        output=_payload(readings, "output", recognised.kind, span),
        system=readings.get("system", NOTHING).messages,
        input_messages=readings.get("input_messages", NOTHING).messages,
        output_messages=readings.get("output_messages", NOTHING).messages,
        messages_cut=_messages_cut(recognised.kind, readings, span),
        query=text("query"),
        documents=readings.get("documents", NOTHING).documents,
        finish_reason=text("finish_reason"),
        error_type=text("error_type"),
        error_message=text("error_message"),
        handoff_from=text("handoff_from"),
        handoff_to=text("handoff_to"),
        handoff_mode=_mode(text("handoff_mode")),
        usage=_usage(readings),
        evaluations=readings.get("evaluations", NOTHING).evaluations,
    )
    return _settle(step)


def _first_id(recognised: Recognised) -> str:
    return recognised.dialects[0].id if recognised.dialects else ""


def take(recognised: Recognised, span: Span, logs: Sequence[LogRecord]) -> Iterator[Taken]:
    """Yield what is read for each field, the deciding dialect before the others."""
    done: set[Field] = set()
    view = View(span, logs, recognised.kind)
    order = recognised.dialects
    if recognised.by is not None and order[0] is not recognised.by:
        order = (recognised.by, *(d for d in order if d is not recognised.by))
    for dialect, rules in plan(order, span, recognised.kind, has_logs=bool(logs)):
        for rule, sources in rules:
            if rule.field in done:
                continue
            if taken := _taken(dialect, rule, sources, view):
                done.add(rule.field)
                yield taken
        done.update(dialect.closed)


def _taken(
    dialect: Dialect, rule: FieldRule, sources: Sequence[Source], view: View
) -> Taken | None:
    """Return what the first of ``sources`` holds, or all together where the rule says so."""
    found: list[tuple[Source, Reading]] = []
    for source in sources:
        reading = read(source, view)
        if reading is not None:
            found.append((source, reading))
            if not rule.together:
                break
    reading = (
        _joined(reading for _, reading in found)
        if rule.together
        else found[0][1]
        if found
        else None
    )
    if reading is None:
        return None
    return Taken(rule.field, dialect, tuple(source for source, _ in found), reading)


def _joined(readings: Iterable[Reading]) -> Reading | None:
    """Return one message of the parts that several sources hold."""
    found = tuple(readings)
    messages = [message for reading in found for message in reading.messages]
    if not messages:
        return None
    parts = tuple(part for message in messages for part in message.parts)
    whole = msgspec.structs.replace(messages[0], parts=parts)
    return Reading(messages=(whole,), cut=any(reading.cut for reading in found))


def _payload(
    readings: dict[Field, Reading], name: Field, kind: StepKind, span: Span
) -> Payload | None:
    payload = readings.get(name, NOTHING).payload
    if payload is None and name in _EXPECTED.get(kind, ()) and _has_dropped(span):
        # The SDK says that it dropped something: this may have been it, so its absence tells
        # nothing.
        return Payload(value=None, raw="", key="", cut=True)
    return payload


def _has_dropped(span: Span) -> bool:
    """Tell whether the SDK dropped attributes, or events of a kind that holds messages."""
    return span.dropped_attributes_count > 0 or (
        span.dropped_events_count > 0
        and any(event.name.startswith("gen_ai.") for event in span.events)
    )


def _messages_cut(kind: StepKind, readings: dict[Field, Reading], span: Span) -> bool:
    names: tuple[Field, ...] = ("input_messages", "output_messages")
    if kind == "model" and _has_dropped(span):
        # Flattened messages lose single attributes, and events whole messages: even what is there
        # may be incomplete.
        return True
    return any(readings.get(name, NOTHING).cut for name in names)


_COUNTS: tuple[Field, ...] = (
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens",
)  # fmt: skip
_USAGE: frozenset[Field] = frozenset({*_COUNTS, "cost"})


def _usage(readings: dict[Field, Reading]) -> Usage | None:
    """Return the numbers that were read; what is no number is not said."""
    if _USAGE.isdisjoint(readings):
        return None
    counts = {name: _count(readings.get(name, NOTHING).text) for name in _COUNTS}
    cost = number(readings.get("cost", NOTHING).text)
    is_said = cost is not None or any(count is not None for count in counts.values())
    return Usage(**counts, cost=cost) if is_said else None


def _count(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and 0 <= value < MAX_TOKENS_COUNT else None


def _mode(mode: str) -> HandoffMode | None:
    return cast("HandoffMode", mode) if mode in {"pass_control", "return_to_caller"} else None


def _settle(step: Step) -> Step:
    """Fill what follows from other fields: ids in envelopes, system messages, finish reasons."""
    changes: dict[str, object] = {}
    if step.kind in {"tool", "retrieval"} and step.result is not None and not step.call_id:
        changes["call_id"] = unwrap(step.result.raw).call_id
    if not step.system:
        system = tuple(m for m in step.input_messages if m.role in {"system", "developer"})
        if system:
            changes["system"] = system
    if not step.finish_reason:
        said = next((m.finish_reason for m in step.output_messages if m.finish_reason), "")
        if said:
            changes["finish_reason"] = said
    if is_control_flow(step.error_type) or is_control_flow(step.error_message.partition("(")[0]):
        changes.update(error_type="", error_message="")
    return msgspec.structs.replace(step, **changes) if changes else step
