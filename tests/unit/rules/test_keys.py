from __future__ import annotations

from collections.abc import Iterator

import pytest

from causewatch.contracts.spec import AgeLimit, Compare, ItemLimit, Order
from causewatch.rules.file import load
from causewatch.rules.keys import CONTRACT, FILE, GROUP, RULE, TRUST, VIOLATIONS
from causewatch.rules.shape import Either, Kind, ListOf, MapOf, Shape

HANDBOOK = """\
groups:
- name: support-bot
  interval: 30s
  labels: {team: ai-platform}
  rules:
  - alert: TruncatedResultReachedAnswer
    signature: |
      { span.causewatch.step = "tool" && span.causewatch.fault = "truncated" } as source
        -[flow]->> { span.causewatch.agent = "answer_writer" } as victim
    by: [source.span.causewatch.tool, victim.span.causewatch.agent]
    window: 15m
    min_runs: 3
    for: 0s
    keep_firing_for: 30m
    labels: {severity: page}
    annotations:
      summary: "{{ $labels.source_tool }} reached {{ $labels.victim_agent }} {{ $value }} times"
      runbook_url: https://runbooks.example.com/truncated-tool
    examples:
    - {traces: fixtures/truncated.jsonl, expect: match}
    - {traces: fixtures/retried-ok.jsonl, expect: no-match}
contracts:
- contract: planner-to-researcher
  from: planner
  to: "researcher*"
  schema_file: brief.json
  compare: {mode: semantic, ignore: [/trace_meta], max_lost_ratio: 0.02, judge: true}
  order: {key: /step}
  redact: [/goal]
  failures:
    schema: page
    truncation: page
    serialization: page
    ordering: ticket
    poisoning: page
    missing: {severity: ticket, after: 2m}
- contract: order-lookup
  tool: "order_*"
  result: {schema_file: order.json, min_items: 1, max_age: {pointer: /updated_at, limit: 24h}}
  failures: {schema: page, empty: ticket, stale: ticket}
paths:
- path: refund-flow
  workflow: refund_bot
  expect:
    refund_bot: planner, (researcher | policy)+, writer
    planner: kb_search{0,3}, -> (researcher | policy)
    researcher: (kb_search | order_lookup){1,5}, -> ...
  required: ["agent:policy before tool:issue_refund"]
  forbidden: ["tool:send_email after tool:issue_refund"]
  novelty: {learn_for: 7d, budget_per_day: 20}
  labels: {severity: ticket}
trust:
- tool: "policy_*"
  level: trusted
"""


def handbook(text: str) -> dict[str, bytes]:
    """Return the handbook's rule file with the schemas it names."""
    return {"refund.yaml": text.encode(), "brief.json": b"{}", "order.json": b"true"}


def test_the_handbooks_example_loads() -> None:
    """Every key of it is known, and does what it says."""
    bundle = load(handbook(HANDBOOK))
    counts = [
        (g.name, len(g.rules), len(g.contracts), len(g.paths), len(g.novelties))
        for g in bundle.groups
    ]
    assert counts == [("support-bot", 1, 0, 0, 0), ("refund", 0, 2, 1, 1)]
    (watch,) = bundle.watches
    assert (watch.learn_for_s, watch.budget_per_day) == (7 * 86_400, 20)
    assert len(bundle.trust) == 1
    handoff, lookup = (contract.spec for contract in bundle.contracts)
    assert handoff.compare == Compare(
        mode="semantic", ignore=("/trace_meta",), max_lost_ratio=0.02, judge=True
    )
    assert (handoff.order, handoff.missing_after_s) == (Order(key="/step"), 120)
    assert (handoff.severity_of("missing"), handoff.severity_of("delta")) == ("ticket", "ticket")
    assert lookup.min_items == ItemLimit(count=1)
    assert lookup.max_age == AgeLimit(pointer="/updated_at", limit_s=86_400)


def shapes_in(kind: Kind) -> Iterator[Shape]:
    """Yield every mapping within a kind."""
    match kind:
        case Shape():
            yield kind
            for key in kind.keys:
                yield from shapes_in(key.kind)
        case ListOf():
            yield from shapes_in(kind.item)
        case MapOf():
            yield from shapes_in(kind.value)
        case Either():
            yield from shapes_in(kind.full)
        case _:
            pass


@pytest.mark.parametrize("shape", list(shapes_in(FILE)), ids=lambda shape: shape.name)
def test_keys_are_distinct_and_described(shape: Shape) -> None:
    """One key, one meaning, one sentence; what is for later is never required."""
    names = [key.name for key in shape.keys]
    assert len(names) == len(set(names))
    for key in shape.keys:
        assert key.doc.endswith(".")
        assert not (key.later and key.required)
        assert shape.key(key.name) is key
    assert shape.key("no such key") is None


def test_every_violation_can_have_a_severity() -> None:
    """The keys of `failures` are the names of the violations, no more and no less."""
    failures = CONTRACT.key("failures")
    assert failures is not None
    assert isinstance(failures.kind, Shape)
    assert tuple(key.name for key in failures.kind.keys) == VIOLATIONS
    assert "truncation" in VIOLATIONS


def test_contracts_fire_like_rules() -> None:
    """What says when an alert fires, and what it carries, is spelled the same for both."""
    for name in (
        "window",
        "min_runs",
        "for",
        "keep_firing_for",
        "labels",
        "annotations",
        "examples",
    ):
        assert RULE.key(name) == CONTRACT.key(name)
        assert RULE.key(name) is not None


@pytest.mark.parametrize(
    ("shape", "required"),
    [
        (FILE, []),
        (GROUP, ["name"]),
        (RULE, ["alert", "signature"]),
        (CONTRACT, ["contract"]),
        (TRUST, ["level"]),
    ],
    ids=lambda value: value.name if isinstance(value, Shape) else "",
)
def test_little_is_required(shape: Shape, required: list[str]) -> None:
    """Everything else has a default."""
    assert [key.name for key in shape.keys if key.required] == required
