from __future__ import annotations

import json
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from causewatch import __version__
from causewatch.app.checking import check_paths
from causewatch.app.formatting import format_files
from causewatch.app.recordings import Recordings
from causewatch.app.starting import starter_files, write_starter
from causewatch.app.suites import find_suites
from causewatch.app.testing import Report, run_suites
from causewatch.cli.main import COMMANDS
from causewatch.errors import UserError
from cli_fixtures import call, run


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """Return a folder with everything in it."""
    write_starter(tmp_path / "new")
    return tmp_path / "new"


def report_of(folder: Path) -> Report:
    """Return what came of all tests under a folder."""
    found = find_suites([folder])
    assert found.problems == ()
    return run_suites(found.suites, Recordings())


def test_what_is_written_is_right(repository: Path) -> None:
    """It passes check, fmt --check and test, with every rule tested and seen to match."""
    rules = repository / "rules"
    assert check_paths([rules]) == []
    assert check_paths([repository]) == []
    assert not any(formatted.is_changed for formatted in format_files([rules]))
    report = report_of(rules)
    assert len(report.outcomes) > 8
    assert report.count("passed") == len(report.outcomes)
    assert len(report.coverage) == 2
    assert all(covered.tested and covered.matched for covered in report.coverage)


def test_its_tests_can_fail(repository: Path) -> None:
    """A contract that is loosened and a signature that is broken are both noticed."""
    rules = repository / "rules" / "agents.yaml"
    text = rules.read_text(encoding="utf-8")
    rules.write_text(text.replace('= "truncation"', '= "loop"'), encoding="utf-8")
    assert any(o.kind == "example" and o.status == "failed" for o in report_of(repository).outcomes)
    rules.write_text(text.replace("  compare: {mode: canonical}\n", ""), encoding="utf-8")
    assert any(
        o.kind == "contract" and o.status == "failed" for o in report_of(repository).outcomes
    )


def test_nothing_is_overwritten(repository: Path) -> None:
    """One file that is there already stops all of it, and is named."""
    (repository / "README.md").write_text("mine", encoding="utf-8")
    for name in starter_files():
        if name != "README.md":
            (repository / name).unlink()
    with pytest.raises(UserError, match=r"already has README\.md$"):
        write_starter(repository)
    assert (repository / "README.md").read_text(encoding="utf-8") == "mine"
    assert not (repository / "rules" / "agents.yaml").exists()


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """Not with a traceback."""
    (tmp_path / "file").write_text("", encoding="utf-8")
    with pytest.raises(UserError, match="file"):
        write_starter(tmp_path / "file")


def test_editors_find_the_schemas(repository: Path) -> None:
    """The settings, and the first line of each file, name schemas that are there."""
    settings = json.loads((repository / ".vscode" / "settings.json").read_text(encoding="utf-8"))
    for name in settings["yaml.schemas"]:
        assert (repository / name).is_file()
    for name in ("agents.yaml", "agents_test.yaml"):
        path = repository / "rules" / name
        first = path.read_text(encoding="utf-8").splitlines()[0]
        assert first.startswith("# yaml-language-server: $schema=")
        assert (path.parent / first.partition("=")[2]).is_file()


def lines_of(workflow: Any) -> list[str]:
    """Return the shell lines of a workflow, and the entries of the hooks."""
    if isinstance(workflow, dict):
        own = [str(workflow[key]) for key in ("run", "entry") if key in workflow]
        return own + [line for value in workflow.values() for line in lines_of(value)]
    if isinstance(workflow, list):
        return [line for value in workflow for line in lines_of(value)]
    return []


@pytest.mark.parametrize("name", [".pre-commit-config.yaml", ".github/workflows/causewatch.yaml"])
def test_hooks_and_workflow_run_commands_that_exist(
    repository: Path, name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each names a command and options of this version, and installs this version."""
    text = (repository / name).read_text(encoding="utf-8")
    assert f"causewatch=={__version__}" in text
    assert "@" not in text.replace("actions/checkout@", "").replace("setup-python@", "").replace(
        "upload-artifact@", ""
    )
    commands = [
        shlex.split(line)[1:]
        for line in lines_of(yaml.safe_load(text))
        if (line.startswith("causewatch "))
    ]
    assert {command[0] for command in commands} == {"check", "fmt", "test"}
    assert all(command[0] in COMMANDS for command in commands)
    monkeypatch.chdir(repository)
    for command in commands:
        done = call(*command)
        assert (done.code, done.err) == (0, ""), command


def test_the_command(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Paths go out as JSON lines or with what to do next; a second time it refuses."""
    done = run("init", "new", cwd=tmp_path)
    assert done.code == 0
    assert {line["file"] for line in done.lines} == {f"new/{name}" for name in starter_files()}
    monkeypatch.chdir(tmp_path)
    again = call("init", "new")
    assert (again.code, again.out) == (2, "")
    assert "nothing is overwritten" in again.err
    done = call("init", "other", "--format", "text")
    assert "causewatch test rules" in done.out
