"""Whatever rules say: of two runs of one likeness a rule matches both, or neither."""

from __future__ import annotations

import contextlib
import random
from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec

from app_fixtures import loaded
from causewatch.blame.judge import judge
from causewatch.dialects.tables import SHIPPED
from causewatch.graph.build import build
from causewatch.likeness.answers import Answers
from causewatch.likeness.likeness import Likenesses
from causewatch.model.span import Resource, Scope, Span, SpanEvent
from causewatch.model.value import Value
from causewatch.rules.bundle import Group, Rule
from causewatch.rules.interest import Interest
from causewatch.rules.subject import subject_of
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import compile_query

T = TypeVar("T")
MS = 1_000_000
T0_NS = 1_790_000_000_000_000_000
RULES_COUNT = 150
PAIRS_PER_RULE = 24
MIN_PAIRS_COUNT = 500
"""So many pairs of different runs must turn out to be alike, or the test says nothing."""

NUMBERS = ("span.x", "parent.span.x", "span.y", "event.k", "resource.r", ".r",
           "span.gen_ai.usage.input_tokens", "duration", "traceDuration", "parent:duration",
           "span:start", "parent:start", "span.causewatch.result.bytes",
           "instrumentation.r", "childCount")  # fmt: skip
TEXTS = ("span.s", "name", "rootName", "statusMessage", "event.k", "resource.r", "span.x",
         "span.causewatch.tool", "span.causewatch.agent", "span.causewatch.step",
         "span.causewatch.session", "span.causewatch.args.sha256", "parent.span.s",
         "instrumentation:name", "span.gen_ai.tool.name")  # fmt: skip
CONSTANTS = ("0", "1", "2", "2.5", "3", "10", "40", "10ms", "30ms", "1s")
WORDS = ('"a"', '"ab"', '"refund"', '"refund_1"', '"refund_2"', '""', '"tool"', '"late"', '"s-1"')
PATTERNS = ('"a.*"', '".*b"', '"refund_[12]"', '"(?i)REFUND.*"', '".*[0-9]{2}.*"', '"refund_.*"')
COMPARED = ("=", "!=", "<", "<=", ">", ">=")
KEYS = ("x", "y", "s", "input", "args", "result", "session", "long")
VALUES: dict[str, tuple[Value, ...]] = {
    "x": (None, 0, 1, 2, 3, 2.5, "2", True, False, [1, 3], ["a", "b"], 12, 40),
    "y": (None, 0, 1, 2, 3),
    "s": (None, "a", "ab", "refund", "REFUND 12", "b", "zz 5", ["a", "zz"]),
    "input": (None, 1, 2, 3, 40, "2", 2.0),
    "args": (None, '{"a": 1, "b": 2}', '{"b":2,"a":1}', '{"a": 1, "b": 3}', "{'a': 1, 'b': 2}"),
    "result": (None, "done", '{"ok": true}', '{"result": "[1, 2]"}', "[1, 2]", "[1,  3]"),
    "session": (None, "s-1", "s-2"),
    "long": (None, "a" * 9, "b" * 12, "c" * 60),
}
NAMES_ON_SPANS = {
    "input": ("gen_ai.usage.input_tokens", "llm.token_count.prompt"),
    "args": ("gen_ai.tool.call.arguments",),
    "result": ("gen_ai.tool.call.result",),
    "session": ("session.id",),
}


class Draft(msgspec.Struct, kw_only=True):
    """A span that is yet to be changed."""

    parent: int
    operation: str
    name: str
    length_ms: int
    gap_ms: int
    values: dict[str, Value]
    key: str
    event: Value
    resource: Value
    status_message: str


