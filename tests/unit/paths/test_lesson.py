"""What was learned from fifty good runs accepts them, and fifty more, and nothing bad."""

from __future__ import annotations

from functools import cache
from random import Random

import pytest

from causewatch.graph.build import build
from causewatch.model.expectation import Deviation
from causewatch.paths.check import walk
from causewatch.paths.format import format_model, format_node
from causewatch.paths.lesson import Lesson, lesson_of
from causewatch.paths.template import PathTemplate
from causewatch.paths.visits import Child, Visit, visits_of
from causewatch.rules.file import load
from causewatch.rules.path_text import path_file
from graph_fixtures import capture
from path_runs import PLANTED, Act, good_run, graph_of_run, has
from paths_fixtures import child

RUNS_COUNT = 50
SEEDS = (1, 2)


@cache
def taught(seed: int) -> tuple[Lesson, Random]:
    """Return what fifty good runs teach, and the chance that made them, for more."""
    rng = Random(seed)
    runs = [visits_of(graph_of_run(good_run(rng))) for _ in range(RUNS_COUNT)]
    return lesson_of("support_desk", runs), rng


@cache
def templates(seed: int) -> tuple[PathTemplate, ...]:
    """Return the learned rule file, loaded as it is."""
    return load({"a.yaml": path_file([taught(seed)[0]]).encode()}).paths


def deviations(seed: int, run: Act) -> list[Deviation]:
    """Return where a run leaves what was learned."""
    return list(walk(templates(seed), graph_of_run(run)).deviations)


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_learned_accepts_the_runs_it_was_learned_from(seed: int) -> None:
    """All fifty, which is the least."""
    rng = Random(seed)
    assert [deviations(seed, good_run(rng)) for _ in range(RUNS_COUNT)] == [[]] * RUNS_COUNT


@pytest.mark.parametrize("seed", SEEDS)
def test_what_was_learned_accepts_fifty_further_good_runs(seed: int) -> None:
    """Other numbers of searches, other orders of what runs at one time, other workers."""
    rng = Random(seed + 1_000)
    assert [deviations(seed, good_run(rng)) for _ in range(RUNS_COUNT)] == [[]] * RUNS_COUNT


@pytest.mark.parametrize("what", PLANTED)
@pytest.mark.parametrize("seed", SEEDS)
def test_each_planted_deviation_is_told_at_its_node(seed: int, what: str) -> None:
    """Missing, extra, out of order, handed to the wrong one, too often: always where it is."""
    needs, at, spoil = PLANTED[what]
    rng = Random(f"{seed}/{what}")
    run = next(run for _ in range(100) if has(run := good_run(rng), needs))
    assert deviations(seed, run) == []
    spoil(run)
    assert at in {deviation.node for deviation in deviations(seed, run)}


def test_what_is_learned_reads_as_a_person_would_write_it() -> None:
    """The whole of it, for one seed."""
    lesson, _ = taught(SEEDS[0])
    found = {format_node(node.pattern): format_model(node.model) for node in lesson.nodes}
    assert found == {
        "workflow:support_desk": "triage, (billing | tech), writer",
        "triage": "kb_search{1,3}, order_lookup{0,2}, -> (billing | tech)",
        "tech": '(read_log, run_probe){1,3}, fetch_page{2,4}, -> "worker_*"{1,3}, open_ticket,'
        " -> writer",
        "worker_*": "dig",
        "billing": "(policy_check & fraud_check), issue_refund, send_receipt?, -> writer",
        "writer": "draft, translate?",
    }


def test_one_frameworks_template_holds_for_the_others() -> None:
    """Learned from three frameworks, it accepts the same desk written in three more."""
    names = ("openai-agents__openinference", "langgraph__openinference", "google-adk__native-v1")
    runs = [visits_of(build(run_id="r", spans=capture(f"{name}__ok"))) for name in names]
    agents = [tuple(visit for visit in run if visit.kind != "workflow") for run in runs]
    (template,) = load({"a.yaml": path_file([lesson_of("*", agents)]).encode()}).paths
    for name in ("autogen__native", "llamaindex__openinference", "pydantic-ai__native"):
        graph = build(run_id="r", spans=capture(f"{name}__ok"))
        other = PathTemplate(name="x", rule_id="g/path:x", nodes=template.nodes)
        assert walk([other], graph).deviations == ()


def visit(name: str, *children: Child) -> Visit:
    """Return a visit of an agent."""
    return Visit(name=name, kind="agent", step=0, start_ns=0, end_ns=9, children=children)


def test_names_made_up_for_each_run_become_a_glob_and_numbered_steps_do_not() -> None:
    """A name that every run has is a name."""
    runs = [
        (visit("a", *(child(f"job-{run}{i}", i, i, step=i) for i in range(2))),) for run in range(3)
    ]
    assert format_model(lesson_of("w", runs).nodes[0].model) == '"job-*"+'
    steps = [(visit("a", *(child(f"step{i}", i, i, step=i) for i in range(3))),)] * 3
    assert format_model(lesson_of("w", steps).nodes[0].model) == "step0, step1, step2"


def test_a_name_of_an_agent_and_a_tool_is_told_apart() -> None:
    """Only where both bear it."""
    run = (visit("a", child("x", 0, 1), child("@x", 2, 3), child("y", 4, 5)),)
    assert format_model(lesson_of("w", [run]).nodes[0].model) == "tool:x, agent:x, y"


def test_support_counts_stand_above_each_line() -> None:
    """A reviewer sees what speaks for each part of a model."""
    runs = [(visit("a", *(child("x", i, i) for i in range(n)), child(">b", 9, 9)),) for n in (1, 2)]
    text = path_file([lesson_of("desk: *", runs)])
    assert text.splitlines()[3:] == [
        "- path: desk",
        "  workflow: 'desk: [*]'  # 2 runs",
        "  expect:",
        "    # 2 runs: x always (1 to 2 times), -> b always",
        "    a: x+, -> b",
    ]


def test_nothing_learned_is_a_file_that_loads() -> None:
    """An empty list of paths, with the same words above."""
    assert load({"a.yaml": path_file([]).encode()}).paths == ()


def test_two_workflows_of_one_stem_have_names_of_their_own() -> None:
    """Names of paths are unique among all files."""
    runs = [(visit("a"),)]
    text = path_file([lesson_of("GET /a", runs), lesson_of("get-a", runs), lesson_of("見", runs)])
    names = [line for line in text.splitlines() if line.startswith("- path")]
    assert names == ["- path: get-a", "- path: get-a-2", "- path: path"]
