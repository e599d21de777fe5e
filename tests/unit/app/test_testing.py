from __future__ import annotations

import gzip
import shutil
from pathlib import Path

import pytest

from causewatch.app.recordings import Recordings
from causewatch.app.suites import find_suites
from causewatch.app.testing import Outcome, Report, run_suites
from causewatch.errors import InputError
from causewatch.otlp.encode import encode_traces
from causewatch.rules.bundle import Bundle
from history_fixtures import PART, files
from novelty_fixtures import DESK, SENDING, spans

CAPTURES = Path(__file__).parents[2] / "captures"
CUT, OK = "pydantic-ai__native__truncated_handoff", "pydantic-ai__native__ok"
RULES = """\
groups:
- name: g
  rules:
  - alert: Lost
    signature: '{ span.causewatch.blame.category = "truncation" } as origin'
    by: [{tool: origin.span.causewatch.tool}]
    min_runs: MIN_RUNS
    window: 5m
    labels: {severity: page}
    annotations: {summary: "{{ $value }} runs"}
    examples: EXAMPLES
contracts:
- contract: handover
  from: "*"
  compare: {mode: canonical}
"""
TESTS = """\
rule_files: [rules.yaml]
tests:
- name: content is lost
  input_traces: INPUTS
"""


class Bench:
    """A folder of rules and tests, with two recorded runs: one cut at a handoff, one healthy."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        for name, short in ((CUT, "cut"), (OK, "ok")):
            shutil.copy(CAPTURES / f"{name}.jsonl.gz", folder / f"{short}.jsonl.gz")
        self.rules()

    def rules(self, *, min_runs: int = 1, examples: str = "[]") -> None:
        """Write the rules."""
        text = RULES.replace("MIN_RUNS", str(min_runs)).replace("EXAMPLES", examples)
        (self.folder / "rules.yaml").write_text(text, encoding="utf-8")

    def tests(self, inputs: str, *checks: str) -> None:
        """Write one test: its inputs, and lines of checks."""
        body = TESTS.replace("INPUTS", inputs) + "".join(f"  {line}\n" for line in checks)
        (self.folder / "rules_test.yaml").write_text(body, encoding="utf-8")

    def report(self, only: str = "") -> Report:
        """Return what came of all tests whose name holds ``only``."""
        found = find_suites([self.folder])
        assert found.problems == ()
        return run_suites(found.suites, Recordings(), lambda name: only in name)

    def outcomes(self) -> list[tuple[str, tuple[str, ...]]]:
        """Return status and differences of every outcome."""
        return [(each.status, each.differences) for each in self.report().outcomes]

    def problems(self) -> list[str]:
        """Return what is wrong with the files, by line and column."""
        return [f"{p.line}:{p.column} {p.message}" for p in find_suites([self.folder]).problems]


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    """Return a bench in a folder of its own."""
    return Bench(tmp_path)


def test_examples_match_or_do_not(bench: Bench) -> None:
    """An example passes when the rule does what it says of the recorded run."""
    good = "[{traces: cut.jsonl.gz, expect: match}, {traces: ok.jsonl.gz, expect: no-match}]"
    bench.rules(examples=good)
    assert bench.outcomes() == [("passed", ()), ("passed", ())]


def test_a_failing_example_says_what_came_instead(bench: Bench) -> None:
    """Of a match the evidence, of a miss the verdict on the run: what one would look at next."""
    bad = "[{traces: cut.jsonl.gz, expect: no-match}, {traces: ok.jsonl.gz, expect: match}]"
    bench.rules(examples=bad)
    (first, said), (second, missed) = bench.outcomes()
    assert (first, second) == ("failed", "failed")
    assert said[0] == "- no-match"
    assert said[1].startswith("+ matched by signature: origin is tool ")
    assert missed == ("- match", "+ no-match in 1 run: 1 healthy")


def test_an_example_does_not_wait_for_min_runs(bench: Bench) -> None:
    """An example is about the signature: one recorded run shows it, however many must come."""
    bench.rules(min_runs=5, examples="[{traces: cut.jsonl.gz, expect: match}]")
    assert bench.outcomes() == [("passed", ())]


def test_an_outcome_knows_its_place(bench: Bench) -> None:
    """Failures are found by file and line, in editors and in CI."""
    bench.rules(examples="[{traces: cut.jsonl.gz, expect: match}]")
    (outcome,) = bench.report().outcomes
    place = Path(outcome.file).name, outcome.line, outcome.column
    assert place == ("rules.yaml", 11, 25)
    assert (outcome.test, outcome.kind) == ("Lost", "example")
    assert outcome.about.endswith("cut.jsonl.gz match")


@pytest.mark.parametrize(
    ("content", "message"),
    [(None, "No such file"), (b"", "no spans in it"), (b'{"oops"', "not"), (b"\x1f\x8b0", "")],
)
def test_recordings_that_cannot_be_read_are_errors(
    bench: Bench, content: bytes | None, message: str
) -> None:
    """No run at all must not pass as a run that does not match."""
    bench.rules(examples="[{traces: gone.jsonl, expect: no-match}]")
    if content is not None:
        (bench.folder / "gone.jsonl").write_bytes(content)
    (outcome,) = bench.report().outcomes
    assert outcome.status == "error"
    assert outcome.unreadable
    assert message in outcome.differences[0]


def test_repeats_are_runs_of_their_own(bench: Bench) -> None:
    """Three copies are three runs, and none of them is there before it arrives."""
    bench.rules(min_runs=3)
    expected = (
        '[{exp_labels: {severity: page, tool: ask_billing}, exp_annotations: {summary: "3 runs"}}]'
    )
    bench.tests(
        "[{file: cut.jsonl.gz, repeat: 3, every: 1m}]",
        "alert_rule_test:",
        "- {eval_time: 1m59s, alertname: Lost}",
        f"- {{eval_time: 2m, alertname: Lost, exp_alerts: {expected}}}",
        f"- {{eval_time: 4m59s, alertname: Lost, exp_alerts: {expected}}}",
        "- {eval_time: 5m, alertname: Lost}",
    )
    assert bench.outcomes() == [("passed", ())] * 4


def test_the_same_file_twice_is_two_runs(bench: Bench) -> None:
    """Two inputs of one file are as distinct as two repeats."""
    bench.rules(min_runs=2)
    bench.tests(
        "[{file: cut.jsonl.gz}, {file: cut.jsonl.gz}]",
        "alert_rule_test:",
        "- {eval_time: 0s, alertname: Lost, exp_alerts: [{match: subset}]}",
    )
    assert bench.outcomes() == [("passed", ())]


def test_a_failing_alert_test_shows_both_sides(bench: Bench) -> None:
    """Expected and got stand below each other, as in a diff."""
    bench.tests(
        "[{file: cut.jsonl.gz}]",
        "alert_rule_test:",
        "- {eval_time: 1m, alertname: Lost, exp_alerts: [{exp_labels: {tool: other}}]}",
    )
    ((status, lines),) = bench.outcomes()
    assert status == "failed"
    assert lines == ('- Lost{tool="other"}', '+ Lost{severity="page", tool="ask_billing"}')


def test_contracts_are_judged_over_all_inputs(bench: Bench) -> None:
    """The verdict is the worst of all runs; the healthy run alone has another."""
    check = "- {contract: handover, exp_verdict: violated, exp_violations: [{violation: delta}]}"
    bench.tests(
        "[{file: ok.jsonl.gz}, {file: cut.jsonl.gz, at: 1m}]",
        "contract_test:",
        check,
        "- {contract: handover, exp_verdict: pass}",
    )
    statuses = [(o.status, o.differences) for o in bench.report().outcomes]
    assert statuses[1][0] == "failed"
    assert statuses[1][1][0] == "- verdict pass"
    assert statuses[1][1][1].startswith("+ verdict violated")


def test_paths_are_judged_over_all_inputs(bench: Bench) -> None:
    """A run that leaves the template says where; no expected deviation means none may be."""
    rules = bench.folder / "rules.yaml"
    paths = "paths:\n- {path: flow, expect: {billing_agent: issue_refund, triage_agent: nobody}}\n"
    rules.write_text(rules.read_text() + paths, encoding="utf-8")
    bench.tests(
        "[{file: ok.jsonl.gz, repeat: 2}, {file: cut.jsonl.gz}]",
        "path_test:",
        "- {path: flow, exp_deviations: [{node: triage_agent, kind: unexpected}]}",
        "- {path: flow}",
    )
    (_, passed), (status, lines) = bench.outcomes()
    assert (passed, status) == ((), "failed")
    assert [line[:47] for line in lines] == ["+ node 'triage_agent', child 'research_agent', "]


def test_good_runs_tell_what_a_result_lacks(bench: Bench) -> None:
    """A silent partial result is one only beside others: ``baseline`` names them."""
    good = [path.name for path in files(bench.folder, 5)]
    (part,) = files(bench.folder, 1, PART, first=7)
    found = "alert_rule_test: [{eval_time: 0s, alertname: Lost, exp_alerts: [{match: subset}]}]"
    bench.tests(f"[{{file: {part.name}}}]", f"baseline: [{', '.join(good)}]", found)
    assert bench.outcomes() == [("passed", ())]
    bench.tests(f"[{{file: {part.name}}}]", "alert_rule_test: [{eval_time: 0s, alertname: Lost}]")
    assert bench.outcomes() == [("passed", ())]
    bench.tests(f"[{{file: {part.name}}}]", "baseline: [gone.jsonl]", found)
    assert bench.problems() == ["5:14 there is no file 'gone.jsonl' here"]


def test_good_runs_tell_what_is_new(bench: Bench) -> None:
    """``baseline`` is the workflow's past: no time of learning, and a test for each new edge."""
    for name, text in (("good", DESK), ("news", SENDING)):
        (bench.folder / f"{name}.pb").write_bytes(encode_traces(spans(text, name)))
    watch = "paths:\n- {path: desk, novelty: {}}\n"
    (bench.folder / "rules.yaml").write_text(watch, encoding="utf-8")
    wanted = "alert_rule_test: [{eval_time: 0s, alertname: NovelPath, exp_alerts: ["
    label = "{exp_labels: {edge: desk > send_mail}, match: subset}]}]"
    bench.tests("[{file: news.pb}]", "baseline: [good.pb]", wanted + label)
    assert bench.outcomes() == [("passed", ())]
    bench.tests("[{file: good.pb}]", "baseline: [good.pb]", f"{wanted}]}}]")
    assert bench.outcomes() == [("passed", ())]


