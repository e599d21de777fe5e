"""Checks on where a signature runs, how far it follows, and what it costs."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

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
        yield Remark(severity="warning" if is_late else "info", message=message)


def _unbounded(looked: Looked) -> Iterator[Follow]:
    if isinstance(looked.rule, Rule):
        for part in parts_of(looked.rule.signature.query.root):
            if isinstance(part, Follow) and part.hops.most is None:
                yield part


def check_portable(looked: Looked) -> Iterator[Remark]:
    """Say so when Tempo could not run the signature, and what stands in its way."""
    if not isinstance(looked.rule, Rule):
        return
    query = looked.rule.signature.query
    extension = first_extension(query)
    if extension is not None:
        line, column = _place_in(query.text, extension.at)
        message = (
            f"not portable: Tempo does not run what stands in line {line}, column {column}"
            " of the signature"
        )
        yield Remark(severity="info", message=message)


def _place_in(text: str, offset: int) -> tuple[int, int]:
    before = text[:offset]
    return before.count("\n") + 1, offset - (before.rfind("\n") + 1) + 1


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
