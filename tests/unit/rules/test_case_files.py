from __future__ import annotations

import json

import jsonschema
import pytest

from causewatch.model.value import Value
from causewatch.rules.file import load
from causewatch.rules.schema import tests_schema as schema_of_tests
from causewatch.rules.test_file import (
    AlertCheck,
    CaseFile,
    ContractCheck,
    ExpectedAlert,
    ExpectedDeviation,
    ExpectedMessage,
    ExpectedViolation,
    Input,
    MessageCheck,
    PathCheck,
    beside,
    is_test_file,
    read_tests,
)
from causewatch.rules.yaml import Place, Problems, parse, plain

GOOD = """\
rule_files: [refund.yaml, "more/*.yaml"]
config_file: causewatch.yaml
tests:
- name: all there is
  input_traces: [{file: a.jsonl, at: 10s, repeat: 3, every: 1m30s}, {file: b.pb}]
  alert_rule_test:
  - eval_time: 5m
    alertname: Lost
    exp_alerts:
    - {exp_labels: {tool: no, count: 010}, exp_annotations: {summary: x}, match: subset}
    - {exp_labels: {}}
  contract_test:
  - contract: brief
    exp_verdict: violated
    exp_violations: [truncation, {violation: schema, pointer: /a}]
  - {contract: brief, exp_verdict: none}
  path_test:
  - {path: flow, exp_deviations: [{node: desk, child: "", kind: missing}], match: subset}
  notification_test:
  - eval_time: 1h
    receiver: team
    exp_notifications: [{state: open, severity: page, category: loop, alertnames: [A, B]}]
"""


def read_from(text: str) -> tuple[CaseFile | None, list[str]]:
    """Return a test file as read, and every problem as line:column and message."""
    problems = Problems()
    found = read_tests("rules/a_test.yaml", text.encode(), problems)
    return found, [f"{p.line}:{p.column} {p.message}" for p in problems]


def problems_after(old: str, new: str) -> list[str]:
    """Return what is wrong with the good file after one change."""
    assert old in GOOD
    return read_from(GOOD.replace(old, new))[1]


def errors_after(old: str, new: str) -> bool:
    """Return whether the JSON Schema refuses the good file after one change."""
    node = parse("f", GOOD.replace(old, new).encode(), Problems())
    assert node is not None
    return not jsonschema.Draft202012Validator(schema_of_tests()).is_valid(plain(node))


def test_every_key_is_read() -> None:
    """What is written arrives as values: seconds, text as written, what may be any as None."""
    found, problems = read_from(GOOD)
    assert problems == []
    assert found is not None
    assert [written for written, _ in found.rule_files] == ["refund.yaml", "more/*.yaml"]
    assert found.config_file == "causewatch.yaml"
    (case,) = found.cases
    first, second = case.inputs
    assert (first.at_s, first.repeat, first.every_s) == (10.0, 3, 90.0)
    assert (second.at_s, second.repeat, second.every_s) == (0.0, 1, 60.0)
    alert, brief, nothing, path, message = case.checks
    assert isinstance(alert, AlertCheck)
    assert alert.expected == (
        ExpectedAlert(
            labels={"tool": "no", "count": "010"}, annotations={"summary": "x"}, match="subset"
        ),
        ExpectedAlert(labels={}),
    )
    assert isinstance(brief, ContractCheck)
    assert brief.violations == (
        ExpectedViolation(name="truncation"),
        ExpectedViolation(name="schema", pointer="/a"),
    )
    assert isinstance(nothing, ContractCheck)
    assert (nothing.verdict, nothing.violations) == ("none", None)
    assert isinstance(path, PathCheck)
    assert path.expected == (ExpectedDeviation(node="desk", child="", kind="missing"),)
    assert isinstance(message, MessageCheck)
    assert (message.eval_s, message.receiver) == (3600.0, "team")
    assert message.expected == (
        ExpectedMessage(
            state="open", severity="page", category="loop", alertnames=frozenset({"A", "B"})
        ),
    )


