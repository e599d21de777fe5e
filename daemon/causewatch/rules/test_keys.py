"""The keys of test files, as data: what the loader reads and what the JSON Schema is made from.

The shape is that of promtool's unit tests, with recorded runs in the place of series.
"""

from __future__ import annotations

from typing import get_args

from causewatch.model.expectation import DeviationKind
from causewatch.model.judgement import Category
from causewatch.rules.keys import VIOLATIONS
from causewatch.rules.shape import (
    Choice,
    Duration,
    Either,
    Integer,
    Key,
    ListOf,
    MapOf,
    Shape,
    Text,
)

MAX_REPEAT = 1_000
DEFAULT_EVERY_S = 60.0

_NAME = Text(not_empty=True)
_EVAL_TIME = Key(
    name="eval_time",
    kind=Duration(),
    required=True,
    doc="When to look, counted from the start of the test.",
)
_MATCH = Choice(words=("exact", "subset"))

INPUT = Shape(
    name="input",
    keys=(
        Key(name="file", kind=_NAME, required=True, doc="Recorded spans, relative to this file."),
        Key(name="at", kind=Duration(), doc="When the runs of the file arrive; 0s unless told."),
        Key(
            name="repeat",
            kind=Integer(minimum=1, maximum=MAX_REPEAT),
            doc="How many times they arrive, each time as new runs with ids of their own; once.",
        ),
        Key(
            name="every",
            kind=Duration(not_zero=True),
            doc="How long after one repeat the next arrives; 1m unless told.",
        ),
    ),
)

EXPECTED_ALERT = Shape(
    name="expected alert",
    keys=(
        Key(
            name="exp_labels",
            kind=MapOf(value=Text()),
            doc="Its labels, without `alertname`.",
        ),
        Key(
            name="exp_annotations",
            kind=MapOf(value=Text()),
            doc="Its annotations as people read them; not looked at unless written.",
        ),
        Key(
            name="match",
            kind=_MATCH,
            doc="With `subset`, labels and annotations that are not written may be any; `exact`.",
        ),
    ),
)
ALERT_CHECK = Shape(
    name="alert test",
    keys=(
        _EVAL_TIME,
        Key(name="alertname", kind=_NAME, required=True, doc="The alert that is looked at."),
        Key(
            name="exp_alerts",
            kind=ListOf(item=EXPECTED_ALERT),
            doc="Every alert of this name that fires at that time; none unless told.",
        ),
    ),
)

EXPECTED_VIOLATION = Shape(
    name="expected violation",
    keys=(
        Key(
            name="violation",
            kind=Choice(words=VIOLATIONS),
            required=True,
            doc="Name of the violation.",
        ),
        Key(name="pointer", kind=Text(), doc="JSON pointer of its place; any unless told."),
    ),
)
CONTRACT_CHECK = Shape(
    name="contract test",
    keys=(
        Key(name="contract", kind=_NAME, required=True, doc="The contract's name."),
        Key(
            name="exp_verdict",
            kind=Choice(words=("pass", "violated", "unverifiable", "none")),
            required=True,
            doc="The worst verdict in all runs of the test; `none` where it binds nothing in them.",
        ),
        Key(
            name="exp_violations",
            kind=ListOf(item=Either(scalar=Choice(words=VIOLATIONS), full=EXPECTED_VIOLATION)),
            doc="All violations, each once; not looked at unless written.",
        ),
        Key(
            name="match",
            kind=_MATCH,
            doc="With `subset`, there may be violations beside those written; `exact` unless told.",
        ),
    ),
)

EXPECTED_DEVIATION = Shape(
    name="expected deviation",
    keys=(
        Key(name="node", kind=Text(), doc="The node of the template; any unless told."),
        Key(name="child", kind=Text(), doc="The child at fault; any unless told."),
        Key(
            name="kind",
            kind=Choice(words=get_args(DeviationKind)),
            doc="How it deviates; any unless told.",
        ),
    ),
)
PATH_CHECK = Shape(
    name="path test",
    keys=(
        Key(name="path", kind=_NAME, required=True, doc="Name of the path template."),
        Key(
            name="exp_deviations",
            kind=ListOf(item=EXPECTED_DEVIATION),
            doc="Every deviation in the runs of the test; none unless told.",
        ),
        Key(
            name="match",
            kind=_MATCH,
            doc="With `subset`, there may be deviations beside those written; `exact` unless told.",
        ),
    ),
)

EXPECTED_MESSAGE = Shape(
    name="expected message",
    keys=(
        Key(
            name="state",
            kind=Choice(words=("open", "resolved")),
            doc="What the incident is shown as; any unless told.",
        ),
        Key(name="severity", kind=Text(), doc="Its severity; any unless told."),
        Key(
            name="category",
            kind=Choice(words=get_args(Category)),
            doc="The kind of corruption that is its cause; any unless told.",
        ),
        Key(name="origin", kind=Text(), doc="Name of the step that began it; any unless told."),
        Key(
            name="alertnames",
            kind=ListOf(item=Text()),
            doc="The alerts inside, in any order; any unless told.",
        ),
    ),
)
MESSAGE_CHECK = Shape(
    name="notification test",
    keys=(
        _EVAL_TIME,
        Key(
            name="receiver",
            kind=_NAME,
            doc="Who is told: a receiver of `config_file`; needed only where there is one.",
        ),
        Key(
            name="exp_notifications",
            kind=ListOf(item=EXPECTED_MESSAGE),
            doc="The incidents the receiver has been told of by then; none unless told.",
        ),
    ),
)

CASE = Shape(
    name="test",
    keys=(
        Key(name="name", kind=_NAME, required=True, doc="What the test is about."),
        Key(
            name="input_traces",
            kind=ListOf(item=INPUT),
            doc="The recorded runs that arrive, and when.",
        ),
        Key(
            name="baseline",
            kind=ListOf(item=_NAME),
            doc="Recorded good runs: a result that lacks what a tool's always have is partial.",
        ),
        Key(
            name="alert_rule_test",
            kind=ListOf(item=ALERT_CHECK),
            doc="Which alerts fire at some time.",
        ),
        Key(
            name="contract_test",
            kind=ListOf(item=CONTRACT_CHECK),
            doc="What contracts say of the runs.",
        ),
        Key(
            name="path_test",
            kind=ListOf(item=PATH_CHECK),
            doc="Where runs leave path templates.",
        ),
        Key(
            name="notification_test",
            kind=ListOf(item=MESSAGE_CHECK),
            doc="Who has been told what at some time.",
        ),
    ),
)

TEST_FILE = Shape(
    name="test file",
    keys=(
        Key(
            name="rule_files",
            kind=ListOf(item=_NAME),
            required=True,
            doc="The rule files that are tested, relative to this file; `*` stands for any name.",
        ),
        Key(
            name="config_file",
            kind=_NAME,
            doc="A `causewatch.yaml` whose route and receivers notification tests go by.",
        ),
        Key(name="tests", kind=ListOf(item=CASE), doc="The tests."),
    ),
)
