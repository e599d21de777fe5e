"""A span to a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import cast

import msgspec

from causewatch.dialects.control_flow import is_control_flow
from causewatch.dialects.detect import Recognised, recognise
from causewatch.dialects.read import NOTHING, Reading, View, read
from causewatch.dialects.table import Dialect, Field
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.unwrap import unwrap
from causewatch.model.span import LogRecord, Span
from causewatch.model.step import HandoffMode, Payload, Step, StepKind

_EXPECTED: dict[StepKind, tuple[str, ...]] = {"tool": ("arguments", "result")}


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
    readings = dict(_read_fields(recognised, span, logs))

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
    )
    return _settle(step)


def _first_id(recognised: Recognised) -> str:
    return recognised.dialects[0].id if recognised.dialects else ""


def _read_fields(
    recognised: Recognised, span: Span, logs: Sequence[LogRecord]
) -> Iterator[tuple[Field, Reading]]:
    """Yield each field's first reading, the deciding dialect before the others."""
    done: set[Field] = set()
    view = View(span, logs, recognised.kind)
    order = recognised.dialects
    if recognised.by is not None and order[0] is not recognised.by:
        order = (recognised.by, *(d for d in order if d is not recognised.by))
    for dialect in order:
        for rule in dialect.fields:
            if rule.field in done:
                continue
            found = (r for source in rule.sources if (r := read(source, view)) is not None)
            reading = _joined(found) if rule.together else next(found, None)
            if reading is not None:
                done.add(rule.field)
                yield rule.field, reading
        done.update(dialect.closed)


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
    if payload is None and span.dropped_attributes_count and name in _EXPECTED.get(kind, ()):
        # The SDK says that it dropped attributes: this may have been one, so its absence tells
        # nothing.
        return Payload(value=None, raw="", key="", cut=True)
    return payload


def _messages_cut(kind: StepKind, readings: dict[Field, Reading], span: Span) -> bool:
    names: tuple[Field, ...] = ("input_messages", "output_messages")
    if kind == "model" and span.dropped_attributes_count:
        # Flattened messages lose single attributes: even what is there may be incomplete.
        return True
    return any(readings.get(name, NOTHING).cut for name in names)


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
