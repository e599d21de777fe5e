"""Checks a run against path templates: where did it leave them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import chain, islice

import msgspec

from causewatch.model.expectation import Deviation
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Unverifiable
from causewatch.paths.deviate import Wrong, judge_children, short
from causewatch.paths.limits import MAX_DEVIATIONS_COUNT
from causewatch.paths.orders import Broken, broken_by, occurrences_of
from causewatch.paths.template import PathTemplate, node_of
from causewatch.paths.visits import Visit, is_whole, visits_of


class Walked(msgspec.Struct, frozen=True, kw_only=True):
    """What came of a run: where it left the templates, and where that could not be told."""

    deviations: tuple[Deviation, ...] = ()
    unjudged: tuple[Unverifiable, ...] = ()


def walk(templates: Sequence[PathTemplate], graph: CausalGraph) -> Walked:
    """Check a run against the templates that are about its workflow.

    Of each activation of a node the first deviation is told; of a run that is not complete only
    what can no longer become right.
    """
    bound = [template for template in templates if template.binds(graph.workflow)]
    if not bound or not graph.steps:
        return Walked()
    visits = visits_of(graph)
    whole = is_whole(graph)
    found = [each for template in bound for each in _walk(template, visits, is_whole=whole)]
    return Walked(
        deviations=tuple(each for each in found if isinstance(each, Deviation)),
        unjudged=tuple(each for each in found if isinstance(each, Unverifiable)),
    )


def _walk(
    template: PathTemplate, visits: Sequence[Visit], *, is_whole: bool
) -> Iterator[Deviation | Unverifiable]:
    found = chain(
        _nodes(template, visits, is_whole=is_whole), _orders(template, visits, is_whole=is_whole)
    )
    return islice(found, MAX_DEVIATIONS_COUNT)


def _nodes(
    template: PathTemplate, visits: Sequence[Visit], *, is_whole: bool
) -> Iterator[Deviation | Unverifiable]:
    agents = frozenset(visit.name for visit in visits if visit.kind == "agent")
    for visit in visits:
        node = node_of(template, visit, agents)
        if node is None:
            continue
        judged = judge_children(node.model, visit.children, is_whole=is_whole)
        if judged.is_open:
            yield Unverifiable(
                step=visit.step,
                what=f"path {template.name} at {short(visit.name)}",
                reason="too many children at one time: there are too many orders to try",
                fix="loosen the content model of this node with & or ...",
            )
        if judged.wrong is not None:
            yield _of_node(template, visit, judged.wrong)


def _of_node(template: PathTemplate, visit: Visit, wrong: Wrong) -> Deviation:
    return Deviation(
        path=template.name,
        rule_id=template.rule_id,
        kind=wrong.kind,
        node=visit.name,
        step=visit.step,
        child=wrong.name,
        at=visit.step if wrong.child is None else visit.children[wrong.child].step,
        allowed=wrong.allowed,
        message=f"{short(visit.name)}: {wrong.message}",
    )


def _orders(
    template: PathTemplate, visits: Sequence[Visit], *, is_whole: bool
) -> Iterator[Deviation]:
    occurrences = occurrences_of(visits) if template.required or template.forbidden else ()
    # What is required may still be on its way where spans are missing; what is forbidden happened.
    for order in template.required if is_whole else ():
        for broken in broken_by(order, occurrences, is_required=True):
            yield _of_order(template, broken, is_required=True)
    for order in template.forbidden:
        for broken in broken_by(order, occurrences, is_required=False):
            yield _of_order(template, broken, is_required=False)


def _of_order(template: PathTemplate, broken: Broken, *, is_required: bool) -> Deviation:
    at = broken.at
    return Deviation(
        path=template.name,
        rule_id=template.rule_id,
        kind="required" if is_required else "forbidden",
        node=at.below.name,
        step=at.below.step,
        child=at.names[0][1],
        at=at.step,
        message=f"{short(at.below.name)}: {broken.message}",
    )