def test_unknown_templates_are_refused(bench: Bench) -> None:
    """Before anything runs."""
    bench.tests("[{file: ok.jsonl.gz}]", "path_test:", "- {path: flow}")
    assert bench.problems() == ["6:12 the rule files named here have no path template 'flow'"]


def test_who_is_told_what(bench: Bench) -> None:
    """Alerts of one cause are one message; it turns to resolved when they end."""
    bench.tests(
        "[{file: cut.jsonl.gz, repeat: 2}]",
        "notification_test:",
        "- eval_time: 2m",
        "  exp_notifications:",
        "  - {state: open, severity: page, category: truncation,"
        " alertnames: [ContractViolated, Lost]}",
        "- {eval_time: 10m, exp_notifications: [{state: resolved}]}",
        "- {eval_time: 10m}",
    )
    passed, resolved, silent = bench.outcomes()
    assert (passed[0], resolved[0], silent[0]) == ("passed", "passed", "failed")
    assert silent[1][0].startswith("+ state 'resolved', severity 'page', category 'truncation'")


def test_receivers_are_those_of_the_configuration(bench: Bench) -> None:
    """The route decides who hears of it; no secret is needed to ask.

    The contract's alert is a ticket, the rule's a page: one incident, told by both routes.
    """
    (bench.folder / "causewatch.yaml").write_text(
        "receivers:\n"
        "- {name: calm, slack_configs: [{bot_token_file: /nowhere, channel: '#calm'}]}\n"
        "- {name: pager, webhook_configs: [{url: '${env:NOT_SET}'}]}\n"
        "route: {receiver: calm, routes: [{receiver: pager, matchers: [severity=page]}]}\n",
        encoding="utf-8",
    )
    bench.tests(
        "[{file: cut.jsonl.gz}]",
        "notification_test:",
        "- {eval_time: 0s, receiver: pager, exp_notifications: [{state: open}]}",
        "- {eval_time: 0s, receiver: calm, exp_notifications: []}",
        "- {eval_time: 0s, receiver: pagr}",
        "- {eval_time: 0s}",
    )
    path = bench.folder / "rules_test.yaml"
    path.write_text("config_file: causewatch.yaml\n" + path.read_text(), encoding="utf-8")
    hint = "the configuration named here have no receiver 'pagr'; did you mean 'pager'?"
    assert bench.problems() == [f"9:31 {hint}", "10:5 say which receiver is meant: calm, pager"]
    text = "\n".join(path.read_text().splitlines()[:-2]) + "\n"
    path.write_text(text, encoding="utf-8")
    shown = "state 'open', severity 'page', category 'truncation', origin 'ask_billing', "
    told = shown + "alertnames 'ContractViolated, Lost'"
    assert bench.outcomes() == [("passed", ()), ("failed", (f"+ {told}",))]


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        (
            "alert_rule_test: [{eval_time: 0s, alertname: Lots}]",
            "no alert 'Lots'; did you mean 'Lost'?",
        ),
        (
            "contract_test: [{contract: handovr, exp_verdict: pass}]",
            "no contract 'handovr'; did you mean 'handover'?",
        ),
    ],
)
def test_names_that_no_rule_has_are_refused(bench: Bench, line: str, problem: str) -> None:
    """A test of a misspelt alert would expect nothing, and pass for ever."""
    bench.tests("[{file: ok.jsonl.gz}]", line)
    (found,) = bench.problems()
    assert found.endswith(problem)


