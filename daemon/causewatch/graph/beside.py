"""Which log records are read with which span."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.model.span import LogRecord, Span

EVALUATION_EVENT = "gen_ai.evaluation.result"
RESPONSE_ID = "gen_ai.response.id"
_Key = tuple[str, str]


def beside(spans: Sequence[Span], logs: Sequence[LogRecord]) -> dict[_Key, list[LogRecord]]:
    """Return the log records of each span, by trace and span id.

    An evaluation that names no span of the run is read with the model call whose response it names,
    else it judges the run as a whole: it is read with the root of its trace. Other records without
    a span say nothing of any step, and are left out.
    """
    if not logs:
        return {}
    known = {(span.trace_id, span.span_id) for span in spans}
    roots: dict[str, _Key] | None = None
    responses: dict[str, _Key] = {}
    found: dict[_Key, list[LogRecord]] = {}
    for record in logs:
        key = record.trace_id, record.span_id
        if key not in known and record.event_name == EVALUATION_EVENT:
            if roots is None:
                roots, responses = _roots(spans), _responses(spans)
            response = str(record.attributes.get(RESPONSE_ID, ""))
            key = responses.get(response) or roots.get(record.trace_id, key)
        if key in known:
            found.setdefault(key, []).append(record)
    return found


def _roots(spans: Sequence[Span]) -> dict[str, _Key]:
    """Return the first root of each trace, or its first span where the root has not arrived."""
    ordered = sorted(spans, key=lambda s: (bool(s.parent_id), s.start_ns, s.span_id), reverse=True)
    return {span.trace_id: (span.trace_id, span.span_id) for span in ordered}


def _responses(spans: Sequence[Span]) -> dict[str, _Key]:
    """Return the first span that records each response, by the response's id."""
    ordered = sorted(spans, key=lambda s: (s.start_ns, s.span_id), reverse=True)
    return {
        response: (span.trace_id, span.span_id)
        for span in ordered
        if isinstance(response := span.attributes.get(RESPONSE_ID), str) and response
    }
