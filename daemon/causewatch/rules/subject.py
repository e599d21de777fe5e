"""Turns a judged run into what signatures are evaluated over: its spans with ``causewatch.*``.

Each received span is a node with what causewatch derived for it, and with its token counts under
the names of the GenAI conventions, whatever its dialect calls them; each derived handoff, which has
no span of its own, is one more node, a synthetic span. Rules, ``query`` and forwarding all use this
one place, so a signature that matches here matches there.

Besides the attributes of the handbook: ``causewatch.blame.category`` stands on the origin step of a
corrupted run, ``causewatch.blame.role`` (string array: origin, propagator, symptom) on every step
that blame names; ``causewatch.failed`` (string array: evaluation, caller, symptom) on the roots of
a run of which somebody said that it ended wrong, whatever its verdict. Of a run that is not
complete none of these is set: what looks like an uncaught fault may yet be noticed and repaired.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.contracts.boundary import boundaries_of, standing_of
from causewatch.model.expectation import Boundary
from causewatch.model.graph import CausalGraph, EdgeType, Handoff
from causewatch.model.judgement import Assessment, Blame, ContractVerdict
from causewatch.model.span import Span, SpanLink
from causewatch.model.step import Step
from causewatch.model.value import Value
from causewatch.signatures.needs import Needs
from causewatch.signatures.subject import Subject

SETTLED_LATE = frozenset({"unused_result"})
"""Faults that say what did not happen: of a run under way it may still happen."""
USAGE = {
    "input_tokens": "gen_ai.usage.input_tokens",
    "output_tokens": "gen_ai.usage.output_tokens",
    "total_tokens": "gen_ai.usage.total_tokens",
    "cache_read_tokens": "gen_ai.usage.cache_read.input_tokens",
    "cache_write_tokens": "gen_ai.usage.cache_write.input_tokens",
    "reasoning_tokens": "gen_ai.usage.reasoning.output_tokens",
    "cost": "gen_ai.usage.cost",
}
"""Names of the OpenTelemetry GenAI conventions; the total and the cost are what SDKs add."""
_WORST_FIRST = ("violated", "unverifiable", "pass")
_Derived = dict[str, Value]
_DERIVED_PREFIX = "causewatch."
_HANDOFF = "causewatch.handoff."
_OF_BOUNDARY = frozenset(_HANDOFF + name for name in ("intact", "delta", "checksum"))


def subject_of(assessment: Assessment, needs: Needs | None = None) -> Subject:
    """Return the run as a subject: first the steps, then one node for each derived handoff.

    With ``needs`` the digests and sizes of payloads, and what is compared at a handoff, which cost
    something, are derived only where some signature reads them.
    """
    graph = assessment.graph
    names = None if needs is None else frozenset(name for _, name in needs.attributes)
    has_digests = names is None or any(map(_is_of_payload, names))
    boundaries: Sequence[Boundary] = ()
    if names is None or not names.isdisjoint(_OF_BOUNDARY):
        boundaries = boundaries_of(graph, assessment.redact)
    derived = [_of_step(graph, index, has_digests=has_digests) for index in range(len(graph.steps))]
    _add_judgement(assessment, derived)
    synthetic = []
    for index, handoff in enumerate(graph.handoffs):
        attributes = _of_handoff(assessment, index, has_digests=has_digests)
        if boundaries:
            attributes |= _of_boundary(boundaries[index])
        if handoff.derived:
            span, own = _synthetic(graph, handoff, attributes)
            synthetic.append((span, own, handoff.sender))
        elif handoff.performed_by is not None:
            derived[handoff.performed_by] |= attributes
    return Subject(
        spans=(*(step.span for step in graph.steps), *(span for span, _, _ in synthetic)),
        derived=(*derived, *(own for _, own, _ in synthetic)),
        edges=_edges(graph, [sender for _, _, sender in synthetic]),
    )


def step_of(graph: CausalGraph, node: int) -> int | None:
    """Return the received step a node stands for: a synthetic handoff is shown as its performer."""
    if node < len(graph.steps):
        return node
    derived = [handoff for handoff in graph.handoffs if handoff.derived]
    if node - len(graph.steps) >= len(derived):
        return None
    handoff = derived[node - len(graph.steps)]
    performer = handoff.performed_by
    return performer if performer is not None else handoff.sender


def _is_of_payload(name: str) -> bool:
    return name.startswith(_DERIVED_PREFIX) and name.endswith((".sha256", ".bytes"))


def _of_step(graph: CausalGraph, index: int, *, has_digests: bool) -> _Derived:
    """Return what is derived for one step, without what was judged of it."""
    step = graph.steps[index]
    return {
        "causewatch.step": step.kind,
        **_texts(
            agent=graph.owner[index],
            workflow=step.workflow or graph.workflow,
            session=step.session or graph.session,
            tool=step.tool,
            dialect=step.dialect,
        ),
        **(_payloads(step) if has_digests else {}),
        **_usage(step),
    }


def _texts(**texts: str) -> _Derived:
    return {f"causewatch.{name}": text for name, text in texts.items() if text}


def _payloads(step: Step) -> _Derived:
    found: _Derived = {}
    if step.arguments is not None:
        found["causewatch.args.sha256"] = step.arguments.sha256
    if step.result is not None:
        found["causewatch.result.sha256"] = step.result.sha256
        found["causewatch.result.bytes"] = step.result.size_bytes
    return found


def _usage(step: Step) -> _Derived:
    """Return the usage under its canonical names, where the span has it under others."""
    if step.usage is None:
        return {}
    known = step.span.attributes
    values = {key: getattr(step.usage, name) for name, key in USAGE.items() if key not in known}
    return {key: value for key, value in values.items() if value is not None}


def _add_judgement(assessment: Assessment, derived: Sequence[_Derived]) -> None:
    """Add faults, tool verdicts, blame and, on the roots, the run's health."""
    graph, blame = assessment.graph, assessment.blame
    for fault in assessment.faults:
        if not graph.is_whole and fault.name in SETTLED_LATE:
            continue
        _append(derived[fault.step], "causewatch.fault", fault.name)
    for verdict in assessment.verdicts:
        if verdict.handoff is None:
            known = derived[verdict.step].get("causewatch.validation")
            worst = _worst([str(known or "pass"), verdict.verdict])
            derived[verdict.step]["causewatch.validation"] = worst
    _add_expected(assessment, derived)
    if graph.is_whole or assessment.has_ended:
        _add_blame(graph, blame, derived)
        _add_health(assessment, derived)
        for failing in assessment.failed_by:
            for index, parent in enumerate(graph.parent):
                if parent == -1:
                    _append(derived[index], "causewatch.failed", failing.by)


