"""The shape of a result: which members it has, whatever their values.

A shape is the set of key paths of a structured result, as JSON pointers with every array index
written ``*``.
"""

from __future__ import annotations

from causewatch.faults.calls import Call
from causewatch.faults.empty import is_empty
from causewatch.faults.envelope import failure_in
from causewatch.faults.expand import expand
from causewatch.model.value import Value

MAX_SHAPE_DEPTH = 6
MAX_SHAPE_PATHS_COUNT = 200
"""A result with more holds a table by name: its members are data, not a shape."""
MAX_PATH_CHARS = 200
MAX_ITEMS_COUNT = 200
"""The items of an array that are looked at."""
MAX_TOOL_NAME_CHARS = 200


def shape_of(value: Value) -> frozenset[str] | None:
    """Return the key paths of a result that have a value, or ``None`` if it has no shape.

    Text, bare scalars, empty results and reports of failure have none, nor has a result with more
    paths than ``MAX_SHAPE_PATHS_COUNT``. A member that is null counts as one that is not there.
    """
    held = expand(value)
    if not isinstance(held, dict | list) or is_empty(held) or failure_in(held) is not None:
        return None
    paths: set[str] = set()
    stack: list[tuple[str, Value, int]] = [("", held, 0)]
    while stack and len(paths) <= MAX_SHAPE_PATHS_COUNT:
        path, item, depth = stack.pop()
        for key, member in _members(item):
            where = f"{path}/{key}"
            if member is None or len(where) > MAX_PATH_CHARS:
                continue
            paths.add(where)
            if depth < MAX_SHAPE_DEPTH:
                stack.append((where, member, depth + 1))
    return frozenset(paths) if len(paths) <= MAX_SHAPE_PATHS_COUNT else None


def _members(item: Value) -> list[tuple[str, Value]]:
    if isinstance(item, dict):
        found = list(item.items())[: MAX_SHAPE_PATHS_COUNT + 1]
        return [(key.replace("~", "~0").replace("/", "~1"), member) for key, member in found]
    if isinstance(item, list):
        return [("*", member) for member in item[:MAX_ITEMS_COUNT]]
    return []


def shape_returned(call: Call) -> frozenset[str] | None:
    """Return the shape of what a call returned, ``None`` where that tells nothing of its tool."""
    result = call.result
    if result is None or result.cut or call.delegates or call.answers:
        return None
    if call.step.span.status == "error" or not 0 < len(call.step.name) <= MAX_TOOL_NAME_CHARS:
        return None
    return shape_of(result.value)


def keys_asked(call: Call) -> frozenset[str]:
    """Return the names of a call's arguments."""
    value = None if call.step.arguments is None else call.step.arguments.value
    if not isinstance(value, dict):
        return frozenset()
    return frozenset(k for k in list(value)[:MAX_SHAPE_PATHS_COUNT] if len(k) <= MAX_PATH_CHARS)
