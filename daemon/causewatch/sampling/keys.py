"""The keys of sampling in ``causewatch.yaml``: those of the Collector's tail_sampling, and ours.

A policy has the shape that tail_sampling's has, so that what somebody has there can be moved over:
``{name, type, TYPE: {…}}``.
"""

from __future__ import annotations

from typing import get_args

from causewatch.model.judgement import FAULT_NAMES, RunVerdictName
from causewatch.rules.shape import (
    Boolean,
    Choice,
    Duration,
    Integer,
    Json,
    Key,
    Kind,
    ListOf,
    Number,
    Shape,
    Text,
)
from causewatch.sampling.facts import NovelKind

_LOWEST = -(2.0**53)
_NOT_EMPTY = Text(not_empty=True)
STATUS_WORDS = ("ERROR", "OK", "UNSET")
_INVERT = Key(name="invert_match", kind=Json(), doc="Use a policy of type `not`.", later=True)
_PERCENTAGE = Number(minimum=0, maximum=100)


def _section(name: str, *keys: Key) -> Shape:
    return Shape(name=f"{name} section", keys=keys)


def _key(name: str, kind: Kind, doc: str, *, required: bool = False) -> Key:
    return Key(name=name, kind=kind, doc=doc, required=required)


_ATTRIBUTE = _key("key", _NOT_EMPTY, "Name of the attribute, of spans or resources.", required=True)

_SECTIONS = (
    _key(
        "rule",
        _section(
            "rule",
            _key("alerts", ListOf(item=_NOT_EMPTY), "Globs of alert names. Default: any."),
            _key("severities", ListOf(item=_NOT_EMPTY), "Severities of rules. Default: any."),
        ),
        "Runs that a rule matched.",
    ),
    _key(
        "incident",
        _section(
            "incident",
            _key(
                "severities",
                ListOf(item=_NOT_EMPTY),
                "Severities, such as `[page]`.",
                required=True,
            ),
        ),
        "Runs that a rule of such a severity matched: what may come to an incident. Whether it does"
        " (`window`, `for`) is known only later, so the match is enough.",
    ),
    _key(
        "verdict",
        _section(
            "verdict",
            _key(
                "verdicts",
                ListOf(item=Choice(words=get_args(RunVerdictName))),
                "The verdicts.",
                required=True,
            ),
        ),
        "Runs with such a verdict.",
    ),
    _key(
        "fault",
        _section(
            "fault",
            _key("faults", ListOf(item=Choice(words=FAULT_NAMES)), "Faults. Default: any."),
        ),
        "Runs in which such a fault was seen, whatever came of it.",
    ),
    _key(
        "novelty",
        _section(
            "novelty",
            _key(
                "kinds",
                ListOf(item=Choice(words=get_args(NovelKind))),
                "`edge` and `shape` (what a path rule tells as new), `deviation` (from a path"
                " template), `unfamiliar` (not like enough earlier runs to be passed over)."
                " Default `[edge, shape, deviation]`.",
            ),
            _key(
                "budget_runs",
                Integer(minimum=1, maximum=100_000),
                "So many are kept for certain within any `budget_interval`. Default 100.",
            ),
            _key("budget_interval", Duration(not_zero=True), "Default 1m."),
            _key(
                "sampling_percentage",
                _PERCENTAGE,
                "How many are kept past the budget, by trace id. Default 10.",
            ),
        ),
        "Runs that are new in some way. Under `not` and `drop` it has no budget.",
    ),
    _key(
        "status_code",
        _section(
            "status_code",
            _key(
                "status_codes",
                ListOf(item=Choice(words=STATUS_WORDS)),
                "The status codes.",
                required=True,
            ),
        ),
        "Runs with a span of such a status.",
    ),
    _key(
        "latency",
        _section(
            "latency",
            _key("threshold_ms", Integer(), "Longer than this, in milliseconds.", required=True),
            _key("upper_threshold_ms", Integer(minimum=1), "And at most this. Default: any."),
        ),
        "Runs by the time from their first span's start to their last one's end.",
    ),
    _key(
        "span_count",
        _section(
            "span_count",
            _key("min_spans", Integer(minimum=1), "At least so many.", required=True),
            _key("max_spans", Integer(minimum=1), "And at most so many. Default: any."),
        ),
        "Runs by their number of spans.",
    ),
    _key(
        "string_attribute",
        _section(
            "string_attribute",
            _ATTRIBUTE,
            _key("values", ListOf(item=Text()), "One of these.", required=True),
            _key(
                "enabled_regex_matching",
                Boolean(),
                "Whether the values are regular expressions (RE2), found anywhere.",
            ),
            Key(name="cache_max_size", kind=Json(), doc="Needs no cache.", later=True),
            _INVERT,
        ),
        "Runs with a text attribute of such a value.",
    ),
    _key(
        "numeric_attribute",
        _section(
            "numeric_attribute",
            _ATTRIBUTE,
            _key("min_value", Number(minimum=_LOWEST), "At least this. Default: any."),
            _key("max_value", Number(minimum=_LOWEST), "And at most this. Default: any."),
            _INVERT,
        ),
        "Runs with a numeric attribute within these bounds.",
    ),
    _key(
        "boolean_attribute",
        _section(
            "boolean_attribute",
            _ATTRIBUTE,
            _key("value", Boolean(), "The value.", required=True),
            _INVERT,
        ),
        "Runs with a boolean attribute of this value.",
    ),
    _key(
        "probabilistic",
        _section(
            "probabilistic",
            _key("sampling_percentage", _PERCENTAGE, "How many, in percent.", required=True),
            Key(name="hash_salt", kind=Json(), doc="Trace ids are not hashed.", later=True),
        ),
        "A share of the runs, by trace id: the same runs in every process, and at a higher"
        " percentage those and more.",
    ),
    _key(
        "rate_limiting",
        _section(
            "rate_limiting",
            _key("spans_per_second", Integer(minimum=1, maximum=10**6), "So many spans."),
            _key("runs_per_second", Integer(minimum=1, maximum=10**6), "Or so many runs."),
        ),
        "As many runs as fit, whichever come first. How probable that was cannot be told, so no"
        " probability is recorded.",
    ),
)
_LATER_TYPES = ("trace_state", "ottl_condition", "composite", "bytes_limiting")
TYPES = ("always_sample", *(key.name for key in _SECTIONS), "and", "not", "drop")
MAX_DEPTH = 2
"""How deep ``and`` and ``not`` may stand in one another, below a policy."""


