"""``causewatch doctor``: what can be checked, and which setting makes the rest checkable."""

from __future__ import annotations

from pathlib import Path

from causewatch.model.span import Resource, Scope, Span
from causewatch.otlp.encode import encode_traces
from cli_fixtures import capture, run

WHOLE = capture("pydantic-ai__native__ok")
SILENT = capture("mcp__fastmcp__ok")
KEYS = {"service", "dialect", "scope", "boundary", "name", "count", "checkable", "problems"}


def test_one_line_a_boundary() -> None:
    """Every key is always there; a whole recording is checkable throughout."""
    done = run("doctor", WHOLE)
    assert all(set(line) == KEYS for line in done.lines)
    assert {line["boundary"] for line in done.lines} == {
        "handoff", "tool_result", "model_input", "agent",
    }  # fmt: skip
    assert all(line["checkable"] == line["count"] for line in done.lines)
    assert (done.code, done.err) == (0, "")


def test_what_cannot_be_checked_comes_with_its_reason_and_fix() -> None:
    """A server without content: each of its tools, with one span to look at."""
    (line,) = (line for line in run("doctor", SILENT).lines if line["name"] == "get_order")
    assert (line["service"], line["boundary"]) == ("research-agent", "tool_result")
    assert (line["count"], line["checkable"]) == (1, 0)
    (problem,) = line["problems"]
    assert problem["reason"] == "neither arguments nor result are on any span"
    assert "instrument the agent" in problem["fix"]
    assert len(problem["span_id"]) == 16


def test_strict_is_for_pipelines() -> None:
    """Without it nothing fails; with it, whatever cannot be checked does, and so does nothing."""
    assert run("doctor", SILENT).code == 0
    assert run("doctor", "--strict", SILENT).code == 1
    assert run("doctor", "--strict", WHOLE).code == 0


def test_text_groups_by_service_and_says_each_fix_once() -> None:
    """A heading for each service and dialect, marks, reasons, then what to do."""
    text = run("doctor", "--format", "text", SILENT).out
    assert "research-agent: otel_genai (fastmcp)" in text
    assert "  ok steps done by research_agent: 3 of 3" in text
    assert "  -- results of get_order: 0 of 1" in text
    assert text.count("instrument the agent") == 1
    assert "3 of 6 boundaries can be checked, in 1 run." in text


def test_several_files_are_looked_over_together() -> None:
    """Traces, options and files, as in the other commands."""
    both = run("doctor", WHOLE, SILENT).lines
    assert {line["service"] for line in both} == {"refund-desk", "research-agent"}
    assert run("doctor", "--traces", WHOLE, SILENT).lines == both
    assert run("doctor").code == 2


def spans_file(folder: Path, span: Span) -> Path:
    """Write one span as an OTLP request."""
    path = folder / "spans.pb"
    path.write_bytes(encode_traces([span]))
    return path


def test_an_unknown_framework_is_told_and_a_dialect_file_helps(tmp_path: Path) -> None:
    """From the first look at a new framework to a run that can be checked."""
    spans = spans_file(
        tmp_path,
        Span(
            trace_id="a" * 32, span_id="b" * 16, name="look",
            attributes={"desk.kind": "tool", "desk.in": '{"a": 1}', "desk.out": '{"b": 2}',
                        "desk.clerk": "ann"},
            resource=Resource(attributes={"service.name": "desk"}), scope=Scope(name="desk.tracer"),
        ),
    )  # fmt: skip
    (line,) = run("doctor", "--strict", spans).lines
    assert (line["boundary"], line["name"], line["dialect"]) == ("dialect", "desk.tracer", None)
    table = tmp_path / "desk.yaml"
    table.write_text(
        "dialects:\n- dialect: desk\n  detect: [{attribute: desk.kind}]\n"
        "  kinds: [{kind: tool, attribute: desk.kind, is: tool}]\n"
        "  fields: {tool: [{span: name}], agent: desk.clerk, arguments: desk.in,"
        " result: desk.out}\n",
        encoding="utf-8",
    )
    done = run("doctor", "--strict", spans, "--dialects", table)
    assert {line["boundary"] for line in done.lines} == {"tool_result", "agent"}
    assert done.code == 0


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    """Names of services, tools and scopes come from outside."""
    hostile = "\x1b[31mred\u202e\n" + "x" * 500
    span = Span(
        trace_id="a" * 32, span_id="b" * 16,
        attributes={"gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": hostile},
        resource=Resource(attributes={"service.name": hostile}), scope=Scope(name=hostile),
    )  # fmt: skip
    for form in ("text", "json"):
        out = run("doctor", "--format", form, spans_file(tmp_path, span)).out
        assert "\x1b" not in out
        assert "\u202e" not in out


def test_files_without_ai_say_so(tmp_path: Path) -> None:
    """An empty answer would look like a broken command."""
    empty = tmp_path / "empty.jsonl"
    empty.write_text("", encoding="utf-8")
    assert "Nothing to check" in run("doctor", "--format", "text", empty).out
    assert run("doctor", "--strict", empty).code == 1


def test_unreadable_input_is_told_and_the_rest_answered(tmp_path: Path) -> None:
    """Exit code 3, as everywhere."""
    done = run("doctor", WHOLE, tmp_path / "none.jsonl")
    assert done.code == 3
    assert done.lines
