"""Runs the command line in a child process, as users do."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import msgspec
from click.testing import CliRunner

from causewatch.cli.main import cli
from causewatch.errors import CausewatchError

CAPTURES = Path(__file__).parent / "captures"
COMMAND = [sys.executable, "-m", "causewatch.cli.main"]


class Done(msgspec.Struct, frozen=True, kw_only=True):
    """What a command answered."""

    code: int
    out: str
    err: str

    @property
    def lines(self) -> list[Any]:
        """Return standard output as JSON lines."""
        return [json.loads(line) for line in self.out.splitlines()]


def run(*args: str | Path, stdin: bytes = b"", cwd: Path | None = None) -> Done:
    """Run ``causewatch`` with arguments; its output is a pipe, so the default format is JSON."""
    done = subprocess.run(
        [*COMMAND, *map(str, args)], input=stdin, capture_output=True, check=False, cwd=cwd
    )
    return Done(code=done.returncode, out=done.stdout.decode(), err=done.stderr.decode())


def call(*args: str | Path) -> Done:
    """Run ``causewatch`` within this process, for questions that need no process of their own."""
    done = CliRunner().invoke(cli, [*map(str, args)], standalone_mode=False)
    err = str(done.exception) if done.exception else done.stderr
    if isinstance(done.exception, click.ClickException | CausewatchError):
        return Done(code=done.exception.exit_code, out=done.stdout, err=err)
    if done.exception is not None:
        raise done.exception
    return Done(code=done.return_value or 0, out=done.stdout, err=err)


def capture(name: str) -> Path:
    """Return the path of a recorded run, such as ``pydantic-ai__native__ok``."""
    return CAPTURES / f"{name}.jsonl.gz"
