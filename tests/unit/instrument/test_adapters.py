from __future__ import annotations

import asyncio
import sys
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest

from causewatch.instrument import crewai, google_adk, langgraph, openai_agents
from instrument_fixtures import Recorded, shape

NAME = "causewatch.handoff."
REQUEST = "Refund order 7 to account 99-12, it arrived broken and late."


@pytest.fixture
def recorded() -> Recorded:
    """Return where spans are kept, with their content."""
    return Recorded("content")


def is_whole(recorded: Recorded, name: str) -> bool:
    """Tell whether what was received in a handoff is what was sent."""
    span = recorded.attributes(name)
    return bool(span[NAME + "sent.sha256"] == span[NAME + "received.sha256"])


class Hooks:
    """Run hooks as the SDK has them, and whether they were called."""

    def __init__(self) -> None:
        self.called: list[str] = []

    async def on_llm_start(self, *_: Any) -> None:
        self.called.append("llm")

    async def on_llm_end(self, *_: Any) -> None:
        """Do nothing."""

    async def on_handoff(self, *_: Any, **__: Any) -> None:
        """Break."""
        raise ValueError("the user's own")

    async def on_agent_end(self, *_: Any) -> None:
        """Do nothing."""


def answer(*items: dict[str, Any]) -> Any:
    """Return a model's response."""
    return SimpleNamespace(to_input_items=lambda: list(items))


CALL = {"type": "function_call", "name": "transfer_to_b", "arguments": "{}", "call_id": "c1"}
DONE = {"type": "function_call_output", "call_id": "c1", "output": '{"assistant": "b"}'}
FOUND = {"type": "function_call_output", "call_id": "c0", "output": "12.50 EUR"}
USER = {"role": "user", "content": REQUEST}


def hand_over(recorded: Recorded, received: Any, *before: dict[str, Any]) -> None:
    """Let agent a hand over to b in the words of the SDK's hooks."""
    context, a, b = SimpleNamespace(), SimpleNamespace(name="a"), SimpleNamespace(name="b")
    hooks = openai_agents.watch(Hooks(), recorded.instrument)

    async def run() -> None:
        await hooks.on_llm_start(context, a, None, [USER, *before])
        await hooks.on_llm_end(context, a, answer(CALL))
        with pytest.raises(ValueError, match="the user's own"):
            await hooks.on_handoff(context, from_agent=a, to_agent=b)
        await hooks.on_llm_start(context, b, None, received)
        await hooks.on_agent_end(context, b, "done")

    asyncio.run(run())
    assert hooks.called == ["llm", "llm"]


@pytest.mark.parametrize(
    ("received", "whole"),
    [
        ([USER, FOUND, CALL, DONE], True),
        ([USER], True),
        ([{"role": "user", "content": [{"type": "input_text", "text": REQUEST}]}], True),
        ([{"role": "assistant", "content": f"<CONVERSATION>\n1. user: {REQUEST}"}], True),
        ([USER, CALL, DONE], True),
        ([USER | {"content": REQUEST[:40]}, FOUND, CALL, DONE], False),
        ([USER, FOUND | {"output": "12.50"}, CALL, DONE], False),
        ("Refund something.", False),
    ],
)
def test_openai_agents(received: Any, whole: bool, recorded: Recorded) -> None:
    """Both sides are read at the model; filtered tool calls and nested history are no loss."""
    hand_over(recorded, received, FOUND)
    assert is_whole(recorded, "handoff b") is whole


def test_openai_agents_that_never_answer(recorded: Recorded) -> None:
    """A handoff to an agent that calls no model has one side and ends; runs do not pile up."""
    hooks = openai_agents.watch(Hooks(), recorded.instrument)
    context, a = SimpleNamespace(), SimpleNamespace(name="a")

    async def run() -> None:
        with pytest.raises(ValueError, match="own"):
            await hooks.on_handoff(context, from_agent=a, to_agent=a)
        await hooks.on_agent_end(context, a, "done")
        for _ in range(openai_agents.MAX_RUNS_COUNT + 5):
            await hooks.on_llm_start(SimpleNamespace(), a, None, "x")

    asyncio.run(run())
    assert NAME + "received.sha256" not in recorded.attributes("handoff a")


