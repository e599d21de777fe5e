"""What tool spans lack, gathered from the messages of the run that show the same call.

Some frameworks put neither arguments nor result on their tool spans, but pass both on in messages:
an agent runtime's events, or the history that a later model call repeats. The call id joins them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Sequence

import msgspec

from causewatch.dialects.unwrap import payload_of
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.step import Payload, Step, ToolCallPart, ToolResultPart
from causewatch.model.value import Value

MAX_SHOWN_COUNT = 16
"""How many different values are kept for one call id."""


class _Shown(msgspec.Struct, kw_only=True):
    """A call or its answer as messages show it, from their first to their last time."""

    tool: str
    value: Value
    first_ns: int
    last_ns: int
    cut: bool


_ById = dict[str, list[_Shown]]


def harvest(tree: Tree) -> Tree:
    """Return ``tree`` with the arguments and results of tool steps filled in from messages.

    Only what a tool step lacks is filled in, and only by its own call id. Ids that a careless
    framework uses twice are told apart by the tool's name and by time.
    """
    wanted = {s.call_id for s in tree.steps if s.kind == "tool" and s.call_id and _lacks(s)}
    if not wanted:
        return tree
    asked, answered = _shown(tree, wanted)
    steps = [
        _filled(step, asked, answered) if step.kind == "tool" and step.call_id in wanted else step
        for step in tree.steps
    ]
    return tree.with_steps(steps)


def _lacks(step: Step) -> bool:
    return _is_missing(step.arguments) or _is_missing(step.result)


def _is_missing(payload: Payload | None) -> bool:
    """Tell whether a payload is not there, or known only to have been dropped."""
    return payload is None or (payload.cut and not payload.raw)


def _shown(tree: Tree, wanted: set[str]) -> tuple[_ById, _ById]:
    """Return the calls and the answers with the ids in ``wanted``, each in order of time."""
    asked: _ById = {}
    answered: _ById = {}
    for step in tree.steps:
        for part, at_ns in _parts(step):
            if part.id in wanted and part.recorded:
                is_call = isinstance(part, ToolCallPart)
                value = part.arguments if isinstance(part, ToolCallPart) else part.result
                found = (asked if is_call else answered).setdefault(part.id, [])
                _keep(found, part.name, value, at_ns, cut=step.messages_cut)
    for found in (*asked.values(), *answered.values()):
        found.sort(key=lambda shown: shown.first_ns)
    return asked, answered


def _parts(step: Step) -> Iterator[tuple[ToolCallPart | ToolResultPart, int]]:
    """Yield what a step's messages show: inputs were there at its start, outputs at its end."""
    for messages, at_ns in (
        (step.input_messages, step.span.start_ns),
        (step.output_messages, step.span.end_ns),
    ):
        for message in messages:
            for part in message.parts:
                if isinstance(part, ToolCallPart | ToolResultPart):
                    yield part, at_ns


def _keep(found: list[_Shown], tool: str, value: Value, at_ns: int, *, cut: bool) -> None:
    """Keep each value once, with the times at which it was shown."""
    for other in found:
        if other.value == value and other.tool == tool:
            other.first_ns = min(other.first_ns, at_ns)
            other.last_ns = max(other.last_ns, at_ns)
            other.cut = other.cut and cut
            return
    if len(found) < MAX_SHOWN_COUNT:
        found.append(_Shown(tool=tool, value=value, first_ns=at_ns, last_ns=at_ns, cut=cut))


def _filled(step: Step, asked: _ById, answered: _ById) -> Step:
    changes: dict[str, Payload] = {}
    if _is_missing(step.arguments):
        calls = _of_tool(asked.get(step.call_id, ()), step)
        if (call := _asked_before(calls, step.span.start_ns)) is not None:
            changes["arguments"] = payload_of(call.value, "gen_ai.output.messages", cut=call.cut)
    if _is_missing(step.result):
        answers = _of_tool(answered.get(step.call_id, ()), step)
        if (answer := _answered_after(answers, step.span.end_ns)) is not None:
            changes["result"] = payload_of(answer.value, "gen_ai.input.messages", cut=answer.cut)
    return msgspec.structs.replace(step, **changes) if changes else step


def _of_tool(shown: Sequence[_Shown], step: Step) -> list[_Shown]:
    return [each for each in shown if not each.tool or not step.tool or each.tool == step.tool]


def _asked_before(shown: Sequence[_Shown], start_ns: int) -> _Shown | None:
    """Return the last call shown before a tool started, else the first: events may lag."""
    at = bisect_left(shown, start_ns + SKEW_NS, key=lambda each: each.first_ns)
    return shown[max(at - 1, 0)] if shown else None


def _answered_after(shown: Sequence[_Shown], end_ns: int) -> _Shown | None:
    """Return the first answer shown after a tool ended, else the only one that still is shown."""
    late = [each for each in shown if each.last_ns >= end_ns - SKEW_NS]
    new = [each for each in late if each.first_ns >= end_ns - SKEW_NS]
    return new[0] if new else late[0] if len(late) == 1 else None
