"""A played story: what was called and said, when and below what, in no dialect yet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from random import Random
from typing import Any, Literal

import msgspec

NodeKind = Literal["workflow", "agent", "turn", "model", "tool", "handoff", "merge"]


class Call(msgspec.Struct, frozen=True, kw_only=True):
    """A tool call that a model asks for."""

    id: str
    name: str
    arguments: dict[str, Any]


class Message(msgspec.Struct, frozen=True, kw_only=True):
    """One message of a conversation with a model."""

    role: Literal["system", "user", "assistant", "tool"]
    text: str = ""
    calls: tuple[Call, ...] = ()
    call: Call | None = None
    """The call that a tool's message answers."""
    result: Any = None


class Node(msgspec.Struct, kw_only=True):
    """Something that took time: it becomes one span, several or none, as the dialect has it."""

    kind: NodeKind
    name: str
    agent: str
    parent: int | None
    start: int
    """Microseconds since the beginning of the scene."""
    end: int = 0
    tag: str = ""
    heard: tuple[Message, ...] = ()
    said: Message | None = None
    call: Call | None = None
    result: Any = None
    failed: bool = False
    target: str = ""
    """The agent that control goes to."""
    is_delegated: bool = False
    """Whether an agent works below another one's tool call."""

    @property
    def asked(self) -> Call:
        """Return the call of a tool or a handoff."""
        if self.call is None:
            raise ValueError(f"{self.name} is no call")
        return self.call

    @property
    def reply(self) -> Message:
        """Return what a model answered."""
        if self.said is None:
            raise ValueError(f"{self.name} said nothing")
        return self.said


class Recorder:
    """Writes down the nodes of one scene; time goes on with each of them."""

    def __init__(self, rng: Random) -> None:
        self.nodes: list[Node] = []
        self.now = 0
        self._rng = rng
        self._open: list[int] = []
        self._calls = rng.randint(100, 900)

    def call(self, name: str, arguments: dict[str, Any]) -> Call:
        """Return a call with an id of its own."""
        self._calls += 1
        return Call(id=f"call_{self._calls:04d}", name=name, arguments=arguments)

    @property
    def is_in_tool(self) -> bool:
        """Tell whether a call of a tool holds what is recorded now, below the last agent."""
        return any(self.nodes[index].kind == "tool" for index in self._open)

    @contextmanager
    def node(self, kind: NodeKind, name: str, agent: str, tag: str = "") -> Iterator[Node]:
        """Record a node that holds whatever is recorded inside the block."""
        parent = self._open[-1] if self._open else None
        made = Node(kind=kind, name=name, agent=agent, parent=parent, start=self.tick(), tag=tag)
        self._open.append(len(self.nodes))
        self.nodes.append(made)
        yield made
        made.end = self.tick()
        self._open.pop()

    @contextmanager
    def back_to(self, moment: int) -> Iterator[None]:
        """Record what ran at one time with what was recorded since ``moment``."""
        latest, self.now = self.now, moment
        yield
        self.now = max(self.now, latest)

    def tick(self) -> int:
        """Return the time, a little later than before."""
        self.now += self._rng.randint(200, 30_000)
        return self.now


def answer(call: Call, result: Any) -> Message:
    """Return the message that tells a model a tool's result."""
    return Message(role="tool", call=call, result=result)


def system(text: str) -> Message:
    """Return a system prompt."""
    return Message(role="system", text=text)


def user(text: str) -> Message:
    """Return what a user, or another agent, says."""
    return Message(role="user", text=text)


def speak(
    recorder: Recorder,
    agent: str,
    heard: Sequence[Message],
    said: Message,
    *,
    tag: str,
) -> None:
    """Record one call of a model."""
    with recorder.node("model", "model", agent, tag) as node:
        node.heard, node.said = tuple(heard), said
        recorder.tick()
