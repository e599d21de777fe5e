from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from app_fixtures import loaded
from causewatch.app.rulefiles import load_bundle
from causewatch.dialects.tables import SHIPPED
from causewatch.likeness.answers import Answer, Answers
from causewatch.likeness.asked import TooCloseError
from causewatch.likeness.likeness import Likenesses
from causewatch.model.span import Span
from causewatch.model.value import Value
from causewatch.otlp.raw import RawSpan
from causewatch.rules.interest import Interest
from graph_fixtures import span

ROOT = Path(__file__).parents[3]
RULE = """
groups:
- name: own
  rules:
  - alert: Own
    signature: |
      {signature}
    labels: {{severity: warning}}
"""


def interest(signature: str) -> Interest:
    """Return what a rule with this signature asks of values."""
    return Interest(loaded(RULE.format(signature=signature)).bundle.groups, SHIPPED)


@pytest.mark.parametrize(
    "signature",
    [
        '{ span.causewatch.fault = "truncated" } as cut',
        '{ span.causewatch.step = "tool" && status = error } as failed',
        '{ name = "plan" } >> { span.gen_ai.tool.name =~ "refund.*" }',
        '{ span:parentID = "" && span.gen_ai.agent.name != nil } as root',
    ],
)
def test_what_runs_of_one_likeness_share_needs_no_answer(signature: str) -> None:
    """Names, kinds, statuses, faults and structure are in the likeness already."""
    runs = [[call(text=text, count=count)] for text, count in (("a", 1), ("b", 200))]
    assert groups_of(signature, *runs) == [0, 0]


def told(signature: str, spans: Sequence[Span]) -> list[Answer] | None:
    """Return what a rule with this signature adds to the likeness of a run."""
    asked = interest(signature)
    assert asked.unsound == {}
    try:
        return Answers(asked.questions, asked.fits).of_run(spans)
    except TooCloseError:
        return None


def call(number: int = 0, **attributes: Any) -> Span:
    """Return a span with these attributes; its length is given in milliseconds."""
    return span(number, name="call", **attributes)


def groups_of(signature: str, *runs: Sequence[Span]) -> list[int]:
    """Return which of some runs are told apart: equal numbers for those that are not."""
    found = [told(signature, run) for run in runs]
    return [found.index(each) for each in found]


def test_a_duration_is_told_by_the_side_of_its_limits() -> None:
    """On, below or above each constant that a rule compares it with."""
    runs = [[call(length_ms=ms)] for ms in (1, 1_900, 2_000, 2_100, 8_900, 9_000, 9_100)]
    found = groups_of("{ duration > 2s && 9s >= duration } as slow", *runs)
    assert found == [0, 0, 2, 3, 3, 5, 6]


def test_a_number_is_told_by_the_side_of_its_limits_in_every_dialect() -> None:
    """A rule knows one name of the token count; spans carry it under many."""
    for key in ("gen_ai.usage.input_tokens", "llm.token_count.prompt"):
        runs = [[call(**{key: count})] for count in (3, 999, 1001, 5000)]
        found = groups_of("{ span.gen_ai.usage.input_tokens > 1000 } as large", *runs)
        assert found == [0, 0, 2, 2], key


@pytest.mark.parametrize(
    ("signature", "one", "alike", "other"),
    [
        ('{ span.x =~ "a.*" }', "abc", "axe", "bed"),
        ('{ span.x = "a" }', "b", "c", "a"),
        ("{ span.x }", "b", "c", True),
        ("{ span.x * 2 > 10 }", 1, 2, 9),
        ("{ -span.x < -10 }", 1, 2, 19),
        ("{ span.x / 4 > 0.5 }", 1, 2, 9),
        ('{ span.x < "m" }', "b", "c", "n"),
        ('{ span.x != "m" }', "b", "c", 5),
        ("{ span.x > 3 } | max(span.x) > 5", 4, 4.5, 6),
        ("{ } | by(span.x) | count() > 1", 4, 5, [5]),
        ('{ resource.x = "a" }', 4, 5, "a"),
    ],
)
def test_of_a_value_is_told_what_the_rule_makes_of_it(
    signature: str, one: Value, alike: Value, other: Value
) -> None:
    """Not the value: a pattern that fits no text leaves texts as they are."""
    assert groups_of(signature, *([call(x=x)] for x in (one, alike, other))) == [0, 0, 2]


def test_values_are_compared_with_each_other_by_their_places() -> None:
    """Which spans of a run have equal values counts, not what these are."""
    runs = [[call(0, x=one), call(1, x=two)] for one, two in ((1, 1), (2, 2), (1, 2), (3, 4))]
    found = groups_of("{ } as one -[before]->> { span.x = one.span.x }", *runs)
    assert found == [0, 0, 2, 2]


