from __future__ import annotations

import pytest

from causewatch.dialects.understand import understand
from causewatch.graph.owners import Owners, own
from causewatch.graph.refine import refine
from causewatch.graph.tree import grow, unique
from causewatch.model.span import Span
from graph_fixtures import agent, graph_of, model, span, tool


def owners_of(*spans: Span) -> Owners:
    """Return the owners of the steps of these spans."""
    return own(refine(grow([understand(each) for each in unique(spans)])))


@pytest.mark.parametrize(
    ("spans", "owner"),
    [
        pytest.param(
            [agent(0, None, "ann"), model(1, 0), tool(2, 1, "t")], ["ann"] * 3, id="inherited"
        ),
        pytest.param(
            [agent(0, None, "ann"), tool(1, 0, "t", gen_ai__agent__name="bob")],
            ["ann", "bob"],
            id="own word counts more",
        ),
        pytest.param(
            [span(0), agent(1, 0, "ann"), model(2, 0)], ["", "ann", ""], id="nobody above"
        ),
        pytest.param(
            [agent(0, None, "ann"), tool(1, 0, "t"), agent(2, 1, "bob"), model(3, 2)],
            ["ann", "ann", "bob", "bob"],
            id="an agent inside of a tool",
        ),
        pytest.param(
            [span(0, name="executor.process ann"), agent(1, 0, "ann"), model(2, 1)],
            ["ann", "ann", "ann"],
            id="a wrapper with the agent's name",
        ),
        pytest.param(
            [span(0, name="joanna"), agent(1, 0, "anna"), model(2, 1)],
            ["", "anna", "anna"],
            id="a name that merely ends alike",
        ),
        pytest.param(
            [
                span(0, gen_ai__operation__name="invoke_workflow", gen_ai__agent__name="desk"),
                model(1, 0),
            ],
            ["", ""],
            id="a workflow owns nothing, whatever name it carries",
        ),
        pytest.param(
            [span(0, 99), model(1, 0, gen_ai__agent__name="ann")], ["", "ann"], id="orphans"
        ),
        pytest.param(
            [
                agent(0, None, "ann"),
                tool(1, 0, "Delegate work to coworker", arguments={"coworker": "bob", "task": "t"}),
                tool(2, 1, "look"),
            ],
            ["ann", "ann", "bob"],
            id="below a delegation without an agent span",
        ),
        pytest.param(
            [
                agent(0, None, "ann"),
                agent(1, 0, "bob"),
                tool(2, 0, "transfer_to_bob"),
                tool(3, 2, "look"),
            ],
            ["ann", "bob", "ann", "ann"],
            id="a transfer passes on, what is below is still the sender's",
        ),
    ],
)
def test_each_step_has_the_owner_that_says_so_nearest(spans: list[Span], owner: list[str]) -> None:
    """The step's own attribute, else the nearest ancestor that says; wrappers included."""
    assert list(owners_of(*spans).owner) == owner


@pytest.mark.parametrize(
    ("spans", "head"),
    [
        pytest.param([agent(0, None, "ann"), agent(1, 0, "ann"), model(2, 1)], [0, 0, 0], id="one"),
        pytest.param(
            [agent(0, None, "ann"), agent(1, None, "ann")], [0, 1], id="two in a row are two"
        ),
        pytest.param(
            [agent(0, None, "ann"), model(1, 0), tool(2, 0, "t"), agent(3, 2, "ann")],
            [0, 0, 0, 3],
            id="an agent that calls itself through a tool",
        ),
        pytest.param(
            [agent(0, None, "ann"), span(1, 0), agent(2, 1, "ann"), model(3, 2)],
            [0, 0, 0, 0],
            id="with a chain between",
        ),
        pytest.param(
            [agent(0, None, "ann"), model(1, 0, gen_ai__agent__name="bob")],
            [0, -1],
            id="a step that says it is another's is in no activation",
        ),
    ],
)
def test_activations_begin_at_the_outermost_wrapper(spans: list[Span], head: list[int]) -> None:
    """Frameworks emit an agent twice; one activation begins once."""
    assert list(owners_of(*spans).head) == head


def test_models_go_to_their_activation() -> None:
    """A model step belongs to the activation it is inside of."""
    owners = owners_of(
        agent(0, None, "ann"), model(1, 0), agent(2, None, "ann"), model(3, 2), model(4, 2)
    )
    assert owners.models == {0: (1,), 2: (3, 4)}


def test_models_beside_their_agent_go_to_its_latest_activation() -> None:
    """Some emit the agent as a leaf beside its work: the work still belongs to the latest one."""
    owners = owners_of(
        span(0),
        agent(1, 0, "ann"),
        model(2, 0, gen_ai__agent__name="ann"),
        agent(30, 0, "ann"),
        model(40, 0, gen_ai__agent__name="ann"),
    )
    assert owners.models == {1: (2,), 3: (4,)}


def test_agents_are_listed_in_order_of_appearance() -> None:
    """An agent that only a delegation names is an agent of the run, too."""
    graph = graph_of(
        agent(0, None, "ann"),
        tool(1, 0, "Delegate work to coworker", arguments={"coworker": "bob", "task": "t"}),
        tool(2, 1, "look"),
        agent(3, 0, "cid"),
    )
    assert graph.agents == ("ann", "bob", "cid")
