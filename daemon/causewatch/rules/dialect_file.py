"""Loads dialect files: tables that users write, checked as strictly as rule files."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

from causewatch.dialects.table import Dialect, Field, FieldRule, Format, KindRule, Source, When
from causewatch.errors import Problem, ProblemsError
from causewatch.model.step import StepKind
from causewatch.rules.dialect_keys import DIALECT_FILE, FIELDS
from causewatch.rules.read import Section, read
from causewatch.rules.yaml import Items, Node, Place, Problems, Table, parse

SUFFIXES = (".yaml", ".yml")
MAX_DIALECTS_COUNT = 10_000
"""More than the size of a file allows: they all come before the shipped ones, in order."""
_ID = re.compile(r"[a-z][a-z0-9_]{0,63}\Z")
_PLACES = ("attribute", "event", "span")
_FORMATS: dict[Field, Format] = {
    "arguments": "payload", "result": "payload", "input": "payload", "output": "payload",
    "system": "parts", "input_messages": "messages", "output_messages": "messages",
    "documents": "documents",
}  # fmt: skip
_FLAT: dict[Format, Format] = {"messages": "flat_messages", "documents": "flat_documents"}


def load_dialect_files(
    files: Mapping[str, bytes], known: Sequence[Dialect] = ()
) -> tuple[Dialect, ...]:
    """Return the dialects of all dialect files, in order of file and line.

    Args:
        files: each file's bytes by path; only YAML files are read.
        known: dialects whose ids are taken.

    Raises:
        ProblemsError: with every problem of every file, by file, line and column.
    """
    problems = Problems()
    taken = {dialect.id: "shipped with causewatch" for dialect in known}
    found: list[Dialect] = []
    for file in sorted(name for name in files if name.endswith(SUFFIXES)):
        node = parse(file, files[file], problems)
        section = read(node, DIALECT_FILE, problems) if node is not None else None
        for part in section.sections("dialects") if section else ():
            reader = _Reader(part, problems)
            dialect = reader.dialect(taken, len(found))
            taken.setdefault(dialect.id, f"set in {file}:{part.place.line}")
            found.append(dialect)
    if len(problems) > 0:
        raise ProblemsError(list(problems))
    return tuple(found)


def is_dialect_file(file: str, content: bytes) -> bool:
    """Tell by its top-level key whether a YAML file holds dialects."""
    return file.endswith(SUFFIXES) and is_dialect_node(parse(file, content, Problems()))


def is_dialect_node(node: Node | None) -> bool:
    """Tell the same by a file's root; a configuration has a mapping under this key."""
    entry = node.entry("dialects") if isinstance(node, Table) else None
    return entry is not None and isinstance(entry.value, Items)


def problems_of(files: Mapping[str, bytes], known: Sequence[Dialect]) -> tuple[Problem, ...]:
    """Return everything wrong with dialect files."""
    try:
        load_dialect_files(files, known)
    except ProblemsError as error:
        return tuple(error.problems)
    return ()


