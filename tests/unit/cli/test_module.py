from __future__ import annotations

import runpy
import sys

import pytest

from causewatch import __version__


def test_the_package_is_the_command(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """``python -m causewatch`` does what ``causewatch`` does, where no scripts are on the path."""
    monkeypatch.setattr(sys, "argv", ["causewatch", "--version"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_module("causewatch", run_name="__main__")
    assert stopped.value.code == 0
    assert __version__ in capsys.readouterr().out
