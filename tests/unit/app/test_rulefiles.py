"""Reading rule files from disk."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.rulefiles import MAX_FILE_BYTES, read_rule_files
from causewatch.errors import ProblemsError


def write(root: Path, **files: str) -> Path:
    """Write files whose names use ``__`` for a folder and end in ``.yaml``."""
    for name, text in files.items():
        path = root / (name.replace("__", "/") + ".yaml")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return root


def test_a_folder_is_read_with_its_folders(tmp_path: Path) -> None:
    """Rule, test and schema files are found at any depth; other files are not."""
    write(tmp_path, a="1", deep__b="2")
    (tmp_path / "notes.md").write_text("no", encoding="utf-8")
    (tmp_path / "brief.json").write_text("{}", encoding="utf-8")
    found = read_rule_files([tmp_path]).files
    assert {Path(name).name for name in found} == {"a.yaml", "b.yaml", "brief.json"}


def test_hidden_files_are_left_out(tmp_path: Path) -> None:
    """``.git``, editor files and a ConfigMap's ``..data`` are no rule files of their own."""
    write(tmp_path, a="1")
    (tmp_path / "..2026_01_01").mkdir()
    (tmp_path / "..2026_01_01" / "a.yaml").write_text("1", encoding="utf-8")
    (tmp_path / ".hidden.yaml").write_text("1", encoding="utf-8")
    assert list(read_rule_files([tmp_path]).files) == [str(tmp_path / "a.yaml")]


def test_a_folder_swapped_by_symlink_is_read_from_one_tree(tmp_path: Path) -> None:
    """git-sync and ConfigMaps swap a link; the digest changes with what it points to."""
    one, two = write(tmp_path / "one", a="1"), write(tmp_path / "two", a="2")
    link = tmp_path / "current"
    link.symlink_to(one)
    before = read_rule_files([link])
    link.unlink()
    link.symlink_to(two)
    after = read_rule_files([link])
    assert list(before.files) == list(after.files) == [str(link / "a.yaml")]
    assert before.sha256 != after.sha256


def test_a_file_brings_the_schemas_beside_it(tmp_path: Path) -> None:
    """One rule file is read without its siblings, but with the schema files it may refer to."""
    write(tmp_path, a="1", b="2")
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "brief.json").write_text("{}", encoding="utf-8")
    found = read_rule_files([tmp_path / "a.yaml"]).files
    assert {Path(name).name for name in found} == {"a.yaml", "brief.json"}


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    """A missing path and a huge file are problems with a name; all of them are reported."""
    (tmp_path / "big.yaml").write_bytes(b" " * (MAX_FILE_BYTES + 1))
    with pytest.raises(ProblemsError) as caught:
        read_rule_files([tmp_path, tmp_path / "gone"])
    assert [problem.check for problem in caught.value.problems] == ["limit", "unreadable"]


def test_the_digest_depends_on_names_and_contents(tmp_path: Path) -> None:
    """Renaming a file is a change, moving text between files is a change, reading twice is none."""
    first = read_rule_files([write(tmp_path / "x", a="1", b="2")]).sha256
    assert first == read_rule_files([tmp_path / "x"]).sha256
    (tmp_path / "x" / "b.yaml").rename(tmp_path / "x" / "c.yaml")
    assert first != read_rule_files([tmp_path / "x"]).sha256


def test_the_revision_comes_from_git_or_a_file(tmp_path: Path) -> None:
    """A checkout's commit, or what a REVISION file says, is on every alert."""
    rules = write(tmp_path / "rules", a="1")
    assert read_rule_files([rules]).revision == ""
    git = tmp_path / ".git"
    (git / "refs" / "heads").mkdir(parents=True)
    (git / "HEAD").write_text("ref: refs/heads/main\n", encoding="utf-8")
    (git / "refs" / "heads" / "main").write_text("a" * 40 + "\n", encoding="utf-8")
    assert read_rule_files([rules]).revision == "a" * 40
    (rules / "REVISION").write_text("v7\n", encoding="utf-8")
    assert read_rule_files([rules]).revision == "v7"
