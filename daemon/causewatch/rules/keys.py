"""The keys of rule files, as data: what the loader reads and what the JSON Schema is made from."""

from __future__ import annotations

from typing import get_args

from causewatch.model.judgement import ViolationName
from causewatch.novelty.watch import MAX_BUDGET_PER_DAY
from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Either,
    Integer,
    Json,
    Key,
    ListOf,
    MapOf,
    Number,
    Shape,
    Text,
)

DEFAULT_INTERVAL_S = 30.0
DEFAULT_WINDOW_S = 300.0
DEFAULT_SEVERITY = "ticket"
VIOLATIONS: tuple[str, ...] = get_args(ViolationName)

_NAME = Text(not_empty=True)
_LABELS = Key(name="labels", kind=MapOf(value=Text()), doc="Labels added to every alert.")

EXAMPLE = Shape(
    name="example",
    keys=(
        Key(name="traces", kind=_NAME, required=True, doc="Recorded spans, relative to this file."),
        Key(
            name="expect",
            kind=Choice(words=("match", "no-match")),
            required=True,
            doc="Whether the rule matches them.",
        ),
    ),
)

_FIRING = (
    Key(
        name="window",
        kind=Duration(not_zero=True),
        doc="How far back matching runs count; 5m unless told.",
    ),
    Key(
        name="min_runs",
        kind=Integer(minimum=1, maximum=1_000_000),
        doc="How many distinct runs within the window make the alert fire; 1 unless told.",
    ),
    Key(name="for", kind=Duration(), doc="How long that must hold before it fires; 0s."),
    Key(
        name="keep_firing_for",
        kind=Duration(),
        doc="How long it goes on firing after the last match has left the window; 0s.",
    ),
    _LABELS,
    Key(
        name="annotations",
        kind=MapOf(value=Text()),
        doc="Texts for people, with {{ $labels.x }}, {{ $value }}, {{ $origin }} and so on.",
    ),
    Key(
        name="examples",
        kind=ListOf(item=EXAMPLE),
        doc="Recorded runs that must, or must not, match; `causewatch test` runs them.",
    ),
)

RULE = Shape(
    name="rule",
    keys=(
        Key(name="alert", kind=_NAME, required=True, doc="The alert's name."),
        Key(
            name="signature",
            kind=_NAME,
            required=True,
            doc="What a run must show: TraceQL with typed causal edges.",
        ),
        Key(
            name="by",
            kind=ListOf(item=Either(scalar=_NAME, full=MapOf(value=_NAME))),
            doc="What tells alerts of this rule apart: `name.span.attribute`, or {label: that}.",
        ),
        *_FIRING,
        Key(name="backfill", kind=Duration(), doc="How far back a changed rule looks.", later=True),
    ),
)

GROUP = Shape(
    name="group",
    keys=(
        Key(name="name", kind=_NAME, required=True, doc="The group's name."),
        Key(
            name="interval",
            kind=Duration(not_zero=True),
            doc="How often the group is evaluated, at the latest; 30s unless told.",
        ),
        _LABELS,
        Key(
            name="limit",
            kind=Integer(maximum=1_000_000),
            doc="At most so many active alerts, and one that says so; 0 is no limit.",
        ),
        Key(name="rules", kind=ListOf(item=RULE), doc="The rules of the group."),
    ),
)

