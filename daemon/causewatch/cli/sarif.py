"""Writes problems as a SARIF 2.1.0 log, which code scanning of forges and editors reads."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import msgspec

from causewatch import __version__
from causewatch.errors import Problem, Severity

SCHEMA = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: dict[Severity, str] = {"error": "error", "warning": "warning", "info": "note"}


def sarif_of(problems: Sequence[Problem]) -> bytes:
    """Return one log with one run; without problems its ``results`` are empty.

    A forge takes an empty log for "all earlier alerts are fixed", so it is written then, too.
    """
    checks = sorted({problem.check for problem in problems})
    driver = {
        "name": "causewatch",
        "version": __version__,
        "rules": [{"id": check} for check in checks],
    }
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "results": [_result(problem, checks.index(problem.check)) for problem in problems],
    }
    return msgspec.json.encode({"$schema": SCHEMA, "version": "2.1.0", "runs": [run]})


def _result(problem: Problem, rule_index: int) -> dict[str, object]:
    location = {
        "artifactLocation": {"uri": _uri(problem.file)},
        "region": {"startLine": problem.line, "startColumn": problem.column},
    }
    return {
        "ruleId": problem.check,
        "ruleIndex": rule_index,
        "level": _LEVELS[problem.severity],
        "message": {"text": problem.message},
        "locations": [{"physicalLocation": location}],
    }


def _uri(file: str) -> str:
    """Return a relative reference for a relative path: forges resolve it in the checkout."""
    path = Path(file)
    return path.as_uri() if path.is_absolute() else quote(path.as_posix())
