"""The blast radius: everything downstream of the origin that took the corruption in, or carried it.

Forward over the edges that carry content (data, handoff, link), in order of time. What a turn took
in stays in its agent's context, so that its later turns have it too; a call or a handoff that such
a turn made carries it on only if a value of it is in what it gave, where values are known.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator

from causewatch.blame.atoms import Atoms, Pool, atoms_of, atoms_of_text
from causewatch.blame.candidate import Candidate
from causewatch.blame.spread import Spread
from causewatch.blame.uses import Scene, Use, told_before
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Reached, ReachedRole

MAX_REACHED_COUNT = 50
MIN_SHARED_WORDS_COUNT = 3
CLOCK_SKEW_NS = 5_000_000
_CARRIES = frozenset({"data", "handoff", "link"})


def reached_from(scene: Scene, candidate: Candidate, spread: Spread) -> tuple[Reached, ...]:
    """Return what the corruption reached, in order of time, at most ``MAX_REACHED_COUNT``.

    That is, of each agent its first turn with it, and each handoff, acting call and answer that
    carried it on. What blame rests on is always among it; the origin itself is not.
    """
    if candidate.category == "loop" and not spread.uses:
        return ()
    taint = _taint_of(scene, candidate)
    proven = {use.step: why for use, why in zip(spread.uses, spread.evidence, strict=False)}
    inside = _downstream(scene, candidate, taint, frozenset(proven))
    found: dict[int, Reached] = {}
    agents: set[str] = set()
    uses = {use.step: use for use in scene.uses}
    order = sorted(inside | proven.keys(), key=lambda i: (scene.graph.steps[i].span.start_ns, i))
    for index in order:
        use = uses.get(index)
        role = _role(scene.graph, index, use, agents)
        if role is None or index == candidate.step:
            continue
        evidence = proven.get(index) or _why(scene.graph, index, role)
        agent = scene.graph.owner[index] or (use.agent if use is not None else "")
        found[index] = Reached(step=index, agent=agent, role=role, evidence=evidence)
        if role == "agent":
            agents.add(agent)
    return tuple(found.values())[:MAX_REACHED_COUNT]


def _role(graph: CausalGraph, index: int, use: Use | None, met: set[str]) -> ReachedRole | None:
    if use is not None:
        return use.kind
    step = graph.steps[index]
    is_turn = step.kind in {"model", "agent"} and graph.owner[index]
    return "agent" if is_turn and graph.owner[index] not in met else None


def _why(graph: CausalGraph, index: int, role: ReachedRole) -> str:
    """Return why a step counts that lies downstream."""
    match role:
        case "agent":
            return f"{graph.owner[index]} had it in its context"
        case "handoff":
            return "handed on values of it"
        case "act":
            return "acted on values of it"
        case "answer":
            return "answered with it in its context"


def _taint_of(scene: Scene, candidate: Candidate) -> Atoms:
    """Return the values and words that the origin brought in, as far as they can be told."""
    if candidate.handoff is not None:
        return Atoms()
    result = next((r for r in scene.results if r.call == candidate.step), None)
    if result is None:
        return Atoms()
    known = Pool(*map(atoms_of_text, told_before(scene, candidate.step)))
    for other in scene.results:
        if other.end_ns <= scene.graph.steps[candidate.step].span.start_ns:
            known.add(other.atoms)
    return Atoms(strong=result.atoms.strong - known.strong, weak=result.atoms.weak - known.weak)


def _downstream(
    scene: Scene, candidate: Candidate, taint: Atoms, proven: frozenset[int]
) -> set[int]:
    """Return the steps that content of the origin reached.

    Over the graph's edges; within an agent to its later turns; and, whatever the edges, to all that
    gives on a value that only the origin brought in.
    """
    graph = scene.graph
    out = _ways_on(graph)
    begun_ns = graph.steps[candidate.step].span.start_ns - CLOCK_SKEW_NS
    giving = {use.step: use for use in scene.uses if use.kind != "answer"}
    starts = _starts(scene, candidate)
    found = {*starts, *_repeating(scene, candidate, taint)} - {candidate.step}
    pending = deque((*starts, *sorted(found.difference(starts))))
    seen = {candidate.step, *found}
    while pending:
        for target in out.get(pending.popleft(), ()):
            if target in seen or graph.steps[target].span.start_ns < begun_ns:
                continue
            seen.add(target)
            if target in proven or _carries(graph, target, giving.get(target), taint):
                found.add(target)
                pending.append(target)
    return found


def _ways_on(graph: CausalGraph) -> dict[int, list[int]]:
    """Return where content of each step goes next: over edges, and to its agent's next turn."""
    out: dict[int, list[int]] = {}
    for edge in graph.edges:
        if edge.type in _CARRIES:
            out.setdefault(edge.source, []).append(edge.target)
    turns: dict[str, int] = {}
    for index in sorted(range(len(graph.steps)), key=lambda i: (graph.steps[i].span.start_ns, i)):
        agent = graph.owner[index]
        if agent and graph.steps[index].kind in {"model", "agent"}:
            if agent in turns:
                out.setdefault(turns[agent], []).append(index)
            turns[agent] = index
    return out


def _repeating(scene: Scene, candidate: Candidate, taint: Atoms) -> Iterator[int]:
    end_ns = scene.graph.steps[candidate.step].span.end_ns
    for use in scene.uses:
        if use.at_ns >= end_ns and use.atoms.strong & taint.strong:
            yield use.step


def _starts(scene: Scene, candidate: Candidate) -> tuple[int, ...]:
    """Return where the corruption is at first: the origin, and who received what it lost."""
    if candidate.handoff is None:
        return (candidate.step,)
    handoff = scene.graph.handoffs[candidate.handoff]
    ends = (handoff.receiver, handoff.received_by)
    return tuple(dict.fromkeys((candidate.step, *(i for i in ends if i is not None))))


def _carries(graph: CausalGraph, index: int, use: Use | None, taint: Atoms) -> bool:
    """Tell whether a step that a tainted one led to carries the corruption on.

    A turn has what came before in its context; what it asks a tool has only what is in the
    arguments.
    """
    step = graph.steps[index]
    if step.kind not in {"tool", "retrieval", "handoff"} or not (taint.strong or taint.weak):
        return True
    given = use.atoms if use is not None else None
    if given is None:
        given = atoms_of(step.arguments.value) if step.arguments is not None else None
    if given is None:
        return True
    return bool(given.strong & taint.strong) or (
        len(given.weak & taint.weak) >= MIN_SHARED_WORDS_COUNT
    )
