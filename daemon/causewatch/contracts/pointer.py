"""JSON pointers (RFC 6901): written, read, and used to leave parts of a value out."""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.model.value import Value


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
    return any(inner[: len(outer)] == outer for outer in map(parts_of, pointers))


def touches(pointers: Iterable[str], place: str) -> bool:
    """Tell whether ``place`` holds, is, or lies inside of one of the pointers."""
    inner = parts_of(place)
    outers = map(parts_of, pointers)
    return any(inner[: len(o)] == o or o[: len(inner)] == inner for o in outers)


def without(value: Value, pointers: Iterable[str]) -> Value:
    """Return ``value`` with what the pointers name left out; ``value`` itself is not changed."""
    # Last index first: taking one item out of a list moves those behind it.
    for parts in sorted(map(parts_of, pointers), key=_numeric_order, reverse=True):
        value = _without(value, parts)
    return value


def _numeric_order(parts: tuple[str, ...]) -> list[tuple[int, str]]:
    return [(int(part[:9]) if part.isascii() and part.isdigit() else -1, part) for part in parts]


def _without(value: Value, parts: tuple[str, ...]) -> Value:
    if not parts:
        return None
    head, rest = parts[0], parts[1:]
    if isinstance(value, dict) and head in value:
        if not rest:
            return {key: item for key, item in value.items() if key != head}
        return {**value, head: _without(value[head], rest)}
    if isinstance(value, list) and head.isascii() and head.isdigit() and int(head[:9]) < len(value):
        index = int(head[:9])
        if not rest:
            return value[:index] + value[index + 1 :]
        return [*value[:index], _without(value[index], rest), *value[index + 1 :]]
    return value
