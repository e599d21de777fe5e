"""Runs written as scenario lines, and their structure."""

from __future__ import annotations

from textwrap import dedent, indent

from causewatch.graph.build import build
from causewatch.model.graph import CausalGraph
from causewatch.model.span import Span
from causewatch.novelty.shape import Shape
from causewatch.rules.newness import shape_in
from scenario_language import read_cases
from scenario_spans import spans_of

DESK = """\
d agent desk "Refund the order O-1."
  a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
  b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
  e model "Done."
"""
"""A run of a desk that looks an order up and refunds it."""
SENDING = """\
d agent desk "Refund the order O-1."
  a call find_order {"order": "O-1"} => {"order": "O-1", "total": 12}
  b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
  c call send_mail {"to": "shop"} => {"ok": true}
  e model "Done."
"""
"""The same with one tool more."""
FAILING = """\
d agent desk "Refund the order O-1."
  a call find_order {"order": "O-1"} => {"error": "timeout", "total": 12}
  b call issue_refund {"order": "O-1", "total": 12} => {"ok": true}
  c call send_mail {"to": "shop", "total": 12} => {"ok": true}
  e model "Done, 12 for O-1."
"""
"""The same, but what failed is acted on: the run is corrupted."""


def spans(text: str, salt: str = "") -> tuple[Span, ...]:
    """Return the spans of a run written as scenario lines; each salt gives ids of its own."""
    body = indent(dedent(text), "    ")
    (case,) = read_cases(f"case a run\n  trace\n{body}  explain\n  expect healthy\n", "n.test")
    assert case.trace is not None
    return tuple(spans_of(case.trace, case.dialect, salt=salt).spans)


def graph_of(text: str, salt: str = "") -> CausalGraph:
    """Return the causal graph of such a run."""
    return graph_with(spans(text, salt))


def graph_with(members: tuple[Span, ...]) -> CausalGraph:
    """Return the causal graph of spans, in whatever order they came."""
    return build(run_id="r", spans=members, logs=(), state="complete")


def shape(text: str, salt: str = "") -> Shape:
    """Return the structure of such a run."""
    found = shape_in(graph_of(text, salt))
    assert found is not None
    return found
