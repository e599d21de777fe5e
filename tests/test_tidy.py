"""The limits of the house, checked on every file: sizes, names, and that tests keep up."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
SOURCES = sorted((ROOT / "daemon").rglob("*.py"))
TESTS = sorted(
    path
    for path in (ROOT / "tests").rglob("*")
    if path.suffix in {".py", ".test"} and path.is_file()
)
MAX_MODULE_LINES = 450
MAX_FUNCTION_LINES = 60
USUAL_FUNCTION_LINES = 30
USUAL_SHARE = 0.9
BANNED_MODULE_NAMES = {"utils", "util", "helpers", "common", "base", "manager", "misc"}


def lines_of(path: Path) -> int:
    """Return the number of lines of a file."""
    return len(path.read_text(encoding="utf-8").splitlines())


def functions_of(path: Path) -> list[tuple[str, int]]:
    """Return each function of a file with its length in lines, its docstring left out."""
    found = []
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        length = (node.end_lineno or node.lineno) - node.lineno + 1
        first = node.body[0]
        if isinstance(first, ast.Expr) and isinstance(first.value, ast.Constant):
            length -= (first.end_lineno or first.lineno) - first.lineno + 1
        found.append((f"{path.relative_to(ROOT)}:{node.lineno} {node.name}", length))
    return found


def test_no_module_is_longer_than_its_limit() -> None:
    """A module is one verb or one machine: past 450 lines it is split."""
    too_long = {
        str(p.relative_to(ROOT)): n for p in SOURCES if (n := lines_of(p)) > MAX_MODULE_LINES
    }
    assert too_long == {}


def test_functions_are_short() -> None:
    """No function is past 60 lines, and nine of ten stay within 30."""
    lengths = [item for path in SOURCES for item in functions_of(path)]
    assert [item for item in lengths if item[1] > MAX_FUNCTION_LINES] == []
    usual = sum(1 for _, length in lengths if length <= USUAL_FUNCTION_LINES)
    assert usual >= USUAL_SHARE * len(lengths)


def test_tests_are_at_least_as_long_as_the_source() -> None:
    """What is not tested does not exist: tests keep up with the source, line for line."""
    assert sum(map(lines_of, TESTS)) >= sum(map(lines_of, SOURCES))


def test_modules_are_named_after_what_they_do() -> None:
    """A name such as ``utils`` tells nobody what is inside."""
    assert [str(p) for p in SOURCES if p.stem in BANNED_MODULE_NAMES] == []


def test_every_module_says_what_it_is_for() -> None:
    """Each module opens with a docstring that is not a placeholder."""
    for path in SOURCES:
        doc = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
        assert len(doc) > len("TODO."), path


@pytest.mark.parametrize("word", ["/root/", "index-url"])
def test_tracked_files_name_no_machine(word: str) -> None:
    """What is committed works on any machine: no path of one machine, no package mirror."""
    listed = subprocess.run(
        ["git", "grep", "-lIF", word, "--", ".", ":!tests/test_tidy.py"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert listed.stdout == ""
