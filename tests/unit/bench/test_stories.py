"""Made-up stories: what is planted is on the spans, what is healthy is whole, labels are right."""

from __future__ import annotations

import json
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import pytest
from bench.stories.__main__ import main
from bench.stories.controls import CONTROLS
from bench.stories.faulty import FAULTS, IN_HANDOFF
from bench.stories.kit import Kit, domains, draw, filled, languages
from bench.stories.make import DIALECTS, Label, is_hidden, make, make_one
from bench.stories.scene import Node, Recorder
from bench.stories.topology import TOPOLOGIES, played
from bench.verdicts import spans_of_lines

from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.model.limits import RunLimits

STORIES = [*FAULTS, *CONTROLS]


@cache
def chance_runs() -> list[tuple[dict[str, Any], Label]]:
    """Return runs of all stories."""
    return list(make(5, 240))


def kit(seed: int = 1, name: str = "claims") -> Kit:
    """Return the material of one domain."""
    domain = next(domain for domain in domains() if domain.name == name)
    return Kit(domain, Random(seed))


def spans_in(request: dict[str, Any]) -> list[dict[str, Any]]:
    """Return the spans of a request."""
    scopes = request["resourceSpans"][0]["scopeSpans"]
    return [span for scope in scopes for span in scope["spans"]]


def several(story: str, count: int = 6) -> Iterator[tuple[dict[str, Any], Label]]:
    """Yield some runs of one story, in chance domains and dialects."""
    for seed in range(count):
        yield make_one(f"t-{seed}", story, Random(f"{story}/{seed}"))


def test_the_same_seed_makes_the_same_runs() -> None:
    """A run can be made again from its seed and number."""
    first, second = list(make(3, 12)), list(make(3, 12))
    assert first == second
    assert [label.run for _, label in first][:2] == ["3-00000", "3-00001"]
    assert first != list(make(4, 12))


def test_faults_and_controls_take_turns_and_all_come_up() -> None:
    """Half of the runs are healthy; no story is left out of a set that is large enough."""
    labels = [label for _, label in make(1, 2 * len(CONTROLS))]
    assert [label.faulty for label in labels[:4]] == [True, False, True, False]
    assert {label.story for label in labels} == set(STORIES)


@pytest.mark.parametrize("story", STORIES)
def test_labels_name_spans_of_the_run(story: str) -> None:
    """Origins and symptoms are among the spans; healthy runs have neither."""
    for request, label in several(story):
        ids = {span["spanId"] for span in spans_in(request)}
        assert set(label.origins) <= ids
        assert set(label.symptoms) <= ids
        assert label.faulty == bool(label.categories) == bool(label.origins)
        assert label.faulty == bool(label.propagators)


@pytest.mark.parametrize("dialect", DIALECTS)
def test_each_dialect_is_read_as_what_it_looks_like(dialect: str) -> None:
    """The steps of a run have agents and tools whatever framework it imitates, in one run."""
    seen: set[str] = set()
    for request, label in chance_runs():
        if label.dialect != dialect or label.topology not in {"pipeline", "transfer"}:
            continue
        spans = spans_of_lines([json.dumps(request).encode()])
        assembler = RunAssembler(RunLimits())
        assembler.add(spans, (), batch=1, now_ns=0)
        runs = assembler.due(1 << 62)
        assert len(runs) == 1 or label.story == "follow_up"
        graph = build(run_id="x", spans=spans)
        seen |= {step.kind for step in graph.steps}
        agents = {step.agent for step in graph.steps}
        assert len(agents & {name for domain in domains() for name in domain.agents}) > 1
    assert {"agent", "tool"} <= seen


@pytest.mark.parametrize("topology", TOPOLOGIES)
def test_children_lie_within_their_parents(topology: str) -> None:
    """Time goes on, and what happens inside something ends before it does."""
    maker = CONTROLS["joined" if topology == "fan_out" else "plain"][0]
    nodes = played(maker(kit()), topology, Random(1))
    for node in nodes:
        assert node.start < node.end
        if node.parent is not None:
            above = nodes[node.parent]
            assert above.start < node.start
            assert node.end < above.end


def test_branches_overlap() -> None:
    """A fan-out is one: its agents run at one time."""
    nodes = played(CONTROLS["joined"][0](kit()), "fan_out", Random(1))
    read, check, look = [node for node in nodes if node.kind == "agent"][:3]
    assert max(read.start, check.start, look.start) < min(read.end, check.end, look.end)


def test_a_tool_of_a_turn_knows_its_call() -> None:
    """What a model asks for is what the tool's node holds."""
    nodes = played(CONTROLS["plain"][0](kit()), "solo", Random(1))
    asked = [call.id for node in nodes if node.kind == "model" for call in node.reply.calls]
    assert asked == [node.asked.id for node in nodes if node.kind == "tool"]


def test_nodes_of_another_kind_have_neither_call_nor_reply() -> None:
    """A mistake in a dialect is loud."""
    node = Node(kind="agent", name="x", agent="x", parent=None, start=0)
    with pytest.raises(ValueError, match="no call"):
        _ = node.asked
    with pytest.raises(ValueError, match="said nothing"):
        _ = node.reply


def test_what_runs_beside_something_begins_with_it() -> None:
    """Going back in time never loses what came later."""
    recorder = Recorder(Random(1))
    begun = recorder.now
    recorder.tick()
    later = recorder.now
    with recorder.back_to(begun):
        assert recorder.now == begun
    assert recorder.now == later


def received(nodes: list[Node], agent: str) -> str:
    """Return what an agent is told first."""
    return next(
        node.heard[-1].text for node in nodes if node.kind == "agent" and node.agent == agent
    )


