"""The commands as users and scripts call them: answers, exit codes, messages."""

from __future__ import annotations

import gzip
import json
import subprocess
from pathlib import Path

import pytest

from causewatch import __version__
from causewatch.app.files import read_requests
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.telemetry.metrics import Metrics
from cli_fixtures import COMMAND, capture, run

CUT = capture("pydantic-ai__native__truncated_handoff")
FINE = capture("pydantic-ai__native__ok")
EXPLAIN_KEYS = {
    "run", "trace_ids", "verdict", "category", "origin", "propagators", "symptom", "confidence",
    "path", "unverifiable", "confidence_parts", "blast_radius", "failed_by", "health", "boundaries",
    "novel",
    "contracts",
}  # fmt: skip
GRAPH_KEYS = {"run", "trace_ids", "workflow", "agents", "steps", "handoffs", "edges"}
HANDOFF_KEYS = {
    "span_id", "from", "to", "sender_span_id", "receiver_span_id", "mode", "derived", "rule",
    "verdict", "violations", "sent_sha256", "received_sha256", "sent_bytes", "received_bytes",
    "claimed", "intact", "summary", "delta", "checksum",
}  # fmt: skip
CONTRACT = """\
contracts:
- contract: findings
  from: research_agent
  to: billing_agent
  compare: {mode: canonical}
  failures: {truncation: page}
"""


def test_explain_names_the_cause_and_exits_with_one() -> None:
    """A corrupted run is a finding: every key is there, and the exit code says so."""
    done = run("explain", "--traces", CUT)
    (line,) = done.lines
    assert set(line) == EXPLAIN_KEYS
    assert line["verdict"] == "corrupted"
    assert line["category"] == "truncation"
    assert set(line["origin"]) == {"span_id", "name", "agent", "at", "reason"}
    assert done.code == 1


def test_explain_tells_how_well_the_context_survived() -> None:
    """The score with its parts, and each boundary with its checksum, for programs and people."""
    (line,) = run("explain", "--traces", CUT).lines
    assert line["health"]["score"] < 0.5
    assert {"from", "to", "span_id", "score", "reason"} == set(line["health"]["parts"][0])
    broken = [each for each in line["boundaries"] if each["intact"] is False]
    assert [each["to"] for each in broken] == ["billing_agent"]
    assert all(len(each["checksum"]) == 64 for each in line["boundaries"])
    text = run("explain", "--format", "text", "--traces", CUT).out
    assert "Context health 0.31 (2 of 2 transitions checked)" in text
    assert "research_agent → billing_agent: 31% of the text arrived" in text


def test_failed_names_the_likeliest_origin_and_keeps_the_verdict() -> None:
    """The caller knows more than the spans: an origin with little confidence, and exit code 0."""
    done = run("explain", "--failed", "--traces", FINE)
    (line,) = done.lines
    assert (line["verdict"], done.code) == ("healthy", 0)
    assert line["origin"]["span_id"]
    assert line["origin"]["agent"]
    assert 0 < line["confidence"] < 0.4
    assert line["confidence_parts"]["observed"] > line["confidence"]
    assert [each["by"] for each in line["failed_by"]] == ["caller"]


def test_failed_changes_nothing_where_the_evidence_is_there() -> None:
    """A proven corruption is told as before, but for who said that the run failed."""
    (plain,) = run("explain", "--traces", CUT).lines
    (failed,) = run("explain", "--failed", "--traces", CUT).lines
    assert {**failed, "failed_by": []} == plain


def test_symptom_traces_back_from_a_span() -> None:
    """Its id may be cut short; other runs of the input are left out."""
    (plain,) = run("explain", "--traces", CUT).lines
    seen = plain["path"][-1]["span_id"]
    (line,) = run("explain", "--symptom", seen[:9].upper(), "--traces", FINE, CUT).lines
    assert line["run"] == plain["run"]
    assert line["symptom"]["span_id"] == seen
    assert line["origin"] == plain["origin"]
    assert line["failed_by"][0]["by"] == "symptom"


@pytest.mark.parametrize("symptom", ["zzzz", "0000000000000000", "%s", "x" * 500])
def test_a_symptom_that_no_span_has_is_a_usage_error(symptom: str) -> None:
    """It says what was looked for."""
    done = run("explain", "--symptom", symptom, "--traces", CUT)
    assert (done.code, done.out) == (2, "")
    assert "no span of the input" in done.err


