"""Runs portable signatures over the HTTP search API of Grafana Tempo (``GET /api/search``)."""

from __future__ import annotations

import httpx
import msgspec

from causewatch.errors import UnreachableError, UserError
from causewatch.signatures.classify import first_extension
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import Signature, compile_query

MAX_ANSWER_BYTES = 64 * 1024 * 1024
MAX_MESSAGE_CHARS = 400
TRACE_ID_CHARS = 32
SPAN_ID_CHARS = 16


class TempoQuery(msgspec.Struct, frozen=True, kw_only=True):
    """Where to search, and how much to ask for.

    Attributes:
        url: base address, such as ``http://localhost:3200``; what stands before ``/api/search``.
        start_s: Unix time in seconds from which on traces are searched; ``None`` leaves it to
            Tempo.
        end_s: Unix time up to which they are.
        max_traces: at most so many traces are answered.
        max_spans_per_set: at most so many spans of each span set.
        headers: sent along, such as ``Authorization`` or ``X-Scope-OrgID``.
    """

    url: str
    start_s: int | None = None
    end_s: int | None = None
    max_traces: int = 1_000
    max_spans_per_set: int = 100
    headers: dict[str, str] = {}
    timeout_s: float = 60.0


class TempoAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """The span sets of each matching trace, by trace id; ids padded to their full length."""

    result: dict[str, list[list[str]]]
    cut_traces: int = 0
    """Traces of which some span set is larger than what was asked for."""
    is_limited: bool = False
    """As many traces as were asked for: there may be more."""


class _Span(msgspec.Struct, frozen=True, kw_only=True):
    span_id: str = msgspec.field(name="spanID", default="")


class _SpanSet(msgspec.Struct, frozen=True, kw_only=True):
    spans: list[_Span] = []
    matched: int = 0


class _Trace(msgspec.Struct, frozen=True, kw_only=True):
    trace_id: str = msgspec.field(name="traceID", default="")
    span_set: _SpanSet | None = msgspec.field(name="spanSet", default=None)
    span_sets: list[_SpanSet] = msgspec.field(name="spanSets", default_factory=list)

    @property
    def sets(self) -> list[_SpanSet]:
        """Return the span sets; early versions of the API knew only one."""
        return self.span_sets or ([self.span_set] if self.span_set is not None else [])


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    traces: list[_Trace] = []


def search(
    text: str, query: TempoQuery, transport: httpx.BaseTransport | None = None
) -> TempoAnswer:
    """Ask Tempo what a signature matches.

    Raises:
        SignatureError: when it cannot be read, or is not portable (stage ``unsupported``).
        UserError: when Tempo refuses the query or the caller.
        UnreachableError: when Tempo cannot be reached or does not answer as Tempo does.
    """
    signature = _portable(text)
    parameters: dict[str, str | int] = {
        "q": signature.text,
        "limit": query.max_traces,
        "spss": query.max_spans_per_set,
    }
    if query.start_s is not None and query.end_s is not None:
        parameters |= {"start": query.start_s, "end": query.end_s}
    url = f"{query.url.rstrip('/')}/api/search"
    try:
        with httpx.Client(
            transport=transport, timeout=query.timeout_s, headers=query.headers, trust_env=False
        ) as client:
            answer = client.get(url, params=parameters)
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise UnreachableError(f"{url}: {error}") from None
    return _answer(url, answer, query)


def _portable(text: str) -> Signature:
    signature = compile_query(text)
    extension = first_extension(signature.query)
    if extension is not None:
        message = "Tempo cannot run this part, which only causewatch knows; search without it"
        raise SignatureError("unsupported", message, text=text, offset=extension.at)
    if signature.kind == "metrics":
        message = "a metrics query is not searched for; take the part before the metrics function"
        raise SignatureError("unsupported", message, text=text, offset=0)
    return signature


def _answer(url: str, answer: httpx.Response, query: TempoQuery) -> TempoAnswer:
    if answer.status_code in {400, 401, 403, 404, 422}:
        said = answer.text.strip()[:MAX_MESSAGE_CHARS]
        raise UserError(f"{url}: Tempo refused ({answer.status_code}): {said}")
    if answer.status_code != httpx.codes.OK:
        said = answer.text.strip()[:MAX_MESSAGE_CHARS]
        raise UnreachableError(f"{url}: status {answer.status_code}: {said}")
    if len(answer.content) > MAX_ANSWER_BYTES:
        raise UnreachableError(f"{url}: the answer has more than {MAX_ANSWER_BYTES} bytes")
    try:
        found = msgspec.json.decode(answer.content, type=_Found)
    except (msgspec.DecodeError, msgspec.ValidationError) as error:
        raise UnreachableError(f"{url}: this is no answer of Tempo: {error}") from None
    return TempoAnswer(
        result={
            trace.trace_id.rjust(TRACE_ID_CHARS, "0"): [
                sorted(span.span_id.rjust(SPAN_ID_CHARS, "0") for span in spans.spans)
                for spans in trace.sets
            ]
            for trace in found.traces
        },
        cut_traces=sum(
            any(spans.matched > len(spans.spans) for spans in trace.sets) for trace in found.traces
        ),
        is_limited=len(found.traces) >= query.max_traces,
    )