_SCORE = Number(minimum=-1e9, maximum=1e9)
_SCHEMA_KEYS = (
    Key(name="schema", kind=Json(), doc="A JSON Schema (2020-12)."),
    Key(name="schema_file", kind=_NAME, doc="A JSON Schema in a file, relative to this file."),
)
SIDE = Shape(name="side", keys=_SCHEMA_KEYS)
ITEMS = Shape(
    name="item limit",
    keys=(
        Key(name="pointer", kind=_NAME, required=True, doc="JSON pointer of the list."),
        Key(name="count", kind=Integer(minimum=1), required=True, doc="The fewest items."),
    ),
)
AGE = Shape(
    name="age limit",
    keys=(
        Key(name="pointer", kind=_NAME, required=True, doc="JSON pointer of the date or dates."),
        Key(name="limit", kind=Duration(), required=True, doc="The greatest age."),
    ),
)
SCORE = Shape(
    name="score limit",
    keys=(
        Key(name="pointer", kind=_NAME, required=True, doc="JSON pointer of the score or scores."),
        Key(name="limit", kind=_SCORE, required=True, doc="The least that the best may be."),
    ),
)
RESULT = Shape(
    name="result",
    keys=(
        *_SCHEMA_KEYS,
        Key(
            name="min_items",
            kind=Either(scalar=Integer(minimum=1), full=ITEMS),
            doc="Fewest items: those of the list that the result is or holds, or of a pointer.",
        ),
        Key(
            name="max_age",
            kind=AGE,
            doc="How old a date in the result may be when the step has received it.",
        ),
        Key(
            name="min_score",
            kind=Either(scalar=_SCORE, full=SCORE),
            doc="Least best score: that of the retrieved documents, or of a pointer.",
        ),
    ),
)
COMPARE = Shape(
    name="comparison",
    keys=(
        Key(
            name="mode",
            kind=Choice(words=("canonical", "exact", "subset", "semantic")),
            doc="As canonical JSON, byte by byte, what arrived only, or by meaning; canonical.",
        ),
        Key(
            name="ignore",
            kind=ListOf(item=Text()),
            doc="JSON pointers that may differ (in `subset`: may be lacking); `*` is any part.",
        ),
        Key(
            name="max_lost_ratio",
            kind=Number(minimum=0, maximum=1),
            doc="The share that may be lost: of the bytes, in `semantic` of the facts; 0.",
        ),
        Key(
            name="judge",
            kind=Boolean(),
            doc="In `semantic`: ask the `judge` of `causewatch.yaml` where text was reworded.",
        ),
    ),
)
ORDER = Shape(
    name="order",
    keys=(
        Key(
            name="key",
            kind=_NAME,
            required=True,
            doc="JSON pointer of a number, date or counted text that must not fall.",
        ),
    ),
)
_SEVERITY = Key(name="severity", kind=_NAME, required=True, doc="The alert's severity label.")
FAILURE = Shape(name="failure", keys=(_SEVERITY,))
MISSING = Shape(
    name="failure",
    keys=(
        _SEVERITY,
        Key(
            name="after",
            kind=Duration(),
            doc="How long after it was sent a handoff may arrive; else that is not asked.",
        ),
    ),
)
FAILURES = Shape(
    name="failures mapping",
    keys=tuple(
        Key(
            name=violation,
            kind=Either(scalar=_NAME, full=MISSING if violation == "missing" else FAILURE),
            doc=f"Severity of the violation `{violation}`.",
        )
        for violation in VIOLATIONS
    ),
)

CONTRACT = Shape(
    name="contract",
    keys=(
        Key(name="contract", kind=_NAME, required=True, doc="The contract's name."),
        Key(name="from", kind=_NAME, doc="Glob over the sending agent's name."),
        Key(name="to", kind=_NAME, doc="Glob over the receiving agent's name."),
        Key(name="tool", kind=_NAME, doc="Glob over tool names."),
        Key(name="retrieval", kind=_NAME, doc="Glob over retrieval names."),
        Key(name="agent", kind=_NAME, doc="Glob over agent names, for an agent's own result."),
        Key(
            name="schema",
            kind=Json(),
            doc="A JSON Schema (2020-12) for both what was sent and what was received.",
        ),
        Key(name="schema_file", kind=_NAME, doc="The same in a file, relative to this file."),
        Key(name="sent", kind=SIDE, doc="Schema for what was sent only."),
        Key(name="received", kind=SIDE, doc="Schema for what was received only."),
        Key(name="arguments", kind=SIDE, doc="Schema for the arguments of a step."),
        Key(name="result", kind=RESULT, doc="What the result of a step must be."),
        Key(name="compare", kind=COMPARE, doc="How sent and received must agree."),
        Key(
            name="order",
            kind=Either(scalar=Choice(words=("causal",)), full=ORDER),
            doc="Nothing older after newer: by a key, or `causal` for the order of sending.",
        ),
        Key(
            name="redact",
            kind=ListOf(item=Text()),
            doc="JSON pointers whose values are never shown; `*` is any part.",
        ),
        Key(name="failures", kind=FAILURES, doc="Severity of each violation."),
        Key(name="group", kind=_NAME, doc="A group of this file; else the file's default group."),
        *_FIRING,
    ),
)

