"""How a system is wired: the same plot played by delegation, transfer, pipeline, fan-out, chat."""

from __future__ import annotations

from collections.abc import Callable
from random import Random

from bench.stories.plot import Part, Plot, Turn, Use
from bench.stories.scene import (
    Call,
    Message,
    Node,
    Recorder,
    answer,
    speak,
    system,
    user,
)

Topology = Callable[[Plot, Recorder], None]


def work(recorder: Recorder, part: Part, heard: list[Message]) -> list[Message]:
    """Record the turns of a part and what it says; return the conversation with both."""
    for turn in part.turns:
        heard = _turn(recorder, part.agent, turn, heard)
    said = Message(role="assistant", text=part.says)
    with recorder.node("turn", "turn", part.agent):
        speak(recorder, part.agent, heard, said, tag=f"says:{part.agent}")
    return [*heard, said]


def _turn(recorder: Recorder, agent: str, turn: Turn, heard: list[Message]) -> list[Message]:
    calls = tuple(recorder.call(use.tool, use.arguments) for use in turn.uses)
    said = Message(role="assistant", text=turn.text, calls=calls)
    with recorder.node("turn", "turn", agent):
        speak(recorder, agent, heard, said, tag=f"turn:{agent}")
        begun = recorder.now
        for call, use in zip(calls, turn.uses, strict=True):
            with recorder.back_to(begun):
                _run_tool(recorder, agent, call, use)
    results = [answer(call, use.result) for call, use in zip(calls, turn.uses, strict=True)]
    return [*heard, said, *results]


def _run_tool(recorder: Recorder, agent: str, call: Call, use: Use) -> None:
    with recorder.node("tool", use.tool, agent, use.tag) as node:
        node.call, node.result, node.failed = call, use.result, use.failed
        recorder.tick()


def _alone(recorder: Recorder, part: Part, told: str) -> None:
    """Record a part as an agent with a conversation of its own."""
    with recorder.node("agent", part.agent, part.agent, f"agent:{part.agent}") as node:
        node.heard = (user(told),)
        node.is_delegated = recorder.is_in_tool
        work(recorder, part, [system(_prompt(part.agent)), user(told)])
        node.said = Message(role="assistant", text=part.says)


def _prompt(agent: str) -> str:
    role = agent.replace("_", " ")
    return f"You are {role}. Use your tools, report what you found, and never invent values."


def _sent(plot: Plot, at: int) -> str:
    """Return what is sent to a part: its task, else what was said before it."""
    part = plot.parts[at]
    if part.task is not None:
        return part.task
    return plot.ask if at == 0 or part.beside else plot.parts[at - 1].says


def solo(plot: Plot, recorder: Recorder) -> None:
    """One agent does everything."""
    turns = tuple(turn for part in plot.parts for turn in part.turns)
    whole = Part(agent=plot.parts[0].agent, turns=turns, says=plot.final)
    _alone(recorder, whole, plot.ask)


def delegate(plot: Plot, recorder: Recorder) -> None:
    """The lead calls the others as tools and gets their answers as results."""
    heard = [system(_prompt(plot.lead)), user(plot.ask)]
    with recorder.node("agent", plot.lead, plot.lead, f"agent:{plot.lead}") as node:
        node.heard = (user(plot.ask),)
        for at, part in enumerate(plot.parts):
            heard = _ask(recorder, plot.lead, part, _sent(plot, at), heard)
        said = Message(role="assistant", text=plot.final)
        with recorder.node("turn", "turn", plot.lead):
            speak(recorder, plot.lead, heard, said, tag=f"says:{plot.lead}")
        node.said = said
    _follow(plot, recorder, heard)


def _ask(
    recorder: Recorder, asker: str, part: Part, sent: str, heard: list[Message]
) -> list[Message]:
    """Record one delegation by a tool call below which the other agent works."""
    call = recorder.call(f"ask_{part.agent}", {"task": sent})
    said = Message(role="assistant", calls=(call,))
    with recorder.node("turn", "turn", asker):
        speak(recorder, asker, heard, said, tag=f"turn:{asker}")
        with recorder.node("tool", call.name, asker, f"hand:{part.agent}") as tool:
            tool.call, tool.target = call, part.agent
            _alone(recorder, part, sent if part.hears is None else part.hears)
            tool.result = part.says
    return [*heard, said, answer(call, part.says)]


def nested(plot: Plot, recorder: Recorder) -> None:
    """The lead asks a coordinator, who asks the others: three deep."""
    middle = f"{plot.lead}_deputy"
    inner = Part(agent=middle, says=plot.parts[-1].says)
    with recorder.node("agent", plot.lead, plot.lead, f"agent:{plot.lead}") as node:
        node.heard = (user(plot.ask),)
        heard = [system(_prompt(plot.lead)), user(plot.ask)]
        call = recorder.call(f"ask_{middle}", {"task": plot.ask})
        said = Message(role="assistant", calls=(call,))
        with recorder.node("turn", "turn", plot.lead):
            speak(recorder, plot.lead, heard, said, tag=f"turn:{plot.lead}")
            with recorder.node("tool", call.name, plot.lead, f"hand:{middle}") as tool:
                tool.call, tool.target, tool.result = call, middle, inner.says
                _coordinate(plot, recorder, inner)
        said_last = Message(role="assistant", text=plot.final)
        with recorder.node("turn", "turn", plot.lead):
            speak(
                recorder,
                plot.lead,
                [*heard, said, answer(call, inner.says)],
                said_last,
                tag=f"says:{plot.lead}",
            )
        node.said = said_last


