"""Evaluates a group over one judged run: what matched, with its labels, cause and evidence."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import assert_never

import msgspec

from causewatch.blame.cause import cause_of
from causewatch.faults.text import excerpt
from causewatch.model.expectation import Deviation
from causewatch.model.finding import Cause, Finding, StepRef
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment, ContractVerdict, Violation
from causewatch.model.value import canonical_bytes
from causewatch.rules.bundle import ByLabel, ContractRule, Group, NoveltyRule, PathRule, Rule
from causewatch.rules.subject import step_of, subject_of
from causewatch.signatures.columns import Cell, attribute_column, intrinsic_column
from causewatch.signatures.needs import Needs, all_of
from causewatch.signatures.plan import Plan
from causewatch.signatures.signature import Binding, Result
from causewatch.signatures.subject import Subject
from causewatch.signatures.syntax import Attribute, Kind, Status

MAX_FINDINGS_PER_RULE = 100
MAX_LABEL_CHARS = 256
MAX_EVIDENCE = 5
BY_SIGNATURE = "matched by signature"
DIGEST_CHARS = 12


AnyGroupRule = Rule | ContractRule | PathRule | NoveltyRule


class RuleFailure(msgspec.Struct, frozen=True, kw_only=True):
    """A rule that could not be evaluated over a run; the other rules were."""

    rule_id: str
    run_id: str
    reason: str


class Evaluation(msgspec.Struct, frozen=True, kw_only=True):
    """What a group found in one run, and which rules failed on it."""

    findings: tuple[Finding, ...] = ()
    failures: tuple[RuleFailure, ...] = ()
    asked: tuple[AnyGroupRule, ...] = ()
    """The rules that could have found something here, those that rest among them."""


def findings_of(group: Group, assessment: Assessment, slot_ns: int) -> tuple[Finding, ...]:
    """Return what a group's rules found in one run; see ``evaluate``."""
    return evaluate(group, assessment, slot_ns).findings


def plan_of(group: Group) -> Plan:
    """Return the plan of a group's signatures; made once, it serves every run."""
    return Plan([rule.signature for rule in group.rules])


def needs_of(groups: Iterable[Group]) -> Needs:
    """Return what the signatures of some groups read, their labels included."""
    rules = [rule for group in groups for rule in group.rules]
    labels = {
        (by.reference.scope, by.reference.name)
        for rule in rules
        for by in rule.by
        if isinstance(by.reference, Attribute)
    }
    needs = all_of(rule.signature.needs for rule in rules)
    return msgspec.structs.replace(needs, attributes=needs.attributes | labels)


def evaluate(  # noqa: PLR0913 -- what several looks share is handed in
    group: Group,
    assessment: Assessment,
    slot_ns: int,
    subject: Subject | None = None,
    plan: Plan | None = None,
    *,
    resting: Collection[str] = (),
) -> Evaluation:
    """Evaluate every rule of a group over one run.

    A signature rule gives one finding for each distinct tuple of its ``by`` labels (at most
    ``MAX_FINDINGS_PER_RULE``), a contract one for each boundary and name of a violation, a
    path one for each node, and one for each edge or shape that is new. Of a run that is not
    complete only monotone signatures, contracts and what of a path can no longer become right are
    judged.

    Args:
        group: the rules; their contracts' verdicts are taken from the assessment.
        assessment: the judged run.
        slot_ns: Unix time of the slot, which is the findings' time.
        subject: ``subject_of(assessment)``, where several groups share it.
        plan: ``plan_of(group)``, where there are many runs; without it every rule is evaluated.
        resting: the ids of rules that are not to be evaluated now.
    """
    subject = subject if subject is not None else subject_of(assessment)
    findings: list[Finding] = []
    failures: list[RuleFailure] = []
    cause = cause_of(assessment)
    rules = group.rules if plan is None else [group.rules[i] for i in plan.candidates(subject)]
    asked = (*rules, *group.contracts, *group.paths, *group.novelties)
    for rule in asked:
        if resting and rule.rule_id in resting:
            continue
        try:
            findings.extend(_findings(rule, assessment, subject, cause, slot_ns))
        except Exception as error:  # noqa: BLE001 -- one rule must not take the others along
            reason = reason_of(error)
            run_id = assessment.graph.run_id
            failures.append(RuleFailure(rule_id=rule.rule_id, run_id=run_id, reason=reason))
    return Evaluation(findings=tuple(findings), failures=tuple(failures), asked=asked)


