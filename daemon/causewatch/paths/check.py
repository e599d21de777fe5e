"""Checks a run against path templates: where did it leave them?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import islice

from causewatch.model.expectation import Deviation
from causewatch.model.graph import CausalGraph
from causewatch.paths.deviate import judge_children, short
from causewatch.paths.limits import MAX_DEVIATIONS_COUNT
from causewatch.paths.orders import Broken, broken_by, occurrences_of
from causewatch.paths.template import PathTemplate, node_of
from causewatch.paths.visits import Visit, is_whole, visits_of


def deviations_of(templates: Sequence[PathTemplate], graph: CausalGraph) -> tuple[Deviation, ...]:
    """Return where a run left the templates that are about its workflow.

    Of each activation of a node the first deviation is told; of a run that is not complete only
    what can no longer become right.
    """
    bound = [template for template in templates if template.binds(graph.workflow)]
    if not bound or not graph.steps:
        return ()
    visits = visits_of(graph)
    whole = is_whole(graph)
    return tuple(
        deviation
        for template in bound
        for deviation in islice(_check(template, visits, is_whole=whole), MAX_DEVIATIONS_COUNT)
    )


def _check(
    template: PathTemplate, visits: Sequence[Visit], *, is_whole: bool
) -> Iterator[Deviation]:
    agents = frozenset(visit.name for visit in visits if visit.kind == "agent")
    for visit in visits:
        node = node_of(template, visit, agents)
        wrong = (
            judge_children(node.model, visit.children, is_whole=is_whole).wrong if node else None
        )
        if wrong is not None:
            yield Deviation(
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
    yield from _orders(template, visits, is_whole=is_whole)


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
