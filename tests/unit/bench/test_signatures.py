from __future__ import annotations

import json
import random
from pathlib import Path

import pytest
from bench.signatures import (
    QUERIES,
    RUN_SPANS,
    QueryRow,
    RuleRow,
    main,
    measure_query,
    measure_rules,
    query_table,
    rule_table,
    rules,
    run_subject,
    slope,
    traces,
)

from causewatch.signatures.signature import compile_query


@pytest.mark.parametrize(
    ("kind", "texts"), [("other tools", 40), ("alike", 40), ("all different", 40)]
)
def test_rules_are_what_their_name_says(kind: str, texts: int) -> None:
    """All are read; rules that are alike repeat themselves, the others never do."""
    found = {signature.text for signature in rules(kind, texts)}
    assert len(found) == texts
    assert len({signature.text for signature in rules(kind, 1_000)}) == (
        84 if kind == "alike" else 1_000
    )


def test_rules_match_something() -> None:
    """What is measured is no row of misses."""
    subject = run_subject(random.Random(1))
    assert any(signature.evaluate(subject).matched for signature in rules("alike", 84))


def test_rules_for_other_tools_are_not_asked() -> None:
    """The plan leaves out what cannot match."""
    assert measure_rules("other tools", 100, runs=1).asked == 7
    assert measure_rules("alike", 100, runs=1).asked == 100


def test_every_query_is_measured_over_all_traces() -> None:
    """Each of them finds some traces, of the size that is said."""
    spans = traces(20)
    assert {len(each) for each in spans} == {RUN_SPANS}
    for query in QUERIES:
        assert compile_query(query).kind == "search"
        row = measure_query(query, spans, runs=1)
        assert row.traces == 20
        assert 0 < row.matched <= 20
        assert row.median_ms > 0


def test_the_tables_say_counts_times_and_ratios() -> None:
    """An exponent of one is a cost that grows as the rules do."""
    rows = [
        RuleRow(rules="alike", rules_count=10, asked=10, median_ms=1.0),
        RuleRow(rules="alike", rules_count=1_000, asked=1_000, median_ms=10.0),
    ]
    assert slope(rows) == pytest.approx(0.5)
    assert rule_table(rows).splitlines()[-1] == "| alike | 1000 | 1000 | 10.00 | 0.50 |"
    row = QueryRow(query="{ } | count() > 1", traces=2, matched=1, median_ms=165.0)
    assert row.ratio == pytest.approx(0.5)
    shown = query_table([row]).splitlines()[-1]
    assert shown == "| `{ } \\| count() > 1` | 2 | 1 | 165 | 0.50 |"


def test_it_runs_as_a_command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Two tables for people, all rows as JSON for programs."""
    monkeypatch.setattr("bench.signatures.RULE_COUNTS", (2, 4))
    out = tmp_path / "rows.json"
    assert main(["--runs", "1", "--traces", "3", "--out", str(out)]) == 0
    assert "| all different | 4 |" in capsys.readouterr().out
    assert len(json.loads(out.read_text(encoding="utf-8"))) == 6 + len(QUERIES)
