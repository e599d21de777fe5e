"""One run of a framework that nobody knows, in every version of the conventions.

Two agents, a tool that fails inside of a green span, an answer that relies on it. Whether the
content comes as span events, as JSON attributes, as structures, in log records only, or as
OpenInference writes it from Node: the graph is the same, and so is the blame.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from causewatch.blame.judge import judge
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from causewatch.model.span import LogRecord, Resource, Scope, Span, SpanEvent

TRACE = "5" * 32
SCOPE = Scope(name="orchard.tracer", version="3")
MS = 1_000_000
DETAILS = "gen_ai.client.inference.operation.details"

Parts = list[dict[str, Any]]
Chat = list[tuple[str, Parts]]


def text(content: str) -> dict[str, Any]:
    """Return a text part."""
    return {"type": "text", "content": content}


def call(call_id: str, name: str, arguments: Any) -> dict[str, Any]:
    """Return a model's request for a tool."""
    return {"type": "tool_call", "id": call_id, "name": name, "arguments": arguments}


def result(call_id: str, response: Any) -> dict[str, Any]:
    """Return a tool's answer."""
    return {"type": "tool_call_response", "id": call_id, "response": response}


STOCK = {"error": "scanner offline", "rows": [{"graft": "QN-4471", "count": 3}]}
ORDER = {"graft": "QN-4471", "count": 40}
TASK = (
    "Order forty of the graft that runs low in hall 3, the one with the code that the list tells."
)
ASK = call("c1", "ask_buyer", {"task": TASK})
LOOK = call("c2", "read_stock", {"hall": 3})
BUY = call("c3", "place_order", ORDER)
DONE = "Forty of QN-4471 are ordered, order number PO-881."
TOLD = [("user", [text("Fill up hall 3.")])]
BOUGHT = [("user", [text(TASK)])]


class Written(msgspec.Struct):
    """The spans of the run, and the log records beside them."""

    spans: list[Span]
    logs: list[LogRecord]


class Writer:
    """Writes one run; how content is recorded is up to the functions of a version."""

    def __init__(
        self,
        model: Callable[[Chat, Parts], dict[str, Any]],
        tool: Callable[[str, str, Any, Any], dict[str, Any]],
        agent: Callable[[str], dict[str, Any]],
    ) -> None:
        self.model, self.tool, self.agent = model, tool, agent
        self.spans: list[Span] = []
        self.logs: list[LogRecord] = []

    def add(self, number: int, parent: int, name: str, made: Any, *, at: tuple[int, int]) -> None:
        span = Span(
            trace_id=TRACE,
            span_id=f"{number:016x}",
            parent_id=f"{parent:016x}" if parent else "",
            name=name,
            start_ns=at[0] * MS,
            end_ns=at[1] * MS,
            attributes=made.get("attributes", {}),
            events=tuple(made.get("events", ())),
            resource=Resource(attributes={"service.name": "orchard"}),
            scope=SCOPE,
        )
        self.spans.append(span)
        for record in made.get("logs", ()):
            ids = {"trace_id": TRACE, "span_id": span.span_id}
            self.logs.append(msgspec.structs.replace(record, **ids))

    def write(self) -> Written:
        """Return the run: a keeper who asks a buyer, who reads the stock and orders."""
        self.add(1, 0, "keeper", self.agent("keeper"), at=(0, 100))
        self.add(2, 1, "llm", self.model(TOLD, [ASK]), at=(1, 5))
        answer = result("c1", DONE)
        self.add(3, 1, "ask_buyer", self.tool("c1", "ask_buyer", {"task": TASK}, DONE), at=(6, 80))
        self.add(4, 3, "buyer", self.agent("buyer"), at=(7, 79))
        self.add(5, 4, "llm", self.model(BOUGHT, [LOOK]), at=(8, 12))
        self.add(6, 4, "read_stock", self.tool("c2", "read_stock", {"hall": 3}, STOCK), at=(13, 20))
        known = [*BOUGHT, ("assistant", [LOOK]), ("tool", [result("c2", STOCK)])]
        self.add(7, 4, "llm", self.model(known, [BUY]), at=(21, 30))
        placed = {"number": "PO-881"}
        self.add(8, 4, "place_order", self.tool("c3", "place_order", ORDER, placed), at=(31, 40))
        known += [("assistant", [BUY]), ("tool", [result("c3", placed)])]
        self.add(9, 4, "llm", self.model(known, [text(DONE)]), at=(41, 50))
        told = [*TOLD, ("assistant", [ASK]), ("tool", [answer])]
        self.add(10, 1, "llm", self.model(told, [text(DONE)]), at=(81, 99))
        return Written(spans=self.spans, logs=self.logs)