def reason_of(error: BaseException) -> str:
    """Return a failure as a sentence; what it says may stem from a payload, so it is quoted."""
    text = str(error)
    return f"It raised {type(error).__name__}" + (f": {excerpt(text)}" if text else "")


def _findings(
    rule: AnyGroupRule,
    assessment: Assessment,
    subject: Subject,
    cause: Cause,
    slot_ns: int,
) -> Iterator[Finding]:
    graph = assessment.graph
    for match in _found(rule, assessment, subject, cause):
        yield Finding(
            rule_id=rule.rule_id,
            rule_version=rule.version,
            run_id=graph.run_id,
            trace_ids=graph.trace_ids,
            labels=rule.alert_labels(match.labels),
            at_ns=slot_ns,
            cause=match.cause,
            evidence=match.evidence,
        )


def _found(
    rule: AnyGroupRule, assessment: Assessment, subject: Subject, cause: Cause
) -> Iterator[_Match]:
    match rule:
        case Rule():
            return _matches(rule, assessment.graph, subject, cause)
        case ContractRule():
            return _violations(rule, assessment, cause)
        case PathRule():
            return _deviations(rule, assessment, cause)
        case NoveltyRule():
            return _novelties(rule, assessment, cause)
        case _:
            assert_never(rule)


class _Match(msgspec.Struct, frozen=True, kw_only=True):
    """What tells a finding from the rule's other findings in the same run."""

    labels: Mapping[str, str]
    cause: Cause
    evidence: tuple[str, ...]


def _matches(rule: Rule, graph: CausalGraph, subject: Subject, cause: Cause) -> Iterator[_Match]:
    if not graph.is_whole and not rule.signature.monotone:
        return
    result = rule.signature.evaluate(subject)
    if not result.matched:
        return
    by_labels: dict[tuple[str, ...], list[Binding]] = {}
    for binding in result.bindings or ({},):
        values = tuple(_label(by, binding, subject) for by in rule.by)
        if values in by_labels or len(by_labels) < MAX_FINDINGS_PER_RULE:
            by_labels.setdefault(values, []).append(binding)
    for values, bindings in by_labels.items():
        labels = {by.label: value for by, value in zip(rule.by, values, strict=True)}
        yield _Match(
            labels=labels,
            cause=cause if cause.origin else _from_binding(graph, rule, bindings[0], cause),
            evidence=_evidence(graph, bindings, result),
        )


def _label(by: ByLabel, binding: Binding, subject: Subject) -> str:
    node = binding.get(by.reference.owner)
    if node is None:
        return ""
    reference = by.reference
    if isinstance(reference, Attribute):
        cell = attribute_column(subject, reference.scope, reference.name)[node]
    else:
        cell = intrinsic_column(subject, reference.name)[node]
    text = _text(cell)
    return text if len(text) <= MAX_LABEL_CHARS else text[: MAX_LABEL_CHARS - 1] + "…"


def _text(cell: Cell) -> str:
    match cell:
        case None:
            text = ""
        case str():
            text = cell
        case bool():
            text = "true" if cell else "false"
        case Status() | Kind():
            text = str(cell.value)
        case bytes():
            text = cell.hex()
        case list() if all(isinstance(item, str) for item in cell):
            text = ",".join(str(item) for item in cell)
        case _:
            text = canonical_bytes(cell).decode("utf-8", "replace")
    return text


def _from_binding(graph: CausalGraph, rule: Rule, binding: Binding, cause: Cause) -> Cause:
    """Return a cause where blame has none: the first name is the origin, the last the symptom."""
    nodes = [binding[name] for name in rule.signature.names if name in binding]
    steps = [step for node in nodes if (step := step_of(graph, node)) is not None]
    if not steps:
        return cause
    path = tuple(_step_ref(graph, step, BY_SIGNATURE) for step in dict.fromkeys(steps))
    return msgspec.structs.replace(
        cause,
        category=cause.category or "other",
        origin=path[0],
        origin_reason=BY_SIGNATURE,
        symptom=cause.symptom or _step_ref(graph, steps[-1], BY_SIGNATURE),
        path=path,
        workflow=cause.workflow or graph.workflow,
    )


def _step_ref(graph: CausalGraph, index: int, evidence: str) -> StepRef:
    step = graph.steps[index]
    return StepRef(
        trace_id=step.span.trace_id,
        span_id=step.span.span_id,
        name=step.name,
        agent=graph.owner[index],
        kind=step.kind,
        evidence=evidence,
    )


