"""``causewatch check``: its problems for code scanning and for pull requests."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from causewatch.cli.annotation import annotation_of
from causewatch.cli.sarif import sarif_of
from causewatch.errors import Problem, Severity
from cli_fixtures import call

BAD = "groups:\n- name: g\n  rules:\n  - alert: A\n    signature: '{ name = }'\n"


def problem(message: str = "wrong", severity: Severity = "error", file: str = "a.yaml") -> Problem:
    """Return a problem in the third line, fifth column."""
    return Problem(file=file, line=3, column=5, severity=severity, check="value", message=message)


def test_sarif_names_place_level_and_check_of_each_problem() -> None:
    """A forge shows it at the line, with the severity, under the name of the check."""
    found = [problem(), problem("odd", "info", "b c.yaml"), problem("hm", "warning")]
    log = json.loads(sarif_of(found))
    (run,) = log["runs"]
    assert log["version"] == "2.1.0"
    assert run["tool"]["driver"]["rules"] == [{"id": "value"}]
    assert [result["level"] for result in run["results"]] == ["error", "note", "warning"]
    place = run["results"][1]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"] == {"uri": "b%20c.yaml"}
    assert place["region"] == {"startLine": 3, "startColumn": 5}
    assert {result["ruleIndex"] for result in run["results"]} == {0}


def test_a_sarif_log_without_problems_is_a_log() -> None:
    """An upload of it closes what was found before."""
    assert json.loads(sarif_of([]))["runs"][0]["results"] == []


def test_an_absolute_path_is_an_address_in_sarif(tmp_path: Path) -> None:
    """A path that begins with a slash is no relative reference."""
    log = json.loads(sarif_of([problem(file=str(tmp_path / "a.yaml"))]))
    place = log["runs"][0]["results"][0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == (tmp_path / "a.yaml").as_uri()


@pytest.mark.parametrize(
    ("severity", "command"), [("error", "error"), ("warning", "warning"), ("info", "notice")]
)
def test_an_annotation_has_place_and_title(severity: Severity, command: str) -> None:
    """GitHub shows it at the line of the file."""
    shown = annotation_of(problem("wrong", severity))
    assert shown == f"::{command} file=a.yaml,line=3,col=5,title=causewatch value::wrong"


def test_what_a_message_holds_cannot_begin_another_command() -> None:
    """Line ends are written as such, and a comma in a file's name ends no property."""
    shown = annotation_of(problem("100%\r\n::set-output name=x::y", file="a,b:c.yaml"))
    assert shown.splitlines() == [shown]
    assert "file=a%2Cb%3Ac.yaml," in shown
    assert shown.endswith("::100%25%0D%0A::set-output name=x::y")


@pytest.mark.parametrize("form", ["sarif", "github"])
def test_a_format_changes_no_exit_code(form: str, tmp_path: Path) -> None:
    """With an error it is 1, without 0, in whatever form it is told."""
    file = tmp_path / "rules.yaml"
    file.write_text(BAD, encoding="utf-8")
    done = call("check", "--format", form, file)
    assert (done.code, "rules.yaml" in done.out) == (1, True)
    file.write_text("groups: []\n", encoding="utf-8")
    done = call("check", "--format", form, file)
    assert (done.code, "rules.yaml" in done.out) == (0, False)


GOOD = "groups:\n- name: g\n  rules:\n  - alert: A\n    signature: '{ true }'\n"


def test_the_linter_speaks_when_asked(tmp_path: Path) -> None:
    """Without it a rule that works is nothing to talk about; warnings change no exit code."""
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD, encoding="utf-8")
    assert call("check", "--format", "json", file).out == ""
    done = call("check", "--lint", "--format", "json", file)
    assert done.code == 0
    assert [line["check"] for line in done.lines] == ["examples", "owner", "runbook"]
    assert call("check", "--lint", "--strict", file).code == 1


def test_checks_are_chosen_by_name(tmp_path: Path) -> None:
    """What is left out is not told, and what is off by itself is when it is named."""
    file = tmp_path / "rules.yaml"
    file.write_text(GOOD.replace("true }", "true } as a"), encoding="utf-8")
    without = ("--disable", "owner", "--disable", "runbook", "--disable", "examples")
    done = call("check", "--lint", "--strict", *without, file)
    assert (done.code, done.out) == (0, "")
    done = call("check", "--lint", *without, "--enable", "portable", "--format", "json", file)
    assert [(line["check"], line["severity"]) for line in done.lines] == [("portable", "info")]
    done = call("check", "--lint", *without, "--enable", "portable", "--strict", file)
    assert done.code == 0


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (["--lint", "--disable", "runbok"], "did you mean 'runbook'?"),
        (["--enable", "portable"], "--lint"),
    ],
)
def test_a_choice_that_does_nothing_is_refused(options: list[str], said: str) -> None:
    """A misspelt check, or one without the linter, is a usage error."""
    done = call("check", *options, "rules.yaml")
    assert done.code == 2
    assert said in done.err


def test_a_test_file_beside_a_rule_tells_the_linter_that_it_is_tested(tmp_path: Path) -> None:
    """A rule that a test names needs no examples."""
    (tmp_path / "rules.yaml").write_text(GOOD, encoding="utf-8")
    (tmp_path / "rules_test.yaml").write_text(
        "rule_files: [rules.yaml]\ntests:\n- name: t\n"
        "  alert_rule_test: [{eval_time: 1m, alertname: A, exp_alerts: []}]\n",
        encoding="utf-8",
    )
    done = call("check", "--lint", "--format", "json", tmp_path)
    assert [line["check"] for line in done.lines] == ["owner", "runbook"]


def test_files_with_errors_are_told_their_errors_only(tmp_path: Path) -> None:
    """What a rule lacks is said once it can be read."""
    (tmp_path / "a.yaml").write_text(BAD, encoding="utf-8")
    (tmp_path / "b.yaml").write_text(GOOD.replace("name: g", "name: h"), encoding="utf-8")
    done = call("check", "--lint", "--format", "json", tmp_path)
    assert done.code == 1
    assert {line["severity"] for line in done.lines} == {"error"}
