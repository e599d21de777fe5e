from __future__ import annotations

from pathlib import Path

import pytest

from cli_fixtures import run

BAD = "groups:\n- name: g\n  rules:\n  - alert: A\n    signature: '{.a=1}'  # why\n"
GOOD = BAD.replace("{.a=1}", "{ .a = 1 }")


def rule_file(folder: Path, text: str = BAD) -> Path:
    """Return a rule file in a folder."""
    path = folder / "rules.yaml"
    path.write_text(text, encoding="utf-8")
    return path


def test_files_are_laid_out_in_place(tmp_path: Path) -> None:
    """A folder is walked; what changed is named; a second time nothing changes."""
    path = rule_file(tmp_path)
    path.chmod(0o640)
    done = run("fmt", tmp_path)
    assert (done.code, done.lines) == (0, [{"file": str(path), "changed": True}])
    assert path.read_text(encoding="utf-8") == GOOD
    assert path.stat().st_mode & 0o777 == 0o640
    assert [each.name for each in tmp_path.iterdir()] == ["rules.yaml"]
    assert run("fmt", tmp_path).out == ""


def test_check_writes_nothing(tmp_path: Path) -> None:
    """For CI: exit code 1 and the names of the files."""
    path = rule_file(tmp_path)
    done = run("fmt", "--check", "--format", "text", path)
    assert (done.code, done.out) == (1, f"would lay out {path}\n")
    assert path.read_text(encoding="utf-8") == BAD
    rule_file(tmp_path, GOOD)
    assert (run("fmt", "--check", path).code, run("fmt", "--check", path).out) == (0, "")


def test_diff_shows_what_would_change(tmp_path: Path) -> None:
    """As ``diff -u`` does."""
    path = rule_file(tmp_path)
    done = run("fmt", "--diff", path)
    assert done.code == 1
    assert "-    signature: '{.a=1}'  # why\n+    signature: '{ .a = 1 }'  # why\n" in done.out
    assert path.read_text(encoding="utf-8") == BAD


def test_a_mistake_anywhere_writes_nothing(tmp_path: Path) -> None:
    """The good file beside a bad one stays too; the mistake is named with its place."""
    path = rule_file(tmp_path)
    (tmp_path / "zbad.yaml").write_text(BAD.replace("=1", "="), encoding="utf-8")
    done = run("fmt", tmp_path)
    assert done.code == 1
    assert "zbad.yaml:5:16: " in done.err
    assert path.read_text(encoding="utf-8") == BAD


def test_other_files_are_left_alone(tmp_path: Path) -> None:
    """A daemon's configuration and schema files are no rule files."""
    (tmp_path / "causewatch.yaml").write_text("web: {listen:   '127.0.0.1:1'}\n", encoding="utf-8")
    (tmp_path / "schema.json").write_text('{"signature":  "{.a=1}"}', encoding="utf-8")
    done = run("fmt", tmp_path)
    assert (done.code, done.out) == (0, "")


def test_a_query_is_printed() -> None:
    """Laid out for people; as an object when asked for."""
    assert run("fmt", "{.a=1}>>{.b=2}").out == "{ .a = 1 } >> { .b = 2 }\n"
    done = run("fmt", "--format", "json", "{.a=1}")
    assert done.lines == [{"query": "{.a=1}", "formatted": "{ .a = 1 }"}]


def test_a_bad_query_shows_where() -> None:
    """Exit code 2, the caret on standard error."""
    done = run("fmt", "{ .a = }")
    assert (done.code, done.out) == (2, "")
    assert "^" in done.err


@pytest.mark.parametrize("arguments", [[], ["{ }", "."]])
def test_unclear_calls_are_refused(arguments: list[str]) -> None:
    """Nothing to do, or two things at once."""
    assert run("fmt", *arguments).code == 2
