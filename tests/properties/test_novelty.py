"""Whatever the run: what does not mean anything does not change its structure."""

from __future__ import annotations

from textwrap import indent

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from causewatch.novelty.baseline import Baseline, joined
from causewatch.novelty.names import plain_name
from causewatch.rules.newness import shape_in
from novelty_fixtures import graph_with, spans

TOOLS = ("find", "read", "write", "send")
DAYS = st.dictionaries(st.sampled_from("abcdef"), st.integers(0, 9), max_size=6)
BASELINES = st.builds(Baseline, since_ns=st.none() | st.integers(0, 9), shapes=DAYS, edges=DAYS)
STEPS = st.lists(st.tuples(st.sampled_from(TOOLS), st.integers(1, 3)), min_size=1, max_size=6)


def run_of(steps: list[tuple[str, int]], agent: str = "desk") -> str:
    """Return a run: an agent that calls each tool so many times in a row."""
    calls = [name for name, times in steps for _ in range(times)]
    lines = [f'c{i} call {name} {{"n": 1}} => {{"ok": 1}}' for i, name in enumerate(calls)]
    return (
        f'd agent {agent} "Do it."\n' + indent("\n".join([*lines, 'e model "Done."']), "  ") + "\n"
    )


def fingerprint(text: str, salt: str = "") -> str:
    """Return the fingerprint of a run."""
    found = shape_in(graph_with(spans(text, salt)))
    assert found is not None
    return found.fingerprint


@settings(max_examples=20)
@given(steps=STEPS)
def test_repeated_calls_and_other_ids_do_not_change_it(steps: list[tuple[str, int]]) -> None:
    """Once, or three times in a row, is the same."""
    once = [(name, 1) for name, _ in steps]
    assert fingerprint(run_of(steps)) == fingerprint(run_of(once), "other ids")


@settings(max_examples=20)
@given(steps=STEPS, number=st.integers(0, 10**9))
def test_a_number_in_an_agents_name_does_not_change_it(
    steps: list[tuple[str, int]], number: int
) -> None:
    """Workers are numbered by the run."""
    assert fingerprint(run_of(steps, f"desk-{number}")) == fingerprint(run_of(steps))


@settings(max_examples=20)
@given(steps=STEPS, data=st.data())
def test_the_order_of_arrival_does_not_change_it(
    steps: list[tuple[str, int]], data: st.DataObject
) -> None:
    """Spans come as exporters send them."""
    members = spans(run_of(steps))
    mixed = tuple(data.draw(st.permutations(members)))
    assert shape_in(graph_with(mixed)) == shape_in(graph_with(members))


@settings(max_examples=20)
@given(steps=STEPS, by_ns=st.integers(0, 10**15))
def test_when_it_was_does_not_change_it(steps: list[tuple[str, int]], by_ns: int) -> None:
    """Nor how long ago."""
    members = spans(run_of(steps))
    moved = tuple(
        msgspec.structs.replace(s, start_ns=s.start_ns + by_ns, end_ns=s.end_ns + by_ns)
        for s in members
    )
    assert shape_in(graph_with(moved)) == shape_in(graph_with(members))


@given(one=BASELINES, two=BASELINES, three=BASELINES)
def test_baselines_merge_in_any_order_and_grouping(
    one: Baseline, two: Baseline, three: Baseline
) -> None:
    """And a merge with itself changes nothing."""
    assert joined(one, two) == joined(two, one)
    assert joined(joined(one, two), three) == joined(one, joined(two, three))
    assert joined(one, one) == joined(one, Baseline())


@given(name=st.text(max_size=400))
def test_names_become_plain_once_and_for_all(name: str) -> None:
    """Whatever characters they have."""
    plain = plain_name(name)
    assert plain
    assert plain.isprintable()
    assert plain_name(plain) == plain
