from __future__ import annotations

import shutil
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest

from causewatch.app.testing import Outcome
from causewatch.cli.junit import junit
from causewatch.errors import Problem
from cli_fixtures import call, capture, run

RULES = """\
groups:
- name: g
  rules:
  - alert: Lost
    signature: '{ span.causewatch.blame.category = "truncation" }'
    examples:
    - {traces: cut.jsonl.gz, expect: match}
    - {traces: cut.jsonl.gz, expect: EXPECT}
  - alert: Never
    signature: '{ name = "never" }'
"""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the current folder: one rule file, whose two examples pass, and a recorded run."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(capture("pydantic-ai__native__truncated_handoff"), tmp_path / "cut.jsonl.gz")
    write(tmp_path, "match")
    return tmp_path


def write(folder: Path, expect: str) -> None:
    """Write the rules with a second example that passes, or fails, or cannot be used."""
    (folder / "a.yaml").write_text(RULES.replace("EXPECT", expect), encoding="utf-8")


def test_all_is_well(folder: Path) -> None:
    """Text is a summary, JSON a line for each outcome."""
    done = run("test", ".", "--format", "text", cwd=folder)
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith("2 passed in 1 file, ")
    done = call("test", ".")
    assert [line["status"] for line in done.lines] == ["passed", "passed"]
    assert done.lines[0]["file"] == "a.yaml"
    assert done.lines[0]["line"] == 7


def test_a_failure_is_shown_as_a_diff(folder: Path) -> None:
    """File and line, what was expected, what came; the exit code is 1."""
    write(folder, "no-match")
    done = call("test", ".", "--format", "text")
    assert done.code == 1
    lines = done.out.splitlines()
    assert lines[0] == "a.yaml:8: failed: Lost: example cut.jsonl.gz no-match"
    assert lines[1:3] == ["    expected (-), got (+):", "    - no-match"]
    assert lines[-1].startswith("1 passed, 1 failed in 1 file")


def test_exit_codes(folder: Path) -> None:
    """1 for a wrong file, 2 for a wrong call, 3 for a recording that cannot be read."""
    write(folder, "maybe")
    done = call("test", ".", "--format", "text")
    assert done.code == 1
    assert "a.yaml:8:38: error: 'expect' must be one of match, no-match" in done.out
    assert call("test").code == 2
    assert call("test", ".", "--run", "(").code == 2
    write(folder, "match")
    assert call("test", ".", "--run", "no such test").code == 2
    (folder / "cut.jsonl.gz").write_bytes(b"")
    assert call("test", ".").code == 3


@pytest.mark.usefixtures("folder")
def test_coverage_is_listed() -> None:
    """A rule that nothing tests is named with its place."""
    done = call("test", ".", "--coverage", "--format", "text", "-v")
    lines = done.out.splitlines()
    assert lines[0] == "a.yaml:7: passed: Lost: example cut.jsonl.gz match"
    assert lines[2] == "a.yaml:9: not tested: Never"
    assert lines[3] == "1 of 2 rules are tested, 1 of them matched"
    done = call("test", ".", "--coverage")
    assert [line["coverage"]["tested"] for line in done.lines[2:]] == [True, False]


def test_junit_for_ci(folder: Path) -> None:
    """The file and the format are the same XML."""
    write(folder, "no-match")
    done = call("test", ".", "--junit", "out.xml", "--format", "junit")
    assert done.code == 1
    written = (folder / "out.xml").read_text(encoding="utf-8")
    assert written == done.out
    root = ET.fromstring(written)  # noqa: S314  # we wrote it
    assert (root.get("tests"), root.get("failures"), root.get("errors")) == ("2", "1", "0")
    failure = root.find("testsuite/testcase/failure")
    assert failure is not None
    assert (failure.text or "").startswith("a.yaml:8:")


def test_check_knows_test_files(folder: Path) -> None:
    """A test file is checked as one: no broken rule file, its own mistakes with a hint."""
    test = folder / "a_test.yaml"
    check = "[{eval_time: 0s, alertname: Lost}]"
    good = f"rule_files: [a.yaml]\ntests:\n- name: n\n  alert_rule_test: {check}\n"
    test.write_text(good, encoding="utf-8")
    assert call("check", ".").out == ""
    test.write_text(good.replace("alertname: Lost", "alertname: Lots"), encoding="utf-8")
    (line,) = call("check", "a_test.yaml").lines
    assert (line["file"], line["line"], line["column"]) == ("a_test.yaml", 4, 48)
    assert line["message"].endswith("no alert 'Lots'; did you mean 'Lost'?")


def test_texts_of_runs_are_safe_in_xml() -> None:
    """Markup is escaped, and what XML cannot hold is replaced."""
    hostile = "+ <b>&\x00\x1b[31m\ud800 ]]>"
    outcome = Outcome(
        file="a&b.yaml", line=1, column=1, test='"t"', kind="alert", about="<A>",
        status="failed", differences=(hostile,),
    )  # fmt: skip
    problem = Problem(file="c.yaml", line=2, column=3, check="yaml", message="<\x01>")
    root = ET.fromstring(junit([outcome], [problem]))  # noqa: S314  # we wrote it
    case = root.find("testsuite[@name='a&b.yaml']/testcase")
    assert case is not None
    assert case.get("name") == '"t": alert <A>'
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == "+ <b>&\ufffd\ufffd[31m\ufffd ]]>"
    assert root.get("errors") == "1"
