"""Checks on what people need to know of a rule when it wakes them up."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.rules.lint.remark import Looked, Remark

RUNBOOK = "runbook_url"
OWNERS = ("team", "owner")


def check_runbook(looked: Looked) -> Iterator[Remark]:
    """Say so when no annotation leads to a runbook."""
    if RUNBOOK not in looked.rule.annotations:
        message = f"no runbook: who is paged does not know what to do; add annotations.{RUNBOOK}"
        yield Remark(severity="warning", message=message)


def check_owner(looked: Looked) -> Iterator[Remark]:
    """Say so when no label, of the rule or its group, names who cares."""
    if not any(looked.rule.labels.get(name) for name in OWNERS):
        message = "no owner: add the label team or owner, to the rule or to its group"
        yield Remark(severity="warning", message=message)


def check_examples(looked: Looked) -> Iterator[Remark]:
    """Say so when nothing shows that the rule matches, or that it leaves good runs alone."""
    if looked.is_tested:
        return
    expected = {example.expect for example in looked.rule.examples}
    if not expected:
        message = "no examples, and no test file is about this rule"
        yield Remark(severity="warning", message=message)
    elif "match" not in expected:
        yield Remark(severity="info", message="no example shows that this rule matches")
    elif "no-match" not in expected:
        message = "no example shows a run that this rule must leave alone"
        yield Remark(severity="info", message=message)