def test_checks_know_their_line() -> None:
    """A failure points at the line that names what was tested, an input at its file."""
    found, _ = read_from(GOOD)
    assert found is not None
    assert [check.place.line for check in found.cases[0].checks] == [8, 13, 16, 18, 21]
    where = Place(file="rules/a_test.yaml", line=5, column=25)
    assert found.cases[0].inputs[0] == Input(
        file="a.jsonl", at_s=10.0, repeat=3, every_s=90.0, place=where
    )


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("eval_time: 5m", "eval_tme: 5m", "7:5 an alert test has no key 'eval_tme'; did you mean"),
        ("eval_time: 5m", "eval_time: 5", "7:16 'eval_time' needs a unit: write 5s, 5m or 5h"),
        ("repeat: 3", "repeat: 0", "5:51 'repeat' must be at least 1, not 0"),
        ("repeat: 3", "repeat: 1001", "5:51 'repeat' must be at most 1000, not 1001"),
        ("exp_verdict: violated", "exp_verdict: violate", "14:18 'exp_verdict' must be one of"),
        ("[truncation,", "[truncated,", "15:22 an item of 'exp_violations' must be one of"),
        ("kind: missing", "kind: gone", "18:65 'kind' must be one of unexpected, missing, order"),
        ("category: loop", "category: lop", "22:65 'category' must be one of"),
        ("match: subset}\n    - {", "match: any}\n    - {", "10:82 'match' must be one of exact"),
    ],
)
def test_mistakes_are_told_with_their_place(old: str, new: str, problem: str) -> None:
    """Unknown keys get a hint, bad values what is wanted; an editor's schema refuses them too."""
    assert any(found.startswith(problem) for found in problems_after(old, new))
    assert errors_after(old, new)


def test_what_only_the_loader_sees() -> None:
    """A test that expects nothing cannot fail; two of one name cannot be told apart."""
    empty = "rule_files: [a.yaml]\ntests: [{name: idle}]\n"
    assert read_from(empty)[1] == ["2:16 the test 'idle' expects nothing"]
    twice = GOOD + GOOD[GOOD.index("- name") :]
    assert read_from(twice)[1] == ["23:9 the test 'all there is' is already in line 4"]
    many = GOOD.replace("{file: b.pb}", ", ".join(["{file: b, repeat: 1000}"] * 10))
    assert read_from(many)[1] == ["5:17 more than 10000 arrivals in one test"]


@pytest.mark.parametrize("text", ["", "just text", "[a, b]", "rule_files: {"])
def test_what_is_no_test_file_is_told_once(text: str) -> None:
    """Odd files are a problem, never an exception."""
    found, problems = read_from(text)
    assert found is None
    assert len(problems) == 1


def test_test_files_are_told_by_name_or_by_keys() -> None:
    """``*_test.yaml`` is one whatever is in it; so is a file that names rule files and tests."""
    assert is_test_file("a_test.yaml", b"")
    assert is_test_file("dir/a_test.yml", b"groups: []")
    assert is_test_file("suite.yaml", GOOD.encode())
    assert not is_test_file("suite.yaml", b"tests: []")
    assert not is_test_file("suite.yaml", b"rule_files: [")
    assert not is_test_file("suite.json", json.dumps({"rule_files": [], "tests": []}).encode())


def test_the_rule_loader_passes_test_files_over() -> None:
    """A folder of rules and tests loads: tests are no broken rules, whatever they are called."""
    rules = b"groups: [{name: g, rules: [{alert: A, signature: '{ true }'}]}]"
    files = {"a.yaml": rules, "a_test.yaml": b"nonsense: [", "suite.yaml": GOOD.encode()}
    assert load(files).files == ("a.yaml",)


def test_paths_are_beside_the_file() -> None:
    """What a file names is looked for from its own folder, and may lie above it."""
    assert beside("rules/tests/a_test.yaml", "../a.yaml") == "rules/a.yaml"
    assert beside("a_test.yaml", "../a.yaml") == "../a.yaml"
    assert beside("rules/a_test.yaml", "/srv/a.yaml") == "/srv/a.yaml"


def test_the_good_file_is_good_for_editors() -> None:
    """The JSON Schema takes what the loader takes, and describes every key."""
    assert not errors_after(GOOD[:10], GOOD[:10])

    def described(schema: Value) -> list[Value]:
        found: list[Value] = []
        if isinstance(schema, dict):
            keys = schema.get("properties", {})
            found += (
                [v.get("description", "") for v in keys.values() if isinstance(v, dict)]
                if (isinstance(keys, dict))
                else []
            )
            found += [text for value in schema.values() for text in described(value)]
        elif isinstance(schema, list):
            found += [text for value in schema for text in described(value)]
        return found

    texts = described(dict(schema_of_tests()))
    assert len(texts) > 30
    assert all(str(text).endswith(".") for text in texts)