def _add_expected(assessment: Assessment, derived: Sequence[_Derived]) -> None:
    """Add where the run left a path template, and what its workflow never had before."""
    for deviation in assessment.deviations:
        _append(derived[deviation.at], "causewatch.path.deviation", deviation.path)
    for novel in assessment.novel:
        _append(derived[novel.step], "causewatch.novel", novel.edge or "shape")


def _add_blame(graph: CausalGraph, blame: Blame, derived: Sequence[_Derived]) -> None:
    roles = [
        *((blame.origin.step, "origin") for _ in range(1) if blame.origin),
        *((propagator.step, "propagator") for propagator in blame.propagators),
        *((blame.symptom.step, "symptom") for _ in range(1) if blame.symptom),
    ]
    for index, role in roles:
        _append(derived[index], "causewatch.blame.role", role)
    if blame.origin is not None and blame.verdict == "corrupted" and blame.category:
        derived[blame.origin.step]["causewatch.blame.category"] = blame.category
    for index, parent in enumerate(graph.parent):
        if parent == -1:
            derived[index]["causewatch.health"] = blame.verdict


def _add_health(assessment: Assessment, derived: Sequence[_Derived]) -> None:
    """Add to the roots how well the context survived, where any transition could be checked."""
    health = assessment.health
    if health is not None and health.score is not None:
        for index, parent in enumerate(assessment.graph.parent):
            if parent == -1:
                derived[index]["causewatch.health.score"] = health.score


def _append(attributes: _Derived, key: str, word: str) -> None:
    known = attributes.setdefault(key, [])
    if isinstance(known, list) and word not in known:
        known.append(word)