def condition(  # noqa: PLR0911  # one a kind of condition
    dice: random.Random, names: Sequence[str], depth: int = 0
) -> str:
    """Return a random condition; it may read what is bound by ``names``."""
    match dice.randrange(9 if depth < 2 else 6):
        case 0 | 1:
            return f"{number(dice, names)} {dice.choice(COMPARED)} {dice.choice(CONSTANTS)}"
        case 2:
            return f"{text(dice, names)} {dice.choice(COMPARED[:4])} {dice.choice(WORDS)}"
        case 3:
            return f"{text(dice, names)} {dice.choice(('=~', '!~'))} {dice.choice(PATTERNS)}"
        case 4:
            one, other = number(dice, names), number(dice, names)
            sign = dice.choice(("+", "-", "*", "/"))
            return f"{one} {sign} {dice.choice(CONSTANTS)} {dice.choice(COMPARED)} {other}"
        case 5:
            reads = dice.choice(TEXTS)
            other = f"{names[0]}.{reads}" if names and reads.startswith("span.") else text(dice, ())
            return f"{reads} {dice.choice(('=', '!='))} {other}"
        case 6:
            return f"{text(dice, names)} {dice.choice(('=', '!='))} nil"
        case 7:
            return f"!({condition(dice, names, depth + 1)})"
        case _:
            one, other = (condition(dice, names, depth + 1) for _ in range(2))
            return f"({one} {dice.choice(('&&', '||'))} {other})"


def number(dice: random.Random, names: Sequence[str]) -> str:
    """Return something that may be a number."""
    found = dice.choice(NUMBERS)
    return f"{names[0]}.{found}" if names and found.startswith("span.") else found


def text(dice: random.Random, names: Sequence[str]) -> str:
    """Return something that may be a text."""
    found = dice.choice(TEXTS)
    return (
        f"{names[0]}.{found}" if names and dice.random() < 0.3 and found[:5] == "span." else found
    )


def query(dice: random.Random) -> str:  # noqa: PLR0911  # one a kind of signature
    """Return the text of a random signature, which need not be valid."""
    one = f"{{ {condition(dice, ())} }}"
    other = f"{{ {condition(dice, ())} }}"
    match dice.randrange(8):
        case 0 | 1:
            return one
        case 2:
            return f"{one} {dice.choice(('>>', '&&', '||', '!>>', '~'))} {other}"
        case 3:
            return f"{one} && !{other}"
        case 4:
            within = condition(dice, ("a",))
            return f"{one} as a {dice.choice(('-[before]->>', '>>'))} {{ {within} }}"
        case 5:
            function = dice.choice(("sum", "avg", "min", "max"))
            limit = f"{dice.choice(COMPARED)} {dice.choice(CONSTANTS)}"
            return f"{one} | {function}({number(dice, ())}) {limit}"
        case 6:
            return f"{one} | by({dice.choice((*TEXTS, *NUMBERS))}) | count() > 1"
        case _:
            return f"{one} | count() {dice.choice(COMPARED)} {dice.randrange(3)}"


def rules(dice: random.Random, count: int) -> list[tuple[Group, Rule]]:
    """Return random rules, each with the group it is in."""
    texts: list[str] = []
    while len(texts) < count:
        drawn = query(dice)
        with contextlib.suppress(SignatureError):
            compile_query(drawn)
            texts.append(drawn)
    listed = "".join(
        f"  - alert: R{i}\n    signature: |\n      {each}\n    labels: {{severity: ticket}}\n"
        for i, each in enumerate(texts)
    )
    (group,) = loaded(f"groups:\n- name: own\n  rules:\n{listed}").bundle.groups
    return [(msgspec.structs.replace(group, rules=(rule,)), rule) for rule in group.rules]


def draft(dice: random.Random, number_: int) -> Draft:
    """Return a random span."""
    return Draft(
        parent=dice.randrange(-1, number_) if number_ else -1,
        operation=dice.choice(("", "execute_tool", "invoke_agent", "chat")),
        name=dice.choice(("refund", "refund_1", "refund_2", "find 7")),
        length_ms=dice.choice((1, 9, 10, 30, 40)),
        gap_ms=dice.choice((0, 1, 25)),
        values={key: dice.choice(VALUES[key]) for key in KEYS if dice.random() < 0.5},
        key=dice.choice(("first", "second")),
        event=dice.choice((None, None, 1, 3, "a")),
        resource=dice.choice((None, None, 1, 3, "a")),
        status_message=dice.choice(("", "", "late", "a")),
    )


