from __future__ import annotations

import pytest

from app_fixtures import loaded
from causewatch.app.rulefiles import load_bundle
from causewatch.dialects.tables import SHIPPED
from causewatch.likeness.likeness import Likenesses
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.resources import shipped
from causewatch.rules.interest import Interest
from graph_fixtures import span

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
def test_what_runs_of_one_likeness_share_needs_no_question(signature: str) -> None:
    """Names, kinds, statuses, faults and structure are in the likeness already."""
    assert interest(signature).is_empty


def test_a_duration_is_told_by_the_side_of_its_limits() -> None:
    """On, below or above each constant that a rule compares it with."""
    asked = interest("{ duration > 2s && 9s >= duration } as slow")
    found = [asked.duration(int(s * 1e9)) for s in (0, 1.9, 2, 2.1, 8.9, 9, 9.1, 99)]
    assert found == [0, 0, 1, 2, 2, 3, 4, 4]
    assert (asked.unsound, asked.keys) == ({}, ())


def test_a_number_is_told_by_the_side_of_its_limits_in_every_dialect() -> None:
    """A rule knows one name of the token count; spans carry it under many."""
    asked = interest("{ span.gen_ai.usage.input_tokens > 1000 } as large")
    for key in ("gen_ai.usage.input_tokens", "llm.token_count.prompt"):
        probe = asked.probe(key)
        assert probe is not None
        assert probe(3) == probe(999) != probe(1000) != probe(1001) == probe(5000)
        assert probe("1001") != probe(1001)
    assert asked.probe("gen_ai.usage.output_tokens") is None


@pytest.mark.parametrize(
    "signature",
    [
        '{ span.gen_ai.output.messages =~ ".*refund.*" } as told',
        "{ span.amount > span.limit } as over",
        '{ span.causewatch.step = "model" } | sum(span.amount) > 10',
        "{ span.amount * 2 > 10 } as twice",
    ],
)
def test_what_is_done_with_a_value_otherwise_tells_it_whole(signature: str) -> None:
    """Text, arithmetic, sums: equal values are equal, whatever is asked of them."""
    asked = interest(signature)
    key = "amount" if "amount" in signature else "gen_ai.output.messages"
    probe = asked.probe(key)
    assert probe is not None
    assert probe(10) == probe(10) != probe(11)


@pytest.mark.parametrize(
    ("signature", "reads"),
    [
        ("{ traceDuration > 30m } as long", "trace:duration"),
        ('{ span.causewatch.args.sha256 = "ab" } as known', "causewatch.args.sha256"),
        ('{ span.causewatch.session = "s-1" } as mine', "causewatch.session"),
        ("{ span:start > 5 } as late", "span:start"),
    ],
)
def test_what_no_likeness_can_tell_is_named(signature: str, reads: str) -> None:
    """Times, ids and digests are each run's own: with such a rule every run is judged in full."""
    assert interest(signature).unsound == {"own/Own": reads}


def test_the_shipped_rules_leave_runs_to_the_first_pass() -> None:
    """None of them reads what a likeness cannot tell."""
    assert Interest(load_bundle([shipped("rules")]).bundle.groups, SHIPPED).unsound == {}


def test_undecoded_spans_answer_as_decoded_ones() -> None:
    """Compiled or not, on the span, its events or its resource: one limit tells the same apart."""
    asked = interest("{ span.rows > 10 && duration > 20ms } as both")
    reader = Likenesses(SHIPPED, asked)

    def told(rows: int, length_ms: float) -> int | None:
        spans = [span(0, name="query", rows=rows, length_ms=length_ms)]
        assert reader.of_raw([RawSpan.of(each) for each in spans]) == reader.of(spans)
        return reader.of(spans)

    assert told(3, 5) == told(9, 19)
    assert len({told(3, 5), told(11, 5), told(3, 25), told(11, 25)}) == 4
    assert Resources().split(b"") == []
