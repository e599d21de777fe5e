"""The how-to pages on dialects and telemetry do what they say: their examples are run."""

from __future__ import annotations

import json
import re
from pathlib import Path

from causewatch.model.span import Resource, Scope, Span
from causewatch.otlp.encode import encode_traces
from cli_fixtures import capture, run

PAGES = Path(__file__).parents[2] / "docs" / "how-to"


def blocks(page: str, language: str) -> list[str]:
    """Return the fenced blocks of a language on a page."""
    text = (PAGES / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def test_the_dialect_of_the_page_reads_the_spans_of_the_page(tmp_path: Path) -> None:
    """Its table, its two spans, and what `dialects explain` prints of them, to the letter."""
    spans = []
    for number, body in enumerate(blocks("add-a-dialect.md", "json"), start=1):
        told = json.loads(body)
        spans.append(
            Span(
                trace_id="a" * 32,
                span_id=f"{number:016x}",
                parent_id=f"{number - 1:016x}" if number > 1 else "",
                name=told["name"],
                start_ns=number,
                end_ns=10 - number,
                attributes=told["attributes"],
                resource=Resource(attributes={"service.name": "orchard"}),
                scope=Scope(name=told["scope"]),
            )
        )
    table, config = blocks("add-a-dialect.md", "yaml")
    (tmp_path / "orchard.yaml").write_text(table, encoding="utf-8")
    (tmp_path / "causewatch.yaml").write_text(config, encoding="utf-8")
    (tmp_path / "run.pb").write_bytes(encode_traces(spans))
    own, spans_file = tmp_path / "orchard.yaml", tmp_path / "run.pb"
    assert run("check", own).out == ""
    done = run("dialects", "explain", "--format", "text", spans_file, "--dialects", own)
    assert [done.out] == blocks("add-a-dialect.md", "text")


def test_the_report_of_the_page_is_what_doctor_prints() -> None:
    """Of a recorded run of a server without content."""
    out = run("doctor", "--format", "text", capture("mcp__fastmcp__ok")).out
    assert [out.lstrip()] == blocks("check-your-telemetry.md", "text")
