"""``causewatch dialects``: the list, and how the spans of a file were understood."""

from __future__ import annotations

import json
from pathlib import Path

from causewatch.dialects.tables import SHIPPED
from causewatch.model.span import LogRecord, Span
from causewatch.otlp.encode import encode_logs, encode_traces
from cli_fixtures import capture, run

OK = capture("openai-agents__openinference__ok")
KEYS = {
    "run", "trace_id", "span_id", "name", "service", "scope", "dialects", "step", "by", "because",
    "graph", "fields", "shadowed", "unread", "unread_events",
}  # fmt: skip
MINE = """\
dialects:
- dialect: my_desk
  title: My desk
  detect: [{attribute: desk.kind}]
  kinds: [{kind: agent, attribute: desk.kind, is: clerk}]
  fields: {agent: desk.clerk}
"""
TRACE, SPAN = "a" * 32, "b" * 16


def spans_file(folder: Path, *spans: Span) -> Path:
    """Write spans as one OTLP request."""
    path = folder / "spans.pb"
    path.write_bytes(encode_traces(list(spans)))
    return path


def mine(folder: Path, text: str = MINE) -> Path:
    """Write a dialect file."""
    path = folder / "mine.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_the_list_names_every_dialect() -> None:
    """One line a dialect, best first, with what its spans can give."""
    lines = run("dialects").lines
    assert [line["id"] for line in lines] == [dialect.id for dialect in SHIPPED]
    (genai,) = (line for line in lines if line["id"] == "otel_genai")
    assert {"agent", "model", "tool", "handoff"} <= set(genai["kinds"])
    assert "input_messages" in genai["fields"]
    assert "OpenTelemetry GenAI" in run("dialects", "--format", "text").out


def test_the_list_shows_dialects_of_files_first(tmp_path: Path) -> None:
    """They come before the shipped ones, and say that they are not shipped."""
    first, second, *_ = run("dialects", "--dialects", mine(tmp_path)).lines
    assert (first["id"], first["shipped"], second["shipped"]) == ("my_desk", False, True)
    assert "(from a file)" in run("dialects", "--format", "text", "--dialects", tmp_path).out


def test_explain_prints_one_line_a_span() -> None:
    """Every key is always there; each field names its place and its dialect."""
    done = run("dialects", "explain", OK)
    assert all(set(line) == KEYS for line in done.lines)
    (first, *_) = (line for line in done.lines if line["step"] == "model")
    assert first["by"] == "openinference"
    assert first["because"] == ["attribute openinference.span.kind = LLM"]
    assert first["fields"]["model"]["from"] == ["attribute llm.model_name"]
    assert first["graph"]["agent"] == "triage_agent"
    assert (done.code, done.err) == (0, "")


def test_explain_takes_traces_too() -> None:
    """The option that all other commands have works here as well."""
    assert run("dialects", "explain", "--traces", OK).out == run("dialects", "explain", OK).out
    assert run("dialects", "explain").code == 2


def test_explain_in_text_is_readable() -> None:
    """A heading, the reason, a table of fields, and what was not read."""
    text = run("dialects", "explain", "--format", "text", OK).out
    assert "  model by openinference: attribute openinference.span.kind = LLM" in text
    assert "\n    model               attribute llm.model_name" in text
    assert "  not read: input.mime_type" in text


def test_explain_uses_the_dialects_of_files(tmp_path: Path) -> None:
    """The option may stand before the file of spans or after it."""
    attributes = {"desk.kind": "clerk", "desk.clerk": "Ada's desk"}
    spans = spans_file(tmp_path, Span(trace_id=TRACE, span_id=SPAN, attributes=attributes))
    table = mine(tmp_path)
    for order in ((spans, "--dialects", table), ("--dialects", table, spans)):
        (line,) = run("dialects", "explain", *order).lines
        assert (line["by"], line["fields"]["agent"]["value"]) == ("my_desk", "Ada's desk")
    (graph,) = run("graph", "--traces", spans, "--dialects", table).lines
    assert graph["agents"] == ["Ada's desk"]
    query = '{ span.causewatch.step = "agent" }'
    (found,) = run("query", query, "--traces", spans, "--dialects", table).lines
    assert list(found["result"].values()) == [[[SPAN]]]
    assert run("explain", "--traces", spans, "--dialects", table).lines[0]["verdict"] == "healthy"


def test_a_bad_dialect_file_is_told_with_its_place(tmp_path: Path) -> None:
    """Nothing is explained by a table that is wrong."""
    table = mine(tmp_path, MINE.replace("detect:", "detct:"))
    done = run("dialects", "explain", OK, "--dialects", table)
    assert (done.code, done.out) == (1, "")
    assert f"{table}:4:3" in done.err
    assert "did you mean 'detect'?" in done.err
    checked = run("check", table)
    assert checked.code == 1
    assert checked.lines[0]["line"] == 2
    assert run("check", mine(tmp_path)).out == ""


def test_hostile_names_reach_no_terminal(tmp_path: Path) -> None:
    """Names and values come from outside: no control characters, no endless lines."""
    hostile = "\x1b[31mred\u202e\n" + "x" * 5_000
    attributes = {hostile: hostile, "gen_ai.operation.name": "chat", "gen_ai.agent.name": hostile}
    spans = spans_file(
        tmp_path, Span(trace_id=TRACE, span_id=SPAN, name=hostile, attributes=attributes)
    )
    text = run("dialects", "explain", "--format", "text", spans).out
    assert "\x1b" not in text
    assert "\u202e" not in text
    assert max(map(len, text.splitlines())) < 400
    assert json.loads(run("dialects", "explain", spans).out)["fields"]["agent"]


def test_log_records_are_read_with_their_span(tmp_path: Path) -> None:
    """Content that comes as log records only is explained as such."""
    attributes = {"gen_ai.operation.name": "chat", "gen_ai.system": "openai"}
    spans = spans_file(tmp_path, Span(trace_id=TRACE, span_id=SPAN, attributes=attributes))
    record = LogRecord(
        trace_id=TRACE, span_id=SPAN, event_name="gen_ai.user.message", body={"content": "hi"}
    )
    logs = tmp_path / "logs.pb"
    logs.write_bytes(encode_logs([record]))
    (line,) = run("dialects", "explain", spans, logs).lines
    assert line["fields"]["input_messages"] == {
        "value": "1 message",
        "from": ["log record gen_ai.user.message"],
        "dialect": "otel_genai_legacy",
    }


def test_unreadable_input_is_told_and_the_rest_answered(tmp_path: Path) -> None:
    """Exit code 3, as everywhere."""
    done = run("dialects", "explain", OK, tmp_path / "none.jsonl")
    assert done.code == 3
    assert done.lines
    assert "none.jsonl" in done.err
