"""What happens in one run of an invented agent system, before any convention writes it down.

A planner delegates to a researcher, who calls a tool six times, and a writer answers from what was
found. What a tool returns is found again in the next model call, as in a real run.
"""

from __future__ import annotations

import dataclasses
import json
import random
import re
from dataclasses import dataclass, field
from typing import Literal

Kind = Literal["workflow", "agent", "model", "tool", "retrieval", "guardrail"]
_ROUNDS = 6
_WORDS = [
    "meter",
    "reading",
    "harbour",
    "crane",
    "invoice",
    "pallet",
    "voltage",
    "tariff",
    "inspection",
    "berth",
    "ledger",
    "forecast",
    "shift",
    "container",
    "customs",
    "gauge",
    "threshold",
    "schedule",
    "vessel",
    "depot",
    "outage",
    "permit",
    "tonnage",
    "weather",
    "quay",
    "manifest",
    "signal",
    "operator",
    "bridge",
    "cargo",
    "siding",
    "fuel",
    "sensor",
    "relay",
    "audit",
    "window",
    "channel",
    "pilot",
]
_TOOLS = ("berth_lookup", "tariff_table", "weather_window", "manifest_search", "crane_status")


@dataclass(frozen=True, kw_only=True)
class Step:
    """One span before it is written in a convention; ``parent`` is the index of its parent."""

    kind: Kind
    name: str
    agent: str
    parent: int | None
    taken: str
    given: str
    call: str = ""
    """Of a tool: the id of the call it answers. Of a model: the id of the call it asks for."""
    tool: str = ""
    """Of a model: the tool it asks for."""
    answers: str = ""
    """Of a model: the id of the call whose result it takes in."""


@dataclass
class Story:
    """One run as it grows: steps in order of their start."""

    dice: random.Random
    faulty: bool
    steps: list[Step] = field(default_factory=list)

    def prose(self, chars: int) -> str:
        """Return about that many characters of words, as one sentence."""
        return " ".join(self.dice.choices(_WORDS, k=max(1, chars // 8))) + "."

    def add(self, step: Step) -> int:
        """Append a step and return its index."""
        self.steps.append(step)
        return len(self.steps) - 1

    def research(self, agent: int, task: str) -> str:
        """Six rounds of model call and tool call; returns the notes of the last model call."""
        seen, answers = task, ""
        for number in range(_ROUNDS):
            tool = self.dice.choice(_TOOLS)
            call = f"call_{self.dice.getrandbits(64):016x}"
            ask = json.dumps({"query": self.prose(60), "page": number, "ref": self.reference()})
            self.add(
                Step(
                    kind="model",
                    name="chat",
                    agent="researcher",
                    parent=agent,
                    taken=seen,
                    given=ask,
                    call=call,
                    tool=tool,
                    answers=answers,
                )
            )
            seen, answers = self.found(cut=self.faulty and number == _ROUNDS - 1), call
            self.add(
                Step(
                    kind="tool",
                    name=tool,
                    agent="researcher",
                    parent=agent,
                    taken=ask,
                    given=seen,
                    call=call,
                )
            )
        # The first row survives a cut: a model that does not notice goes on with what is left.
        quoted = re.findall(r'"(?:ref|text)": "([^"]*)"', seen)[:2]
        notes = f"{self.prose(300)} See {': '.join(quoted)}. {self.prose(250)}"
        self.add(
            Step(
                kind="model",
                name="chat",
                agent="researcher",
                parent=agent,
                taken=seen,
                given=notes,
                answers=answers,
            )
        )
        return notes

    def found(self, *, cut: bool) -> str:
        """Return what a tool answers; ``cut`` in the middle for a faulty run."""
        rows = [
            {
                "ref": self.reference(),
                "value": self.dice.randint(10, 99999),
                "text": self.prose(190),
            }
            for _ in range(3)
        ]
        text = json.dumps({"status": "ok", "rows": rows})
        return text[: len(text) // 2] if cut else text

    def agent(self, name: str, parent: int | None, taken: str) -> int:
        """An agent begins, or the workflow itself where there is no parent; returns its index."""
        kind: Kind = "workflow" if parent is None else "agent"
        return self.add(
            Step(kind=kind, name=name, agent=name, parent=parent, taken=taken, given="")
        )

    def ends(self, index: int, given: str) -> None:
        """An agent ends with this output."""
        self.steps[index] = dataclasses.replace(self.steps[index], given=given)

    def hand_over(self, agent: str, parent: int, taken: str, brief: str, to: str) -> None:
        """A tool transfers to the next agent; the planner has its model ask for that first."""
        call, tool = f"call_{self.dice.getrandbits(64):016x}", f"transfer_to_{to}"
        if agent == "planner":
            self.add(
                Step(
                    kind="model",
                    name="chat",
                    agent=agent,
                    parent=parent,
                    taken=taken,
                    given=brief,
                    call=call,
                    tool=tool,
                )
            )
        self.add(
            Step(
                kind="tool",
                name=tool,
                agent=agent,
                parent=parent,
                taken=brief,
                given=brief,
                call=call,
            )
        )

    def write(self, agent: int, notes: str) -> str:
        """The writer looks at the style guide, drafts, has the draft checked, and answers."""
        pages = json.dumps(
            [{"id": self.reference(), "score": 0.8, "content": self.prose(220)} for _ in range(2)]
        )
        reference = notes.partition("See ")[2][:40]
        draft = f"{self.prose(500)} {reference}."
        answer = f"{self.prose(450)} {reference}."
        rows: list[tuple[Kind, str, str, str]] = [
            ("retrieval", "style_guide", self.prose(60), pages),
            ("model", "chat", notes, draft),
            ("guardrail", "tone_check", draft, '{"passed": true}'),
            ("model", "chat", draft, answer),
        ]
        for kind, name, taken, given in rows:
            self.add(
                Step(kind=kind, name=name, agent="writer", parent=agent, taken=taken, given=given)
            )
        return answer

    def reference(self) -> str:
        """Return an identifier as business data has them."""
        return f"{self.dice.choice('ABCDEFGHJKLM')}X-{self.dice.randint(10_000, 99_999)}"


def story(dice: random.Random, *, faulty: bool) -> list[Step]:
    """Return the 24 steps of one run."""
    tale = Story(dice=dice, faulty=faulty)
    question = f"{tale.prose(350)} Is that right? Ticket {tale.reference()}."
    task = json.dumps({"task": tale.prose(250), "ticket": tale.reference(), "question": question})
    root = tale.agent("harbour_desk", None, question)
    planner = tale.agent("planner", root, question)
    tale.hand_over("planner", planner, question, task, "researcher")
    tale.ends(planner, task)
    researcher = tale.agent("researcher", root, task)
    notes = tale.research(researcher, task)
    tale.hand_over("researcher", researcher, notes, notes, "writer")
    tale.ends(researcher, notes)
    writer = tale.agent("writer", root, notes)
    answer = tale.write(writer, notes)
    tale.ends(writer, answer)
    tale.ends(root, answer)
    return tale.steps
