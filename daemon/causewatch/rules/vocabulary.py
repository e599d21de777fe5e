"""The words of the signature language as data, for editors: completion, hover, colours."""

from __future__ import annotations

import re
from typing import get_args

import msgspec

from causewatch.contracts.boundary import Standing
from causewatch.model.judgement import Category, FaultName, RunVerdictName, ViolationName
from causewatch.model.step import StepKind
from causewatch.model.value import Value
from causewatch.signatures.intrinsic import INTRINSICS
from causewatch.signatures.parse_metric import METRICS
from causewatch.signatures.parse_scalar import AGGREGATES
from causewatch.signatures.syntax import Kind, Status
from causewatch.signatures.token import DURATION_UNITS_NS, OPERATORS, SCOPES

_VERDICTS = ("pass", "violated", "unverifiable")


class Derived(msgspec.Struct, frozen=True, kw_only=True):
    """An attribute that causewatch derives; ``values`` are all it can be, where that is known."""

    name: str
    type: str
    doc: str
    values: tuple[str, ...] = ()


DERIVED: tuple[Derived, ...] = (
    Derived(name="step", type="string", doc="kind of step", values=get_args(StepKind)),
    Derived(name="agent", type="string", doc="agent that owns the step"),
    Derived(name="tool", type="string", doc="name of the tool"),
    Derived(name="workflow", type="string", doc="workflow of the run"),
    Derived(name="session", type="string", doc="session or conversation of the run"),
    Derived(name="dialect", type="string", doc="dialect that understood the span"),
    Derived(name="args.sha256", type="string", doc="digest of the arguments"),
    Derived(name="result.sha256", type="string", doc="digest of the result"),
    Derived(name="result.bytes", type="int", doc="size of the result"),
    Derived(
        name="fault", type="string list", doc="what detectors saw", values=get_args(FaultName)
    ),
    Derived(
        name="validation", type="string", doc="worst verdict of contracts on the result",
        values=_VERDICTS,
    ),
    Derived(
        name="path.deviation", type="string list",
        doc="on the step at fault: the path templates that the run left there",
    ),
    Derived(
        name="novel", type="string list",
        doc="what the workflow never had before: edges, each on its target, `shape` on the root",
    ),
    Derived(
        name="blame.category", type="string", doc="on the origin: what kind of corruption began",
        values=get_args(Category),
    ),
    Derived(
        name="blame.role", type="string list", doc="part in the corruption",
        values=("origin", "propagator", "symptom"),
    ),
    Derived(
        name="health", type="string", doc="on roots: verdict of the run",
        values=get_args(RunVerdictName),
    ),
    Derived(
        name="health.score", type="float",
        doc="on roots: how well the context survived every transition, 0 to 1",
    ),
    Derived(
        name="failed", type="string list", doc="on roots: who says that the run ended wrong",
        values=("evaluation", "caller", "symptom"),
    ),
    Derived(name="synthetic", type="bool", doc="a handoff that no received span shows"),
    Derived(name="handoff.from", type="string", doc="agent that handed over"),
    Derived(name="handoff.to", type="string", doc="agent that took over"),
    Derived(
        name="handoff.mode", type="string", doc="whether control comes back",
        values=("pass_control", "return_to_caller"),
    ),
    Derived(name="handoff.derived", type="bool", doc="no span of its own shows it"),
    Derived(name="handoff.rule", type="string", doc="how it was found"),
    Derived(name="handoff.confidence", type="float", doc="how sure it is, 0 to 1"),
    Derived(name="handoff.contract", type="string", doc="contract that gave the verdict"),
    Derived(
        name="handoff.verdict", type="string", doc="worst verdict of its contracts",
        values=_VERDICTS,
    ),
    Derived(
        name="handoff.violation", type="string list", doc="how contracts were violated",
        values=get_args(ViolationName),
    ),
    Derived(name="handoff.sender.span_id", type="string", doc="span of the sender"),
    Derived(name="handoff.receiver.span_id", type="string", doc="span of the receiver"),
    Derived(name="handoff.sent.sha256", type="string", doc="digest of what was sent"),
    Derived(name="handoff.received.sha256", type="string", doc="digest of what arrived"),
    Derived(name="handoff.sent.bytes", type="int", doc="size of what was sent"),
    Derived(name="handoff.received.bytes", type="int", doc="size of what arrived"),
    Derived(name="handoff.intact", type="bool", doc="all that was sent arrived"),
    Derived(name="handoff.delta", type="string", doc="JSON Patch from sent to received"),
    Derived(
        name="handoff.checksum", type="string", doc="checksum of the context, chained along the run"
    ),
    Derived(
        name="handoff.claimed", type="string", doc="standing of the digests that agents claim",
        values=get_args(Standing),
    ),
)  # fmt: skip
"""What signatures can read under ``span.causewatch.``."""

