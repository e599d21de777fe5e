"""Why a span was understood as it was: for ``causewatch dialects explain``.

Nothing is decided here. The same rules that ``understand`` goes by are asked which condition held,
and each field which place filled it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec

from causewatch.dialects.detect import holds, kind_rule, recognise
from causewatch.dialects.shape import Recognised
from causewatch.dialects.table import Dialect, Field, Source, When
from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import Taken, step_of, take
from causewatch.dialects.unwrap import raw_text
from causewatch.model.span import LogRecord, Span
from causewatch.model.step import Step

MAX_LISTED_COUNT = 200


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """One dialect that a span is written in, and what told so."""

    dialect: str
    because: tuple[str, ...]
    attributes: tuple[str, ...] = ()


class Origin(msgspec.Struct, frozen=True, kw_only=True):
    """Where one field of a step came from: ``places`` in words, and the names in them."""

    field: str
    dialect: str
    places: tuple[str, ...]
    attributes: tuple[str, ...] = ()
    events: tuple[str, ...] = ()


class Unused(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute that a rule names for a field which another place filled."""

    attribute: str
    field: str


class Explanation(msgspec.Struct, frozen=True, kw_only=True):
    """How one span was understood.

    ``because`` says what gave the kind; ``shadowed`` are attributes that were not needed,
    ``unread`` those that no rule of the span's dialects names, ``unread_events`` the events and
    log records that no field came from.
    """

    step: Step
    matches: tuple[Match, ...]
    by: str
    because: tuple[str, ...]
    origins: tuple[Origin, ...]
    shadowed: tuple[Unused, ...]
    unread: tuple[str, ...]
    unread_events: tuple[str, ...]


def explain(
    span: Span, logs: Sequence[LogRecord] = (), dialects: Sequence[Dialect] = SHIPPED
) -> Explanation:
    """Return how ``span`` was understood; the step is the one that ``understand`` returns.

    Args:
        span: the span as received.
        logs: the log records that carry its trace and span id.
        dialects: the tables to go by.
    """
    recognised = recognise(span, dialects)
    taken = tuple(take(recognised, span, logs))
    step = step_of(recognised, {one.field: one.reading for one in taken}, span)
    matches = tuple(_match(dialect, span) for dialect in recognised.dialects)
    because, kind_names = _kind(recognised, span)
    origins = (*(_origin(one, span, logs) for one in taken), *_followed(step, taken))
    used = {name for origin in origins for name in origin.attributes}
    used |= set(kind_names)
    shadowed = tuple(_shadowed(recognised, span, used))
    told = {name for match in matches for name in match.attributes}
    named = used | told | {one.attribute for one in shadowed}
    events = {name for origin in origins for name in origin.events}
    return Explanation(
        step=step,
        matches=matches,
        by=recognised.by.id if recognised.by else "",
        because=because,
        origins=origins,
        shadowed=shadowed,
        unread=tuple(sorted(name for name in span.attributes if name not in named)),
        unread_events=tuple(_unread_events(span, logs, events)),
    )


def _match(dialect: Dialect, span: Span) -> Match:
    because: list[str] = []
    attributes: dict[str, None] = {}
    for condition in dialect.detect:
        if holds(condition, span):
            words, names = evidence(condition, span)
            because.extend(word for word in words if word not in because)
            attributes.update(dict.fromkeys(names))
    return Match(dialect=dialect.id, because=tuple(because), attributes=tuple(attributes))


def _kind(recognised: Recognised, span: Span) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what gave the span its kind, in words, and the attributes among it."""
    rule = kind_rule(recognised.by, span) if recognised.by else None
    if rule is None:
        return (recognised.why,), ()
    found = [evidence(condition, span) for condition in rule.when]
    words = tuple(word for said, _ in found for word in said)
    names = tuple(name for _, named in found for name in named)
    why = () if rule.why in {*names, "span name"} else (rule.why,)
    return (*words, *why), names


def evidence(condition: When, span: Span) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Return what a condition that holds went by, in words, and the attributes that it read."""
    negation = "no " if condition.negate else ""
    words: list[str] = []
    names: list[str] = []
    if condition.key:
        words.append(negation + _key_words(condition, span))
        names += [name for name in (condition.key, condition.equals_key) if name in span.attributes]
    if condition.scope or condition.scope_prefix:
        words.append(f"{negation}scope {span.scope.name}")
    if condition.prefix:
        first = next((name for name in span.attributes if name.startswith(condition.prefix)), "")
        words.append(f"{negation}attribute {first or condition.prefix + '*'}")
        names += [first] if first else []
    if condition.event_prefix:
        first = next((e.name for e in span.events if e.name.startswith(condition.event_prefix)), "")
        words.append(f"{negation}event {first or condition.event_prefix + '*'}")
    if condition.name:
        words.append(f"{negation}span name {span.name}")
    if condition.root or condition.child:
        words.append("a root" if condition.root is not condition.negate else "not a root")
    return tuple(words), tuple(names)


