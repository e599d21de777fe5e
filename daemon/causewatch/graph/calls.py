"""Which tool step ran which call of which model step."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence

import msgspec

from causewatch.graph.owners import Owners
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.kept import kept
from causewatch.model.step import Step, ToolCallPart
from causewatch.model.value import Value, sha256_of

_Key = tuple[str, ...]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """One tool call that a model step asked for."""

    model: int
    part: ToolCallPart
    number: int


class Calls(msgspec.Struct, frozen=True, kw_only=True):
    """All calls of a run; ``by_tool`` maps a tool step to its call and the evidence."""

    calls: tuple[Call, ...]
    by_tool: dict[int, tuple[Call, str]]
    by_id: dict[str, Call]
    """The last call with an id."""

    def ids_of(self, index: int, step: Step) -> str:
        """Return the call id of a tool step: its own, or that of the call it was paired with."""
        if step.call_id:
            return step.call_id
        paired = self.by_tool.get(index)
        return paired[0].part.id if paired else ""


def pair(tree: Tree, owners: Owners) -> Calls:
    """Pair tool steps with the calls that model steps asked for.

    By call id, else by name, arguments and order, else by name and order: the n-th of identical
    calls pairs with the n-th step that ran one; calls of the step's own agent go first.
    """
    calls = tuple(_calls(tree.steps))
    waiting = _Waiting(calls, owners)
    used: set[int] = set()
    by_tool: dict[int, tuple[Call, str]] = {}
    for i, step in enumerate(tree.steps):
        if step.kind in {"tool", "retrieval"}:
            for key, evidence in _keys_of_tool(step, owners.owner[i]):
                taken = _take(waiting.under(key), used, tree.steps, step.span.start_ns)
                if taken is not None:
                    used.add(taken.number)
                    by_tool[i] = (taken, evidence)
                    break
    by_id = {call.part.id: call for call in calls if call.part.id}
    return Calls(calls=calls, by_tool=by_tool, by_id=by_id)


class _Waiting:
    """The calls under each key; under names and arguments only where ids do not do."""

    def __init__(self, calls: Sequence[Call], owners: Owners) -> None:
        self._calls = calls
        self._owners = owners
        self._by_id: dict[_Key, deque[Call]] = {}
        for call in calls:
            if call.part.id:
                for key in (("id", call.part.id, call.part.name), ("id", call.part.id)):
                    self._by_id.setdefault(key, deque()).append(call)

    def under(self, key: _Key) -> deque[Call] | None:
        """Return the calls under a key, in order."""
        return (self._by_id if key[0] == "id" else self._by_name).get(key)

    @kept
    def _by_name(self) -> dict[_Key, deque[Call]]:
        found: dict[_Key, deque[Call]] = {}
        for call in self._calls:
            for key in _names_of_call(call, self._owners.owner[call.model]):
                found.setdefault(key, deque()).append(call)
        return found


def _calls(steps: Sequence[Step]) -> Iterator[Call]:
    number = 0
    models = [i for i, step in enumerate(steps) if step.kind == "model"]
    for i in sorted(models, key=lambda i: (steps[i].span.end_ns, i)):
        for message in steps[i].output_messages:
            for part in message.parts:
                if isinstance(part, ToolCallPart):
                    yield Call(model=i, part=part, number=number)
                    number += 1


def _take(
    waiting: deque[Call] | None, used: set[int], steps: Sequence[Step], start_ns: int
) -> Call | None:
    """Return the first call that is not used yet and was asked for before ``start_ns``."""
    while waiting:
        call = waiting[0]
        if call.number in used:
            waiting.popleft()
            continue
        if steps[call.model].span.start_ns > start_ns + SKEW_NS:
            return None
        return waiting.popleft()
    return None


def _names_of_call(call: Call, owner: str) -> Iterator[_Key]:
    part = call.part
    for digest in _digests(part.arguments):
        yield ("arguments", part.name, digest, owner)
        yield ("arguments", part.name, digest)
    yield ("name", part.name, owner)
    yield ("name", part.name)


def _keys_of_tool(step: Step, owner: str) -> Iterator[tuple[_Key, str]]:
    if step.call_id:
        evidence = f"tool_call_id {step.call_id[:80]}"
        yield ("id", step.call_id, step.tool), evidence
        yield ("id", step.call_id), evidence
    if step.arguments is not None and not step.arguments.cut:
        digest = sha256_of(_canonical(step.arguments.value))
        yield ("arguments", step.tool, digest, owner), "name+arguments+order"
        yield ("arguments", step.tool, digest), "name+arguments+order"
    if step.tool and not step.call_id:
        # A step of no agent may be anybody's.
        yield (("name", step.tool, owner) if owner else ("name", step.tool)), "name+order"


def _digests(arguments: Value) -> Iterator[str]:
    """Yield the digest of the arguments, and of a single argument also that of its bare value."""
    yield sha256_of(_canonical(arguments))
    if isinstance(arguments, dict) and len(arguments) == 1:
        (bare,) = arguments.values()
        yield sha256_of(_canonical(bare if isinstance(bare, dict | list) else str(bare)))


def _canonical(arguments: Value) -> Value:
    """No arguments are written as nothing, as an empty text or as an empty object."""
    return {} if arguments in (None, "") else arguments