def test_of_a_total_is_told_that_it_cannot_be_met() -> None:
    """Whatever spans are in it; nearer to its limit a run is judged in full."""
    signature = "{ status = error } | sum(span.x) > 10"
    assert told(signature, [call(0, x=4), call(1, x=5)]) is not None
    assert told(signature, [call(0, x=4), call(1, x=-9), call(2, x=6.5)]) is None
    assert told("{ } | avg(span.x) > 10", [call(0, x=9), call(1, x=9)]) is not None
    assert told("{ } | avg(span.x) > 10", [call(0, x=9), call(1, x=12)]) is None
    assert told("{ } | sum(span.x) < 10", [call(0, x=12), call(1, x=19)]) is not None
    assert told("{ } | sum(span.x) < 10", [call(0, x=12), call(1, x=-1)]) is None


def test_of_sizes_is_told_that_no_payload_is_as_large() -> None:
    """What is flattened into several attributes may be one payload."""
    signature = "{ span.causewatch.result.bytes > 100 } as large"
    assert told(signature, [call(text="a" * 90, more="b" * 90)]) is not None
    assert told(signature, [call(text="ü" * 60)]) is None
    assert told(signature, [call(0, **{"m.0.text": "a" * 60, "m.1.text": "b" * 60})]) is None
    hop = "span.causewatch.handoff"
    gated = f"{{ {hop}.received.bytes < 5 && {hop}.sent.bytes > 9 }}"
    assert told(gated, [call(text="a")]) is not None


def test_equal_payloads_are_told_by_their_places() -> None:
    """However they are written; of runs without the tool that the rule is about, nothing is."""
    signature = """{ span.causewatch.tool = "refund" } as first
        -[before]->> { span.causewatch.tool = "refund"
          && span.causewatch.args.sha256 = first.span.causewatch.args.sha256 }"""

    def run(one: str, two: str, tool: str = "refund") -> list[Span]:
        keys: dict[str, Any] = {"gen_ai.tool.name": tool}
        return [
            call(0, **keys, **{"gen_ai.tool.call.arguments": one}),
            call(1, **keys, **{"gen_ai.tool.call.arguments": two}),
        ]

    one, other, third = '{"a": 5, "b": 1}', '{"a": 6, "b": 1}', '{"a": 7, "b": 1}'
    runs = [
        (one, one),
        (other, other),
        (one, '{"b":1,"a":5}'),
        (third, '{"b": 1.0,"a":7}'),
        (one, other),
        (third, one),
        (one, "{'b': 1, 'a': 5}"),
        (one, "{'b': 1, 'a': 9}"),
    ]
    found = groups_of(signature, *(run(*pair) for pair in runs))
    assert found == [0, 0, 2, 2, 4, 4, 2, 4]
    elsewhere = groups_of(signature, run(one, one, "find"), run(one, other, "find"))
    assert elsewhere == [0, 0]


def test_ids_in_names_are_told_where_a_rule_could_see_them() -> None:
    """A likeness leaves them out: some programs number what they make."""
    names = [[span(0, name=name)] for name in ("step 1", "step 2", "step 7")]
    assert groups_of('{ span.causewatch.agent = "plan" } as at', *names) == [0, 0, 0]
    assert groups_of('{ span.causewatch.agent =~ "step.*" } as at', *names) == [0, 0, 0]
    assert groups_of('{ span.causewatch.agent = "step 2" } as at', *names) == [0, 1, 0]
    assert groups_of('{ span.causewatch.agent =~ "step [2-9]" } as at', *names) == [0, 1, 2]


@pytest.mark.parametrize(
    ("signature", "reads"),
    [
        ('{ span.causewatch.args.sha256 = "ab" } as known', "causewatch.args.sha256"),
        ("{ span:start > 5 } as late", "span:start"),
        ('{ link:traceID = "ab" } as linked', "link:traceID"),
        ("{ span.causewatch.result.bytes < 3 } as small", "causewatch.result.bytes"),
    ],
)
def test_what_no_likeness_can_tell_is_named(signature: str, reads: str) -> None:
    """With such a rule every run is judged in full; about one tool, every run that names it."""
    assert interest(signature).unsound == {"own/Own": reads}
    gated = signature.replace("{ ", '{ span.causewatch.tool = "issue_refund" && ', 1)
    assert told(gated, [call(tool="find_order")]) is not None
    assert told(gated, [call(tool="issue_refund")]) is None


@pytest.mark.parametrize("name", ["rules", "bench/fifty.yaml"])
def test_no_rule_that_users_write_takes_every_run_to_the_second_pass(name: str) -> None:
    """Neither the shipped ones, nor the fifty of the bench."""
    found = Interest(load_bundle([ROOT / name]).bundle.groups, SHIPPED)
    assert found.unsound == {}


def test_undecoded_spans_answer_as_decoded_ones() -> None:
    """On the span, its events or its resource: one limit tells the same apart."""
    asked = interest("{ span.rows > 10 && duration > 20ms } as both")
    reader = Likenesses(SHIPPED, Answers(asked.questions, asked.fits))

    def likeness(rows: int, length_ms: float) -> int | None:
        spans = [span(0, name="query", rows=rows, length_ms=length_ms)]
        assert reader.of_raw([RawSpan.of(each) for each in spans]) == reader.of(spans)
        return reader.of(spans)

    assert likeness(3, 5) == likeness(9, 19)
    assert len({likeness(3, 5), likeness(11, 5), likeness(3, 25), likeness(11, 25)}) == 4