def test_files_that_are_not_there_are_refused(bench: Bench) -> None:
    """At the place where they are written."""
    bench.tests("[{file: gone.jsonl}]", "alert_rule_test: [{eval_time: 0s, alertname: Lost}]")
    assert bench.problems() == ["4:25 there is no file 'gone.jsonl' here"]
    path = bench.folder / "rules_test.yaml"
    path.write_text(path.read_text().replace("[rules.yaml]", "[ruels.yaml]"), encoding="utf-8")
    assert "1:14 there is no rule file 'ruels.yaml' here" in bench.problems()


def test_rule_files_may_lie_elsewhere_and_be_many(bench: Bench, tmp_path: Path) -> None:
    """Tests in a folder of their own name the rules above them, with a star for all."""
    bench.tests("[{file: ../ok.jsonl.gz}]", "alert_rule_test: [{eval_time: 0s, alertname: Lost}]")
    (tmp_path / "tests").mkdir()
    text = (tmp_path / "rules_test.yaml").read_text().replace("[rules.yaml]", '["../ru*.yaml"]')
    (tmp_path / "rules_test.yaml").unlink()
    (tmp_path / "tests" / "all_test.yaml").write_text(text, encoding="utf-8")
    assert bench.outcomes() == [("passed", ())]
    found = find_suites([tmp_path / "tests"])
    assert run_suites(found.suites, Recordings()).count("passed") == 1