@pytest.mark.parametrize("topology", ["delegate", "nested", "transfer", "pipeline", "chat"])
def test_a_cut_handoff_cuts_what_arrives_not_what_was_said(topology: str) -> None:
    """The sender's text is whole, the receiver's ends within a word."""
    material = kit()
    whole = material.text("finding")
    nodes = played(FAULTS["cut_handoff"][0](material), topology, Random(1))
    got = received(nodes, material.actor)
    assert got != whole
    assert whole.startswith(got)
    assert whole[len(got)].isalnum()
    said = [node.said.text for node in nodes if node.said and node.agent == material.reader]
    assert whole in said


def test_a_lost_branch_is_missing_where_branches_join() -> None:
    """The branch said it, and the join does not have it."""
    material = kit()
    nodes = played(FAULTS["lost_branch"][0](material), "fan_out", Random(1))
    joined = next(node for node in nodes if node.kind == "merge").result
    assert material.text("brief") not in joined
    assert material.text("checked") in joined
    assert material.text("checked") in received(nodes, material.actor)


@pytest.mark.parametrize("story", ["number_drift", "error_text", "empty_made_up", "drift_in_code"])
def test_a_wrong_value_is_in_the_action(story: str) -> None:
    """What is acted upon is not what the tool told: the damage is real."""
    for seed in range(20):
        material = kit(seed)
        plot = FAULTS[story][0](material)
        (act,) = [
            use
            for part in plot.parts
            for turn in part.turns
            for use in turn.uses
            if use.tag == "act"
        ]
        assert act.arguments["amount"] != material.facts.amount


@pytest.mark.parametrize("domain", domains(), ids=lambda domain: str(domain.name))
def test_every_domain_can_drift(domain: Any) -> None:
    """Each action carries the id and the amount, and has an argument that attackers want."""
    material = Kit(domain, Random(1))
    arguments = material.use("act").arguments
    assert {material.facts.id, material.facts.amount} <= set(arguments.values())
    assert domain.divert.key in arguments
    for name in ("finding", "paraphrase", "brief"):
        text = material.text(name)
        for value in (material.facts.id, material.facts.date, material.facts.name):
            assert value in text
        assert f"{material.facts.amount:.2f}" in text
    assert len(set(domain.agents)) == 6


def test_there_are_many_domains_and_languages() -> None:
    """The measure is not of one story, nor of one language."""
    assert len(domains()) >= 12
    assert {domain.language for domain in domains()} <= set(languages())
    assert len({domain.language for domain in domains()}) >= 6


@pytest.mark.parametrize("story", ["poisoned_text", "poisoned_note", "poisoned_page"])
def test_a_poisoned_action_has_the_attackers_value(story: str) -> None:
    """It stands in the result that brought it, and in the call, and the user never said it."""
    material = kit(4)
    plot = FAULTS[story][0](material)
    value = material.domain.divert.value
    uses = {use.tag: use for part in plot.parts for turn in part.turns for use in turn.uses}
    assert value in json.dumps(uses[plot.truth.origins[0]].result)
    assert value in uses["act"].arguments.values()
    assert value not in plot.ask


@pytest.mark.parametrize("story", ["attack_ignored", "attack_told"])
def test_an_attack_that_failed_changes_no_action(story: str) -> None:
    """It stands in a result, and in no call."""
    material = kit(4)
    plot = CONTROLS[story][0](material)
    value = material.domain.divert.value
    uses = {use.tag: use for part in plot.parts for turn in part.turns for use in turn.uses}
    assert value in json.dumps(uses["search"].result)
    assert value not in json.dumps(uses["act"].arguments)


def test_a_single_agent_is_to_blame_for_everything() -> None:
    """Played by one agent, whoever is named in the plot is that one."""
    labels = [
        label for story in FAULTS for _, label in several(story, 12) if label.topology == "solo"
    ]
    assert labels
    assert all(len(label.propagators) == 1 for label in labels)


def test_templates_keep_values_apart_from_text() -> None:
    """A template that is one placeholder becomes the value, at any depth; in text it is shown."""
    facts = draw(domains()[0], Random(1))
    made = filled(
        {"a": ["{amount}", {"b": "{count} of {amount}"}], "c": None, "d": "{count}"}, facts
    )
    assert made["a"][0] == facts.amount
    assert made["a"][1]["b"] == f"{facts.count} of {facts.amount:.2f}"
    assert (made["c"], made["d"]) == (None, facts.count)


@pytest.mark.parametrize("story", sorted(IN_HANDOFF))
def test_a_change_on_the_way_is_never_hidden(story: str) -> None:
    """Frameworks that do not record what an agent receives are spared faults nobody could see."""
    assert is_hidden(story, "autogen", "chat")
    assert is_hidden(story, "crewai", "delegate")
    assert not is_hidden(story, "crewai", "pipeline")
    assert not is_hidden("loop", "autogen", "chat")
    seen = {(label.dialect, label.topology) for _, label in several(story, 60)}
    assert not seen & {("autogen", "chat"), ("autogen", "transfer"), ("crewai", "delegate")}


def test_the_command_writes_runs_and_labels(tmp_path: Path) -> None:
    """One request a line, one label a line, in the same order."""
    runs, labels = tmp_path / "runs.jsonl", tmp_path / "labels.jsonl"
    given = ["--seed", "2", "--runs", "10", "--out", str(runs), "--labels", str(labels)]
    assert main(given) == 0
    made = runs.read_text(encoding="utf-8").splitlines()
    known = [json.loads(line) for line in labels.read_text(encoding="utf-8").splitlines()]
    assert len(made) == len(known) == 10
    for line, label in zip(made, known, strict=True):
        traces = {span["traceId"] for span in spans_in(json.loads(line))}
        assert traces == set(label["traces"])
