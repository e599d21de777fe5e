"""Made runs: which story, wiring and dialect come together, and what is known of each."""

from __future__ import annotations

from collections.abc import Iterator
from random import Random
from typing import Any

import msgspec

from bench.stories import genai, langchain, native, openinference
from bench.stories.autogen import CORE, autogen
from bench.stories.controls import CONTROLS
from bench.stories.emit import Dress, Emitted, emit
from bench.stories.faulty import FAULTS, IN_HANDOFF
from bench.stories.kit import Kit, domains
from bench.stories.plot import Plot, Truth
from bench.stories.scene import Node
from bench.stories.topology import played

EVERYWHERE = ("solo", "delegate", "nested", "transfer", "pipeline", "fan_out", "chat")
DELEGATING = ("solo", "delegate", "nested", "pipeline", "fan_out")

DIALECTS: dict[str, tuple[Dress | None, str, tuple[str, ...]]] = {
    "genai": (genai.genai, "agents.genai", EVERYWHERE),
    "genai_event": (genai.genai_event, "agents.genai", EVERYWHERE),
    "openai_agents": (
        openinference.openai_agents,
        "openinference.instrumentation.openai_agents",
        ("solo", "delegate", "nested", "transfer", "pipeline", "fan_out"),
    ),
    "openllmetry": (
        genai.openllmetry,
        "opentelemetry.instrumentation.openai_agents",
        ("solo", "delegate", "transfer", "pipeline", "fan_out"),
    ),
    "langgraph": (
        langchain.langgraph,
        "openinference.instrumentation.langchain",
        ("solo", "delegate", "transfer", "pipeline", "fan_out"),
    ),
    "langsmith": (
        langchain.langsmith,
        "langsmith",
        ("solo", "delegate", "transfer", "pipeline", "fan_out"),
    ),
    "langfuse": (langchain.langfuse, "langfuse-sdk", EVERYWHERE),
    "pydantic_ai": (genai.pydantic_ai, "pydantic-ai", DELEGATING),
    "adk": (
        genai.adk,
        "gcp.vertex.agent",
        ("solo", "delegate", "transfer", "pipeline", "fan_out"),
    ),
    "crewai": (
        openinference.crewai,
        "openinference.instrumentation.crewai",
        ("solo", "delegate", "pipeline"),
    ),
    "strands": (
        native.strands,
        "strands.telemetry.tracer",
        ("solo", "delegate", "transfer", "pipeline", "fan_out"),
    ),
    "vercel": (native.vercel, "ai", DELEGATING),
    "autogen": (None, CORE, ("transfer", "chat")),
}
"""Each dialect: how it dresses nodes, its scope, the topologies its frameworks know."""


class Label(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one run; every tuple holds the answers that are right."""

    run: str
    story: str
    """The fault or the control."""
    faulty: bool
    topology: str
    dialect: str
    domain: str
    language: str
    traces: tuple[str, ...]
    categories: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    """Span ids."""
    propagators: tuple[str, ...] = ()
    """Names of agents."""
    symptoms: tuple[str, ...] = ()
    """Span ids."""


def make(seed: int, count: int) -> Iterator[tuple[dict[str, Any], Label]]:
    """Return runs, each an OTLP/JSON request and its label, faulty and healthy in turn."""
    faults, controls = list(FAULTS), list(CONTROLS)
    for number in range(count):
        rng = Random(f"{seed}/{number}")
        names = controls if number % 2 else faults
        story = names[number // 2 % len(names)]
        yield make_one(f"{seed}-{number:05d}", story, rng)


def make_one(run: str, story: str, rng: Random) -> tuple[dict[str, Any], Label]:
    """Return one run of a story in a chance domain, topology and dialect."""
    maker, possible = (FAULTS | CONTROLS)[story]
    fitting = [
        (dialect, topology)
        for dialect, (_, _, topologies) in DIALECTS.items()
        for topology in topologies
        if topology in possible and not is_hidden(story, dialect, topology)
    ]
    dialect = rng.choice(sorted({pair[0] for pair in fitting}))
    topology = rng.choice([pair[1] for pair in fitting if pair[0] == dialect])
    domain = rng.choice(domains())
    plot = maker(Kit(domain, rng))
    nodes = played(plot, topology, rng)
    emitted = _emitted(nodes, dialect, rng)
    truth = _placed(plot, topology)
    label = Label(
        run=run,
        story=story,
        faulty=story in FAULTS,
        topology=topology,
        dialect=dialect,
        domain=domain.name,
        language=plot.language,
        traces=emitted.traces,
        categories=truth.categories,
        origins=_ids(emitted, truth.origins),
        propagators=truth.propagators,
        symptoms=_ids(emitted, truth.symptoms),
    )
    return emitted.request, label


def is_hidden(story: str, dialect: str, topology: str) -> bool:
    """Tell whether no span would show what an agent received, so that a change to it is unseen."""
    shows = dialect != "autogen" and (dialect, topology) != ("crewai", "delegate")
    return story in IN_HANDOFF and not shows


def _emitted(nodes: list[Node], dialect: str, rng: Random) -> Emitted:
    dress, scope, _ = DIALECTS[dialect]
    return autogen(nodes, rng) if dress is None else emit(nodes, dress, scope, rng)


def _placed(plot: Plot, topology: str) -> Truth:
    """Return the truth of a plot as it is played: a single agent is whoever did anything."""
    truth = plot.truth
    if topology != "solo":
        return truth
    only = plot.parts[0].agent
    agents = {part.agent for part in plot.parts} | {plot.lead}

    def moved(tag: str) -> str:
        kind, _, agent = tag.partition(":")
        return f"{kind}:{only}" if agent in agents else tag

    return msgspec.structs.replace(
        truth,
        origins=tuple(map(moved, truth.origins)),
        propagators=(only,) if truth.propagators else (),
        symptoms=tuple(map(moved, truth.symptoms)),
    )


def _ids(emitted: Emitted, tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return the spans of tags; who sent or received counts only where no span hands over."""
    if any(tag.startswith("hand:") and tag in emitted.spans for tag in tags):
        tags = tuple(tag for tag in tags if not tag.startswith("agent:"))
    return tuple(dict.fromkeys(span for tag in tags for span in emitted.spans.get(tag, ())))