def changed(dice: random.Random, run: Sequence[Draft]) -> list[Draft]:
    """Return a run in which a little is another."""
    found = [msgspec.structs.replace(each, values=dict(each.values)) for each in run]
    for _ in range(dice.randint(1, 3)):
        one = dice.choice(found)
        match dice.randrange(6):
            case 0:
                one.length_ms = dice.choice((1, 9, 10, 30, 40))
            case 1:
                one.name = dice.choice(("refund_1", "refund_2"))
            case 2:
                one.resource = dice.choice((1, 3, "a"))
            case 3 if one.event is not None:
                one.event = dice.choice((1, 3, "a"))
            case _ if one.values:
                key = dice.choice(list(one.values))
                one.values[key] = dice.choice(VALUES[key])
            case _:
                pass
    return found


def spans_of(run: Sequence[Draft]) -> list[Span]:
    """Return the spans of a run."""
    found: list[Span] = []
    start_ns = T0_NS
    for i, each in enumerate(run):
        start_ns += each.gap_ms * MS
        attributes: dict[str, Value] = {"gen_ai.operation.name": each.operation}
        if each.operation == "execute_tool":
            attributes["gen_ai.tool.name"] = each.name
        if each.operation == "invoke_agent":
            attributes["gen_ai.agent.name"] = each.name
        for key, value in each.values.items():
            keys = NAMES_ON_SPANS.get(key, (key,))
            if value is not None:
                attributes[keys[-1] if each.key == "second" else keys[0]] = value
        events = () if each.event is None else (
            SpanEvent(name="e", time_ns=start_ns, attributes={"k": each.event}),
        )  # fmt: skip
        kept = {} if each.resource is None else {"r": each.resource}
        span = Span(
            trace_id="a" * 32,
            span_id=f"{i + 1:016x}",
            parent_id=f"{each.parent + 1:016x}" if each.parent >= 0 else "",
            name=each.name,
            start_ns=start_ns,
            end_ns=start_ns + each.length_ms * MS,
            attributes={key: value for key, value in attributes.items() if value != ""},
            events=events,
            status_message=each.status_message,
            resource=Resource(attributes=kept),
            scope=Scope(attributes=kept),
        )
        found.append(span)
    return found


def matches(rule: Rule, spans: Sequence[Span]) -> bool:
    """Return whether a rule matches a run, by the evaluator."""
    assessment = judge(build(run_id="run", spans=tuple(spans)))
    return rule.signature.evaluate(subject_of(assessment)).matched


def check_pairs(seed: int, rules_count: int, pairs: int) -> int:
    """Check so many pairs of runs for so many rules; return how many were alike."""
    dice = random.Random(seed)
    count = 0
    for group, rule in rules(dice, rules_count):
        interest = Interest([group], SHIPPED)
        if interest.unsound:
            continue
        answers = Answers(interest.questions, interest.fits)
        reader = Likenesses(SHIPPED, answers, is_native=False)
        count += sum(_agree(dice, rule, reader.of) for _ in range(pairs))
    return count


def _agree(
    dice: random.Random, rule: Rule, likeness: Callable[[Sequence[Span]], int | None]
) -> bool:
    """Check a pair of runs; tell whether they were alike."""
    run = [draft(dice, i) for i in range(dice.randint(1, 4))]
    one, other = spans_of(run), spans_of(changed(dice, run))
    found = likeness(one)
    if one == other or found is None or found != likeness(other):
        return False
    text = rule.signature.query.text
    assert matches(rule, one) == matches(rule, other), (text, one, other)
    return True


def test_runs_of_one_likeness_match_alike() -> None:
    """Random rules, and random runs of which the second differs from the first in some values."""
    assert check_pairs(7, RULES_COUNT, PAIRS_PER_RULE) > MIN_PAIRS_COUNT
