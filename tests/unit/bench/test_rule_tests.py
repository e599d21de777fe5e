"""The bench of a rules repository's tests."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from bench import rule_tests

from causewatch.app.checking import check_paths


def test_the_repository_is_right(tmp_path: Path) -> None:
    """As many rules and tests as asked for, nothing wrong with them."""
    rule_tests.write_rules(tmp_path / "rules", 7)
    assert check_paths([tmp_path / "rules"]) == []
    text = (tmp_path / "rules" / "many.yaml").read_text(encoding="utf-8")
    assert text.count("- alert:") == 7


def test_a_figure_is_printed(capsys: pytest.CaptureFixture[str]) -> None:
    """Two examples and two looks a rule, all of which pass."""
    assert rule_tests.main(["--rules", "3"]) == 0
    printed = capsys.readouterr().out
    assert re.match(r"3 rules: \d+\.\d\d s \(12 passed in 2 files, \d", printed)


def test_a_failing_test_is_no_figure(monkeypatch: pytest.MonkeyPatch) -> None:
    """What does not pass is not measured."""
    monkeypatch.setattr(
        rule_tests, "_TEST", rule_tests._TEST.replace("eval_time: 1m", "eval_time: 2m")
    )
    with pytest.raises(RuntimeError, match="failed"):
        rule_tests.measure(1)