def _of_boundary(boundary: Boundary) -> _Derived:
    found: dict[str, Value] = {
        "intact": boundary.intact,
        "delta": boundary.delta or None,
        "checksum": boundary.checksum or None,
    }
    return {f"{_HANDOFF}{name}": value for name, value in found.items() if value is not None}


def _of_handoff(assessment: Assessment, index: int, *, has_digests: bool) -> _Derived:
    """Return the ``causewatch.handoff.*`` attributes of one handoff."""
    graph = assessment.graph
    handoff = graph.handoffs[index]
    receiver = None if handoff.receiver is None else graph.steps[handoff.receiver].span
    attributes: dict[str, Value] = {
        "from": handoff.from_agent,
        "to": handoff.to_agent,
        "mode": handoff.mode,
        "derived": handoff.derived,
        "rule": handoff.rule,
        "confidence": handoff.confidence,
        "sender.span_id": graph.steps[handoff.sender].span.span_id,
        "receiver.span_id": receiver.span_id if receiver else None,
        **(_sides(handoff) if has_digests else {}),
        "claimed": standing_of(handoff),
        **_verdict([v for v in assessment.verdicts if v.handoff == index]),
    }
    return {
        f"{_HANDOFF}{name}": value
        for name, value in attributes.items()
        if value is not None and value != ""
    }


def _sides(handoff: Handoff) -> dict[str, Value]:
    return {
        "sent.sha256": handoff.sent_sha256,
        "sent.bytes": handoff.sent_bytes,
        "received.sha256": handoff.received_sha256,
        "received.bytes": handoff.received_bytes,
    }


def _verdict(verdicts: Sequence[ContractVerdict]) -> _Derived:
    """Return the worst verdict of a handoff's contracts, and every violation of all of them."""
    if not verdicts:
        return {}
    worst = min(verdicts, key=lambda verdict: _WORST_FIRST.index(verdict.verdict))
    names = dict.fromkeys(v.name for verdict in verdicts for v in verdict.violations)
    violations: list[Value] = list(names)
    return {
        "contract": worst.contract,
        "verdict": worst.verdict,
        "violation": violations or None,
    }


def _worst(verdicts: Sequence[str]) -> str:
    return min(verdicts, key=_WORST_FIRST.index)


def _synthetic(graph: CausalGraph, handoff: Handoff, attributes: _Derived) -> tuple[Span, _Derived]:
    """Return a span for a derived handoff, below its sender, where a real one would be."""
    sender = graph.steps[handoff.sender].span
    receiver = None if handoff.receiver is None else graph.steps[handoff.receiver].span
    at_ns = receiver.start_ns if receiver else sender.end_ns
    own: _Derived = {
        "causewatch.synthetic": True,
        "causewatch.step": "handoff",
        **_texts(agent=handoff.from_agent, workflow=graph.workflow, session=graph.session),
        **attributes,
    }
    ends = [span for span in (sender, receiver) if span is not None]
    span = Span(
        trace_id=sender.trace_id,
        span_id=handoff.span_id,
        parent_id=sender.span_id,
        name=f"handoff {handoff.from_agent} -> {handoff.to_agent}",
        kind="internal",
        start_ns=at_ns,
        end_ns=at_ns,
        attributes=own,
        links=tuple(SpanLink(trace_id=s.trace_id, span_id=s.span_id) for s in ends),
        resource=sender.resource,
        scope=msgspec.structs.replace(sender.scope, name="causewatch", version=""),
    )
    return span, own


def _edges(graph: CausalGraph, senders: Sequence[int]) -> dict[EdgeType, list[tuple[int, int]]]:
    """Return the graph's edges by type; a synthetic handoff is called by its sender."""
    edges: dict[EdgeType, list[tuple[int, int]]] = {}
    for edge in graph.edges:
        edges.setdefault(edge.type, []).append((edge.source, edge.target))
    for node, sender in enumerate(senders, start=len(graph.steps)):
        # Where the graph lists no calls, the signatures read them from the parents.
        if "call" in edges:
            edges["call"].append((sender, node))
        if "return" in edges:
            edges["return"].append((node, sender))
    return edges