def test_a_symptom_that_may_be_several_spans_is_a_usage_error() -> None:
    """It says how many there are."""
    spans = [step["span_id"] for step in run("graph", "--traces", CUT).lines[0]["steps"]]
    start = next(c for c in "0123456789abcdef" if sum(s.startswith(c) for s in spans) > 1)
    done = run("explain", "--symptom", start, "--traces", CUT)
    assert done.code == 2
    assert "spans have ids that begin with" in done.err


@pytest.mark.parametrize("command", ["explain", "graph"])
def test_mermaid_draws_a_flowchart(command: str) -> None:
    """One a run, of the path or of the whole graph, to paste into a document."""
    done = run(command, "--format", "mermaid", "--traces", CUT)
    lines = done.out.splitlines()
    assert lines[1] == "flowchart TD"
    assert any(line.startswith("  subgraph a0[") for line in lines)
    assert any(":::origin" in line for line in lines)
    assert done.code == (1 if command == "explain" else 0)


def test_svg_draws_all_runs_as_one_document() -> None:
    """Several files are one picture, with the healthy ones counted below."""
    done = run("explain", "--format", "svg", "--traces", CUT, FINE)
    assert done.out.startswith("<svg ")
    assert done.out.count("<svg") == done.out.count("</svg>") == 1
    assert "FIRST CORRUPTED" in done.out
    assert "Nothing to draw of 1 run" in done.out
    assert done.code == 1


def test_text_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """In a pipe as ``COLUMNS`` says."""
    monkeypatch.setenv("COLUMNS", "60")
    done = run("explain", "--format", "text", "--traces", CUT)
    assert max(map(len, done.out.splitlines())) <= 60 + 18


def test_explain_of_a_healthy_run_exits_with_zero() -> None:
    """No finding; objects that are not known are null."""
    done = run("explain", "--traces", FINE)
    (line,) = done.lines
    assert (line["verdict"], line["origin"], line["symptom"]) == ("healthy", None, None)
    assert (done.code, done.err) == (0, "")


def test_explain_takes_several_files_and_judges_each_run_by_itself() -> None:
    """The answer of a run depends neither on the other runs nor on the order of files."""
    both = {line["run"]: line for line in run("explain", "--traces", CUT, FINE).lines}
    swapped = {line["run"]: line for line in run("explain", "--traces", FINE, CUT).lines}
    alone = {line["run"]: line for line in run("explain", "--traces", CUT).lines}
    assert both == swapped
    assert alone.items() <= both.items()


def test_explain_reads_standard_input() -> None:
    """``-`` is standard input, so that it works behind zcat and kubectl logs."""
    done = run("explain", "--traces", "-", stdin=gzip.decompress(CUT.read_bytes()))
    assert done.lines[0]["verdict"] == "corrupted"


def test_explain_in_text_tells_a_story() -> None:
    """The sentence, then the path; no colours in a pipe."""
    done = run("explain", "--format", "text", "--traces", CUT)
    assert "First corrupted by" in done.out
    assert "surfaced at" in done.out
    assert "\x1b" not in done.out


def test_unreadable_input_is_told_and_the_rest_is_answered(tmp_path: Path) -> None:
    """Exit code 3, a message that names the file and line, and the answers for what was good."""
    bad = tmp_path / "bad.jsonl"
    bad.write_bytes(b'{"resourceSpans": [}\n' + gzip.decompress(FINE.read_bytes()))
    done = run("explain", "--traces", bad, tmp_path / "gone.jsonl")
    assert [line["verdict"] for line in done.lines] == ["healthy"]
    assert "bad.jsonl:1" in done.err
    assert "gone.jsonl" in done.err
    assert done.code == 3


def test_explain_without_input_is_a_usage_error() -> None:
    """It says which option is missing."""
    done = run("explain")
    assert done.code == 2
    assert "--traces" in done.err


def test_contracts_come_from_rules(tmp_path: Path) -> None:
    """With ``--rules`` the contracts judge the handoffs of the run."""
    (tmp_path / "rules.yaml").write_text(CONTRACT, encoding="utf-8")
    (line,) = run("graph", "--rules", tmp_path, "--traces", CUT).lines
    verdicts = {(h["from"], h["to"]): h for h in line["handoffs"]}
    assert verdicts["research_agent", "billing_agent"]["verdict"] == "violated"
    assert verdicts["research_agent", "billing_agent"]["violations"] == ["truncation"]
    assert verdicts["triage_agent", "research_agent"]["verdict"] is None


def test_bad_rules_exit_with_one_and_name_the_place(tmp_path: Path) -> None:
    """Nothing is judged with half of the rules."""
    (tmp_path / "rules.yaml").write_text(CONTRACT.replace("from:", "form:"), encoding="utf-8")
    done = run("explain", "--rules", tmp_path, "--traces", CUT)
    assert "rules.yaml:3:3" in done.err
    assert (done.code, done.out) == (1, "")


