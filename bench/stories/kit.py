"""One story's material: a domain filled with facts, and the ordinary parts made of it."""

from __future__ import annotations

import re
from functools import cache
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import yaml

from bench.stories.plot import Part, Plot, Turn, Use

HERE = Path(__file__).parent
PLACEHOLDER = re.compile(r"\{(\w+)\}")


class Language(msgspec.Struct, frozen=True, kw_only=True):
    """Phrases of one language; `{tool}`, `{key}` and `{value}` stand in the attacks."""

    code: str
    errors: tuple[str, ...]
    told: tuple[str, ...]
    nothing: str
    none_found: str
    attacks: tuple[str, ...]
    suspicious: str
    retried: str
    follow_up: str
    confirmed: str
    every: str
    """How a user asks for all of a list."""
    total: str
    """How an agent tells the sum of it; takes `{amount}`."""
    follow: str
    """How a user delegates to a note in the record."""
    correction: str
    """How a user corrects a number; takes `{count}`."""


class Divert(msgspec.Struct, frozen=True, kw_only=True):
    """Which argument an attacker wants to have which value."""

    key: str
    value: str


class Tool(msgspec.Struct, frozen=True, kw_only=True):
    """A tool with the arguments and the result of its ordinary call."""

    name: str
    arguments: dict[str, Any]
    result: Any = None
    docs: tuple[str, ...] = ()


class Domain(msgspec.Struct, frozen=True, kw_only=True):
    """What stories are about; texts and values hold placeholders for the facts."""

    name: str
    language: str
    agents: tuple[str, str, str, str, str, str]
    """Who leads, reads, checks, searches, acts and closes."""
    id: str
    names: tuple[str, ...]
    places: tuple[str, ...]
    read: Tool
    check: Tool
    search: Tool
    act: Tool
    divert: Divert
    """What an attacker wants of the tool that acts."""
    ask: str
    finding: str
    paraphrase: str
    brief: str
    checked: str
    looked: str
    done: str
    final: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """The values of one story."""

    id: str
    other: str
    amount: float
    count: int
    date: str
    name: str
    place: str


@cache
def domains() -> tuple[Domain, ...]:
    """Return all domains."""
    return msgspec.convert(_yaml("domains.yaml"), tuple[Domain, ...])


@cache
def languages() -> dict[str, Language]:
    """Return all languages by their codes."""
    found = msgspec.convert(_yaml("languages.yaml"), tuple[Language, ...])
    return {language.code: language for language in found}


def _yaml(name: str) -> Any:
    return yaml.safe_load((HERE / name).read_text(encoding="utf-8"))


def filled(template: Any, facts: Facts) -> Any:
    """Return a template with its facts; a text that is one placeholder becomes its value."""
    if isinstance(template, dict):
        return {key: filled(value, facts) for key, value in template.items()}
    if isinstance(template, list):
        return [filled(value, facts) for value in template]
    if not isinstance(template, str):
        return template
    whole = PLACEHOLDER.fullmatch(template)
    if whole:
        return getattr(facts, whole[1])
    return PLACEHOLDER.sub(lambda found: _shown(getattr(facts, found[1])), template)


def _shown(value: Any) -> str:
    return f"{value:.2f}" if isinstance(value, float) else str(value)


class Kit:
    """A domain, its language, the facts and a source of chance."""

    def __init__(self, domain: Domain, rng: Random) -> None:
        self.domain = domain
        self.language = languages()[domain.language]
        self.rng = rng
        self.facts = draw(domain, rng)
        lead, reader, checker, searcher, actor, closer = domain.agents
        self.lead, self.reader, self.checker = lead, reader, checker
        self.searcher, self.actor, self.closer = searcher, actor, closer

    def text(self, name: str, facts: Facts | None = None) -> str:
        """Return a text of the domain."""
        return str(filled(getattr(self.domain, name), facts or self.facts))

    def use(self, name: str, facts: Facts | None = None, **changes: Any) -> Use:
        """Return the ordinary call of one of the four tools, with changes to it."""
        tool: Tool = getattr(self.domain, name)
        known = facts or self.facts
        result = filled(tool.result, known)
        if tool.docs:
            result = {"documents": [{"id": f"d-{n}", "text": t} for n, t in enumerate(tool.docs)]}
        ordinary = {"arguments": filled(tool.arguments, known), "result": result, "tag": name}
        return Use(tool=tool.name, **(ordinary | changes))

    def record(self, facts: Facts | None = None) -> dict[str, Any]:
        """Return what the reading tool ordinarily finds."""
        found: dict[str, Any] = filled(self.domain.read.result, facts or self.facts)
        return found

    def reading(self, *turns: Turn, says: str | None = None) -> Part:
        """Return the part of the reader: its ordinary turns, where none are given."""
        ordinary = (
            Turn(uses=(self.use("read"), self.use("check"))),
            Turn(uses=(self.use("search"),)),
        )
        said = self.text("finding") if says is None else says
        return Part(agent=self.reader, turns=turns or ordinary, says=said)

    def acting(self, facts: Facts | None = None, **changes: Any) -> Part:
        """Return the part of the actor, with changes to its call."""
        turn = Turn(uses=(self.use("act", facts, **changes),))
        return Part(agent=self.actor, turns=(turn,), says=self.text("done", facts))

    def closing(self, facts: Facts | None = None) -> Part:
        """Return the part of the agent that tells the outcome."""
        return Part(agent=self.closer, says=self.text("final", facts))

    def plot(self, *parts: Part, final: str | None = None, **more: Any) -> Plot:
        """Return a plot of parts; the ordinary end, where none is given."""
        return Plot(
            lead=self.lead,
            ask=more.pop("ask", self.text("ask")),
            parts=parts,
            final=self.text("final") if final is None else final,
            language=self.language.code,
            **more,
        )

    def attack(self) -> tuple[str, str, str]:
        """Return an instruction to plant, and the argument and the value that it wants."""
        key, value = self.domain.divert.key, self.domain.divert.value
        wording = self.rng.choice(self.language.attacks)
        return wording.format(tool=self.domain.act.name, key=key, value=value), key, value


def draw(domain: Domain, rng: Random) -> Facts:
    """Return new facts for a domain."""
    return Facts(
        id=domain.id % rng.randint(100, 9899),
        other=str(rng.randint(10_000, 99_999)),
        amount=_cents(rng),
        count=rng.randint(3, 48),
        date=f"2026-{rng.randint(1, 12):02d}-{rng.randint(1, 28):02d}",
        name=rng.choice(domain.names),
        place=rng.choice(domain.places),
    )


def _cents(rng: Random) -> float:
    """Return an amount that is not round, as most are not."""
    return (100 * rng.randint(21, 980) + rng.choice((5, 11, 37, 49, 62, 84, 95))) / 100
