"""Strict YAML: parses a file into nodes that know their place, and collects what is wrong with it.

YAML 1.2 core scalars as JSON spells them: ``true``/``false``, decimal integers and floats,
``null``/``~``; everything else (``no``, ``on``, ``010``, ``1:30``, a date) stays the text that was
written. Anchors, aliases and tags are refused, duplicate keys are errors, and size, depth and the
number of nodes are limited. Nodes are built from libyaml's events, not by a constructor: an alias
is then seen where it is used, the limits hold before memory is spent, and nothing recurses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Literal

import msgspec
import yaml

from causewatch.errors import Problem, Severity
from causewatch.model.value import Value

MAX_FILE_BYTES = 1024 * 1024
MAX_DEPTH = 64
MAX_NODES = 100_000
MAX_PROBLEMS = 1_000
MAX_NUMBER_CHARS = 300

_INT = re.compile(r"-?(0|[1-9][0-9]*)\Z")
_FLOAT = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?\Z")
_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

ScalarKind = Literal["null", "bool", "int", "float", "text", "broken"]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """A line and column of a file, both counted from 1, columns in characters."""

    file: str
    line: int
    column: int


class Scalar(msgspec.Struct, frozen=True, kw_only=True):
    """A single value. ``text`` is what was written, ``kind`` what YAML 1.2 takes it for.

    ``broken`` stands where something refused was (an alias): the problem is already reported, so
    readers pass over it in silence.
    """

    place: Place
    text: str
    kind: ScalarKind
    starts: tuple[tuple[int, int], ...] = ()
    """Where each line of ``text`` starts in the file, where the text stands there verbatim."""

    def at(self, line: int, column: int) -> Place:
        """Return the place in the file of a line and column within ``text`` (from 1)."""
        if not 1 <= line <= len(self.starts):
            return self.place
        first_line, first_column = self.starts[line - 1]
        return Place(file=self.place.file, line=first_line, column=first_column + column - 1)


class Entry(msgspec.Struct, frozen=True, kw_only=True):
    """One key of a mapping and its value."""

    key: str
    key_place: Place
    value: Node


class Items(msgspec.Struct, frozen=True, kw_only=True):
    """A YAML sequence."""

    place: Place
    nodes: tuple[Node, ...]


class Table(msgspec.Struct, frozen=True, kw_only=True):
    """A YAML mapping; keys are text and distinct."""

    place: Place
    entries: tuple[Entry, ...]

    def entry(self, key: str) -> Entry | None:
        """Return the entry of ``key``, or ``None``."""
        return next((entry for entry in self.entries if entry.key == key), None)


Node = Scalar | Items | Table


class Problems:
    """Collects problems from any number of files: each once, at most ``MAX_PROBLEMS``."""

    def __init__(self) -> None:
        self._found: dict[Problem, None] = {}

    def add(self, place: Place, check: str, message: str, severity: Severity = "error") -> None:
        """Note one problem at a place."""
        problem = Problem(
            file=place.file,
            line=place.line,
            column=place.column,
            severity=severity,
            check=check,
            message=message,
        )
        if len(self._found) < MAX_PROBLEMS:
            self._found[problem] = None

    def __len__(self) -> int:
        return len(self._found)

    def __iter__(self) -> Iterator[Problem]:
        """Iterate over the problems by file, line and column."""
        return iter(sorted(self._found, key=lambda p: (p.file, p.line, p.column, p.message)))


def parse(file: str, content: bytes, problems: Problems) -> Node | None:
    """Return the root node of a file; ``None`` when it is empty or cannot be parsed.

    Everything wrong goes to ``problems``; duplicate keys, anchors and tags do not stop the rest.
    """
    text = _text_of(file, content, problems)
    if text is None:
        return None
    builder = _Builder(file, text.splitlines(), problems)
    try:
        for event in yaml.parse(text, Loader=yaml.CSafeLoader):
            if not builder.take(event):
                return None
    except yaml.YAMLError as error:
        _report(file, error, problems)
        return None
    return builder.root


def plain(node: Node) -> Value:
    """Return a node as a JSON value: mappings as dicts, numbers as numbers."""
    match node:
        case Table():
            return {entry.key: plain(entry.value) for entry in node.entries}
        case Items():
            return [plain(item) for item in node.nodes]
        case Scalar():
            return _plain_scalar(node)


def _plain_scalar(node: Scalar) -> Value:
    match node.kind:
        case "null" | "broken":
            return None
        case "bool":
            return node.text == "true"
        case "int":
            return int(node.text)
        case "float":
            return float(node.text)
        case "text":
            return node.text


def _text_of(file: str, content: bytes, problems: Problems) -> str | None:
    if len(content) > MAX_FILE_BYTES:
        message = f"the file has {len(content)} bytes; at most {MAX_FILE_BYTES} are read"
        problems.add(Place(file=file, line=1, column=1), "limit", message)
        return None
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_after(file, content[: error.start].decode("utf-8-sig", "replace"))
        problems.add(place, "yaml", "the file is not UTF-8")
        return None
    odd = _UNPRINTABLE.search(text)
    if odd:
        place = _place_after(file, text[: odd.start()])
        problems.add(place, "yaml", f"the character U+{ord(odd[0]):04X} is not allowed in YAML")
        return None
    return text


def _place_after(file: str, text: str) -> Place:
    lines = (text + "x").splitlines()
    return Place(file=file, line=len(lines), column=len(lines[-1]))


def _report(file: str, error: yaml.YAMLError, problems: Problems) -> None:
    mark = getattr(error, "problem_mark", None) or getattr(error, "context_mark", None)
    line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
    said = getattr(error, "problem", None) or "this is not YAML"
    context = getattr(error, "context", None)
    message = f"{context}: {said}" if context else str(said)
    problems.add(Place(file=file, line=line, column=column), "yaml", message)


class _Frame:
    """A collection that is still open."""

    def __init__(self, place: Place, *, is_table: bool) -> None:
        self.place = place
        self.is_table = is_table
        self.nodes: list[Node] = []
        self.entries: dict[str, Entry] = {}
        self.key: Node | None = None


class _Builder:
    """Turns events into nodes with a stack of open collections."""

    def __init__(self, file: str, lines: list[str], problems: Problems) -> None:
        self.root: Node | None = None
        self._file = file
        self._lines = lines
        self._problems = problems
        self._stack: list[_Frame] = []
        self._count = 0
        self._documents = 0

    def take(self, event: yaml.Event) -> bool:
        """Take one event; return false when the file is not worth reading on."""
        place = self._place(event)
        match event:
            case yaml.DocumentStartEvent():
                self._documents += 1
                if self._documents > 1:
                    self._problems.add(place, "yaml", "one file holds one YAML document")
                return self._documents == 1
            case yaml.AliasEvent():
                message = f"the alias *{event.anchor} is not allowed: write the value here"
                self._problems.add(place, "yaml", message)
                self._put(Scalar(place=place, text="", kind="broken"))
            case yaml.ScalarEvent():
                self._refuse_anchor_and_tag(event, place)
                self._put(self._scalar(event, place))
            case yaml.MappingStartEvent() | yaml.SequenceStartEvent():
                self._refuse_anchor_and_tag(event, place)
                is_table = isinstance(event, yaml.MappingStartEvent)
                self._stack.append(_Frame(place, is_table=is_table))
            case yaml.MappingEndEvent() | yaml.SequenceEndEvent():
                self._close()
            case _:
                pass  # stream and document ends carry nothing
        return self._within_limits(place)

    def _within_limits(self, place: Place) -> bool:
        self._count += 1
        if len(self._stack) > MAX_DEPTH:
            self._problems.add(place, "limit", f"nested more than {MAX_DEPTH} deep")
            return False
        if self._count > MAX_NODES:
            self._problems.add(place, "limit", f"more than {MAX_NODES} nodes in one file")
            return False
        return True

    def _place(self, event: yaml.Event) -> Place:
        line, column = _position(event)
        return Place(file=self._file, line=line + 1, column=column + 1)

    def _refuse_anchor_and_tag(
        self,
        event: yaml.ScalarEvent | yaml.MappingStartEvent | yaml.SequenceStartEvent,
        place: Place,
    ) -> None:
        if event.anchor is not None:
            self._problems.add(place, "yaml", f"the anchor &{event.anchor} is not allowed")
        if event.tag is not None:
            self._problems.add(place, "yaml", f"the tag {event.tag} is not allowed")

    def _close(self) -> None:
        frame = self._stack.pop()
        if frame.is_table:
            self._put(Table(place=frame.place, entries=tuple(frame.entries.values())))
        else:
            self._put(Items(place=frame.place, nodes=tuple(frame.nodes)))

    def _put(self, node: Node) -> None:
        if not self._stack:
            self.root = None if _is_nothing(node) else node
            return
        frame = self._stack[-1]
        if not frame.is_table:
            frame.nodes.append(node)
        elif frame.key is None:
            frame.key = node
        else:
            self._put_entry(frame, frame.key, node)
            frame.key = None

    def _put_entry(self, frame: _Frame, key: Node, value: Node) -> None:
        if not isinstance(key, Scalar):
            self._problems.add(key.place, "yaml", "a key must be text")
        elif key.kind == "broken":
            pass  # the alias is reported already
        elif key.text in frame.entries:
            first = frame.entries[key.text].key_place.line
            message = (
                f"duplicate key {key.text!r} in line {key.place.line}: "
                f"it is already set in line {first}"
            )
            self._problems.add(key.place, "duplicate-key", message)
        else:
            frame.entries[key.text] = Entry(key=key.text, key_place=key.place, value=value)

    def _scalar(self, event: yaml.ScalarEvent, place: Place) -> Scalar:
        is_plain = not event.style
        kind = kind_of(event.value) if is_plain else "text"
        return Scalar(place=place, text=event.value, kind=kind, starts=self._starts(event))

    def _starts(self, event: yaml.ScalarEvent) -> tuple[tuple[int, int], ...]:
        """Return where each line of the text starts, where the file holds it verbatim.

        A literal block holds every line of the text in a line of the file, after its indent; a
        plain or quoted scalar in one line holds it as it is, unless it uses escapes.
        """
        first, column = _position(event)
        if event.style == "|":
            return self._starts_of_block(first, event.value.split("\n"))
        column += 1 if event.style in {"'", '"'} else 0
        line = self._lines[first] if first < len(self._lines) else ""
        verbatim = event.style != ">" and line.startswith(event.value, column)
        return ((first + 1, column + 1),) if verbatim else ()

    def _starts_of_block(self, header: int, lines: list[str]) -> tuple[tuple[int, int], ...]:
        """Return the start of each line; the end of a block is the end of its last line."""
        written = self._lines[header + 1 : header + 1 + len(lines)]
        indent = next((len(w) - len(t) for w, t in zip(written, lines, strict=False) if t), 0)
        starts = [(header + 2 + number, indent + 1) for number in range(len(lines))]
        if len(lines) > 1 and not lines[-1]:
            starts[-1] = (header + len(lines), indent + 1 + len(lines[-2]))
        return tuple(starts)


def _position(event: yaml.Event) -> tuple[int, int]:
    """Return line and column of an event, counted from 0."""
    mark = event.start_mark
    return (mark.line, mark.column) if mark else (0, 0)


def kind_of(text: str) -> ScalarKind:
    """Return what a plain scalar is in YAML 1.2, as JSON spells it."""
    if text in {"", "~", "null"}:
        return "null"
    if text in {"true", "false"}:
        return "bool"
    if len(text) > MAX_NUMBER_CHARS:
        return "text"
    if _INT.match(text):
        return "int"
    if _FLOAT.match(text) and abs(float(text)) != float("inf"):
        return "float"
    return "text"


def _is_nothing(node: Node) -> bool:
    return isinstance(node, Scalar) and node.kind in {"null", "broken"}


def values_of(table: Table) -> Mapping[str, Value]:
    """Return a mapping as JSON values by key."""
    return {entry.key: plain(entry.value) for entry in table.entries}