def test_broken_rules_are_told_and_the_rest_runs(bench: Bench) -> None:
    """A wrong file does not hide what other tests say."""
    bench.tests("[{file: ok.jsonl.gz}]", "alert_rule_test: [{eval_time: 0s, alertname: Lost}]")
    (bench.folder / "broken.yaml").write_text("groups: 7\n", encoding="utf-8")
    found = find_suites([bench.folder])
    assert [problem.line for problem in found.problems] == [1]
    assert run_suites(found.suites, Recordings()).count("passed") == 1


def test_only_what_is_asked_for_runs(bench: Bench) -> None:
    """A test is chosen by file and name."""
    bench.rules(examples="[{traces: cut.jsonl.gz, expect: match}]")
    bench.tests("[{file: ok.jsonl.gz}]", "alert_rule_test: [{eval_time: 0s, alertname: Lost}]")
    assert [o.test for o in bench.report("content is").outcomes] == ["content is lost"]
    assert [o.test for o in bench.report("rules.yaml: Lost").outcomes] == ["Lost"]


def test_coverage_tells_what_nobody_looks_at(bench: Bench) -> None:
    """Not tested, tested but never matched, and matched are three different things."""

    def covered() -> dict[str, tuple[bool, bool]]:
        return {c.rule: (c.tested, c.matched) for c in bench.report().coverage}

    assert covered() == {"Lost": (False, False), "contract:handover": (False, False)}
    bench.rules(examples="[{traces: ok.jsonl.gz, expect: no-match}]")
    assert covered()["Lost"] == (True, False)
    bench.rules(examples="[{traces: cut.jsonl.gz, expect: match}]")
    bench.tests(
        "[{file: cut.jsonl.gz}]",
        "alert_rule_test: [{eval_time: 0s, alertname: ContractViolated, exp_alerts: []}]",
    )
    assert covered() == {"Lost": (True, True), "contract:handover": (True, True)}


