"""How much of a run can be checked: each boundary, and what would make the rest checkable.

Where ``gaps`` tells what kept one run from a verdict, this counts what is fine as well, so that a
team sees which services it may rely on.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Literal

import msgspec

from causewatch.blame.gaps import (
    MISSING_SPAN_FIX,
    answered_ids,
    call_gap,
    handoff_gap,
    has_content,
)
from causewatch.dialects.capture import (
    WITHHELD_FIX,
    WITHHELD_REASON,
    capture_fix,
    limit_fix,
    name_fix,
)
from causewatch.faults.calls import Call, calls_of
from causewatch.faults.lost_at_handoff import place_of
from causewatch.graph.beside import EVALUATION_EVENT
from causewatch.model.graph import CausalGraph
from causewatch.model.span import LogRecord
from causewatch.model.step import Step, StepKind
from causewatch.model.withheld import is_withheld_from

BoundaryName = Literal["handoff", "tool_result", "model_input", "agent", "trace", "log", "dialect"]
MAX_PROBLEMS_COUNT = 10
JOIN_FIX = (
    "pass the trace context from agent to agent, or set gen_ai.conversation.id on the spans of all"
    " of them; or hand over by a tool of the framework, so that it is on a span"
)
LOG_FIX = "write the record while its span is the current one, so that it carries the span's id"
DIALECT_FIX = (
    "see `causewatch dialects explain` for what their spans hold, and describe it in a dialect file"
)
_WORK: frozenset[StepKind] = frozenset({"model", "tool", "retrieval"})


class Check(msgspec.Struct, frozen=True, kw_only=True):
    """One boundary of one run: checkable when there is no ``reason`` why it is not."""

    service: str
    dialect: str
    scope: str
    boundary: BoundaryName
    name: str
    span_id: str = ""
    reason: str = ""
    fix: str = ""


class Problem(msgspec.Struct, frozen=True, kw_only=True):
    """One reason why boundaries cannot be checked, how often, and one span to look at."""

    reason: str
    count: int
    fix: str
    span_id: str


class Coverage(msgspec.Struct, frozen=True, kw_only=True):
    """All boundaries of one name within one service and dialect."""

    service: str
    dialect: str
    scope: str
    boundary: BoundaryName
    name: str
    count: int
    checkable: int
    problems: tuple[Problem, ...]


def checks_of(graph: CausalGraph, logs: Iterable[LogRecord] = ()) -> tuple[Check, ...]:
    """Return every boundary of a run: handoffs, tool results, model inputs, and who did them."""
    if all(step.kind in {"other", "message"} for step in graph.steps):
        return tuple(_strangers(graph))
    return (
        *_handoffs(graph),
        *_calls(graph),
        *_models(graph),
        *_agents(graph),
        *_parents(graph),
        *_records(graph, logs),
    )


def coverage_of(checks: Iterable[Check]) -> tuple[Coverage, ...]:
    """Return the checks counted by service, dialect and boundary, in a stable order.

    Runs in which nothing was recognised count only where a service has no others: most services
    serve more than AI.
    """
    checks = list(checks)
    understood = {check.service for check in checks if check.boundary != "dialect"}
    groups: dict[tuple[str, ...], list[Check]] = {}
    for check in checks:
        if check.boundary == "dialect" and check.service in understood:
            continue
        key = (check.service, check.dialect, check.scope, check.boundary, check.name)
        groups.setdefault(key, []).append(check)
    return tuple(_counted(groups[key]) for key in sorted(groups))


def _counted(checks: Sequence[Check]) -> Coverage:
    first = checks[0]
    reasons: dict[tuple[str, str], list[Check]] = {}
    for check in checks:
        if check.reason:
            reasons.setdefault((check.reason, check.fix), []).append(check)
    worst_first = sorted(reasons.items(), key=lambda item: -len(item[1]))
    return Coverage(
        service=first.service,
        dialect=first.dialect,
        scope=first.scope,
        boundary=first.boundary,
        name=first.name,
        count=len(checks),
        checkable=sum(not check.reason for check in checks),
        problems=tuple(
            Problem(reason=reason, fix=fix, count=len(found), span_id=found[0].span_id)
            for (reason, fix), found in worst_first[:MAX_PROBLEMS_COUNT]
        ),
    )


def _check(step: Step, boundary: BoundaryName, name: str, reason: str = "", fix: str = "") -> Check:
    return Check(
        service=step.span.resource.service_name,
        dialect=step.dialect,
        scope=step.span.scope.name,
        boundary=boundary,
        name=name,
        span_id=step.span.span_id,
        reason=reason,
        fix=fix if reason else "",
    )


def _handoffs(graph: CausalGraph) -> Iterator[Check]:
    for handoff in graph.handoffs:
        step = graph.steps[place_of(handoff)]
        gap = handoff_gap(graph, handoff)
        name = f"{handoff.from_agent or 'unknown'} to {handoff.to_agent or 'unknown'}"
        reason, fix = (gap.reason, gap.fix) if gap else ("", "")
        yield _check(step, "handoff", name, reason, fix)
    if not graph.handoffs and len(graph.agents) > 1:
        names = ", ".join(sorted(graph.agents))
        reason = "there are several agents, and no span shows what passes between them"
        yield _check(graph.steps[0], "handoff", names, reason, JOIN_FIX)


def _calls(graph: CausalGraph) -> Iterator[Check]:
    seen = answered_ids(graph)
    calls = [call for call in calls_of(graph) if not call.delegates]
    recording = {_maker(call.step) for call in calls if call.step.result is not None}
    for call in calls:
        reason, fix = _why_not(call, seen, recording)
        yield _check(call.step, "tool_result", call.step.name, reason, fix)


def _maker(step: Step) -> tuple[str, str, str]:
    return (step.span.resource.service_name, step.dialect, step.span.scope.name)


def _why_not(
    call: Call, seen: frozenset[str], recording: set[tuple[str, str, str]]
) -> tuple[str, str]:
    """Return why a call's result cannot be checked, and the fix; two empty texts if it can."""
    step = call.step
    if step.documents or (step.call_id and step.call_id in seen):
        return "", ""
    gap = call_gap(call.index, step)
    if gap is not None:
        return gap.reason, gap.fix
    if step.result is None and step.span.status != "error" and _maker(step) not in recording:
        # Where other calls have results, this one returned nothing.
        return "the result is on no span", capture_fix(step)
    return "", ""