class Graph:
    """A running graph as nodes see it: a step number, and an object of the run's own."""

    def __init__(self, patch: pytest.MonkeyPatch) -> None:
        self.step = 0
        self.writer = lambda _: None
        config, runtime = ModuleType("langgraph.config"), ModuleType("langgraph.runtime")
        patch.setattr(
            config, "get_config", lambda: {"metadata": {"langgraph_step": self.step}}, raising=False
        )
        patch.setattr(
            runtime,
            "get_runtime",
            lambda: SimpleNamespace(stream_writer=self.writer),
            raising=False,
        )
        patch.setitem(sys.modules, "langgraph", ModuleType("langgraph"))
        patch.setitem(sys.modules, "langgraph.config", config)
        patch.setitem(sys.modules, "langgraph.runtime", runtime)

    def run(self, node: Any, state: Any) -> Any:
        """Run a node as the next step."""
        self.step += 1
        return node(state)


@pytest.fixture
def graph(monkeypatch: pytest.MonkeyPatch) -> Graph:
    """Return a running graph."""
    return Graph(monkeypatch)


BRIEF = {"goal": "Compare the offers.", "rows": [1, 2, 3]}


@pytest.mark.parametrize(
    ("update", "state", "whole"),
    [
        ({"brief": BRIEF}, {"brief": BRIEF, "other": 1}, True),
        ({"brief": BRIEF}, {"brief": BRIEF | {"rows": [1]}}, False),
        ({"brief": BRIEF}, {}, False),
        ({"notes": ["b"]}, {"notes": ["a", "b"]}, True),
        ({"notes": ["b", "c"]}, {"notes": ["a", "b", "x"]}, False),
        ({"text": "b" * 40}, {"text": "a\n" + "b" * 40}, True),
        ({"text": "b" * 40}, {"text": "a" * 10 + "b" * 35}, False),
        (SimpleNamespace(update={"brief": BRIEF}, goto="writer"), {"brief": BRIEF}, True),
        (
            {"messages": ("assistant", "Write.")},
            {"messages": [SimpleNamespace(type="ai", content="Write.", id="1")]},
            True,
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "Write."},
                    {"type": "remove", "content": ""},
                ]
            },
            {"messages": [SimpleNamespace(type="human", content="Write.", tool_calls=[])]},
            True,
        ),
        ({"messages": "Hi"}, {"messages": [SimpleNamespace(type="human", content="H")]}, False),
    ],
)
def test_langgraph(update: Any, state: Any, whole: bool, graph: Graph, recorded: Recorded) -> None:
    """What a node returned is compared with what the state holds of it at the next agent's."""
    planner = langgraph.agent("planner", lambda _: update, instrument=recorded.instrument)
    writer = langgraph.agent("writer", lambda s: s, instrument=recorded.instrument)
    assert graph.run(planner, {}) is update
    assert graph.run(lambda s: s, state) is state
    assert graph.run(writer, state) is state
    assert recorded.attributes("handoff writer")[NAME + "from"] == "planner"
    assert is_whole(recorded, "handoff writer") is whole


def test_langgraph_joins_branches_and_waits(graph: Graph, recorded: Recorded) -> None:
    """Two agents of one step both hand over; coroutine functions stay such; keys are chosen."""

    async def work(_state: Any) -> dict[str, Any]:
        await asyncio.sleep(0)
        return {"draft": "d", "count": 1}

    a = langgraph.agent("a", work, hands_over=["draft"], instrument=recorded.instrument)
    b = langgraph.agent("b", work, hands_over=["draft"], instrument=recorded.instrument)
    end: Any = langgraph.agent("end", lambda _: None, instrument=recorded.instrument)
    graph.step = 1
    asyncio.run(a({}))
    asyncio.run(b({}))
    graph.step = 2
    end(SimpleNamespace(draft="d", count=2))
    spans = [dict(s.attributes or {}) for s in recorded._exporter.get_finished_spans()]
    assert {span[NAME + "from"] for span in spans} == {"a", "b"}
    assert {span[NAME + "sent"] for span in spans} == {'{"draft":"d"}'}


def test_langgraph_outside_of_a_graph(recorded: Recorded) -> None:
    """A node called by a unit test of the user's works as it did."""
    node: Any = langgraph.agent("a", lambda s: s + 1, instrument=recorded.instrument)
    assert node(1) == 2
    assert recorded.spans() == {}


