"""The linter: what each check says, what it leaves alone, and how it is switched off."""

from __future__ import annotations

import datetime as dt

import pytest

from causewatch.dialects.tables import SHIPPED
from causewatch.errors import Problem
from causewatch.resources import shipped
from causewatch.rules.file import load
from causewatch.rules.lint.comments import CHECK
from causewatch.rules.lint.lint import NAMES, lint

TODAY = dt.date(2026, 11, 23)
RULE = """\
groups:
- name: g
  labels: {team: ai}
  rules:
  - alert: A
    signature: |
      SIGNATURE
    annotations: {runbook_url: https://runbooks.example.com/a}
    examples:
    - {traces: a.jsonl, expect: match}
    - {traces: b.jsonl, expect: no-match}
"""
BARE = """\
groups:
- name: g
  rules:
  - alert: A
    signature: "{ true }"
  - alert: B
    signature: "{ true }"
"""


def linted(text: str, *tested: str, disabled: tuple[str, ...] = ("portable",)) -> list[Problem]:
    """Return what the linter says of one rule file."""
    files = {"./a.yaml": text.encode()}
    found = lint(
        load(files), files, dialects=SHIPPED, tested=tested, disabled=disabled, today=TODAY
    )
    return list(found)


def checks_in(text: str, *tested: str) -> list[tuple[int, str]]:
    """Return line and check of all that the linter says."""
    return [(problem.line, problem.check) for problem in linted(text, *tested)]


def of_signature(signature: str) -> list[Problem]:
    """Return what the linter says of a rule that lacks nothing but a better signature."""
    return linted(RULE.replace("SIGNATURE", signature))


def test_a_rule_with_all_there_should_be_is_left_alone() -> None:
    """Runbook, owner, both examples, a plain signature: nothing to say."""
    assert of_signature('{ span.causewatch.fault = "truncated" && duration > 5s }') == []


def test_what_people_need_is_missed_by_name() -> None:
    """Each thing that is missing is one warning at the rule's first line; no error."""
    found = linted(BARE)
    assert [(p.line, p.check) for p in found] == [
        (line, check) for line in (4, 6) for check in ("examples", "owner", "runbook")
    ]
    assert {(p.file, p.column, p.severity) for p in found} == {("a.yaml", 5, "warning")}


def test_a_test_file_is_as_good_as_examples() -> None:
    """A rule that a test file is about needs no examples of its own."""
    assert (4, "examples") not in checks_in(BARE, "alert:A")
    assert (6, "examples") in checks_in(BARE, "alert:A", "contract:B")


@pytest.mark.parametrize(("gone", "said"), [("no-match", "leave alone"), ("match", "matches")])
def test_half_of_the_examples_is_half_of_the_proof(gone: str, said: str) -> None:
    """Only good runs, or only bad ones, is worth a note."""
    lines = [line for line in RULE.splitlines(keepends=True) if f"expect: {gone}}}" not in line]
    (problem,) = linted("".join(lines).replace("SIGNATURE", "{ true }"))
    assert (problem.check, problem.severity) == ("examples", "info")
    assert said in problem.message


@pytest.mark.parametrize(
    ("signature", "said"),
    [
        ('{ span.causewatch.fault = "truncted" }', "did you mean 'truncated'?"),
        ('{ "nothing" = .causewatch.step }', "it is one of "),
        ('{ name = "a" || !(span.causewatch.fault = "cut off") }', "is never 'cut off'"),
        ('{ name = "a" && name = "b" }', "span:name cannot be all"),
        ('{ span.causewatch.step = "tool" && span.causewatch.step = "model" }', "cannot be all"),
        ("{ duration > 5s && duration < 1s }", "span:duration cannot be all"),
        ("{ duration > 5s && (name = `a` && 5s >= duration) }", "span:duration cannot be all"),
        ("{ duration = 2s && duration > 2s }", "span:duration cannot be all"),
        ("{ status = ok && status = error }", "span:status cannot be all"),
        ('{ true } && { name = "a" && name = "b" }', "span:name cannot be all"),
    ],
)
def test_what_can_never_match_is_told(signature: str, said: str) -> None:
    """A value that there is not, and values that exclude one another."""
    (problem,) = of_signature(signature)
    assert (problem.check, problem.severity) == ("never-matches", "warning")
    assert said in problem.message


