"""A span to a step."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple, TypeAlias, cast

import msgspec

from causewatch.dialects.control_flow import is_control_flow
from causewatch.dialects.detect import recognise
from causewatch.dialects.plan import plan
from causewatch.dialects.read import NOTHING, Reading, number, read, reader_of
from causewatch.dialects.shape import Recognised
from causewatch.dialects.table import Dialect, Field, Source
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.unwrap import unwrap
from causewatch.dialects.view import View
from causewatch.model.span import LogRecord, Span
from causewatch.model.step import HandoffMode, Payload, Step, StepKind, Usage

MAX_TOKENS_COUNT = 10**15
"""More than any model takes: such a number is a mistake."""
_EXPECTED: dict[StepKind, tuple[str, ...]] = {"tool": ("arguments", "result")}
_TEXTS: frozenset[Field] = frozenset(
    {"operation", "agent", "agent_id", "workflow", "session", "model", "tool", "call_id", "query",
     "finish_reason", "error_type", "error_message", "handoff_from", "handoff_to"}
)  # fmt: skip
_PAYLOADS: frozenset[Field] = frozenset({"arguments", "result", "input", "output"})
_MESSAGES: frozenset[Field] = frozenset({"system", "input_messages", "output_messages"})


_Taken: TypeAlias = tuple[Field, Dialect, tuple[Source, ...], Reading]


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
    readings = {field: reading for field, _, _, reading in _take(recognised, span, logs)}
    return step_of(recognised, readings, span)


def step_of(recognised: Recognised, readings: dict[Field, Reading], span: Span) -> Step:
    """Return the step that a span's dialects and what was read of it make."""
    kind = recognised.kind
    said: dict[str, object] = {}
    for name, reading in readings.items():
        if name in _TEXTS:
            said[name] = reading.text
        elif name in _PAYLOADS:
            said[name] = reading.payload
        elif name in _MESSAGES:
            said[name] = reading.messages
        elif name == "documents":
            said[name] = reading.documents
        elif name == "evaluations":
            said[name] = reading.evaluations
        elif name == "handoff_mode":
            said[name] = _mode(reading.text)
    if kind in _EXPECTED and _has_dropped(span):
        _leave_open(said, _EXPECTED[kind])
    _settle(said, readings, kind)
    return Step(
        span=span,
        kind=kind,
        dialect=recognised.by.id if recognised.by else _first_id(recognised),
        reason=recognised.why,
        messages_cut=_messages_cut(kind, readings, span),
        usage=_usage(readings),
        **said,  # type: ignore[arg-type]  # each name was given what its field holds
    )


def _leave_open(said: dict[str, object], names: Sequence[str]) -> None:
    """Say that what is absent may have been cut.

    The SDK says that it dropped something: this may have been it, so its absence tells nothing.
    """
    for name in names:
        if said.get(name) is None:
            said[name] = Payload(value=None, raw="", key="", cut=True)


def _first_id(recognised: Recognised) -> str:
    return recognised.dialects[0].id if recognised.dialects else ""


def take(recognised: Recognised, span: Span, logs: Sequence[LogRecord]) -> Iterator[Taken]:
    """Yield what is read for each field, the deciding dialect before the others."""
    return (Taken(*each) for each in _take(recognised, span, logs))


def _take(recognised: Recognised, span: Span, logs: Sequence[LogRecord]) -> Iterator[_Taken]:
    done: set[Field] = set()
    view = View(span, logs, recognised.kind)
    order = recognised.dialects
    if recognised.by is not None and order[0] is not recognised.by:
        order = (recognised.by, *(d for d in order if d is not recognised.by))
    for dialect, rules in plan(order, span, recognised.kind, has_logs=bool(logs)):
        for rule, sources in rules:
            field = rule.field
            if field in done:
                continue
            if rule.together:
                found = [(each, one) for each in sources if (one := read(each, view)) is not None]
                whole = _joined(one for _, one in found)
                if whole is not None:
                    done.add(field)
                    yield field, dialect, tuple(each for each, _ in found), whole
                continue
            for source in sources:
                # The plan left out what is for steps of other kinds.
                reading = reader_of(source)(source, view)
                if reading is not None:
                    done.add(field)
                    yield field, dialect, (source,), reading
                    break
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


def _has_dropped(span: Span) -> bool:
    """Tell whether the SDK dropped attributes, or events of a kind that holds messages."""
    return span.dropped_attributes_count > 0 or (
        span.dropped_events_count > 0
        and any(event.name.startswith("gen_ai.") for event in span.events)
    )


def _messages_cut(kind: StepKind, readings: dict[Field, Reading], span: Span) -> bool:
    if kind == "model" and _has_dropped(span):
        # Flattened messages lose single attributes, and events whole messages: even what is there
        # may be incomplete.
        return True
    asked, said = readings.get("input_messages"), readings.get("output_messages")
    return (asked is not None and asked.cut) or (said is not None and said.cut)


_COUNTS: tuple[Field, ...] = (
    "input_tokens", "output_tokens", "total_tokens", "cache_read_tokens", "cache_write_tokens",
    "reasoning_tokens",
)  # fmt: skip
_USAGE: frozenset[Field] = frozenset({*_COUNTS, "cost"})


def _usage(readings: dict[Field, Reading]) -> Usage | None:
    """Return the numbers that were read; what is no number is not said."""
    if _USAGE.isdisjoint(readings):
        return None
    counts = {
        name: count
        for name in _COUNTS
        if name in readings and (count := _count(readings[name].text)) is not None
    }
    cost = number(readings["cost"].text) if "cost" in readings else None
    return Usage(**counts, cost=cost) if counts or cost is not None else None


def _count(text: str) -> int | None:
    value = number(text)
    return int(value) if value is not None and 0 <= value < MAX_TOKENS_COUNT else None


def _mode(mode: str) -> HandoffMode | None:
    return cast("HandoffMode", mode) if mode in {"pass_control", "return_to_caller"} else None


def _settle(said: dict[str, object], readings: dict[Field, Reading], kind: StepKind) -> None:
    """Fill what follows from other fields: ids in envelopes, system messages, finish reasons."""
    if kind in {"tool", "retrieval"} and "result" in readings and not said.get("call_id"):
        said["call_id"] = _enveloped_id(readings["result"])
    if "input_messages" in readings and not said.get("system"):
        shown = readings["input_messages"].messages
        said["system"] = tuple(m for m in shown if m.role in {"system", "developer"})
    if "output_messages" in readings and not said.get("finish_reason"):
        for message in readings["output_messages"].messages:
            if message.finish_reason:
                said["finish_reason"] = message.finish_reason
                break
    error_type = readings.get("error_type", NOTHING).text
    error_message = readings.get("error_message", NOTHING).text
    if is_control_flow(error_type) or is_control_flow(error_message.partition("(")[0]):
        said.update(error_type="", error_message="")


def _enveloped_id(result: Reading) -> str:
    """Return the id of the call that a result's envelope names."""
    if result.call_id is None and result.payload is not None:
        return unwrap(result.payload.raw).call_id
    return result.call_id or ""