def test_graph_has_the_documented_form() -> None:
    """Steps, handoffs and edges with the keys that scripts rely on."""
    (line,) = run("graph", "--traces", FINE).lines
    assert set(line) == GRAPH_KEYS
    assert line["agents"] == ["triage_agent", "research_agent", "billing_agent"]
    assert all(set(handoff) == HANDOFF_KEYS for handoff in line["handoffs"])
    ids = {step["span_id"] for step in line["steps"]}
    assert {edge["type"] for edge in line["edges"]} >= {"call", "return", "data", "handoff"}
    assert all({edge["from"], edge["to"]} <= ids for edge in line["edges"])


def test_graph_in_text_is_a_tree() -> None:
    """People see steps below their parents, with owners."""
    done = run("graph", "--format", "text", "--traces", FINE)
    assert "issue_refund  [billing_agent]" in done.out
    assert "handoff research_agent → billing_agent" in done.out


def test_query_answers_each_line_in_order(tmp_path: Path) -> None:
    """A bad query is an error line with its stage, and changes no exit code."""
    queries = tmp_path / "q.jsonl"
    lines = ['{ span.causewatch.step = "tool" }', "{ name = }", "{ name = `nothing` }"]
    queries.write_text("\n".join(json.dumps({"query": q}) for q in lines), encoding="utf-8")
    done = run("query", "--queries", queries, "--traces", FINE)
    first, second, third = done.lines
    assert len(next(iter(first["result"].values()))[0]) == 6
    assert (second["stage"], second["line"], second["column"]) == ("parse", 1, 10)
    assert third["result"] == {}
    assert done.code == 0


def test_query_with_one_bad_query_shows_the_place() -> None:
    """A caret below the character, what was expected, and exit code 2."""
    done = run("query", "--traces", FINE, "{ name = }")
    assert done.code == 2
    assert "^" in done.err


def test_raw_queries_see_spans_as_received() -> None:
    """With ``--raw`` nothing is derived: ``causewatch.*`` does not exist."""
    query = "{ span.causewatch.step != nil }"
    assert run("query", "--traces", FINE, "--raw", query).lines[0]["result"] == {}
    assert run("query", "--traces", FINE, query).lines[0]["result"] != {}


def test_dataset_lines_are_separate_and_raw(tmp_path: Path) -> None:
    """``{"dataset", "otlp"}`` lines belong to that dataset; a query names the one it asks."""
    otlp = [json.loads(line) for line in gzip.decompress(FINE.read_bytes()).splitlines()]
    data = tmp_path / "data.jsonl"
    rows = [{"dataset": "a", "otlp": request} for request in otlp]
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    queries = tmp_path / "q.jsonl"
    asked = [{"dataset": d, "query": "{ true }"} for d in ("a", "b", "")]
    queries.write_text("\n".join(map(json.dumps, asked)), encoding="utf-8")
    results = [
        line["result"] for line in run("query", "--queries", queries, "--traces", data).lines
    ]
    assert len(results[0]) == 1
    assert results[1:] == [{}, {}]


def test_check_is_silent_when_all_is_well(tmp_path: Path) -> None:
    """Nothing to say, exit code 0."""
    (tmp_path / "rules.yaml").write_text(CONTRACT, encoding="utf-8")
    done = run("check", tmp_path)
    assert (done.code, done.out, done.err) == (0, "", "")


def test_check_names_every_problem_with_its_place(tmp_path: Path) -> None:
    """One line a problem, in rule files and in the configuration."""
    (tmp_path / "rules.yaml").write_text(CONTRACT.replace("from:", "form:"), encoding="utf-8")
    (tmp_path / "causewatch.yaml").write_text("web: {listen: 1}\n", encoding="utf-8")
    done = run("check", tmp_path / "rules.yaml", tmp_path / "causewatch.yaml")
    assert done.code == 1
    assert {Path(line["file"]).name for line in done.lines} == {"rules.yaml", "causewatch.yaml"}
    assert all(
        set(line) == {"file", "line", "column", "severity", "check", "message"}
        for line in done.lines
    )


