from __future__ import annotations

import pytest

from causewatch.blame.judge import judge
from causewatch.model.finding import Alert
from causewatch.model.graph import CausalGraph
from causewatch.rules.bundle import Group
from causewatch.rules.evaluate import evaluate
from causewatch.rules.file import check_files
from causewatch.rules.subject import subject_of
from causewatch.signatures.signature import compile_query
from graph_fixtures import agent, graph_of, tool
from rules_fixtures import bundle_of

PATH = """\
paths:
- path: refunds
  workflow: "clerk*"
  expect:
    clerk: look_up{1,2}, pay
  required: ["look_up before pay"]
  forbidden: ["tool:look_up after tool:pay"]
"""
NOTHING = (
    "2:3: error: the path demands nothing: give it expect, required or forbidden [missing-key]"
)


def problems_of(text: str) -> list[str]:
    """Return the problems of one rule file, without its name."""
    return [str(p).removeprefix("a.yaml:") for p in check_files({"a.yaml": text.encode()})]


def run(*tools: str, workflow: str = "clerk") -> CausalGraph:
    """Return the run of one agent that calls these tools in turn."""
    calls = (tool(i, 1, name) for i, name in enumerate(tools, start=2))
    return graph_of(agent(1, None, workflow, length_ms=500), *calls)


def only_group(text: str) -> Group:
    """Return the one group of a rule file."""
    (group,) = bundle_of(text).groups
    return group


def test_a_path_is_a_rule_of_its_group() -> None:
    """With the labels, times and texts of any rule, in the file's group unless it names another."""
    text = """\
groups:
- name: desk
  labels: {team: refunds}
  rules: []
paths:
- path: p
  group: desk
  expect: {clerk: pay}
  labels: {severity: page, zone: eu}
  annotations: {summary: "{{ $labels.node }}: {{ $deviation }} ({{ $labels.zone }})"}
  window: 15m
  min_runs: 3
  for: 1m
  keep_firing_for: 2m
- path: q
  expect: {clerk: pay}
"""
    desk, default = bundle_of(text).groups
    (first,), (second,) = desk.paths, default.paths
    assert (desk.name, default.name) == ("desk", "a")
    assert first.rule_id == "desk/path:p"
    assert first.labels == {"severity": "page", "team": "refunds", "zone": "eu"}
    assert (first.window_s, first.min_runs, first.for_s, first.keep_firing_for_s) == (
        900,
        3,
        60,
        120,
    )
    assert second.labels == {"severity": "ticket"}
    assert [rule.rule_id for rule in (*desk, *default)] == ["desk/path:p", "a/path:q"]


@pytest.mark.parametrize(
    ("text", "problems"),
    [
        (
            "paths:\n- path: p\n  expect:\n    clerk: a, b | c\n",
            ["4:17: error: ',' and '|' in one group: write parentheses [path]"],
        ),
        (
            "paths:\n- path: p\n  expect:\n    clerk: |\n      a,\n      b{9,1}\n",
            ["6:8: error: from 9 to 1 is no range [path]"],
        ),
        (
            "paths:\n- path: p\n  expect:\n    clerk: 'a, (b'\n    cook: \"a,\"\n    maid:\n",
            [
                "4:16: error: a parenthesis that is not closed [path]",
                ("5:14: error: unexpected the end; expected a name, '->', '(' or '...' [path]"),
                "6:10: error: an empty content model: write () for no children [path]",
            ],
        ),
        (
            "paths:\n- path: p\n  required: [a befor b]\n  forbidden: ['a after']\n",
            [
                "3:16: error: unexpected 'befor'; expected 'before' or 'after' [path]",
                "4:23: error: unexpected the end; expected a name [path]",
            ],
        ),
        (
            "paths:\n- path: p\n  expect: [a]\n",
            ["3:11: error: 'expect' must be a mapping, not a list [value]"],
        ),
        (
            "paths:\n- path: p\n  expects: {a: b}\n",
            [
                NOTHING,
                "3:3: error: a path has no key 'expects'; did you mean 'expect'? [unknown-key]",
            ],
        ),
        (
            "paths:\n- path: p\n  expect: {a: b}\n  group: desk\n",
            ["4:10: error: this file has no group 'desk' [value]"],
        ),
        (
            "paths:\n- path: p\n  expect: {a: b}\n- path: p\n  expect: {a: b}\n",
            ["4:9: error: the path 'p' is already in line 2 [duplicate-path]"],
        ),
        (
            "paths:\n- path: p\n  expect: {a: b}\n  labels: {node: x}\n",
            ["4:12: error: the label 'node' is set by causewatch [label]"],
        ),
        (
            "paths:\n- path: p\n  expect: {a: b}\n  annotations: {s: '{{ $labels.nod }}'}\n",
            ["4:32: error: no label 'nod'; did you mean 'node'? [template]"],
        ),
        (
            "paths:\n- path: p\n  expect: {'': b}\n",
            ["3:12: error: a node needs a name [path]"],
        ),
        (
            "groups:\n- name: g\n  rules:\n  - {alert: 'path:p', signature: '{ true }'}\n",
            ["4:5: error: the alert name 'path:p' is taken [duplicate-rule]"],
        ),
    ],
)
def test_mistakes_are_told_at_their_place_within_the_file(text: str, problems: list[str]) -> None:
    """Line and column are those within the content model, also in a block or in quotes."""
    assert problems_of(text) == problems


