"""Reading rule files from disk."""

from __future__ import annotations

import shutil
from collections.abc import Mapping
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


class Swapper:
    """A folder that is swapped by a link while it is read, before the read of a chosen number."""

    def __init__(self, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.root = root
        self.at: list[int] = []
        self.reads = self.tree = 0
        self.removes_old = False
        self.swap()
        read_bytes = Path.read_bytes

        def read(path: Path) -> bytes:
            self.reads += 1
            if self.reads in self.at:
                self.swap()
            return read_bytes(path)

        monkeypatch.setattr(Path, "read_bytes", read)

    @property
    def link(self) -> Path:
        """Return the link that is swapped."""
        raise NotImplementedError

    def swap(self) -> None:
        """Write the next tree, and let the link lead to it in one step, as they do."""
        old = self.link.resolve()
        self.tree += 1
        tree = self.root / f"..tree{self.tree}"
        names = [f"f{number}" for number in range(self.tree % 2, 4)]
        write(tree, **dict.fromkeys([*names, "deep__f9"], str(self.tree)))
        fresh = self.root / "..fresh"
        fresh.symlink_to(tree.name)
        fresh.replace(self.link)
        if self.removes_old and old.is_dir():
            shutil.rmtree(old)

    def is_whole(self, files: Mapping[str, bytes]) -> bool:
        """Tell whether these are all files of one tree."""
        (tree,) = set(map(int, files.values()))
        return len(files) == len(range(tree % 2, 4)) + 1


class GitSync(Swapper):
    """``/git/current`` leads to a checkout."""

    @property
    def link(self) -> Path:
        """Return the link, which is the path of the configuration."""
        return self.root / "current"

    path = link


class ConfigMap(Swapper):
    """A mounted volume whose files are links through ``..data``."""

    @property
    def link(self) -> Path:
        """Return the hidden link."""
        return self.root / "..data"

    @property
    def path(self) -> Path:
        """Return the folder in which the volume is mounted."""
        return self.root.parent

    def swap(self) -> None:
        """Let the visible files follow, as the kubelet does after the swap."""
        super().swap()
        for visible in self.root.glob("f*.yaml"):
            visible.unlink()
        for real in self.link.glob("f*.yaml"):
            (self.root / real.name).symlink_to(Path("..data", real.name))


@pytest.mark.parametrize("removes_old", [False, True])
@pytest.mark.parametrize("kind", [GitSync, ConfigMap])
@pytest.mark.parametrize("at", range(1, 8))
def test_a_swap_at_any_moment_gives_no_half_tree(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    kind: type[GitSync | ConfigMap],
    at: int,
    *,
    removes_old: bool,
) -> None:
    """Before each read, and the old tree gone at once: all files come from one tree, twice too."""
    (tmp_path / "mounts" / "rules").mkdir(parents=True)
    volume = kind(tmp_path / "mounts" / "rules", monkeypatch)
    volume.removes_old = removes_old
    volume.at = [at, at + 4]
    assert volume.is_whole(read_rule_files([volume.path]).files)


def test_what_is_swapped_all_the_time_is_a_problem(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is said instead of tried for ever."""
    volume = GitSync(tmp_path, monkeypatch)
    volume.at = list(range(1, 1000))
    with pytest.raises(ProblemsError, match="swapped again and again"):
        read_rule_files([volume.path])


def test_two_paths_through_one_link_are_of_one_tree(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Swapped between the two, both are read again."""
    volume = GitSync(tmp_path, monkeypatch)
    volume.at = [2]
    files = read_rule_files([volume.path / "f1.yaml", volume.path / "deep"]).files
    assert set(files.values()) == {b"2"}


def test_a_file_of_a_mounted_volume_can_be_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """One file of a ConfigMap, with the name that is configured."""
    volume = ConfigMap(tmp_path, monkeypatch)
    path = tmp_path / "f2.yaml"
    assert read_rule_files([path]).files == {str(path): b"1"}
    assert volume.tree == 1


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
