"""The structure of a run keeps what means something, and nothing else."""

from __future__ import annotations

import msgspec
import pytest

from causewatch.graph.build import build
from causewatch.novelty import shape as shape_module
from causewatch.novelty.shape import shape_of
from causewatch.paths.visits import visits_of
from causewatch.rules.newness import shape_in
from novelty_fixtures import DESK, graph_of, shape, spans

TEAM = """\
t agent lead "Find out."
  a call search {"q": "one"} => {"hits": 2}
  h call transfer_to_writer {"task": "write it up"} => {"ok": true}
w agent writer "write it up"
  b call save {"text": "It is so."} => {"ok": true}
  e model "It is so."
"""

SAME = {
    "a repeated call": (
        DESK,
        """\
        d agent desk "Refund the order O-1."
          a call find_order {"order": "O-1"} => {"error": "timeout"}
          r call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
          b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
          e model "Done."
        """,
    ),
    "a look-up once more after the refund": (
        DESK,
        """\
        d agent desk "Refund the order O-1."
          a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
          b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
          c call find_order {"order": "O-1"} => {"order": "O-1", "total": 0}
          e model "Done."
        """,
    ),
    "more model calls": (
        DESK,
        """\
        d agent desk "Refund the order O-1."
          m model "I look first."
          a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
          n model "I refund now."
          b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
          e model "Done."
        """,
    ),
    "plumbing": (
        DESK,
        """\
        d agent desk "Refund the order O-1."
          p span prepare
            a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
          b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
          e model "Done."
        """,
    ),
    "a name made up for the run": (
        DESK.replace("agent desk", "agent desk-17"),
        DESK.replace("agent desk", "agent desk-3f2a9c81"),
    ),
    "parallel calls in another order": (
        """\
        d agent desk "Look."
          m model -> find_order {"order": 1} -> find_client {"id": 2}
          a tool find_order => {"total": 12}
          b tool find_client => {"name": "x"}
          e model "Done."
        """,
        """\
        d agent desk "Look."
          m model -> find_client {"id": 2} -> find_order {"order": 1}
          b tool find_client => {"name": "x"}
          a tool find_order => {"total": 12}
          e model "Done."
        """,
    ),
}

OTHER = {
    "a tool more": (
        DESK,
        DESK.replace("  e model", '  c call wipe {"a": 1} => {"ok": 1}\n  e model'),
    ),
    "the refund first": (
        DESK,
        """\
        d agent desk "Refund the order O-1."
          b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
          a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
          e model "Done."
        """,
    ),
    "another agent": (DESK, DESK.replace("agent desk", "agent clerk")),
    "a call in place of a handoff": (
        TEAM,
        """\
        t agent lead "Find out."
          a call search {"q": "one"} => {"hits": 2}
          b call save {"text": "It is so."} => {"ok": true}
          e model "It is so."
        """,
    ),
}


@pytest.mark.parametrize("name", SAME)
def test_what_varies_without_meaning_does_not_change_the_fingerprint(name: str) -> None:
    """Repeats, retries, model calls, plumbing, made-up names and parallel order are nothing."""
    one, other = SAME[name]
    assert shape(one).fingerprint == shape(other, "x").fingerprint


@pytest.mark.parametrize("name", OTHER)
def test_what_means_something_changes_the_fingerprint(name: str) -> None:
    """Another step, another order of turns, another agent, a handoff in place of a call."""
    one, other = OTHER[name]
    assert shape(one).fingerprint != shape(other).fingerprint


def test_edges_are_calls_and_handoffs_with_the_step_at_which_they_stand() -> None:
    """A handoff has its arrow, and takes the place of the tool that did it."""
    graph = graph_of(TEAM)
    found = shape(TEAM)
    assert "lead -> writer" in found.edges
    assert {"lead > search", "writer > save"} <= set(found.edges)
    assert not any("transfer_to" in edge for edge in found.edges)
    assert graph.steps[found.edges["writer > save"]].name == "save"


def test_a_run_of_which_spans_are_missing_has_no_structure() -> None:
    """What is not there yet would look new."""
    members = spans(DESK)
    root = next(span for span in members if not span.parent_id)
    graph = build(
        run_id="r", spans=[s for s in members if s is not root], logs=(), state="complete"
    )
    assert shape_in(graph) is None
    early = msgspec.structs.replace(graph_of(DESK), state="early")
    assert shape_in(early) is None


def test_a_run_without_agents_and_tools_has_no_structure() -> None:
    """Model calls alone are no path."""
    assert shape_in(graph_of('m model "Hello."\n')) is None


def test_a_run_with_too_many_edges_has_no_structure(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever sends spans makes up names: memory stays bounded."""
    monkeypatch.setattr(shape_module, "MAX_EDGES_COUNT", 2)
    graph = graph_of(DESK)
    assert shape_of(graph, visits_of(graph)) is None


def test_below_a_node_with_many_children_only_their_order_is_left_out(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The square of their number would be too much."""
    one, other = OTHER["the refund first"]
    monkeypatch.setattr(shape_module, "MAX_ORDERED_COUNT", 1)
    assert shape(one).fingerprint == shape(other).fingerprint
    assert shape(one).fingerprint != shape(OTHER["a tool more"][1]).fingerprint


def test_without_recorded_model_calls_time_tells_what_came_together() -> None:
    """Two tools of plain code that overlap are parallel; one after the other they have an order."""
    apart = """\
    d agent desk hidden
      a tool one {"x": 1} => {"y": 1} @0+10
      b tool two {"x": 1} => {"y": 1} @20+10
    """
    assert shape(apart).fingerprint != shape(_swapped(apart)).fingerprint
    together = apart.replace("@20+10", "@5+10")
    assert shape(together).fingerprint == shape(_swapped(together)).fingerprint


def _swapped(text: str) -> str:
    return text.replace("one", "?").replace("two", "one").replace("?", "two")
