"""What a run was told from outside of its models: prompts and results, each text once."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.text import fold, texts
from causewatch.model.graph import CausalGraph
from causewatch.model.step import Message, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import Value

MAX_PROBE_CHARS = 24
MAX_TRIED_COUNT = 100
"""Beginnings that are looked for one by one; of more, by a walk through the text."""
_TOLD_BY = frozenset({"system", "user", "developer"})


class Prompt(msgspec.Struct, frozen=True, kw_only=True):
    """A text that a model was told, and the first step that shows it."""

    text: str
    step: int
    at_ns: int
    is_standing: bool = False
    """It is an agent's standing instruction, not what somebody asked for this time."""


def prompts_of(graph: CausalGraph) -> tuple[Prompt, ...]:
    """Return the distinct instructions and user texts of a run that no agent of it wrote.

    Each model step repeats the whole conversation, so a text counts once, at its first step. What a
    handoff carried is written by a model, and is left out.
    """
    seen: dict[str, Prompt] = {}
    carried = _Carried(graph)
    repeated: set[int] = set()
    for index, step in enumerate(graph.steps):
        for message in (*step.system, *step.input_messages):
            if message.role not in _TOLD_BY or id(message) in repeated:
                continue
            repeated.add(id(message))
            for part in message.parts:
                if isinstance(part, TextPart) and part.content and part.content not in seen:
                    seen[part.content] = Prompt(
                        text=part.content,
                        step=index,
                        at_ns=step.span.start_ns,
                        is_standing=message.role != "user",
                    )
    return tuple(prompt for prompt in seen.values() if not carried.brought(prompt))


def prompts_in(run: Run) -> tuple[Prompt, ...]:
    """Return the same of a run that is looked at by many."""
    return run.once(_prompts)


def _prompts(run: Run) -> tuple[Prompt, ...]:
    return prompts_of(run.graph)


class _Carried:
    """What handoffs brought, by its beginning, and when it was brought first."""

    def __init__(self, graph: CausalGraph) -> None:
        self._at_ns: dict[str, int] = {}
        for at_ns, probe in _probes(graph):
            self._at_ns[probe] = min(at_ns, self._at_ns.get(probe, at_ns))
        self._lengths = sorted({len(probe) for probe in self._at_ns})

    def brought(self, prompt: Prompt) -> bool:
        """Tell whether a handoff before it brought this text."""
        if not self._at_ns:
            return False
        told = fold(prompt.text)
        if len(self._at_ns) <= MAX_TRIED_COUNT:
            found = (probe for probe in self._at_ns if probe in told)
        else:
            # Of very many, those are tried whose place in the text is found by their length.
            ends = ((at, at + n) for n in self._lengths for at in range(len(told) - n + 1))
            found = (told[at:end] for at, end in ends if told[at:end] in self._at_ns)
        return any(self._at_ns[probe] < prompt.at_ns for probe in found)


def _probes(graph: CausalGraph) -> Iterator[tuple[int, str]]:
    """Yield the beginnings of what model calls handed over, with the time."""
    for handoff in graph.handoffs:
        start = handoff.performed_by if handoff.performed_by is not None else handoff.sender
        if handoff.sent is None or handoff.sent.key.endswith("input.messages"):
            continue
        for text in handoff.sent.strings:
            probe = fold(text[: 2 * MAX_PROBE_CHARS])[:MAX_PROBE_CHARS]
            if len(probe) >= MAX_PROBE_CHARS // 2:
                yield graph.steps[start].span.start_ns, probe


def said_in(message: Message) -> Iterator[str]:
    """Yield every text of a message: what is said, called and answered."""
    for part in message.parts:
        match part:
            case TextPart(content=content):
                yield content
            case ToolCallPart(arguments=arguments):
                yield from _strings(arguments)
            case ToolResultPart(result=result):
                yield from _strings(result)
            case _:
                pass


def _strings(value: Value) -> Iterator[str]:
    yield from texts(value)