EDGES: dict[str, str] = {
    "call": "parent to child",
    "return": "child to parent",
    "link": "linked-to span to the span that carries the link",
    "handoff": "sender to receiver",
    "data": "output of one step found again in the input of a later one",
    "before": "ended no later than the other started",
    "flow": "data, link or handoff",
}
STAGES: dict[str, str] = {
    "by": "a span set for each value",
    "coalesce": "all span sets as one",
    "select": "fetch fields",
    "origin": "only spans with no other result span upstream",
    "path": "attach how each result span was reached",
}
_FORMS = (
    "-[flow]->",
    "-[flow]->>",
    "-[flow]->>{1,3}",
    "&-[flow]->>",
    "!-[flow]->",
    "-[flow ! { }]->>",
)


def vocabulary() -> dict[str, Value]:
    """Return every word of the language with what an editor shows of it."""
    return {
        "title": "causewatch signature language",
        "scopes": [*SCOPES, "parent"],
        "intrinsics": [
            {"name": name, "short": spec.legacy, "type": spec.type, "portable": spec.portable}
            for name, spec in INTRINSICS.items()
        ],
        "attributes": [
            {
                "name": f"span.causewatch.{derived.name}",
                "type": derived.type,
                "doc": derived.doc,
                "values": list(derived.values),
            }
            for derived in DERIVED
        ],
        "operators": list(OPERATORS),
        "edges": [{"name": name, "doc": doc} for name, doc in EDGES.items()],
        "edge_forms": list(_FORMS),
        "stages": [{"name": name, "doc": doc} for name, doc in STAGES.items()],
        "aggregates": list(AGGREGATES),
        "metrics": list(METRICS),
        "constants": _constants(),
        "duration_units": list(DURATION_UNITS_NS),
    }


def textmate() -> dict[str, Value]:
    """Return a TextMate grammar, which most editors colour with."""
    words = [*AGGREGATES, *METRICS, *STAGES, "as", "with"]
    units = sorted(DURATION_UNITS_NS, key=len, reverse=True)
    short = [spec.legacy for spec in INTRINSICS.values() if spec.legacy]
    patterns = [
        ("string.quoted.double", r'"(?:[^"\\]|\\.)*"'),
        ("string.quoted.other", r"`[^`]*`"),
        ("keyword.operator.edge", r"[!&]?-\[|\]->>?(?:\{[0-9]*,?[0-9]*\})?"),
        ("constant.numeric.duration", rf"\b[0-9]+(?:\.[0-9]+)?(?:{'|'.join(units)})\b"),
        ("constant.numeric", r"\b[0-9]+(?:\.[0-9]+)?\b"),
        (
            "variable.other.attribute",
            rf"(?:\b(?:{'|'.join((*SCOPES, 'parent'))}))?\.[^\s{{}}()=~!<>&|^,]+",
        ),
        ("variable.language.intrinsic", rf"\b[a-z]+:[A-Za-z]+\b|\b(?:{'|'.join(short)})\b"),
        ("keyword.control", rf"\b(?:{'|'.join(words)})\b"),
        ("constant.language", rf"\b(?:{'|'.join(map(str, _constants()))})\b"),
        ("keyword.operator", "|".join(map(re.escape, OPERATORS))),
    ]
    return {
        "name": "causewatch signature",
        "scopeName": "source.causewatch",
        "patterns": [{"name": f"{name}.causewatch", "match": match} for name, match in patterns],
    }


def _constants() -> list[Value]:
    enums = [*(str(each.value) for each in Status), *(str(each.value) for each in Kind)]
    return ["true", "false", "nil", "minInt", "maxInt", *enums]
