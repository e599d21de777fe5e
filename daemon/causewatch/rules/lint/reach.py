"""Checks on where a signature runs, how far it follows, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.errors import Severity
from causewatch.rules.bundle import Rule
from causewatch.rules.interest import Interest
from causewatch.rules.lint.remark import Looked, Remark
from causewatch.signatures.classify import first_extension, parts_of
from causewatch.signatures.syntax import FLOW, Follow


def check_hops(looked: Looked) -> Iterator[Remark]:
    """Say so when edges are followed without a bound.

    Along a flow of content that is often what is meant; in time, nearly every step of a long run
    comes before every later one.
    """
    for follow in _unbounded(looked):
        edges = "flow" if set(follow.types) == set(FLOW) else "|".join(follow.types)
        is_late = "before" in follow.types
        reach = "nearly every later step" if is_late else "all that came of it"
        message = (
            f"-[{edges}]->> follows any number of edges, in a long run to {reach};"
            f" a bound such as -[{edges}]->>{{1,8}} keeps to what is near"
        )
        severity: Severity = "warning" if is_late else "info"
        yield Remark(severity=severity, message=message, offset=follow.at)


def _unbounded(looked: Looked) -> Iterator[Follow]:
    if isinstance(looked.rule, Rule):
        for part in parts_of(looked.rule.signature.query.root):
            if isinstance(part, Follow) and part.hops.most is None:
                yield part


def check_portable(looked: Looked) -> Iterator[Remark]:
    """Say so when Tempo could not run the signature, at what stands in its way."""
    if not isinstance(looked.rule, Rule):
        return
    extension = first_extension(looked.rule.signature.query)
    if extension is not None:
        message = "not portable: Tempo does not run this part of the signature"
        yield Remark(severity="info", message=message, offset=extension.at)


def check_cost(looked: Looked) -> Iterator[Remark]:
    """Say so when no run may be passed over for the sake of this rule."""
    if not isinstance(looked.rule, Rule):
        return
    alone = msgspec.structs.replace(looked.group, rules=(looked.rule,))
    only = Interest([alone], looked.dialects)
    for read in only.unsound.values():
        message = (
            f"costly: because this rule compares {read}, which differs from run to run, every run"
            " is judged in full"
        )
        yield Remark(severity="warning", message=message)