class _Reader:
    """Reads one dialect; what is wrong with it goes to the problems."""

    def __init__(self, section: Section, problems: Problems) -> None:
        self._section = section
        self._problems = problems

    def dialect(self, taken: Mapping[str, str], order: int) -> Dialect:
        section = self._section
        name = section.text("dialect")
        if section.is_good("dialect"):
            self._check_id(name, taken, section.place_of("dialect"))
        detect = tuple(self._when(part) for part in section.sections("detect"))
        if section.is_good("detect") and not detect:
            self._problems.add(
                section.place_of("detect"), "value", "'detect' needs at least one condition"
            )
        fields = section.section("fields")
        return Dialect(
            id=name,
            title=section.text("title", name),
            priority=order - MAX_DIALECTS_COUNT,
            detect=detect,
            kinds=tuple(self._kind(part) for part in section.sections("kinds")),
            fields=tuple(self._fields(fields)) if fields else (),
            overlay=section.boolean("overlay"),
            shipped=False,
        )

    def _check_id(self, name: str, taken: Mapping[str, str], place: Place) -> None:
        if _ID.match(name) is None:
            message = (
                f"{name!r} is no id: use lower case letters, digits and '_', as in 'my_agents'"
            )
            self._problems.add(place, "value", message)
        elif name in taken:
            self._problems.add(place, "duplicate", f"the dialect {name!r} is already {taken[name]}")

    def _kind(self, section: Section) -> KindRule:
        first = self._when(section)
        more = tuple(self._when(part) for part in section.sections("and"))
        kind = cast("StepKind", section.text("kind", "other"))
        why = first.key or first.prefix or ("span name" if first.name else "a condition of a file")
        return KindRule(kind=kind, when=(first, *more), why=why)

    def _when(self, section: Section) -> When:
        """Read one condition; one that asks for nothing would hold for every span."""
        wanted = ("attribute", "scope", "event", "name", "root")
        if not any(section.value(key) is not None for key in wanted) and section.ok:
            message = f"a condition needs one of {', '.join(wanted)}"
            self._problems.add(section.place, "missing-key", message)
        attribute, is_prefix = _starred(section.text("attribute"))
        scope, is_scope_prefix = _starred(section.text("scope"))
        for key in ("path", "is", "like"):
            if section.value(key) is not None and (is_prefix or not attribute):
                message = f"{key!r} needs an attribute's whole name beside it"
                self._problems.add(section.place_of(key), "value", message)
        root = section.value("root")
        return When(
            key="" if is_prefix else attribute,
            prefix=attribute if is_prefix else "",
            path=section.text("path"),
            values=_words(section, "is"),
            pattern=_glob(section.text("like")),
            scope="" if is_scope_prefix else scope,
            scope_prefix=scope if is_scope_prefix else "",
            event_prefix=_starred(section.text("event"))[0],
            name=_glob(section.text("name")),
            root=root is True,
            child=root is False,
            negate=section.boolean("not"),
        )

    def _taking(self, section: Section) -> str:
        """Return a glob as a pattern for the whole of a text, of which its star is taken."""
        text = section.text("like")
        if not text:
            return ""
        if text.count("*") != 1:
            self._problems.add(section.place_of("like"), "value", "'like' takes one '*' here")
            return ""
        before, after = map(re.escape, text.split("*"))
        return rf"(?s){before}(.+){after}\Z"

    def _fields(self, section: Section) -> Iterator[FieldRule]:
        for field in FIELDS:
            value = section.value(field)
            if value is None:
                continue
            parts = value if isinstance(value, list) else [value]
            sources = tuple(
                self._source(field, part)
                if isinstance(part, Section)
                else _plain_source(field, str(part))
                for part in parts
            )
            for source in sources:
                self._check(source, field, section.place_of(field))
            yield FieldRule(field=field, sources=sources)

    def _check(self, source: Source, field: Field, place: Place) -> None:
        """Refuse flattened attributes for a field that cannot be flattened, and the other way."""
        if bool(source.prefix) != source.fmt.startswith("flat_"):
            flat = "not flattened attributes" if source.prefix else "flattened attributes or events"
            self._problems.add(place, "value", f"{field!r} is read from {flat}")
        elif source.prefix and not source.prefix.endswith("."):
            message = f"flattened attributes are written with a dot, as in '{source.prefix}.*'"
            self._problems.add(place, "value", message)

    def _source(self, field: Field, section: Section) -> Source:
        attribute, is_flat = _starred(section.text("attribute"))
        events = _words(section, "event")
        span = cast("Literal['', 'name', 'status_message']", section.text("span"))
        if sum(map(bool, (attribute or events, span))) != 1 and section.ok:
            message = f"a place needs one of {', '.join(_PLACES)}"
            self._problems.add(section.place, "missing-key", message)
        pattern = self._taking(section)
        fmt = _format_of(field, is_flat=is_flat, has_events=bool(events), has_key=bool(attribute))
        if events and not attribute and fmt not in {"events", "evaluation_events"} and section.ok:
            message = f"say which attribute of the event holds {field!r}"
            self._problems.add(section.place, "missing-key", message)
        return Source(
            key="" if is_flat else attribute,
            prefix=attribute if is_flat else "",
            events=events,
            span=span,
            path=section.text("path"),
            pattern=pattern,
            fmt=fmt,
            kinds=tuple(cast("StepKind", kind) for kind in section.texts("kinds")),
            role=section.text("role", _role_of(field)),
            absent=tuple(section.texts("absent")),
            fallback=span == "name" and not pattern,
        )


def _plain_source(field: Field, attribute: str) -> Source:
    name, is_flat = _starred(attribute)
    fmt = _format_of(field, is_flat=is_flat, has_events=False, has_key=True)
    if is_flat:
        return Source(prefix=name, fmt=fmt, role=_role_of(field))
    return Source(key=name, fmt=fmt, role=_role_of(field))


def _role_of(field: Field) -> str:
    roles = {"system": "system", "output_messages": "assistant"}
    return roles.get(field, "user")


def _format_of(field: Field, *, is_flat: bool, has_events: bool, has_key: bool) -> Format:
    """Return how a field is read, which follows from the field and from where it is."""
    if field == "evaluations":
        return "evaluation_events" if has_events else "flat_evaluations"
    fmt = _FORMATS.get(field, "text")
    if is_flat:
        return _FLAT.get(fmt, fmt)
    if has_events and not has_key and fmt == "messages":
        return "events"
    return fmt


def _glob(text: str) -> str:
    """Return a glob as a pattern for the whole of a text, in linear time.

    Each part between two stars is taken at its first place and not given up again: that never
    misses a match, since the star after it takes whatever lies between.
    """
    if not text:
        return ""
    first, *rest = map(re.escape, text.split("*"))
    middle = "".join(f"(?>.*?{part})" for part in rest[:-1])
    return rf"(?s){first}{middle}" + (f".*{rest[-1]}" if rest else "") + r"\Z"


def _starred(text: str) -> tuple[str, bool]:
    """Return a name without the star at its end, and whether there was one."""
    return (text[:-1], True) if text.endswith("*") else (text, False)


def _words(section: Section, key: str) -> tuple[str, ...]:
    value = section.value(key)
    if value is None:
        return ()
    return tuple(map(str, value)) if isinstance(value, list) else (str(value),)