def _key_words(condition: When, span: Span) -> str:
    """Say which attribute was looked at, and what mattered in it."""
    place = f"{condition.key}: {condition.path}" if condition.path else condition.key
    if condition.negate and not (condition.equals_name or condition.values):
        return f"attribute {place}"
    if condition.equals_name:
        return f"attribute {place} that is the span's name"
    if condition.equals_key:
        return f"attribute {place} that equals {condition.equals_key}"
    if condition.values or condition.pattern:
        return f"attribute {place} = {raw_text(span.attributes[condition.key])}"
    return f"attribute {place}"


def _origin(taken: Taken, span: Span, logs: Sequence[LogRecord]) -> Origin:
    found = [place_of(source, span, logs) for source in taken.sources]
    return Origin(
        field=taken.field,
        dialect=taken.dialect.id,
        places=tuple(words for words, _, _ in found),
        attributes=tuple(name for _, names, _ in found for name in names),
        events=tuple(name for _, _, names in found for name in names),
    )


def place_of(
    source: Source, span: Span, logs: Sequence[LogRecord]
) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    """Return a source in words, the attributes of the span it read, and the events or records."""
    if source.events:
        on_span = [event.name for event in span.events if event.name in source.events]
        names = dict.fromkeys(on_span or (n for n in map(name_of, logs) if n in source.events))
        kind = "event" if on_span else "log record"
        at = f": {source.key}" if source.key and source.fmt not in {"events", "documents"} else ""
        words, attributes = f"{kind} {', '.join(names)}{at}", ()
        return words + _inside(source), attributes, tuple(names)
    if source.prefix:
        flat = tuple(name for name in span.attributes if name.startswith(source.prefix))
        return f"attributes {source.prefix}* ({len(flat)})", flat, ()
    if source.key:
        return f"attribute {source.key}{_inside(source)}", (source.key,), ()
    return {"name": "span name", "status_message": "status message"}[source.span or "name"], (), ()


def name_of(record: LogRecord) -> str:
    """Return the event name of a log record, from its field or from its attribute."""
    said = record.event_name or record.attributes.get("event.name")
    return said if isinstance(said, str) else ""


def _inside(source: Source) -> str:
    return f", at {source.path}" if source.path else ""


_FOLLOWS: tuple[tuple[Field, Field, str], ...] = (
    ("call_id", "result", "the envelope of result"),
    ("system", "input_messages", "the system messages of input_messages"),
    ("finish_reason", "output_messages", "the last of output_messages"),
)


def _followed(step: Step, taken: Sequence[Taken]) -> Iterator[Origin]:
    """Yield the fields that were filled from other fields."""
    by_field = {one.field: one for one in taken}
    for field, source, words in _FOLLOWS:
        if getattr(step, field) and field not in by_field and source in by_field:
            yield Origin(field=field, dialect=by_field[source].dialect.id, places=(words,))


def _shadowed(recognised: Recognised, span: Span, used: set[str]) -> Iterator[Unused]:
    """Yield the attributes that a rule names, but which were not needed or did not fit."""
    seen = set(used)
    for dialect in recognised.dialects:
        for rule in dialect.fields:
            for source in rule.sources:
                for name in _names_of(source, span):
                    if name not in seen:
                        seen.add(name)
                        yield Unused(attribute=name, field=rule.field)


def _names_of(source: Source, span: Span) -> Iterator[str]:
    if source.prefix:
        yield from (name for name in span.attributes if name.startswith(source.prefix))
    elif source.key in span.attributes and not source.events:
        yield source.key


def _unread_events(span: Span, logs: Sequence[LogRecord], used: set[str]) -> Iterator[str]:
    events = dict.fromkeys(f"event {e.name}" for e in span.events if e.name not in used)
    records = dict.fromkeys(
        f"log record {name_of(r) or 'without a name'}" for r in logs if name_of(r) not in used
    )
    yield from [*events, *records][:MAX_LISTED_COUNT]