@pytest.mark.parametrize(
    ("expect", "warned"),
    [
        (
            "{desk: -> reseacher, researcher: search}",
            "'researcher' is nobody's child",
        ),
        ("{desk: -> researcher, researcher: search}", ""),
        ("{desk: '-> \"res*\"', researcher: search}", ""),
        ("{desk: -> researchers, researcher: search, researchers: search}", ""),
        ("{desk: kb_search, planner: plan}", ""),
        ("{clerk_desk: clerk_dest}", ""),
    ],
)
def test_a_node_that_is_nearly_a_child_is_warned_of(expect: str, warned: str) -> None:
    """A misspelt node would never be judged: that is a warning, and no reason not to load."""
    text = f"paths:\n- path: p\n  workflow: 'clerk*'\n  expect: {expect}\n"
    found = problems_of(text)
    assert len(found) == bool(warned)
    assert all(warned in each and ": warning: " in each for each in found)
    assert bundle_of(text).paths


def test_too_many_nodes_are_refused() -> None:
    """A template is for people."""
    nodes = "".join(f"    n{i}: a\n" for i in range(501))
    text = f"paths:\n- path: p\n  expect:\n{nodes}"
    assert problems_of(text) == ["504:5: error: a path describes at most 500 nodes [path]"]


def test_a_deviation_is_a_finding_with_its_node() -> None:
    """One for each node; what is wrong there is its evidence."""
    group = only_group(PATH)
    graph = run("pay", "look_up")
    judged = judge(graph, paths=[rule.template for rule in group.paths])
    (found,) = evaluate(group, judged, 7).findings
    assert found.labels == {
        "alertname": "PathDeviation",
        "path": "refunds",
        "workflow": "clerk",
        "node": "clerk",
        "severity": "ticket",
    }
    assert found.evidence == (
        "clerk: pay is out of order; allowed here: look_up",
        "clerk: no look_up before pay, which is required",
        "clerk: tool:look_up after tool:pay, which is forbidden",
    )
    assert found.cause.category in {"path", "missing_step"}


def test_a_run_that_keeps_to_its_path_or_is_of_another_workflow_gives_no_finding() -> None:
    """Nothing is said of what the glob does not name."""
    group = only_group(PATH)
    templates = [rule.template for rule in group.paths]
    for graph in (run("look_up", "pay"), run("pay", workflow="cook")):
        judged = judge(graph, paths=templates)
        assert judged.deviations == ()
        assert evaluate(group, judged, 7).findings == ()
        assert judged.blame.verdict != "corrupted"


def test_of_two_paths_each_finds_its_own() -> None:
    """Findings carry the name of the template that was left."""
    text = PATH + "- path: idle\n  expect: {clerk: ()}\n"
    group = only_group(text)
    judged = judge(run("pay"), paths=[rule.template for rule in group.paths])
    names = [found.labels["path"] for found in evaluate(group, judged, 7).findings]
    assert names == ["refunds", "idle"]


def test_the_deviation_can_be_read_by_signatures() -> None:
    """On the step at fault, by the name of the path."""
    paths = bundle_of(PATH).paths
    subject = subject_of(judge(run("look_up", "pay", "look_up"), paths=paths))
    query = compile_query('{ span.causewatch.path.deviation = "refunds" }')
    (nodes,) = query.evaluate(subject).spansets
    names = [subject.spans[node].attributes["gen_ai.tool.name"] for node in nodes]
    assert names == ["look_up"]


def test_the_deviation_can_be_shown_in_annotations() -> None:
    """As a sentence; the alerts of other rules have none."""
    text = PATH + "  annotations: {summary: 'left: {{ $deviation }}'}\n"
    ((rule,),) = (group.paths for group in bundle_of(text).groups)
    alert = Alert(
        rule_id=rule.rule_id,
        rule_version="v",
        alertname="PathDeviation",
        labels={},
        state="firing",
        value=1,
        evidence=("clerk: pay is missing at the end", "more"),
    )
    assert rule.annotations["summary"].render(alert) == "left: clerk: pay is missing at the end"
    other = Alert(
        rule_id="g/A", rule_version="v", alertname="A", labels={}, state="firing", value=1,
        evidence=("matched",),
    )  # fmt: skip
    assert rule.annotations["summary"].render(other) == "left: "


def test_the_version_of_a_path_changes_with_its_content_only() -> None:
    """A changed template starts from now, one that is only laid out anew does not."""

    def version(text: str) -> str:
        (rule,) = only_group(text).paths
        return rule.version

    assert version(PATH) == version(PATH.replace('"clerk*"', "'clerk*'"))
    assert version(PATH) != version(PATH.replace("{1,2}", "{1,3}"))


def test_a_run_with_children_that_overlap_too_much_is_told_as_not_judged() -> None:
    """No alarm and no silence: `explain` says which node could not be checked."""
    names = [f"t{i}" for i in range(20)]
    text = f'paths:\n- path: p\n  expect: {{clerk: "({" | ".join(names)})*, y, z"}}\n'
    graph = graph_of(
        agent(1, None, "clerk", length_ms=500),
        *(tool(i, 1, name, start_ms=10, length_ms=50) for i, name in enumerate(names, start=2)),
        tool(30, 1, "z", start_ms=100),
        tool(31, 1, "y", start_ms=110),
    )
    judged = judge(graph, paths=bundle_of(text).paths)
    assert judged.deviations == ()
    (gap,) = [each for each in judged.blame.unverifiable if each.what == "path p at clerk"]
    assert gap.reason.startswith("too many children at one time")
