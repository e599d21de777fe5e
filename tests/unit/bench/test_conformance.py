from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
from bench.conformance import compare_searches, compare_signatures, compare_verdicts, main

TRACE = "0" * 31 + "1"
ROOT, CHILD = "00000000000000aa", "00000000000000ab"


def span(span_id: str, parent_id: str, **attributes: str) -> dict[str, Any]:
    """Return a span as OTLP/JSON."""
    return {
        "traceId": TRACE,
        "spanId": span_id,
        "parentSpanId": parent_id,
        "name": "s",
        "startTimeUnixNano": "1",
        "endTimeUnixNano": "2",
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in attributes.items()],
    }


OTLP = {
    "resourceSpans": [
        {"scopeSpans": [{"spans": [span(ROOT, "", k="a"), span(CHILD, ROOT, k="b")]}]}
    ]
}


def write(path: Path, *lines: object) -> None:
    """Write JSON lines, gzip where the name says so."""
    text = "".join(f"{json.dumps(line)}\n" for line in lines).encode()
    path.write_bytes(gzip.compress(text) if path.suffix == ".gz" else text)


def searches(folder: Path, *answers: tuple[str, object]) -> Path:
    """Return a corpus of searches over one dataset."""
    write(folder / "datasets.jsonl.gz", {"dataset": "d", "otlp": OTLP})
    lines = [{"dataset": "d", "query": query, "engine": engine} for query, engine in answers]
    write(folder / "search.jsonl.gz", *lines)
    return folder


def test_searches_that_agree_are_counted(tmp_path: Path) -> None:
    """The order of span sets is not significant; an error agrees with an error."""
    corpus = searches(
        tmp_path,
        ("{ span.k = `a` } >> { }", {TRACE: [[CHILD]]}),
        ("{ } | by(span.k)", {TRACE: [[CHILD], [ROOT]]}),
        ("{ span.k = `zz` }", {}),
        ("{ span.k = }", {"error": "unexpected"}),
    )
    agreement = compare_searches(corpus)
    assert (agreement.agreed, agreement.of, agreement.differing) == (4, 4, ())


@pytest.mark.parametrize(
    "answer", [{}, {TRACE: [[ROOT]]}, {TRACE: [[CHILD], [ROOT]]}, {"error": "gone"}]
)
def test_a_search_that_differs_is_shown(tmp_path: Path, answer: object) -> None:
    """With its query and both answers."""
    agreement = compare_searches(searches(tmp_path, ("{ span.k = `b` }", answer)))
    assert (agreement.agreed, agreement.of) == (0, 1)
    assert "{ span.k = `b` }" in agreement.differing[0]


def test_verdicts_are_compared_by_stage(tmp_path: Path) -> None:
    """Valid is not parse, parse is not validate."""
    verdicts = tmp_path / "v.jsonl"
    write(
        verdicts,
        {"query": "{ }", "verdict": "valid"},
        {"query": "{ } | rate()", "verdict": "valid"},
        {"query": "{", "verdict": "parse"},
        {"query": "{ span:duration = `x` }", "verdict": "validate"},
        {"query": "{ }", "verdict": "parse"},
        {"query": "{", "verdict": "validate"},
    )
    agreement = compare_verdicts(verdicts)
    assert (agreement.agreed, agreement.of) == (4, 6)


def signature(text: str, fires: list[str], silent: list[str], *, portable: bool) -> dict[str, Any]:
    """Return a line of a corpus of signatures."""
    return {"signature": text, "fires_on": fires, "silent_on": silent, "portable": portable}


def test_signatures_fire_where_they_must_and_nowhere_else(tmp_path: Path) -> None:
    """A signature that misses, fires too often or is misjudged as portable differs."""
    (tmp_path / "traces.otlp.json").write_text(json.dumps(OTLP), encoding="utf-8")
    write(
        tmp_path / "signatures.jsonl",
        signature("{ span.k = `a` }", [TRACE], [], portable=True),
        signature("{ span.k = `z` }", [], [TRACE], portable=True),
        signature("{ span.k = `a` } -[call]-> { }", [TRACE], [], portable=False),
        signature("{ span.k = `z` }", [TRACE], [], portable=True),
        signature("{ span.k = `a` }", [], [TRACE], portable=True),
        signature("{ span.k = `a` }", [TRACE], [], portable=False),
    )
    agreement = compare_signatures(tmp_path)
    assert (agreement.agreed, agreement.of) == (3, 6)


def test_it_runs_as_a_command(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each corpus; exit code 1 when something differs."""
    corpus = searches(tmp_path, ("{ span.k = `b` }", {TRACE: [[CHILD]]}))
    assert main(["--searches", str(corpus)]) == 0
    assert capsys.readouterr().out == f"searches of {tmp_path.name}: 1 of 1\n"
    corpus = searches(tmp_path, ("{ span.k = `b` }", {}), ("{ }", {}))
    assert main(["--searches", str(corpus), "--show", "1"]) == 1
    assert capsys.readouterr().out.count("there") == 1
