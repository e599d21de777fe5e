"""JSON pointers (RFC 6901): written, read, and used to find parts of a value or leave them out.

In the pointers of rule files a part ``*`` stands for every key or index: ``/items/*/id``.
"""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.model.value import Value

ANY = "*"


def pointer_of(path: Iterable[str | int]) -> str:
    """Return the pointer of a path of keys and indices, empty for the whole value."""
    return "".join("/" + str(part).replace("~", "~0").replace("/", "~1") for part in path)


def parts_of(pointer: str) -> tuple[str, ...]:
    """Return the unescaped parts of a pointer; a missing leading slash is forgiven."""
    if not pointer:
        return ()
    parts = pointer.removeprefix("/").split("/")
    return tuple(part.replace("~1", "/").replace("~0", "~") for part in parts)


def covers(pointers: Iterable[str], place: str) -> bool:
    """Tell whether ``place`` is one of the pointers or lies inside of one."""
    inner = parts_of(place)
    return any(_leads(outer, inner) for outer in map(parts_of, pointers))


def touches(pointers: Iterable[str], place: str) -> bool:
    """Tell whether ``place`` holds, is, or lies inside of one of the pointers."""
    inner = parts_of(place)
    return any(_meet(outer, inner) for outer in map(parts_of, pointers))


def below(pointers: Iterable[str], place: str) -> tuple[str, ...]:
    """Return the pointers that lead inside of ``place``, as seen from there."""
    inner = parts_of(place)
    outers = (outer for outer in map(parts_of, pointers) if _leads(inner, outer))
    return tuple(pointer_of(outer[len(inner) :]) for outer in outers)


def without(value: Value, pointers: Iterable[str]) -> Value:
    """Return ``value`` with what the pointers name left out; ``value`` itself is not changed."""
    paths = [parts_of(pointer) for pointer in pointers]
    return None if () in paths else _without(value, paths)


def found_at(value: Value, pointer: str) -> list[tuple[str, Value]]:
    """Return what a pointer names in ``value``, each with its own pointer."""
    found: list[tuple[tuple[str, ...], Value]] = [((), value)]
    for part in parts_of(pointer):
        found = [
            ((*path, name), member)
            for path, item in found
            for name, member in _members(item)
            if part in (ANY, name)
        ]
    return [(pointer_of(path), item) for path, item in found]


def _members(value: Value) -> Iterable[tuple[str, Value]]:
    if isinstance(value, dict):
        return value.items()
    return ((str(i), item) for i, item in enumerate(value)) if isinstance(value, list) else ()


def _meet(one: tuple[str, ...], other: tuple[str, ...]) -> bool:
    """Tell whether two paths are the same as far as both go."""
    return all(a == b or ANY in (a, b) for a, b in zip(one, other, strict=False))


def _leads(outer: tuple[str, ...], inner: tuple[str, ...]) -> bool:
    return len(outer) <= len(inner) and _meet(outer, inner)


def _without(value: Value, paths: list[tuple[str, ...]]) -> Value:
    if not paths or not isinstance(value, dict | list):
        return value
    kept = [
        (name, _without(member, inner) if inner else member)
        for name, member in _members(value)
        if () not in (inner := [path[1:] for path in paths if path[0] in (ANY, name)])
    ]
    return dict(kept) if isinstance(value, dict) else [member for _, member in kept]