def _models(graph: CausalGraph) -> Iterator[Check]:
    for i, step in enumerate(graph.steps):
        if step.kind == "model":
            reason, fix = _why_unread(step)
            yield _check(step, "model_input", graph.owner[i], reason, fix)


def _why_unread(step: Step) -> tuple[str, str]:
    if has_content(step):
        return _why_incomplete(step) if step.messages_cut else ("", "")
    if is_withheld_from(step.span.attributes):
        return f"the content was {WITHHELD_REASON}", WITHHELD_FIX
    if step.span.dropped_attributes_count:
        return "the SDK dropped attributes", limit_fix("attributes")
    return "no message content is on the span", capture_fix(step)


def _why_incomplete(step: Step) -> tuple[str, str]:
    if is_withheld_from(step.span.attributes):
        return f"the messages were {WITHHELD_REASON}", WITHHELD_FIX
    if step.span.dropped_attributes_count:
        return "the SDK dropped attributes", limit_fix("attributes")
    if step.span.dropped_events_count:
        return "the SDK dropped events", limit_fix("events")
    return "the messages were cut by telemetry", limit_fix("length")


def _agents(graph: CausalGraph) -> Iterator[Check]:
    """Yield whether it is known whose work each step is."""
    for i, step in enumerate(graph.steps):
        if step.kind in _WORK:
            reason = "" if graph.owner[i] else "no span says which agent did this"
            yield _check(step, "agent", graph.owner[i], reason, name_fix(step))


def _parents(graph: CausalGraph) -> Iterator[Check]:
    """Yield each missing span once; one above the whole run belongs to somebody else."""
    missing: dict[tuple[str, str], Step] = {}
    for step, parent in zip(graph.steps, graph.parent, strict=True):
        if parent == -2:
            missing.setdefault((step.span.trace_id, step.span.parent_id), step)
    if len(missing) == 1 and -1 not in graph.parent:
        return
    for (_, parent_id), step in missing.items():
        reason = f"the span above {step.name} ({parent_id}) never arrived"
        yield _check(step, "trace", "", reason, MISSING_SPAN_FIX)


def _records(graph: CausalGraph, logs: Iterable[LogRecord]) -> Iterator[Check]:
    """Yield records with content that belong to no span of the run."""
    known = {(step.span.trace_id, step.span.span_id) for step in graph.steps}
    for record in logs:
        name = record.event_name or str(record.attributes.get("event.name", ""))
        # An evaluation that names no span judges the run as a whole.
        is_joined = (record.trace_id, record.span_id) in known or name == EVALUATION_EVENT
        if is_joined or not name.startswith("gen_ai."):
            continue
        has_id = bool(record.span_id)
        why = "names a span that never arrived" if has_id else "names no span"
        yield Check(
            service=record.resource.service_name,
            dialect="",
            scope=record.scope.name,
            boundary="log",
            name=name,
            span_id=record.span_id,
            reason=f"the log record {why}",
            fix=MISSING_SPAN_FIX if has_id else LOG_FIX,
        )


def _strangers(graph: CausalGraph) -> Iterator[Check]:
    """Yield the spans of a run in which nothing was recognised as work of an AI system."""
    for step in graph.steps:
        if not step.dialect:
            reason = "the span is in no dialect that is known"
            yield _check(step, "dialect", step.span.scope.name, reason, DIALECT_FIX)