def test_check_of_a_configuration_checks_the_rules_it_names(tmp_path: Path) -> None:
    """One command tells whether the daemon would start."""
    (tmp_path / "bad").mkdir()
    (tmp_path / "bad" / "rules.yaml").write_text("groups: 3\n")
    (tmp_path / "causewatch.yaml").write_text("rules: {paths: [bad, gone]}\n")
    done = run("check", tmp_path / "causewatch.yaml")
    assert done.code == 1
    assert any(line["file"].endswith("gone") for line in done.lines)
    (tmp_path / "causewatch.yaml").write_text("rules: {paths: [bad]}\n")
    done = run("check", tmp_path / "causewatch.yaml")
    assert [line["file"] for line in done.lines] == [str(tmp_path / "bad" / "rules.yaml")]


def test_check_of_queries_says_what_each_is(tmp_path: Path) -> None:
    """Kind, portable and monotone for good ones; stage and message for bad ones."""
    queries = tmp_path / "q.jsonl"
    texts = ['{ name = "a" }', "{ true } -[flow]->> { true }", "{ true } | rate()", "{"]
    queries.write_text("\n".join(json.dumps({"query": t}) for t in texts), encoding="utf-8")
    plain, causal, metrics, bad = run("check", "--queries", queries).lines
    assert (plain["ok"], plain["kind"], plain["portable"]) == (True, "search", True)
    assert (causal["portable"], causal["monotone"]) == (False, True)
    assert (metrics["ok"], metrics["kind"]) == (True, "metrics")
    assert (bad["ok"], bad["stage"]) == (False, "parse")


def test_an_unknown_command_suggests_the_nearest() -> None:
    """A slip of the fingers gets a hint, and a usage error."""
    done = run("explan")
    assert done.code == 2
    assert "Did you mean 'explain'?" in done.err


@pytest.mark.parametrize("args", [[], ["--help"], ["explain", "--help"], ["serve", "-h"]])
def test_help_is_there(args: list[str]) -> None:
    """Every command explains itself."""
    done = run(*args)
    assert "Usage:" in done.out + done.err


def test_the_version_is_printed() -> None:
    """``--version`` names program and version."""
    assert run("--version").out == f"causewatch, version {__version__}\n"


def test_healthcheck_of_nobody_exits_with_three() -> None:
    """A daemon that does not answer is not reachable, not a bug."""
    done = run("healthcheck", "--url", "http://127.0.0.1:9", "--timeout", "1")
    assert done.code == 3
    assert "127.0.0.1:9" in done.err


def test_healthcheck_takes_http_addresses_only() -> None:
    """``file:`` and other schemes are refused."""
    assert run("healthcheck", "--url", "file:///etc/passwd").code == 2


def test_a_reader_that_goes_away_is_no_error() -> None:
    """``causewatch graph ... | head -c 1`` ends quietly."""
    child = subprocess.Popen(
        [*COMMAND, "graph", "--traces", *[str(FINE)] * 20],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert child.stdout is not None
    assert child.stderr is not None
    child.stdout.read(1)
    child.stdout.close()
    err = child.stderr.read().decode()
    child.stderr.close()
    assert child.wait() == 0
    assert "Traceback" not in err


def test_a_daemons_store_is_an_input(tmp_path: Path) -> None:
    """``--store`` reads what a daemon received, also while another process holds the inbox."""
    inbox = SqliteInbox(tmp_path / "inbox.db", now_ns=lambda: 1, metrics=Metrics())
    for request in read_requests([str(CUT)], errors=[]):
        inbox.append(request.signal, request.body, 1).result()
    stored, from_file = run("explain", "--store", tmp_path), run("explain", "--traces", CUT)
    inbox.close()
    assert stored.lines == from_file.lines
    assert stored.code == 1
    query = "{ span.causewatch.step = `tool` }"
    assert run("query", "--store", tmp_path, query).lines[0]["result"] != {}


def test_a_folder_without_a_store_is_unreadable_input(tmp_path: Path) -> None:
    """Exit code 3 and a message that names the file that is missing."""
    done = run("graph", "--store", tmp_path)
    assert done.code == 3
    assert "inbox.db" in done.err


def test_query_says_why() -> None:
    """What each part selects, whether Tempo could run it, and what may surprise."""
    query = '{ span.causewatch.step = "tool" } !-[flow]-> { }'
    (line,) = run("query", query, "--why", "--traces", CUT, FINE).lines
    why = line["why"]
    assert (why["subjects"], why["limited"], why["portable"], why["monotone"]) == (
        2,
        0,
        False,
        False,
    )
    assert [part["part"] for part in why["parts"]][-1] == "… !-[flow]-> …"
    assert "left side" in why["remarks"][0]
    text = run("query", query, "--why", "--format", "text", "--traces", CUT, FINE).out
    assert "matched 0 of 2 runs; by parts:" in text
    assert "judged when the run is complete" in text
