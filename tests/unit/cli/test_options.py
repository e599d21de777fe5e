"""How ``--traces`` takes several files."""

from __future__ import annotations

import pytest

from causewatch.cli.options import is_json, spread

CASES = [
    (["--traces", "a"], ["--traces", "a"]),
    (["--traces", "a", "b"], ["--traces", "a", "--traces", "b"]),
    (["--traces", "a", "--raw", "x"], ["--traces", "a", "--raw", "x"]),
    (["--traces=a", "b"], ["--traces", "a", "--traces", "b"]),
    (["--traces", "-", "--raw"], ["--traces", "-", "--raw"]),
    (["--traces", "a", "{ name = `b` }"], ["--traces", "a", "{ name = `b` }"]),
    (["{ true }", "--traces", "a"], ["{ true }", "--traces", "a"]),
    (["--raw"], ["--raw"]),
    (["--traces"], ["--traces"]),
]


@pytest.mark.parametrize(("args", "spelled"), CASES)
def test_each_file_after_the_option_is_a_value(args: list[str], spelled: list[str]) -> None:
    """Values end at the next option and at a query; a query is never taken for a file."""
    assert spread("--traces", args) == spelled


@pytest.mark.parametrize(("form", "expected"), [("json", True), ("text", False), ("auto", True)])
def test_a_pipe_gets_json_unless_told_otherwise(form: str, expected: bool) -> None:  # a case
    """Under pytest standard output is no terminal, so ``auto`` means JSON."""
    assert is_json(form) is expected
