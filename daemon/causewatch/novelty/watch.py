"""Tells what is new in a run: which shapes and edges a workflow never had, within a budget."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from functools import lru_cache
from typing import Literal

import msgspec

from causewatch.model.expectation import Novel
from causewatch.novelty.baseline import NS_PER_DAY, Baseline
from causewatch.novelty.shape import FINGERPRINT_CHARS, Shape

NoveltyKind = Literal["edge", "shape"]
DEFAULT_LEARN_FOR_S = 7 * 86_400.0
DEFAULT_BUDGET_PER_DAY = 20
MAX_BUDGET_PER_DAY = 1_000
MAX_ACCEPTED_COUNT = 2_000
_FINGERPRINT = re.compile(rf"[0-9a-f]{{{FINGERPRINT_CHARS}}}")
_EDGE = re.compile(r"\S.* -?> .*\S", re.DOTALL)
_NS_PER_S = 1_000_000_000


class Watch(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule demands of the runs of a workflow: nothing new, but what was accepted."""

    path: str = ""
    rule_id: str = ""
    workflow: str = "*"
    """Glob over the names of workflows."""
    learn_for_s: float = DEFAULT_LEARN_FOR_S
    budget_per_day: int = DEFAULT_BUDGET_PER_DAY
    kinds: tuple[NoveltyKind, ...] = ("edge", "shape")
    accepted: tuple[str, ...] = ()
    """Fingerprints, and edges as they are told; ``*`` in an edge stands for any text."""

    def binds(self, workflow: str) -> bool:
        """Tell whether the rule is about runs of this workflow."""
        return fnmatchcase(workflow, self.workflow)

    def accepts(self, item: str) -> bool:
        """Tell whether people have accepted an edge or a fingerprint."""
        exact, globs = _split(self.accepted)
        return item in exact or any(fnmatchcase(item, glob) for glob in globs)


class Spent(msgspec.Struct, frozen=True, kw_only=True):
    """What a rule told on one day, counted from the Unix epoch: the same again costs nothing."""

    day: int = 0
    items: frozenset[str] = frozenset()


NOTHING_SPENT = Spent()


class News(msgspec.Struct, frozen=True, kw_only=True):
    """What one rule tells of a run, what it has spent now, and how much the budget left out."""

    novel: tuple[Novel, ...] = ()
    spent: Spent = NOTHING_SPENT
    over_budget_count: int = 0
    used_up: bool = False
    """Whether the last of the day's budget was spent here: to be said, and only once a day."""


def is_accepted_text(text: str) -> bool:
    """Tell whether a text can be accepted: an edge, or a fingerprint."""
    return _FINGERPRINT.fullmatch(text) is not None or _EDGE.fullmatch(text) is not None


def news_of(watch: Watch, shape: Shape, baseline: Baseline, spent: Spent, at_ns: int) -> News:
    """Return what a run has that the baseline of its workflow has not, once learning is over.

    New edges are told each by itself, and then not the shape that they make. What is told again on
    the same day costs no budget; beyond the budget it is counted only.

    Args:
        watch: the rule; it binds the run's workflow.
        shape: the structure of the run.
        baseline: what earlier good runs of the workflow had.
        spent: what the rule told so far.
        at_ns: Unix time of the run, ns: the learning period and the budget go by it.
    """
    day = max(at_ns // NS_PER_DAY, spent.day)
    items = spent.items if spent.day == day else frozenset()
    if baseline.since_ns is None or at_ns < baseline.since_ns + watch.learn_for_s * _NS_PER_S:
        return News(spent=spent)
    told: list[Novel] = []
    over_budget_count = 0
    used_up = False
    for novel in _new(watch, shape, baseline):
        item = f"{shape.workflow}: {novel.edge or novel.fingerprint}"
        if item not in items and len(items) >= watch.budget_per_day:
            over_budget_count += 1
            continue
        is_last = item not in items and len(items) + 1 == watch.budget_per_day
        used_up = used_up or is_last
        items |= {item}
        told.append(_with_limit(novel, watch) if is_last else novel)
    return News(
        novel=tuple(told),
        spent=Spent(day=day, items=items),
        over_budget_count=over_budget_count,
        used_up=used_up,
    )


def novel_again(shape: Shape, told: Sequence[Novel]) -> tuple[Novel, ...]:
    """Return what was told of a run before and still is so, where it now stands."""
    return tuple(
        msgspec.structs.replace(each, step=shape.edges.get(each.edge, shape.root))
        for each in told
        if each.edge in shape.edges or each.fingerprint == shape.fingerprint
    )


def _new(watch: Watch, shape: Shape, baseline: Baseline) -> Iterator[Novel]:
    unknown = [edge for edge in shape.edges if edge not in baseline.edges]
    fresh = [edge for edge in unknown if not watch.accepts(edge)]
    for edge in fresh if "edge" in watch.kinds else ():
        message = f"this workflow never had the edge {edge} before"
        yield _novel(watch, shape, "edge", edge, message)
    if "shape" not in watch.kinds or (fresh and "edge" in watch.kinds):
        return
    # A run whose only new edges are accepted has a new shape for no other reason.
    is_known = shape.fingerprint in baseline.shapes or watch.accepts(shape.fingerprint)
    if not is_known and not (unknown and not fresh):
        message = (
            f"this workflow never had the shape {shape.fingerprint} before: its steps are known,"
            " put together or ordered anew"
        )
        yield _novel(watch, shape, "shape", "", message)


def _novel(watch: Watch, shape: Shape, kind: NoveltyKind, edge: str, message: str) -> Novel:
    return Novel(
        path=watch.path,
        rule_id=watch.rule_id,
        kind=kind,
        edge=edge,
        fingerprint=shape.fingerprint,
        step=shape.edges.get(edge, shape.root),
        message=message,
    )


def _with_limit(novel: Novel, watch: Watch) -> Novel:
    said = (
        f"{novel.message}; with it the budget of {watch.budget_per_day} a day is used up, what else"
        " is new today is only counted"
    )
    return msgspec.structs.replace(novel, message=said)


@lru_cache(64)
def _split(accepted: tuple[str, ...]) -> tuple[frozenset[str], tuple[str, ...]]:
    """Return what is accepted as it stands, and the globs."""
    return frozenset(accepted), tuple(text for text in accepted if "*" in text)