NOVELTY = Shape(
    name="novelty mapping",
    keys=(
        Key(
            name="learn_for",
            kind=Duration(),
            doc="How long after the workflow's first good run nothing is told; 7d unless told.",
        ),
        Key(
            name="budget_per_day",
            kind=Integer(maximum=MAX_BUDGET_PER_DAY),
            doc="At most so many new edges and shapes are told on one day (UTC), the rest is only"
            " counted; 20 unless told.",
        ),
        Key(
            name="kinds",
            kind=ListOf(item=Choice(words=("edge", "shape"))),
            doc="What is watched: edges, shapes, or (unless told) both.",
        ),
        Key(
            name="accepted",
            kind=ListOf(item=_NAME),
            doc="Reviewed edges, such as `planner -> researcher` or `planner > kb_*`, and"
            " fingerprints of shapes, that are not told; `causewatch learn accepted` prints them.",
        ),
    ),
)

PATH = Shape(
    name="path",
    keys=(
        Key(name="path", kind=_NAME, required=True, doc="The path's name."),
        Key(name="workflow", kind=_NAME, doc="Glob over workflows; all of them unless told."),
        Key(
            name="expect",
            kind=MapOf(value=Text()),
            doc="For each node (an agent, a tool, the workflow) a content model of what may stand"
            " below it, such as `kb_search{1,3}, -> (billing | tech)`.",
        ),
        Key(
            name="required",
            kind=ListOf(item=_NAME),
            doc="Orders such as `agent:policy before tool:issue_refund`: each of the second has one"
            " of the first that ended earlier.",
        ),
        Key(
            name="forbidden",
            kind=ListOf(item=_NAME),
            doc="Orders such as `tool:send_email after tool:issue_refund` that may not come about.",
        ),
        Key(name="group", kind=_NAME, doc="A group of this file; else the file's default group."),
        *_FIRING,
        Key(
            name="novelty",
            kind=NOVELTY,
            doc="Alerts `NovelPath` on edges and shapes that the workflow never had before.",
        ),
    ),
)

TRUST = Shape(
    name="trust entry",
    keys=(
        Key(name="tool", kind=_NAME, doc="Glob over tool names."),
        Key(name="retrieval", kind=_NAME, doc="Glob over retrieval names."),
        Key(name="agent", kind=_NAME, doc="Glob over agent names."),
        Key(
            name="level",
            kind=Choice(words=("trusted", "untrusted")),
            required=True,
            doc="Whether what it says may steer actions.",
        ),
    ),
)

FILE = Shape(
    name="rule file",
    keys=(
        Key(name="groups", kind=ListOf(item=GROUP), doc="Groups of signature rules."),
        Key(name="contracts", kind=ListOf(item=CONTRACT), doc="Contracts for handoffs and steps."),
        Key(
            name="trust",
            kind=ListOf(item=TRUST),
            doc="Who may steer actions; the first match wins, what is not listed is untrusted.",
        ),
        Key(
            name="paths",
            kind=ListOf(item=PATH),
            doc="Path templates: what shape the runs of a workflow may have.",
        ),
    ),
)