def _evidence(graph: CausalGraph, bindings: Sequence[Binding], result: Result) -> tuple[str, ...]:
    sentences = [
        f"{BY_SIGNATURE}: {_named(graph, binding)}"
        for binding in bindings[:MAX_EVIDENCE]
        if binding
    ]
    if not sentences:
        nodes = [node for spanset in result.spansets for node in spanset][:MAX_EVIDENCE]
        sentences = [f"{BY_SIGNATURE}: {_described(graph, node)}" for node in nodes]
    if result.limited:
        sentences.append("an evaluation limit was met: there may be more matches than these")
    return tuple(sentences)


def _named(graph: CausalGraph, binding: Binding) -> str:
    return ", ".join(f"{name} is {_described(graph, node)}" for name, node in binding.items())


def _described(graph: CausalGraph, node: int) -> str:
    index = step_of(graph, node)
    if index is None:
        return "a span of this run"
    step, owner = graph.steps[index], graph.owner[index]
    agent = f" of {owner}" if owner and owner != step.name else ""
    return f"{step.kind} {step.name}{agent} (span {step.span.span_id})"


def _violations(rule: ContractRule, assessment: Assessment, cause: Cause) -> Iterator[_Match]:
    """Yield a match for each boundary and name of violation; what is unverifiable is none."""
    found: dict[tuple[str, str, str, str], list[str]] = {}
    steps: dict[tuple[str, str, str, str], int] = {}
    for verdict in assessment.verdicts:
        if verdict.rule_id != rule.rule_id or verdict.verdict != "violated":
            continue
        for violation in verdict.violations:
            name: str = violation.name
            key = verdict.from_agent, verdict.to_agent, name, violation.severity
            steps.setdefault(key, verdict.step)
            found.setdefault(key, []).append(_sentence(verdict, violation))
    for key, sentences in found.items():
        source, target, kind, severity = key
        yield _Match(
            labels={
                "contract": rule.name,
                "from": source[:MAX_LABEL_CHARS],
                "to": target[:MAX_LABEL_CHARS],
                "violation": kind,
                "severity": severity,
            },
            cause=cause
            if cause.origin
            else _from_step(assessment.graph, steps[key], cause, "a contract was violated here"),
            evidence=tuple(sentences[:MAX_EVIDENCE]),
        )


def _deviations(rule: PathRule, assessment: Assessment, cause: Cause) -> Iterator[_Match]:
    """Yield a match for each node at which a run left the template."""
    found: dict[str, list[Deviation]] = {}
    for deviation in assessment.deviations:
        if deviation.rule_id == rule.rule_id:
            found.setdefault(deviation.node, []).append(deviation)
    graph = assessment.graph
    for node, deviations in found.items():
        first = deviations[0]
        yield _Match(
            labels={
                "path": rule.name,
                "workflow": graph.workflow[:MAX_LABEL_CHARS],
                "node": node[:MAX_LABEL_CHARS],
            },
            cause=cause if cause.origin else _from_step(graph, first.at, cause, first.message),
            evidence=tuple(each.message for each in deviations[:MAX_EVIDENCE]),
        )


def _novelties(rule: NoveltyRule, assessment: Assessment, cause: Cause) -> Iterator[_Match]:
    """Yield a match for each edge that is new, and for a new shape."""
    graph = assessment.graph
    for novel in assessment.novel:
        if novel.rule_id == rule.rule_id:
            yield _Match(
                labels={
                    "path": rule.name,
                    "workflow": graph.workflow[:MAX_LABEL_CHARS],
                    "edge": novel.edge[:MAX_LABEL_CHARS],
                },
                cause=cause if cause.origin else _from_step(graph, novel.step, cause, "new here"),
                evidence=(novel.message,),
            )


def _from_step(graph: CausalGraph, index: int, cause: Cause, reason: str) -> Cause:
    ref = _step_ref(graph, index, reason)
    return msgspec.structs.replace(
        cause,
        category=cause.category or "other",
        origin=ref,
        origin_reason=reason,
        path=(ref,),
        workflow=cause.workflow or graph.workflow,
    )


def _sentence(verdict: ContractVerdict, violation: Violation) -> str:
    """Return one violation as a sentence: where, what, and the sizes and digests of both sides."""
    where = f" at {violation.pointer}" if violation.pointer else ""
    sizes = ""
    if verdict.sent_sha256 and verdict.received_sha256:
        sizes = (
            f" (sent {verdict.sent_bytes} bytes, {verdict.sent_sha256[:DIGEST_CHARS]};"
            f" received {verdict.received_bytes} bytes, {verdict.received_sha256[:DIGEST_CHARS]})"
        )
    return f"{violation.name}, {violation.side}{where}: {violation.message}{sizes}"
