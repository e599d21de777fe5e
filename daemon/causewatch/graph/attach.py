"""Which span each log record is read with."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.model.span import LogRecord, Span

_EVALUATION = "gen_ai.evaluation.result"
_RESPONSE_ID = "gen_ai.response.id"
Key = tuple[str, str]


def attach(spans: Sequence[Span], logs: Sequence[LogRecord]) -> dict[Key, list[LogRecord]]:
    """Return the log records of each span, by trace id and span id.

    A record belongs to the span whose ids it carries. An evaluation that carries none belongs to
    the model call whose response it names, else to the root of its trace; other records without a
    span are left out.
    """
    found: dict[Key, list[LogRecord]] = {}
    strays: list[LogRecord] = []
    for record in logs:
        if record.span_id:
            found.setdefault((record.trace_id, record.span_id), []).append(record)
        elif record.event_name == _EVALUATION:
            strays.append(record)
    if strays:
        responses, roots = _places(spans)
        for record in strays:
            key = responses.get(str(record.attributes.get(_RESPONSE_ID, "")))
            key = key or roots.get(record.trace_id)
            if key is not None:
                found.setdefault(key, []).append(record)
    return found


def _places(spans: Sequence[Span]) -> tuple[dict[str, Key], dict[str, Key]]:
    """Return the spans by the response that they record, and the earliest root of each trace."""
    responses: dict[str, Key] = {}
    roots: dict[str, Key] = {}
    for span in sorted(spans, key=lambda span: (span.start_ns, span.span_id)):
        key = (span.trace_id, span.span_id)
        response = span.attributes.get(_RESPONSE_ID)
        if isinstance(response, str) and response:
            responses.setdefault(response, key)
        if not span.parent_id:
            roots.setdefault(span.trace_id, key)
    return responses, roots
