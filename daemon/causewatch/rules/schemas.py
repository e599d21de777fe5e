"""Finds the JSON Schemas of contracts among the files given, and the files they refer to."""

from __future__ import annotations

import json
import posixpath
from collections.abc import Iterator, Mapping
from itertools import takewhile
from urllib.parse import quote, unquote

from causewatch.model.value import Value
from causewatch.rules.yaml import (
    MAX_DEPTH,
    MAX_FILE_BYTES,
    Items,
    Node,
    Place,
    Problems,
    Scalar,
    Table,
    parse,
    plain,
)

MAX_SCHEMA_FILES = 1_000
_PARENT = "_parent_"


def path_of(file: str, written: str) -> str | None:
    """Return a path written in ``file`` as one beside it; ``None`` if it leaves the rules root.

    Files may be named from any folder: ``../rules/a.yaml`` reaches no further up than it is itself.
    """
    if "://" in written or "\\" in written or "\0" in written or written.startswith("/"):
        return None
    folder = posixpath.normpath(posixpath.dirname(file) or ".")
    path = posixpath.normpath(posixpath.join(folder, written))
    return None if _steps_up(path) > _steps_up(folder) else path


def uri_path_of(path: str) -> str:
    """Return a file's path as it may stand in a URI, with no dots that resolving would remove."""
    parts = (_PARENT if part == ".." else quote(part, safe="") for part in path.split("/"))
    return "/".join(part for part in parts if part)


def _steps_up(path: str) -> int:
    return sum(1 for _ in takewhile(lambda part: part == "..", path.split("/")))


class SchemaFiles:
    """The files under the rules root, read as schemas when asked for, each once."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        self._files = files
        self._nodes: dict[str, Node | None] = {}
        self._values: dict[str, Value] = {}

    def value(self, path: str, asked_at: Place, problems: Problems) -> Value:
        """Return the schema in a file; what is wrong with the file is told at its own place."""
        if path not in self._files:
            problems.add(asked_at, "schema", f"no file {path!r} under the rules root")
            return None
        if path not in self._values:
            self._values[path] = self._read(path, problems)
        return self._values[path]

    def node(self, path: str) -> Node | None:
        """Return the nodes of a schema file, for the places in it."""
        if path not in self._nodes:
            content = self._files.get(path, b"")
            self._nodes[path] = parse(path, content, Problems())
        return self._nodes[path]

    def reachable(self, value: Value, file: str, problems: Problems) -> dict[str, Value]:
        """Return every file that a schema refers to, directly or not, by path."""
        found: dict[str, Value] = {}
        waiting = [(value, file)]
        while waiting and len(found) < MAX_SCHEMA_FILES:
            schema, base = waiting.pop()
            for reference in _references(schema):
                path = path_of(base, unquote(reference.partition("#")[0]))
                if path is None or path in found or path not in self._files:
                    continue  # compiling the contract says what is wrong with it
                found[path] = self.value(path, Place(file=path, line=1, column=1), problems)
                waiting.append((found[path], path))
        return found

    def _read(self, path: str, problems: Problems) -> Value:
        if path.endswith(".json"):
            return _json(path, self._files[path], problems)
        node = parse(path, self._files[path], problems)
        return None if node is None else plain(node)


def place_in(node: Node | None, pointer: str, otherwise: Place) -> Place:
    """Return the place of a JSON pointer below a node: of the deepest part that exists."""
    place = node.place if node else otherwise
    for part in pointer.split("/")[1:]:
        key = part.replace("~1", "/").replace("~0", "~")
        match node:
            case Table():
                entry = node.entry(key)
                if entry is None:
                    return place
                node, place = entry.value, entry.key_place
            case Items():
                if not key.isdigit() or int(key[:9]) >= len(node.nodes):
                    return place
                node = node.nodes[int(key[:9])]
                place = node.place
            case Scalar() | None:
                return place
    return place


def _references(schema: Value) -> Iterator[str]:
    """Yield the ``$ref`` texts of a schema that name a file."""
    waiting = [schema]
    while waiting:
        value = waiting.pop()
        if isinstance(value, dict):
            reference = value.get("$ref")
            if isinstance(reference, str) and not reference.startswith("#"):
                yield reference
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)


def _json(path: str, content: bytes, problems: Problems) -> Value:
    first = Place(file=path, line=1, column=1)
    if len(content) > MAX_FILE_BYTES:
        problems.add(first, "limit", f"a schema file has at most {MAX_FILE_BYTES} bytes")
        return None
    try:
        value: Value = json.loads(content, parse_constant=_refuse_constant)
    except json.JSONDecodeError as error:
        place = Place(file=path, line=error.lineno, column=error.colno)
        problems.add(place, "schema", f"this is not JSON: {error.msg}")
    except (UnicodeDecodeError, RecursionError, ValueError) as error:
        problems.add(first, "schema", f"this is not JSON: {error}")
    else:
        if _depth_is_fine(value):
            _report_duplicates(path, content, problems)
            return value
        problems.add(first, "limit", f"nested more than {MAX_DEPTH} deep")
    return None


def _depth_is_fine(value: Value) -> bool:
    layer = [value]
    for _ in range(MAX_DEPTH + 1):
        inner = [list(v.values()) if isinstance(v, dict) else v for v in layer]
        layer = [item for part in inner if isinstance(part, list) for item in part]
        if not layer:
            return True
    return False


def _report_duplicates(path: str, content: bytes, problems: Problems) -> None:
    """Tell duplicate keys, which JSON parsers pass over; the rest of YAML's rules is not JSON's."""
    found = Problems()
    parse(path, content, found)
    for problem in found:
        if problem.check == "duplicate-key":
            place = Place(file=path, line=problem.line, column=problem.column)
            problems.add(place, problem.check, problem.message)


def _refuse_constant(name: str) -> Value:
    raise ValueError(f"{name} is no JSON")
