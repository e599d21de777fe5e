"""Shows how one span was understood: as a JSON object, or as a small table for a terminal."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.app.understanding import Understood
from causewatch.cli.tree import shown
from causewatch.dialects.explain import Origin
from causewatch.faults.text import bounded
from causewatch.model.step import Document, Evaluation, Message, Payload, Step

MAX_FIELD_CHARS = 20
MAX_PLACE_CHARS = 60
MAX_NAMES_COUNT = 100


def origins_json(understood: Understood) -> dict[str, object]:
    """Return the line that ``causewatch dialects explain`` prints for a span."""
    found = understood.explanation
    step = found.step
    return {
        "run": understood.run,
        "trace_id": step.span.trace_id,
        "span_id": step.span.span_id,
        "name": bounded(step.span.name),
        "service": bounded(step.span.resource.service_name),
        "scope": bounded(step.span.scope.name),
        "dialects": [
            {"id": match.dialect, "because": [bounded(word) for word in match.because]}
            for match in found.matches
        ],
        "step": step.kind,
        "by": found.by or None,
        "because": [bounded(word) for word in found.because],
        "graph": {"step": understood.kind, "agent": bounded(understood.agent) or None},
        "fields": {
            origin.field: {
                "value": value_of(step, origin.field),
                "from": [bounded(place) for place in origin.places],
                "dialect": origin.dialect,
            }
            for origin in found.origins
        },
        "shadowed": [
            {"attribute": bounded(one.attribute), "field": one.field}
            for one in found.shadowed[:MAX_NAMES_COUNT]
        ],
        "unread": [bounded(name) for name in found.unread[:MAX_NAMES_COUNT]],
        "unread_events": [bounded(name) for name in found.unread_events],
    }


def value_of(step: Step, field: str) -> str:
    """Return a field's value as short text; of lists, how many there are."""
    value = getattr(step, field, None)
    if value is None and step.usage is not None:
        value = getattr(step.usage, field, None)
    match value:
        case None:
            return ""
        case Payload():
            return bounded(value.raw) + (" (cut by telemetry)" if value.cut else "")
        case tuple():
            return _counted(value)
        case _:
            return bounded(str(value))


def _counted(items: tuple[Message | Document | Evaluation, ...]) -> str:
    words = {Message: "message", Document: "document", Evaluation: "evaluation"}
    name = words[type(items[0])] if items else "item"
    return f"{len(items)} {name}{'' if len(items) == 1 else 's'}"


def origins_text(understood: Understood) -> str:
    """Return a span as a heading, the reasons, and one line for each field; safe for a terminal."""
    found = understood.explanation
    span = found.step.span
    where = [shown(text) for text in (span.resource.service_name, span.scope.name) if text]
    lines = [f"{span.span_id}  {shown(span.name)}" + (f"  ({', '.join(where)})" if where else "")]
    by = found.by or "no dialect"
    lines.append(f"  {found.step.kind} by {by}: {_joined(found.because)}")
    lines.extend(
        f"  {'also ' if match.dialect != found.by else ''}{match.dialect}: {_joined(match.because)}"
        for match in found.matches
    )
    if understood.kind != found.step.kind:
        lines.append(f"  in the graph: {understood.kind}")
    if understood.agent and understood.agent != found.step.agent:
        lines.append(f"  in the graph: work of {shown(understood.agent)}")
    lines.extend(_field_lines(found.step, found.origins))
    rest = (
        ("not needed", tuple(f"{one.attribute} ({one.field})" for one in found.shadowed)),
        ("not read", (*found.unread, *found.unread_events)),
    )
    lines.extend(f"  {name}: {_joined(names)}" for name, names in rest if names)
    return "\n".join(lines)


def _field_lines(step: Step, origins: tuple[Origin, ...]) -> Iterator[str]:
    rows = [(o.field, shown(", ".join(o.places)), value_of(step, o.field)) for o in origins]
    width = min(max((len(place) for _, place, _ in rows), default=0), MAX_PLACE_CHARS)
    for field, place, value in rows:
        yield f"    {field:<{MAX_FIELD_CHARS}}{place:<{width}}  {value}".rstrip()


def _joined(words: tuple[str, ...]) -> str:
    """Return words apart by commas; of a great many the first, and how many more there are."""
    names = ", ".join(shown(word) for word in words[:MAX_NAMES_COUNT])
    more = len(words) - MAX_NAMES_COUNT
    return f"{names} and {more} more" if more > 0 else names
