"""Shapes of results: what is learned of a tool, and what is missed in a later result of it."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.calls import calls_of
from causewatch.faults.detect import detect
from causewatch.faults.history import NO_HISTORY, History, ToolHistory
from causewatch.faults.known import Known
from causewatch.faults.learn import (
    MAX_COUNTED_RESULTS,
    MAX_EVER_PATHS_COUNT,
    MAX_TOOLS_COUNT,
    joined,
    learn,
)
from causewatch.faults.shape import MAX_SHAPE_PATHS_COUNT, shape_of
from causewatch.faults.tuning import Tuning
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Fault

ORDER = {"id": "OR-1", "lines": [{"item": "IT-1", "price": 3}], "customer": {"name": "Vik"}}


def a_run(*results: Any, arguments: Any = None, tool: str = "get_order") -> CausalGraph:
    """Return a run that calls one tool for each of these results."""
    run = RunBuilder()
    for number, result in enumerate(results):
        asked = {"id": f"OR-330{number}"} if arguments is None else arguments
        run.call(tool, asked, result)
    run.say("Done.")
    return run.graph()


def after(*results: Any, times: int = 5, arguments: Any = None) -> History:
    """Return what is known after so many runs with these results."""
    history = NO_HISTORY
    for _ in range(times):
        graph = a_run(*results, arguments=arguments)
        history = joined(history, learn(history, calls_of(graph)))
    return history


def missing(graph: CausalGraph, history: History = NO_HISTORY, **tuned: Any) -> list[Fault]:
    """Return the results that lack something."""
    known = Known(history=history, tuning=Tuning(**tuned))
    return [fault for fault in detect(graph, known) if fault.name == "missing_shape"]


SHAPES: list[tuple[Any, set[str] | None]] = [
    ({"a": 1}, {"/a"}),
    ({"a": {"b": 1}, "c": None}, {"/a", "/a/b"}),
    ([{"a": 1}, {"b": 2}], {"/*", "/*/a", "/*/b"}),
    ({"rows": [{"id": 1}]}, {"/rows", "/rows/*", "/rows/*/id"}),
    ('{"a": {"b/c": 1}}', {"/a", "/a/b~1c"}),
    ({"a": 0, "b": "", "c": False}, {"/a", "/b", "/c"}),
    ("a text", None),
    (7, None),
    (None, None),
    ({}, None),
    ({"rows": [], "total": 0}, None),
    ({"error": "gone", "rows": [1]}, None),
    ({f"k{n}": n for n in range(MAX_SHAPE_PATHS_COUNT + 1)}, None),
]


@pytest.mark.parametrize(("value", "expected"), SHAPES, ids=map(str, range(len(SHAPES))))
def test_shapes(value: Any, expected: set[str] | None) -> None:
    """Paths fold the indices of arrays; text, failures, nothing and tables by name have none."""
    assert shape_of(value) == expected


def test_a_deep_or_endless_value_has_a_bounded_shape() -> None:
    """Depth and length of paths are limited, so that no result costs more than its size."""
    value: Any = 1
    for _ in range(500):
        value = {"k": value}
    assert len(shape_of({"a": value, "b" * 5_000: 1}) or ()) < 20


def test_a_part_that_all_earlier_results_had_is_missed() -> None:
    """The outermost paths that are missing are named, with what they are compared to."""
    (fault,) = missing(a_run({"id": "OR-7"}), after(ORDER))
    assert fault.confidence == 0.6
    assert "“/customer”, “/lines”" in fault.reason
    assert "all 5 earlier results" in fault.reason
    assert "/lines/*" not in fault.reason


def test_more_results_make_it_surer() -> None:
    """What twenty results had is hardly there by chance."""
    (few,) = missing(a_run({"id": "OR-7"}), after(ORDER, times=5))
    (many,) = missing(a_run({"id": "OR-7"}), after(ORDER, times=20))
    assert few.confidence < many.confidence


def test_one_missing_member_is_less_sure_than_a_part() -> None:
    """A scalar may be optional; an object, a list or several members hardly are."""
    flat = {"id": "OR-1", "price": 3, "state": "open"}
    (member,) = missing(a_run({"id": "OR-7", "state": "open"}), after(flat))
    (part,) = missing(a_run({"id": "OR-7"}), after(flat))
    assert member.confidence < 0.5 <= part.confidence


def test_a_member_of_all_items_is_missed() -> None:
    """Items are compared as one: a member that no item has any more is missing."""
    lines = {"lines": [{"item": "IT-2"}, {"item": "IT-3"}]}
    (fault,) = missing(a_run({**ORDER, **lines}), after(ORDER))
    assert "“/lines/*/price”" in fault.reason


FINE: list[tuple[str, Any, tuple[Any, ...]]] = [
    ("as always", ORDER, (ORDER,)),
    ("something new", {**ORDER, "note": "soft"}, (ORDER,)),
    ("an empty list", {**ORDER, "lines": []}, (ORDER,)),
    ("an optional member", {"id": "OR-7"}, ({"id": "a", "x": 1}, {"id": "b"})),
    ("another kind", {"kind": "ball", "radius": 3}, ({"kind": "box", "width": 3},)),
    ("a list of them", {"found": [{"id": "OR-7"}]}, (ORDER,)),
    ("moved", {"order": "OR-7", "x": {"lines": 1, "customer": 2, "id": 3}}, (ORDER,)),
    ("a failure", {"error": "gone"}, (ORDER,)),
    ("nothing", {}, (ORDER,)),
    ("a text", "no such order", (ORDER,)),
    ("null where null was", {"id": "OR-7", "x": None}, ({"id": "a", "x": None},)),
]


@pytest.mark.parametrize(("title", "result", "earlier"), FINE, ids=lambda value: str(value)[:30])
def test_no_alarm(title: str, result: Any, earlier: tuple[Any, ...]) -> None:
    """Optional members, other kinds, empty lists and failures are not partial results."""
    assert missing(a_run(result), after(*earlier)) == [], title


def test_too_few_results_tell_nothing() -> None:
    """Five results are needed, or as many as the configuration says."""
    assert missing(a_run({"id": "OR-7"}), after(ORDER, times=4)) == []
    assert missing(a_run({"id": "OR-7"}), after(ORDER, times=5), min_history_results=6) == []
    assert missing(a_run({"id": "OR-7"}), after(ORDER, times=2), min_history_results=2)


def test_it_can_be_switched_off() -> None:
    """A fault that is tuned off is not seen."""
    assert missing(a_run({"id": "OR-7"}), after(ORDER), off=frozenset({"missing_shape"})) == []


def test_a_call_that_asks_in_a_new_way_may_get_less() -> None:
    """With an argument that no earlier call had, less may have been asked for."""
    history = after(ORDER, arguments={"id": "OR-1"})
    assert missing(a_run({"id": "OR-7"}, arguments={"id": "OR-7"}), history)
    assert missing(a_run({"id": "OR-7"}, arguments={"id": "OR-7", "fields": "id"}), history) == []


def test_what_telemetry_cut_is_not_judged() -> None:
    """A result that an SDK cut lacks things for another reason."""
    run = RunBuilder()
    run.call("get_order", {"id": "OR-1"}, {"id": "OR-7"}, cut=True)
    assert missing(run.graph(), after(ORDER)) == []


def test_the_other_results_of_a_run_serve_where_nothing_else_is_known() -> None:
    """One of seven results that lacks a part is missed, with less confidence; five do not do."""
    (fault,) = missing(a_run(*[ORDER] * 3, {"id": "OR-7"}, *[ORDER] * 3))
    assert fault.confidence < 0.5
    assert "other results of this run" in fault.reason
    assert missing(a_run(*[ORDER] * 4, {"id": "OR-7"})) == []


def test_an_optional_member_within_a_run_is_no_verdict() -> None:
    """One scalar that six results have and the seventh has not is below any verdict."""
    with_note = {**ORDER, "note": "soft"}
    (fault,) = missing(a_run(*[with_note] * 6, ORDER))
    assert fault.confidence < 0.4
    assert missing(a_run(*[with_note] * 6, ORDER, ORDER)) == []


def test_only_what_changed_is_returned_by_learning() -> None:
    """A tool whose shape has settled costs nothing any more."""
    history = after(ORDER, times=MAX_COUNTED_RESULTS)
    assert history.tools["get_order"].results_count == MAX_COUNTED_RESULTS
    assert learn(history, calls_of(a_run(ORDER))) == NO_HISTORY
    grown = learn(history, calls_of(a_run({"id": "OR-7"})))
    assert grown.tools["get_order"].always == {"/id"}
    assert missing(a_run({"id": "OR-7"}), joined(history, grown)) == []


def test_failures_texts_and_handoffs_are_not_learned() -> None:
    """They tell nothing of what the tool returns when all is well."""
    run = RunBuilder()
    run.call("a", {"q": 1}, {"error": "gone"})
    run.call("b", {"q": 1}, "text")
    run.call("c", {"q": 1}, ORDER, status="error")
    run.call("d" * 300, {"q": 1}, ORDER)
    run.hand_over("back", {"task": "go"}, result={"agent": "back"})
    run.say("Done.")
    assert learn(NO_HISTORY, calls_of(run.graph())) == NO_HISTORY


def test_a_tool_that_names_members_by_data_is_given_up() -> None:
    """With ever new names nothing is said of its shape, and nothing more is kept of it."""
    history = NO_HISTORY
    for number in range(MAX_EVER_PATHS_COUNT // 50 + 2):
        table = {f"row-{number}-{n}": n for n in range(60)} | {"total": 60}
        history = joined(history, learn(history, calls_of(a_run(table))))
    tool = history.tools["get_order"]
    assert (tool.always, tool.ever) == (frozenset(), frozenset())
    assert missing(a_run({"rest": 1}), history) == []


def test_tools_are_bounded() -> None:
    """Of too many tools those that changed longest ago are forgotten."""
    tools = {f"t{n}": ToolHistory(results_count=1) for n in range(MAX_TOOLS_COUNT)}
    kept = joined(History(tools=tools), History(tools={"new": ToolHistory(), "t0": ToolHistory()}))
    assert len(kept.tools) == MAX_TOOLS_COUNT
    assert {"new", "t0"} <= kept.tools.keys()
    assert "t1" not in kept.tools


def test_a_history_survives_json() -> None:
    """It is kept as JSON, sets and all."""
    history = after(ORDER)
    assert msgspec.json.decode(msgspec.json.encode(history), type=History) == history
