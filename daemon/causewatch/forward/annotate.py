"""From a judged run to OTLP: its spans as they came, with what causewatch found appended.

Nothing that was received is built anew. A protobuf message is a sequence of fields in any order,
and those of a repeated field may stand anywhere in it, so that an attribute is appended to the
bytes of a span and a span to the bytes of its scope: fields that we do not know, events and links
stay as they are (https://protobuf.dev/programming-guides/encoding/#optional). Only a span that
itself carries ``causewatch.*`` is parsed: what somebody else put there would pass for ours.

What is appended is what signatures are evaluated over (``rules.subject``), so that what is found
in a backend is what matched here.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from opentelemetry.proto.common.v1.common_pb2 import InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1 import resource_pb2
from opentelemetry.proto.trace.v1 import trace_pb2

from causewatch.forward.request import Part
from causewatch.forward.run import ForwardedRun
from causewatch.forward.trace_state import sampled
from causewatch.graph.claims import MARK
from causewatch.graph.inbound import OWN_PREFIX, inbound_name
from causewatch.model.judgement import Assessment
from causewatch.model.span import Attributes, Span
from causewatch.model.value import Value
from causewatch.otlp.encode import fill_attributes, fill_scope, fill_span
from causewatch.otlp.raw import Envelope, RawSpan
from causewatch.rules.subject import subject_of
from causewatch.sampling.decision import Decision

_Key = tuple[str, str]
"""A trace id and a span id."""
_OWN = OWN_PREFIX.encode()
_ON_THE_TAKER = frozenset(
    OWN_PREFIX + name
    for name in (
        "fault", "validation", "path.deviation", "novel", "blame.role", "blame.category",
    )
)  # fmt: skip
"""What is said of a call that only messages show stands on the span that shows it."""


def annotated(run: ForwardedRun) -> Iterator[Part]:
    """Yield the spans of a run with what was found, then a span for each derived handoff."""
    found, synthetic = _found(run)
    if run.decision is not None:
        for key in _roots(run.spans):
            found.setdefault(key, {}).update(_sampling(run.decision))
    envelopes: dict[_Key, Envelope] = {}
    around: dict[Envelope, Envelope] = {}
    for span in run.spans:
        key = (span.trace_id, span.span_id)
        before = _envelope(span)
        envelope = around.get(before) or around.setdefault(before, _without_own(before))
        envelopes[key] = envelope
        body = sampled(_with_attributes(span, found.get(key, {})), span.trace_id, run.decision)
        yield Part(key=key, envelope=envelope, body=body)
    for handoff in synthetic:
        sender = envelopes.get((handoff.trace_id, handoff.parent_id), Envelope(b"", b""))
        envelope = Envelope(sender.resource, _own_scope(handoff))
        key = (handoff.trace_id, handoff.span_id)
        body = sampled(_body(handoff), handoff.trace_id, run.decision)
        yield Part(key=key, envelope=envelope, body=body)


def unmodified(run: ForwardedRun) -> Iterator[Part]:
    """Yield the spans of a run as they came, and nothing else."""
    for span in run.spans:
        body = span.body or _body(span.whole())
        yield Part(key=(span.trace_id, span.span_id), envelope=_envelope(span), body=body)


def _found(run: ForwardedRun) -> tuple[dict[_Key, dict[str, Value]], Sequence[Span]]:
    """Return what was found by span, and the spans of derived handoffs."""
    if run.assessment is not None:
        return _judged(run.assessment)
    if run.verdict is None:
        return {}, ()
    about: dict[str, Value] = {f"{OWN_PREFIX}health": run.verdict}
    if run.workflow:
        about[f"{OWN_PREFIX}workflow"] = run.workflow
    return {key: dict(about) for key in _roots(run.spans)}, ()


def _judged(assessment: Assessment) -> tuple[dict[_Key, dict[str, Value]], Sequence[Span]]:
    subject = subject_of(assessment)
    steps = assessment.graph.steps
    found: dict[_Key, dict[str, Value]] = {}
    derived = zip(steps, subject.derived, strict=False)
    # Calls that only messages show come last, so that they find the step whose span they share.
    for step, attributes in sorted(derived, key=lambda pair: pair[0].derived):
        known = found.setdefault((step.span.trace_id, step.span.span_id), {})
        if step.derived:
            _join(known, {k: v for k, v in attributes.items() if k in _ON_THE_TAKER})
        else:
            known.update(attributes)
    return found, subject.spans[len(steps) :]


def _join(known: dict[str, Value], more: Mapping[str, Value]) -> None:
    for key, value in more.items():
        before = known.get(key)
        if isinstance(before, list) and isinstance(value, list):
            known[key] = [*before, *(item for item in value if item not in before)]
        else:
            known.setdefault(key, value)


def _roots(spans: Sequence[RawSpan]) -> list[_Key]:
    """Return the spans whose parent is not in the run."""
    keys = {(span.trace_id, span.span_id) for span in spans}
    return [
        (span.trace_id, span.span_id)
        for span in spans
        if (span.trace_id, span.parent_id) not in keys
    ]


def _sampling(decision: Decision) -> dict[str, Value]:
    found: dict[str, Value] = {
        f"{OWN_PREFIX}sampling.policy": decision.policy,
        f"{OWN_PREFIX}sampling.reason": decision.reason,
    }
    if decision.probability is not None:
        found[f"{OWN_PREFIX}sampling.probability"] = decision.probability
    return found


def _with_attributes(span: RawSpan, found: Mapping[str, Value]) -> bytes:
    body = span.body
    if body and _OWN not in body:
        more = trace_pb2.Span()
        fill_attributes(more.attributes, found)
        return body + more.SerializeToString()
    raw = trace_pb2.Span.FromString(body) if body else _message(span.whole())
    is_marked = any(pair.key == MARK for pair in raw.attributes)
    _rename(raw.attributes, found, is_marked=is_marked)
    fill_attributes(raw.attributes, found)
    return raw.SerializeToString()


def _rename(pairs: Iterable[KeyValue], found: Attributes, *, is_marked: bool) -> None:
    """Move aside what is not ours to believe, and what we know better."""
    for pair in pairs:
        if pair.key in found:
            pair.key = inbound_name(pair.key, is_marked=False)
        else:
            pair.key = inbound_name(pair.key, is_marked=is_marked)


def _without_own(envelope: Envelope) -> Envelope:
    if _OWN not in envelope.resource:
        return envelope
    group = trace_pb2.ResourceSpans.FromString(envelope.resource)
    _rename(group.resource.attributes, {}, is_marked=False)
    return envelope._replace(resource=group.SerializeToString())


def _envelope(span: RawSpan) -> Envelope:
    """Return what stood around a span; one that came decoded has it made again."""
    if span.body:
        return span.envelope
    resource = resource_pb2.Resource()
    fill_attributes(resource.attributes, span.resource.attributes)
    scope = InstrumentationScope()
    fill_scope(scope, span.scope)
    return Envelope(
        trace_pb2.ResourceSpans(resource=resource).SerializeToString(),
        trace_pb2.ScopeSpans(scope=scope).SerializeToString(),
    )


def _own_scope(span: Span) -> bytes:
    scope = InstrumentationScope(name=span.scope.name)
    return trace_pb2.ScopeSpans(scope=scope).SerializeToString()


def _message(span: Span) -> trace_pb2.Span:
    raw = trace_pb2.Span()
    fill_span(raw, span)
    return raw


def _body(span: Span) -> bytes:
    return _message(span).SerializeToString()
