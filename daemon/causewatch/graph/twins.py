"""One call that two instrumentors of a process recorded side by side counts once.

Where one wraps the other, the spans are nested, and ``refine`` sees to it. Instrumentors that hang
on a framework's callbacks each grow a branch of their own: the same call twice, at the same time,
by two scopes.
"""

from __future__ import annotations

from collections import deque

import msgspec

from causewatch.dialects.handoff_tools import normalised
from causewatch.graph.tree import Tree
from causewatch.model.step import Message, Step

MAX_APART_NS = 50_000_000
"""How much earlier or later the second of two callbacks may be called."""
MAX_OPEN_COUNT = 64
_FIELDS = ("arguments", "result", "call_id", "input_messages", "output_messages", "system")


def merge_twins(tree: Tree) -> Tree:
    """Return ``tree`` with the second record of each call demoted, what it tells more kept."""
    if len({step.span.scope.name for step in tree.steps}) < 2:
        return tree
    steps = list(tree.steps)
    waiting: dict[tuple[str, str, str], deque[int]] = {}
    taken: set[tuple[int, str]] = set()
    for i, step in enumerate(tree.steps):
        if step.kind not in {"model", "tool"}:
            continue
        key = (step.span.trace_id, step.kind, normalised(step.tool))
        others = waiting.setdefault(key, deque(maxlen=MAX_OPEN_COUNT))
        scope = step.span.scope.name
        twin = next(
            (j for j in others if (j, scope) not in taken and _are_twins(steps[j], step)), None
        )
        if twin is None or _is_around(tree, twin, i):
            others.append(i)
            continue
        taken.add((twin, scope))
        missing = {n: v for n in _FIELDS if not getattr(steps[twin], n) and (v := getattr(step, n))}
        steps[twin] = msgspec.structs.replace(steps[twin], **missing)
        steps[i] = msgspec.structs.replace(
            step, kind="other", reason="the same call as another instrumentation recorded"
        )
    return tree.with_steps(steps)


def _are_twins(one: Step, other: Step) -> bool:
    first, second = one.span, other.span
    return (
        first.scope.name != second.scope.name
        and abs(first.start_ns - second.start_ns) <= MAX_APART_NS
        and abs(first.end_ns - second.end_ns) <= MAX_APART_NS
        and second.start_ns < max(first.end_ns, first.start_ns + 1)
        and (not one.call_id or not other.call_id or one.call_id == other.call_id)
        and _agree(one, other)
    )


def _agree(one: Step, other: Step) -> bool:
    """Tell whether what both tell is the same, and both tell, or one is silent, of a call."""
    if one.kind == "model":
        said = [_said(step.output_messages) for step in (one, other)]
        return said[0] == said[1] != "" or "" in said
    pairs = ((one.arguments, other.arguments), (one.result, other.result))
    return all(a is None or b is None or a.value == b.value for a, b in pairs)


def _said(messages: tuple[Message, ...]) -> str:
    """Return what a model answered, in a form that does not depend on who recorded it."""
    texts = [message.text.strip() for message in messages]
    calls = [getattr(part, "name", "") for message in messages for part in message.parts]
    return "\n".join(part for part in (*texts, *calls) if part)


def _is_around(tree: Tree, outer: int, inner: int) -> bool:
    return outer in tree.ancestors(inner)