def _policy(depth: int, *, is_top: bool = False) -> Shape:
    """Return the shape of a policy with so many levels of policies below it."""
    below = () if depth == 0 else ("and", "not")
    types = ("always_sample", *(key.name for key in _SECTIONS), *below)
    name = _key("name", _NOT_EMPTY, "What decisions call it.", required=is_top)
    kind = Choice(words=(*types, "drop") if is_top else types, later=_LATER_TYPES)
    keys = [name, _key("type", kind, "What kind it is.", required=True), *_SECTIONS]
    if depth > 0:
        inner = _policy(depth - 1)
        several, one = ListOf(item=inner), inner
        keys += [
            _key(
                "and",
                _section("and", _key("and_sub_policy", several, "The policies.", required=True)),
                "Runs that every one of some policies keeps; the least probable one decides.",
            ),
            _key(
                "not",
                _section("not", _key("not_sub_policy", one, "The policy.", required=True)),
                "Runs of which a policy is not true: not a share, and not a rate.",
            ),
        ]
        if is_top:
            drop = _section("drop", _key("drop_sub_policy", several, "Policies.", required=True))
            doc = "Runs that are dropped whatever else keeps them: all of its policies are true."
            keys.append(_key("drop", drop, doc))
    return Shape(name="policy", keys=tuple(keys))


SAMPLING = Shape(
    name="sampling section",
    keys=(
        _key(
            "policies",
            ListOf(item=_policy(MAX_DEPTH, is_top=True)),
            "A run is kept if any of them keeps it and none of type `drop` drops it.",
            required=True,
        ),
    ),
)
