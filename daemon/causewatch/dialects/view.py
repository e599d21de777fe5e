"""One span with its log records, as the places of a dialect are looked for on it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from causewatch.dialects.cut import common_limit
from causewatch.model.kept import kept
from causewatch.model.span import Attributes, LogRecord, Span
from causewatch.model.step import StepKind
from causewatch.model.value import Value
from causewatch.model.withheld import holds_mark, is_withheld_from

_FLAT_INDEX = re.compile(r"\.\d{1,9}\.")


class View:
    """One span while it is read: what several sources need of it is prepared once."""

    def __init__(self, span: Span, logs: Sequence[LogRecord], kind: StepKind) -> None:
        self.span = span
        self.attributes = span.attributes
        self.logs = logs
        self.kind = kind

    @kept
    def limit(self) -> int:
        """The length at which a limit seems to have cut several attributes, 0 if none has."""
        return common_limit(self.attributes.values())

    @kept
    def is_withheld(self) -> bool:
        """Whether something of the span or its log records was redacted or dropped on receipt."""
        return is_withheld_from(self.attributes) or any(
            is_withheld_from(record.attributes) for record in self.logs
        )

    def has_mark(self, values: Iterable[Value]) -> bool:
        """Tell whether one of these values of the span holds the mark of a redaction."""
        return self.is_withheld and any(map(holds_mark, values))

    @kept
    def flat(self) -> dict[str, list[tuple[str, Value]]]:
        """Attributes that were flattened from a list, by what stands before their first index."""
        found: dict[str, list[tuple[str, Value]]] = {}
        for key, value in self.attributes.items():
            if index := _FLAT_INDEX.search(key):
                at = index.start() + 1
                found.setdefault(key[:at], []).append((key[at:], value))
        return found

    @kept
    def events(self) -> list[tuple[str, Attributes]]:
        """The events of the span, then its log records, each in order of time."""
        return list(_in_order(self.span, self.logs))

    @kept
    def event_names(self) -> frozenset[str]:
        """The names of all ``events``: most sources ask for others."""
        return frozenset(name for name, _ in self.events)


def _in_order(span: Span, logs: Sequence[LogRecord]) -> Iterator[tuple[str, Attributes]]:
    """Yield the events of the span, then its log records, each in order of time."""
    for event in sorted(span.events, key=lambda event: event.time_ns):
        yield event.name, event.attributes
    for record in sorted(logs, key=lambda record: record.time_ns):
        # Loggers older than the field for it name the event in an attribute.
        name = record.event_name or record.attributes.get("event.name")
        if isinstance(name, str):
            body = record.body if isinstance(record.body, dict) else {"content": record.body}
            yield name, {**body, **record.attributes}