@pytest.mark.parametrize(
    "signature",
    [
        '{ span.causewatch.fault = "truncated" && span.causewatch.fault = "empty" }',
        '{ span.x = "a" && span.x = "b" }',
        '{ event:name = "a" && event:name = "b" }',
        '{ name = "a" || name = "b" }',
        '{ name = "a" } && { name = "b" }',
        '{ name = "a" && name = "a" && parent.span.x = "b" }',
        "{ duration >= 5s && duration <= 5s }",
        "{ duration > 1s && duration < 5s && duration > 2s }",
        '{ span.causewatch.tool = "truncted" && resource.causewatch.fault = "x" }',
        '{ span.causewatch.step != "toool" }',
        '{ name =~ "a.*" && name = "ab" }',
    ],
)
def test_what_may_match_is_left_alone(signature: str) -> None:
    """Lists, alternatives, several spans, open names and bounds that leave room."""
    assert [problem for problem in of_signature(signature) if problem.check != "cost"] == []


def test_edges_without_a_bound_are_told() -> None:
    """In time everything reaches everything; along a flow it is worth no more than a note."""
    (late,) = of_signature("{ true } -[before]->> { true }")
    assert (late.check, late.severity) == ("unbounded-hops", "warning")
    (flow,) = of_signature("{ true } -[flow]->>{2,} { true }")
    assert (flow.check, flow.severity) == ("unbounded-hops", "info")
    assert "-[flow]->>{1,8}" in flow.message
    assert of_signature("{ true } -[flow]->>{1,8} { true } -[data|link]-> { true }") == []


def test_a_signature_that_tempo_does_not_run_is_told_when_asked_for() -> None:
    """At the place of what stands in the way."""
    text = RULE.replace("SIGNATURE", "{ true }\n      >> { name = `a` } as b")
    assert linted(text) == []
    (problem,) = linted(text, disabled=())
    assert (problem.check, problem.severity) == ("portable", "info")
    assert (problem.line, problem.column) == (8, 25)
    assert linted(RULE.replace("SIGNATURE", "{ true } >> { name = `a` }"), disabled=()) == []


def test_a_rule_for_which_every_run_is_judged_is_costly() -> None:
    """Start times against a constant differ from run to run, so no run is like another."""
    (problem,) = of_signature("{ span:start > 5 }")
    assert (problem.check, problem.severity) == ("cost", "warning")
    assert "span:start" in problem.message


def test_a_remark_on_a_part_of_a_signature_is_at_that_part() -> None:
    """In a block as in a quoted line; several remarks of one rule have their own places."""
    text = RULE.replace(
        "SIGNATURE", '{ name = "a" }\n        -[flow]->> { .causewatch.step = "x" || status = ok }'
    )
    found = linted(text)
    lines = text.splitlines()
    told = [(p.check, lines[p.line - 1][p.column - 1 :][:12]) for p in found]
    assert ("unbounded-hops", "-[flow]->> {") in told
    assert ("never-matches", ".causewatch.") in told
    quoted = BARE.replace('"{ true }"', "'{ kind = server && kind = client }'", 1)
    (problem,) = [p for p in linted(quoted) if p.check == "never-matches"]
    assert quoted.splitlines()[problem.line - 1][problem.column - 1 :].startswith("kind = client")


def test_contracts_and_paths_are_rules_too() -> None:
    """What a path watches for as new is not told a second time."""
    text = (
        "contracts:\n- contract: c\n  from: a\n  to: b\n  schema: {type: object}\n"
        "paths:\n- path: p\n  workflow: w\n  expect: {w: a}\n  novelty: {learn_for: 7d}\n"
    )
    expected = [(line, check) for line in (2, 7) for check in ("examples", "owner", "runbook")]
    assert checks_in(text) == expected
    tested = checks_in(text, "contract:c", "path:p")
    assert tested == [found for found in expected if found[1] != "examples"]