def _coordinate(plot: Plot, recorder: Recorder, inner: Part) -> None:
    with recorder.node("agent", inner.agent, inner.agent, f"agent:{inner.agent}") as node:
        node.heard = (user(plot.ask),)
        heard = [system(_prompt(inner.agent)), user(plot.ask)]
        for at, part in enumerate(plot.parts):
            heard = _ask(recorder, inner.agent, part, _sent(plot, at), heard)
        work(recorder, inner, heard)
        node.said = Message(role="assistant", text=inner.says)


def transfer(plot: Plot, recorder: Recorder) -> None:
    """Control goes from agent to agent, and the conversation goes with it."""
    heard = [user(plot.ask)]
    with recorder.node("workflow", "workflow", plot.lead) as root:
        root.heard = (user(plot.ask),)
        with recorder.node("agent", plot.lead, plot.lead, f"agent:{plot.lead}"):
            heard = _hand_over(recorder, plot.lead, plot.parts[0].agent, heard)
        for at, part in enumerate(plot.parts):
            if part.hears is not None:
                heard = _filtered(heard, part.hears)
            with recorder.node("agent", part.agent, part.agent, f"agent:{part.agent}") as node:
                node.heard = tuple(heard)
                told = work(recorder, part, [system(_prompt(part.agent)), *heard])
                node.said = told[-1]
                heard = told[1:]
                if at + 1 < len(plot.parts):
                    heard = _hand_over(recorder, part.agent, plot.parts[at + 1].agent, heard)
        root.said = heard[-1]
    _follow(plot, recorder, heard)


def _hand_over(
    recorder: Recorder, sender: str, receiver: str, heard: list[Message]
) -> list[Message]:
    call = recorder.call(f"transfer_to_{receiver}", {})
    said = Message(role="assistant", calls=(call,))
    with recorder.node("turn", "turn", sender):
        speak(recorder, sender, [system(_prompt(sender)), *heard], said, tag=f"turn:{sender}")
        with recorder.node("handoff", call.name, sender, f"hand:{receiver}") as node:
            node.call, node.target, node.heard = call, receiver, tuple(heard[-1:])
            node.result = f"Transferred to {receiver}"
    return [*heard, said, answer(call, node.result)]


def _filtered(heard: list[Message], received: str) -> list[Message]:
    """Return a history as an input filter leaves it: no tool calls, the last text changed."""
    texts = [message for message in heard if message.text and message.role != "tool"]
    return [*texts[:-1], Message(role=texts[-1].role, text=received)]


def pipeline(plot: Plot, recorder: Recorder) -> None:
    """One agent after the other; what one says is what the next one is told."""
    with recorder.node("workflow", "workflow", plot.lead) as root:
        root.heard = (user(plot.ask),)
        for at, part in enumerate(plot.parts):
            _alone(recorder, part, _sent(plot, at) if part.hears is None else part.hears)
        root.said = Message(role="assistant", text=plot.parts[-1].says)


def fan_out(plot: Plot, recorder: Recorder) -> None:
    """Parts that run beside each other, joined by code for the part after them."""
    branches = [part for part in plot.parts if part.beside]
    rest = [part for part in plot.parts if not part.beside]
    with recorder.node("workflow", "workflow", plot.lead) as root:
        root.heard = (user(plot.ask),)
        begun = recorder.now
        for part in branches:
            with recorder.back_to(begun):
                _alone(recorder, part, part.task or plot.ask)
        told = "\n\n".join(f"## {part.agent}\n{part.says}" for part in branches if not part.lost)
        with recorder.node("merge", "merge", "", "merge") as node:
            node.result = told
        for part in rest:
            _alone(recorder, part, told if part.hears is None else part.hears)
            told = part.says
        root.said = Message(role="assistant", text=told)


def chat(plot: Plot, recorder: Recorder) -> None:
    """A group chat: everybody hears what everybody said, and nobody's tool results."""
    spoken = [user(plot.ask)]
    with recorder.node("workflow", "group_chat", plot.lead) as root:
        root.heard = tuple(spoken)
        for part in plot.parts:
            with recorder.node("agent", part.agent, part.agent, f"agent:{part.agent}") as node:
                told = spoken if part.hears is None else [*spoken[:-1], user(part.hears)]
                node.heard = tuple(told)
                work(recorder, part, [system(_prompt(part.agent)), *told])
                node.said = Message(role="assistant", text=part.says)
            spoken = [*spoken, user(f"{part.agent}: {part.says}")]
        root.said = Message(role="assistant", text=plot.parts[-1].says)


def _follow(plot: Plot, recorder: Recorder, heard: list[Message]) -> None:
    """Record what the user asks afterwards."""
    for ask, part in plot.more:
        heard = [*heard, user(ask)]
        with recorder.node("agent", part.agent, part.agent, f"agent:{part.agent}") as node:
            node.heard = (user(ask),)
            heard = work(recorder, part, heard)
            node.said = heard[-1]


TOPOLOGIES: dict[str, Topology] = {
    "solo": solo,
    "delegate": delegate,
    "nested": nested,
    "transfer": transfer,
    "pipeline": pipeline,
    "fan_out": fan_out,
    "chat": chat,
}
ANY = ("solo", "delegate", "nested", "transfer", "pipeline", "chat")
"""All that play any plot; a fan-out needs branches."""
HANDED = tuple(name for name in ANY if name != "solo")
"""Those in which one agent hands on to another."""


def played(plot: Plot, topology: str, rng: Random) -> list[Node]:
    """Return the nodes of a plot that a system of this topology plays."""
    recorder = Recorder(rng)
    TOPOLOGIES[topology](plot, recorder)
    return recorder.nodes