def dumped(value: Any) -> str:
    """Return JSON text, or text as it is."""
    return value if isinstance(value, str) else json.dumps(value)


def messages(chat: Chat) -> list[dict[str, Any]]:
    """Return messages in the form of 1.37 and later."""
    return [{"role": role, "parts": parts} for role, parts in chat]


def genai_agent(name: str) -> dict[str, Any]:
    """Return an agent's span."""
    return {"attributes": {"gen_ai.operation.name": "invoke_agent", "gen_ai.agent.name": name}}


def genai_tool(call_id: str, name: str, arguments: Any, answer: Any) -> dict[str, Any]:
    """Return a tool's span with content."""
    made = bare_tool(call_id, name, arguments, answer)
    made["attributes"]["gen_ai.tool.call.arguments"] = dumped(arguments)
    made["attributes"]["gen_ai.tool.call.result"] = dumped(answer)
    return made


def bare_tool(call_id: str, name: str, _arguments: Any, _answer: Any) -> dict[str, Any]:
    """Return a tool's span without content: what it said is in the messages only."""
    return {
        "attributes": {
            "gen_ai.operation.name": "execute_tool",
            "gen_ai.tool.name": name,
            "gen_ai.tool.call.id": call_id,
        }
    }


def model_of_1_37(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span with JSON attributes."""
    said = [{"role": "assistant", "parts": answer, "finish_reason": "stop"}]
    return {
        "attributes": {
            "gen_ai.operation.name": "chat",
            "gen_ai.provider.name": "acme",
            "gen_ai.request.model": "m-1",
            "gen_ai.input.messages": json.dumps(messages(chat)),
            "gen_ai.output.messages": json.dumps(said),
        }
    }


def model_of_today(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span with structured attributes."""
    made = model_of_1_37(chat, answer)
    for key in ("gen_ai.input.messages", "gen_ai.output.messages"):
        made["attributes"][key] = json.loads(made["attributes"][key])
    return made


def model_in_logs(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span without content, and the log record that holds it."""
    attributes = model_of_1_37(chat, answer)["attributes"]
    content = {key: attributes.pop(key) for key in list(attributes) if key.endswith("messages")}
    return {"attributes": attributes, "logs": [LogRecord(event_name=DETAILS, attributes=content)]}


def old_message(role: str, parts: Parts) -> dict[str, Any]:
    """Return one message as the events up to 1.36 hold it."""
    made: dict[str, Any] = {"role": role}
    for part in parts:
        if part["type"] == "text":
            made["content"] = part["content"]
        elif part["type"] == "tool_call":
            function = {"name": part["name"], "arguments": json.dumps(part["arguments"])}
            made["tool_calls"] = [{"id": part["id"], "type": "function", "function": function}]
        else:
            made |= {"id": part["id"], "content": dumped(part["response"])}
    return made


def old_events(chat: Chat, answer: Parts) -> list[tuple[str, dict[str, Any]]]:
    """Return the message events up to 1.36, by name."""
    asked = [(f"gen_ai.{role}.message", old_message(role, parts)) for role, parts in chat]
    choice = {"index": 0, "finish_reason": "stop", "message": old_message("assistant", answer)}
    return [*asked, ("gen_ai.choice", choice)]


OLD = {"gen_ai.operation.name": "chat", "gen_ai.system": "acme", "gen_ai.request.model": "m-1"}


def model_of_1_26(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span with one event a message."""
    events = [
        SpanEvent(
            name=name,
            time_ns=number,
            attributes={
                k: v if isinstance(v, str | int) else json.dumps(v) for k, v in body.items()
            },
        )
        for number, (name, body) in enumerate(old_events(chat, answer))
    ]
    return {"attributes": dict(OLD), "events": events}


def model_of_1_26_in_logs(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span, and one log record a message."""
    records = [
        LogRecord(time_ns=number, event_name=name, body=body)
        for number, (name, body) in enumerate(old_events(chat, answer))
    ]
    return {"attributes": dict(OLD), "logs": records}


def node_agent(name: str) -> dict[str, Any]:
    """Return an agent's span as OpenInference's JavaScript packages write it."""
    return {"attributes": {"openinference.span.kind": "AGENT", "agent.name": name}}


def node_tool(call_id: str, name: str, arguments: Any, answer: Any) -> dict[str, Any]:
    """Return a tool's span with LangChain.js' message around the result."""
    kwargs = {"content": dumped(answer), "tool_call_id": call_id, "name": name}
    path = ["langchain_core", "messages", "ToolMessage"]
    message = {"lc": 1, "type": "constructor", "id": path, "kwargs": kwargs}
    return {
        "attributes": {
            "openinference.span.kind": "TOOL",
            "tool.name": name,
            "input.value": json.dumps(arguments),
            "output.value": json.dumps({"output": message}),
        }
    }


def node_model(chat: Chat, answer: Parts) -> dict[str, Any]:
    """Return a model's span with flattened messages."""
    made: dict[str, Any] = {"openinference.span.kind": "LLM", "llm.model_name": "m-1"}
    said: Chat = [("assistant", answer)]
    for side, listed in (("input", chat), ("output", said)):
        for number, (role, parts) in enumerate(listed):
            prefix = f"llm.{side}_messages.{number}.message."
            made[f"{prefix}role"] = role
            for part in parts:
                if part["type"] == "text":
                    made[f"{prefix}content"] = part["content"]
                elif part["type"] == "tool_call":
                    inner = f"{prefix}tool_calls.0.tool_call."
                    made[f"{inner}id"] = part["id"]
                    made[f"{inner}function.name"] = part["name"]
                    made[f"{inner}function.arguments"] = json.dumps(part["arguments"])
                else:
                    made[f"{prefix}tool_call_id"] = part["id"]
                    made[f"{prefix}content"] = dumped(part["response"])
    return {"attributes": made}


VERSIONS: dict[str, Callable[[], Writer]] = {
    "1.37, JSON attributes": lambda: Writer(model_of_1_37, genai_tool, genai_agent),
    "today, structures": lambda: Writer(model_of_today, genai_tool, genai_agent),
    "content in log records only": lambda: Writer(model_in_logs, genai_tool, genai_agent),
    "1.26, span events": lambda: Writer(model_of_1_26, genai_tool, genai_agent),
    "1.26, log records": lambda: Writer(model_of_1_26_in_logs, genai_tool, genai_agent),
    "1.37, tools without content": lambda: Writer(model_of_1_37, bare_tool, genai_agent),
    "OpenInference from Node": lambda: Writer(node_model, node_tool, node_agent),
}


def judged(version: str) -> Assessment:
    """Return the assessment of the run as a version writes it."""
    run = VERSIONS[version]().write()
    return judge(build(run_id="r", spans=run.spans, logs=run.logs))


@pytest.mark.parametrize("version", VERSIONS)
def test_the_graph_is_the_same(version: str) -> None:
    """Agents, kinds, owners, and the handoff with both sides."""
    graph = judged(version).graph
    kinds = {step.span.name: step.kind for step in graph.steps}
    assert graph.agents == ("keeper", "buyer")
    assert {kinds[name] for name in ("ask_buyer", "read_stock", "place_order")} == {"tool"}
    assert (kinds["keeper"], kinds["llm"]) == ("agent", "model")
    owners = [graph.owner[i] for i, step in enumerate(graph.steps) if step.kind == "model"]
    assert owners == ["keeper", "buyer", "buyer", "buyer", "keeper"]
    (handoff,) = graph.handoffs
    assert (handoff.from_agent, handoff.to_agent) == ("keeper", "buyer")
    assert handoff.sent is not None
    assert handoff.received is not None
    assert TASK in str(handoff.sent.value)
    assert TASK in str(handoff.received.value)


@pytest.mark.parametrize("version", VERSIONS)
def test_the_blame_is_the_same(version: str) -> None:
    """The look-up that failed behind a green span is the origin, the order its symptom."""
    assessment = judged(version)
    blame, steps = assessment.blame, assessment.graph.steps
    assert (blame.verdict, blame.category) == ("corrupted", "tool_failure")
    assert blame.origin is not None
    assert blame.symptom is not None
    assert steps[blame.origin.step].span.name == "read_stock"
    assert steps[blame.symptom.step].span.name == "place_order"
    assert [one.agent for one in blame.propagators][:1] == ["buyer"]
