from __future__ import annotations

from pathlib import Path
from random import Random

import pytest
from click import UsageError
from click.testing import CliRunner, Result

from causewatch.cli.main import cli
from causewatch.otlp.encode import encode_traces
from cli_fixtures import capture, run
from path_runs import PLANTED, good_run, has, spans_of


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a file of thirty good runs."""
    rng = Random(5)
    spans = [span for number in range(1, 31) for span in spans_of(good_run(rng), number)]
    path = tmp_path_factory.mktemp("runs") / "good.pb"
    path.write_bytes(encode_traces(spans))
    return path


def test_what_is_learned_is_checked_and_used_as_it_is(recorded: Path, tmp_path: Path) -> None:
    """Learn, check, explain: the file goes from one command to the next unchanged."""
    learned = run("learn", "paths", "--traces", recorded)
    assert (learned.code, learned.err) == (0, "")
    assert "workflow: support_desk  # 30 runs" in learned.out
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "paths.yaml").write_text(learned.out, encoding="utf-8")
    checked = run("check", rules)
    assert (checked.code, checked.out) == (0, "")
    rng = Random(6)
    spoilt = next(one for _ in range(100) if has(one := good_run(rng), "billing"))
    PLANTED["a check is left out"][2](spoilt)
    bad = tmp_path / "bad.pb"
    bad.write_bytes(encode_traces(spans_of(spoilt, 99)))
    (told,) = run("explain", "--rules", rules, "--traces", bad).lines
    assert (told["verdict"], told["category"]) == ("corrupted", "path")
    assert "policy_check is missing before issue_refund" in told["origin"]["reason"]


def learn(*args: str | Path) -> Result:
    """Run ``learn paths`` in this process."""
    return CliRunner().invoke(cli, ["learn", "paths", *map(str, args)], standalone_mode=False)


def test_bad_runs_teach_nothing_and_other_workflows_are_left_out() -> None:
    """What is judged corrupted is told and left out; a glob chooses the workflows."""
    good = capture("pydantic-ai__native__ok")
    bad = capture("pydantic-ai__native__tool_error_swallowed")
    learned = learn("--traces", good, bad)
    assert "left out runs that are judged corrupted: 1" in learned.stderr
    assert "  workflow: triage_agent  # 1 run\n" in learned.stdout
    nothing = learn("--traces", good, "--workflow", "refund*")
    assert nothing.stdout.endswith("paths: []\n")
    assert "no good run with agents or tools was found" in nothing.stderr


def test_what_cannot_be_read_is_told_and_the_rest_is_learned(tmp_path: Path) -> None:
    """The exit code says so, as with every command that reads spans."""
    broken = tmp_path / "broken.jsonl"
    broken.write_text("{}x\n", encoding="utf-8")
    learned = learn("--traces", broken, capture("pydantic-ai__native__ok"))
    assert learned.return_value == 3
    assert "broken.jsonl" in learned.stderr
    assert "research_agent:" in learned.stdout


def test_runs_of_which_spans_are_missing_teach_nothing(tmp_path: Path) -> None:
    """What is missing there may be what the next run has."""
    spans = [each for each in spans_of(good_run(Random(7))) if "triage" not in each.name]
    path = tmp_path / "torn.pb"
    path.write_bytes(encode_traces(spans))
    learned = learn("--traces", path)
    assert "left out runs of which spans are missing: 1" in learned.stderr
    assert learned.stdout.endswith("paths: []\n")


def test_input_has_to_be_named() -> None:
    """And the group says what can be learned."""
    assert isinstance(learn().exception, UsageError)
    assert "paths" in CliRunner().invoke(cli, ["learn", "--help"]).stdout