class TestRecordings:
    def test_copies_differ_in_every_id_and_move_in_time(self) -> None:
        """Fresh ids, the same run; one that arrives an hour later is an hour later."""
        recordings, path = Recordings(), str(CAPTURES / f"{CUT}.jsonl.gz")
        (first,) = recordings.runs(path, Bundle())
        (later,) = recordings.runs(path, Bundle(), salt="0.1", by_ns=3_600 * 10**9)
        assert first.graph.run_id != later.graph.run_id
        assert not set(first.graph.trace_ids) & set(later.graph.trace_ids)
        pairs = list(zip(first.graph.steps, later.graph.steps, strict=True))
        assert {b.span.start_ns - a.span.start_ns for a, b in pairs} == {3_600 * 10**9}
        assert later.blame.category == first.blame.category == "truncation"

    def test_links_and_logs_stay_with_their_spans(self) -> None:
        """AutoGen's runs are many traces joined by links: a copy is still one run."""
        path = str(CAPTURES / "autogen__native__ok.jsonl.gz")
        (run,) = Recordings().runs(path, Bundle(), salt="x")
        known = {step.span.span_id for step in run.graph.steps}
        links = [link.span_id for step in run.graph.steps for link in step.span.links]
        assert links
        assert set(links) <= known

    def test_each_is_read_and_judged_once(self) -> None:
        """Tests share what they have in common; other contracts are judged anew."""
        recordings, path = Recordings(), str(CAPTURES / f"{OK}.jsonl.gz")
        bundle = Bundle()
        assert recordings.runs(path, bundle) is recordings.runs(path, bundle)
        assert recordings.runs(path, bundle) is not recordings.runs(path, Bundle(sha256="other"))

    def test_half_a_file_is_no_file(self, tmp_path: Path) -> None:
        """What was lost in a damaged recording could have been what matters."""
        whole = gzip.decompress((CAPTURES / f"{OK}.jsonl.gz").read_bytes())
        path = tmp_path / "half.jsonl"
        path.write_bytes(whole + b'{"resourceSpans": 7}\n')
        with pytest.raises(InputError):
            Recordings().runs(str(path), Bundle())


def test_outcomes_are_plain_values() -> None:
    """They are printed as JSON as they are."""
    outcome = Outcome(
        file="f", line=1, column=2, test="t", kind="alert", about="a", status="passed"
    )  # fmt: skip
    assert Report(outcomes=(outcome,)).count("passed") == 1
