"""Which log records are read with which span."""

from __future__ import annotations

from collections.abc import Sequence

from causewatch.model.span import LogRecord, Span

EVALUATION_EVENT = "gen_ai.evaluation.result"
_Key = tuple[str, str]


def beside(spans: Sequence[Span], logs: Sequence[LogRecord]) -> dict[_Key, list[LogRecord]]:
    """Return the log records of each span, by trace and span id.

    An evaluation that names no span of the run judges it as a whole: it is read with the root of
    its trace. Other records without a span say nothing of any step, and are left out.
    """
    if not logs:
        return {}
    known = {(span.trace_id, span.span_id) for span in spans}
    roots: dict[str, _Key] | None = None
    found: dict[_Key, list[LogRecord]] = {}
    for record in logs:
        key = record.trace_id, record.span_id
        if key not in known and record.event_name == EVALUATION_EVENT:
            roots = _roots(spans) if roots is None else roots
            key = roots.get(record.trace_id, key)
        if key in known:
            found.setdefault(key, []).append(record)
    return found


def _roots(spans: Sequence[Span]) -> dict[str, _Key]:
    """Return the first root of each trace, or its first span where the root has not arrived."""
    ordered = sorted(spans, key=lambda s: (bool(s.parent_id), s.start_ns, s.span_id), reverse=True)
    return {span.trace_id: (span.trace_id, span.span_id) for span in ordered}
