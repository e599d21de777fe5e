"""Learns what tools return, one run after the other."""

from __future__ import annotations

from collections.abc import Iterable

from causewatch.faults.calls import Call
from causewatch.faults.history import NO_HISTORY, NO_PATHS, History, ToolHistory
from causewatch.faults.shape import keys_asked, shape_returned

MAX_COUNTED_RESULTS = 100
"""Beyond it results are not counted: a tool whose shape has settled costs no write any more."""
MAX_EVER_PATHS_COUNT = 400
"""A tool with more names its members by data: nothing is said of its shape."""
MAX_TOOLS_COUNT = 2_000


def learn(history: History, calls: Iterable[Call]) -> History:
    """Return the tools in ``calls`` whose history these calls change, with their results in it.

    ``joined`` puts them in place of the older ones.
    """
    grown: dict[str, ToolHistory] = {}
    for call in calls:
        shape = shape_returned(call)
        if shape is None:
            continue
        name = call.step.name
        known = grown.get(name) or history.tools.get(name) or ToolHistory()
        new = _grown(known, shape, keys_asked(call))
        if new != known:
            grown[name] = new
    return History(tools=grown) if grown else NO_HISTORY


def joined(history: History, grown: History) -> History:
    """Return ``history`` with the tools of ``grown`` as they are now.

    Beyond ``MAX_TOOLS_COUNT`` the tools that changed longest ago are forgotten.
    """
    tools = {name: tool for name, tool in history.tools.items() if name not in grown.tools}
    tools.update(grown.tools)
    for name in list(tools)[: max(len(tools) - MAX_TOOLS_COUNT, 0)]:
        del tools[name]
    return History(tools=tools)


def _grown(known: ToolHistory, shape: frozenset[str], asked: frozenset[str]) -> ToolHistory:
    """Return a tool's history with one more result."""
    ever = known.ever | shape if known.ever or not known.results_count else NO_PATHS
    if len(ever) > MAX_EVER_PATHS_COUNT:
        ever = NO_PATHS
    always = known.always & shape if known.results_count else shape
    everything_asked = known.asked | asked
    return ToolHistory(
        results_count=min(known.results_count + 1, MAX_COUNTED_RESULTS),
        always=always if ever else NO_PATHS,
        ever=ever,
        asked=everything_asked if len(everything_asked) <= MAX_EVER_PATHS_COUNT else known.asked,
    )