@pytest.mark.parametrize(
    ("comment", "left"),
    [
        ("  # causewatch disable runbook, owner\n", {"examples"}),
        ("  #causewatch disable runbook owner examples # not ours\n", set()),
        ("  # causewatch snooze 2026-11-23 runbook\n", {"examples", "owner"}),
        ("  # causewatch snooze 2026-11-22 runbook\n", {"examples", "owner", "runbook"}),
    ],
)
def test_a_comment_above_a_rule_is_about_that_rule_only(comment: str, left: set[str]) -> None:
    """The rule before it is checked as ever; a snooze ends with its day."""
    text = BARE.replace("  - alert: B", f"{comment}  - alert: B")
    found = checks_in(text)
    assert {check for line, check in found if line == 4} == {"examples", "owner", "runbook"}
    assert {check for line, check in found if line == 7} == left


def test_a_comment_within_a_rule_is_about_that_rule() -> None:
    """As long as it is among the lines of the rule."""
    text = BARE.replace(
        "  - alert: B", "    # causewatch disable runbook\n    for: 5m\n  - alert: B"
    )
    assert (4, "runbook") not in checks_in(text)
    assert (8, "runbook") in checks_in(text)


def test_a_file_comment_is_about_all_its_rules() -> None:
    """Wherever it stands."""
    for text in (
        f"# causewatch file/disable owner\n{BARE}",
        f"{BARE}# causewatch file/snooze 2027-01-01 owner\n",
    ):
        assert {check for _, check in checks_in(text)} == {"examples", "runbook"}


@pytest.mark.parametrize(
    ("comment", "said"),
    [
        ("disable runbok", "no check 'runbok'; did you mean 'runbook'?"),
        ("disable", "say which checks"),
        ("disabel runbook", "did you mean 'disable'?"),
        ("snooze runbook", "write the day"),
        ("snooze 2027-02-31 runbook", "write the day"),
        ("snooze", "write the day"),
    ],
)
def test_a_comment_that_does_nothing_is_told(comment: str, said: str) -> None:
    """Else one believes that it does."""
    text = BARE.replace("  - alert: B", f"  # causewatch {comment}\n  - alert: B")
    (problem,) = [problem for problem in linted(text) if problem.check == CHECK]
    assert (problem.line, problem.column, problem.severity) == (6, 3, "warning")
    assert said in problem.message


def test_a_comment_of_no_rule_is_told() -> None:
    """Such as one at the top of a file that was meant for all of it."""
    found = checks_in(f"# causewatch disable owner\n{BARE}")
    assert found[0] == (1, CHECK)
    assert (5, "owner") in found


def test_words_about_causewatch_are_no_comment() -> None:
    """Only a line of its own that begins with the name is one; text in quotes is none."""
    text = BARE.replace(
        '"{ true }"\n  - alert: B',
        '"{ true }"  # causewatch disable owner\n    # see causewatch disable owner\n  - alert: B',
    )
    assert CHECK not in {check for _, check in checks_in(text)}
    assert (4, "owner") in checks_in(text)


def test_the_shipped_rules_have_runbooks_and_can_match() -> None:
    """Whose rules they are, their users say; all else is in order."""
    root = shipped("rules")
    files = {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*.yaml"))}
    found = lint(
        load(files),
        files,
        dialects=SHIPPED,
        tested=(),
        disabled=("portable", "owner"),
        today=TODAY,
    )
    assert {(p.check, p.severity) for p in found} <= {("examples", "info")}


def test_names_of_checks_are_words_for_the_command_line() -> None:
    """They are what users type after ``--disable`` and in comments."""
    assert len(set(NAMES)) == len(NAMES)
    assert all(name.replace("-", "").islower() for name in NAMES)