def crew_of(*outputs: str, context: Any = "unspecified") -> Any:
    """Return a crew of one task for each output and a last one."""
    agents = [
        SimpleNamespace(role=f"agent {n}", execute_task=lambda _, context=None: f"{context}")
        for n in range(len(outputs) + 1)
    ]
    tasks = [
        SimpleNamespace(agent=agents[n], context=None, output=SimpleNamespace(raw=text))
        for n, text in enumerate(outputs)
    ]
    last = SimpleNamespace(agent=agents[-1], context=context, output=None)
    return SimpleNamespace(agents=agents, tasks=[*tasks, last], manager_agent=None)


def test_crewai(recorded: Recorded) -> None:
    """Each output that the next task is given as context is a handoff, whole or cut."""
    crew = crew_of("first " * 10, "second " * 10)
    crewai.watch(crewai.watch(crew, recorded.instrument), recorded.instrument)
    task = crew.tasks[-1]
    context = "first " * 10 + "\n----\n" + "second " * 8
    assert task.agent.execute_task(task, context=context) == context
    spans = [dict(s.attributes or {}) for s in recorded._exporter.get_finished_spans()]
    by_source = {span[NAME + "from"]: span for span in spans}
    assert len(spans) == 2
    first, second = by_source["agent 0"], by_source["agent 1"]
    assert first[NAME + "sent.sha256"] == first[NAME + "received.sha256"]
    assert shape(second, "sent")[""][1] > shape(second, "received")[""][1]


@pytest.mark.parametrize("context", [None, []])
def test_crewai_tasks_without_context_are_given_nothing(context: Any, recorded: Recorded) -> None:
    """Then nothing was handed over, and nothing can be lost."""
    crew = crewai.watch(crew_of("first", context=context), recorded.instrument)
    crew.tasks[-1].agent.execute_task(crew.tasks[-1], None)
    assert recorded.spans() == {}


def test_crewai_delegation(recorded: Recorded) -> None:
    """A task that the crew does not have was made by the agent at work."""
    crew = crew_of("x")
    boss, worker = crew.agents
    task = SimpleNamespace(description="Count the grafts.", context=None)
    boss.execute_task = lambda *_: worker.execute_task(task, "12 rows")
    crewai.watch(crew, recorded.instrument)
    boss.execute_task(crew.tasks[0])
    span = recorded.attributes("handoff agent 1")
    assert (span[NAME + "from"], span[NAME + "mode"]) == ("agent 0", "return_to_caller")
    assert span[NAME + "sent"] == '{"context":"12 rows","task":"Count the grafts."}'


def content(*texts: str) -> Any:
    """Return a content of the kit's."""
    return SimpleNamespace(parts=[SimpleNamespace(text=text) for text in texts])


@pytest.mark.parametrize(("shown", "whole"), [(REQUEST, True), (REQUEST[:40], False)])
def test_google_adk(shown: str, whole: bool, recorded: Recorded) -> None:
    """What the target's model is given holds the words there were, in the kit's own wrapping."""
    watcher = google_adk.Watcher(recorded.instrument)
    triage = SimpleNamespace(invocation_id="i", agent_name="triage")
    billing = SimpleNamespace(invocation_id="i", agent_name="billing")
    watcher.asked(triage, [content(REQUEST)])
    watcher.answered(triage, SimpleNamespace(content=content("I hand"), partial=True))
    watcher.answered(triage, SimpleNamespace(content=content("I hand over.", ""), partial=False))
    watcher.transferred(triage, {"agent_name": "billing"})
    watcher.asked(billing, [content(f"For context: {shown}", "[triage] said:\nI hand over.")])
    watcher.ended(billing)
    assert is_whole(recorded, "handoff billing") is whole


def test_google_adk_ends_what_is_open(recorded: Recorded) -> None:
    """A transfer to an agent without a model has one side; a broken call raises nothing."""
    watcher = google_adk.Watcher(recorded.instrument)
    triage = SimpleNamespace(invocation_id="i", agent_name="triage")
    watcher.transferred(triage, {})
    watcher.transferred(triage, {"agent_name": "billing"})
    watcher.ended(triage)
    watcher.ended(triage)
    assert NAME + "received.sha256" not in recorded.attributes("handoff billing")


def test_adapters_say_which_framework_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    """They import it when they are used, and Python's own error names it."""
    monkeypatch.setitem(sys.modules, "agents", None)
    monkeypatch.setitem(sys.modules, "google.adk.plugins.base_plugin", None)
    with pytest.raises(ImportError, match="agents"):
        openai_agents.watch()
    with pytest.raises(ImportError, match=r"google"):
        google_adk.plugin()
