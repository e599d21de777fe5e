"""Print how long the tests of a rules repository take: `python -m bench.rule_tests [--rules 100]`.

Every rule has a signature of its own, two examples, and a test in which three runs arrive; they
share a few recorded runs, as rules of one agent system do. What is measured is the whole command,
from its start to its end.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from causewatch.resources import shipped

MATCHING = "pydantic-ai__native__truncated_handoff.jsonl.gz"
OTHERS = (
    "openai-agents__openinference__ok.jsonl.gz",
    "langgraph__openinference__ok.jsonl.gz",
    "pydantic-ai__native__ok.jsonl.gz",
    "crewai__openinference__ok.jsonl.gz",
)
_RULE = """\
  - alert: Lost{n}
    signature: |
      {{ span.causewatch.blame.category = "truncation" && name != "n{n}" }} as origin
        -[flow]->> {{ span.causewatch.step = "agent" }} as victim
    by: [origin.span.causewatch.tool]
    min_runs: 3
    window: 10m
    examples:
    - {{traces: fixtures/{matching}, expect: match}}
    - {{traces: fixtures/{other}, expect: no-match}}
"""
_TEST = """\
- name: three runs {n}
  input_traces: [{{file: fixtures/{matching}, repeat: 3, every: 1m}}]
  alert_rule_test:
  - {{eval_time: 1m, alertname: Lost{n}}}
  - {{eval_time: 5m, alertname: Lost{n}, exp_alerts: [{{match: subset}}]}}
"""


def write_rules(folder: Path, count: int) -> None:
    """Write a repository of so many rules, with their tests and recorded runs."""
    (folder / "fixtures").mkdir(parents=True)
    for name in (MATCHING, *OTHERS):
        shutil.copy(shipped("rules/fixtures") / name, folder / "fixtures" / name)
    rules = [
        _RULE.format(n=n, matching=MATCHING, other=OTHERS[n % len(OTHERS)]) for n in range(count)
    ]
    tests = [_TEST.format(n=n, matching=MATCHING) for n in range(count)]
    text = "groups:\n- name: g\n  rules:\n" + "".join(rules)
    (folder / "many.yaml").write_text(text, encoding="utf-8")
    text = "rule_files: [many.yaml]\ntests:\n" + "".join(tests)
    (folder / "many_test.yaml").write_text(text, encoding="utf-8")


def measure(count: int) -> tuple[float, str]:
    """Return the seconds that the tests of so many rules take, and the summary they print.

    Raises:
        RuntimeError: a test failed.
    """
    with tempfile.TemporaryDirectory() as name:
        write_rules(Path(name) / "rules", count)
        command = [sys.executable, "-m", "causewatch.cli.main", "test", f"{name}/rules"]
        started_s = time.perf_counter()
        done = subprocess.run(
            [*command, "--format", "text"], capture_output=True, text=True, check=False
        )
        took_s = time.perf_counter() - started_s
    if done.returncode != 0:
        raise RuntimeError(done.stdout[-2000:] + done.stderr[-2000:])
    return took_s, done.stdout.splitlines()[-1]


def main(argv: Sequence[str] | None = None) -> int:
    """Measure and print."""
    parser = argparse.ArgumentParser(prog="python -m bench.rule_tests")
    parser.add_argument("--rules", type=int, default=100, help="how many rules")
    given = parser.parse_args(argv)
    took_s, summary = measure(given.rules)
    print(f"{given.rules} rules: {took_s:.2f} s ({summary})")
    return 0


if __name__ == "__main__":
    sys.exit(main())
