"""The agents that took corrupted content in and went on with it, nearest to the origin first."""

from __future__ import annotations

from causewatch.blame.candidate import Candidate
from causewatch.blame.spread import Spread
from causewatch.blame.uses import Scene
from causewatch.faults.repeated_call import repeats_of
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Propagator
from causewatch.model.step import ToolCallPart


def propagators_of(scene: Scene, candidate: Candidate, spread: Spread) -> tuple[Propagator, ...]:
    """Return the propagators.

    For a loop it is the agent that repeats; for a loss at a handoff the receiver that acted on what
    was left; for a lost branch the agent that went on without it; for a bad result the agent that
    used it, then each agent that passed it on. The agent in which it surfaced is the symptom's, and
    is named here only if nobody else stands between.
    """
    graph = scene.graph
    if candidate.category == "loop":
        return _named(graph, candidate.step, graph.owner[candidate.step], _repeat(scene, candidate))
    if candidate.handoff is not None:
        handoff = graph.handoffs[candidate.handoff]
        step = spread.symptom if spread.symptom is not None else handoff.receiver
        evidence = spread.evidence[0] if spread.evidence else "received what was left"
        agent = handoff.to_agent
        turn = _turn_before(graph, agent, step) if step is not None else None
        if turn is None:
            turn = handoff.receiver if handoff.receiver is not None else handoff.sender
        return (Propagator(step=turn, agent=agent, evidence=evidence),) if agent else ()
    if candidate.category == "lost_result" and spread.uses:
        # Who went on without it, not who found it out.
        use, why = spread.uses[-1], spread.evidence[-1]
        return (_decided(graph, use.agent, use.step, why),) if use.agent else ()
    return _along(graph, candidate, spread)


def _along(graph: CausalGraph, candidate: Candidate, spread: Spread) -> tuple[Propagator, ...]:
    found: dict[str, Propagator] = {}
    owner = graph.owner[candidate.step]
    last = len(spread.uses) - 1
    for number, (use, why) in enumerate(zip(spread.uses, spread.evidence, strict=False)):
        agent = use.agent or owner
        if agent in found or (number == last and found):
            continue
        if not found and agent != owner and owner and graph.steps[candidate.step].kind != "agent":
            # The result came to its own agent first, whatever that agent wrote down.
            found[owner] = _decided(
                graph, owner, use.step, f"took in {graph.steps[candidate.step].name}"
            )
            if number == last:
                continue
        found[agent] = _decided(graph, agent, use.step, why)
    if not found and owner and graph.steps[candidate.step].kind != "agent":
        return _named(graph, candidate.step, owner, "used the result")
    return tuple(found.values())


def _decided(graph: CausalGraph, agent: str, use: int, why: str) -> Propagator:
    """Return the agent with the model turn in which it decided on ``use``."""
    turn = _turn_before(graph, agent, use)
    return Propagator(step=use if turn is None else turn, agent=agent, evidence=why)


def _named(graph: CausalGraph, step: int, agent: str, why: str) -> tuple[Propagator, ...]:
    if not agent:
        return ()
    turn = _turn_before(graph, agent, step)
    return (Propagator(step=step if turn is None else turn, agent=agent, evidence=why),)


def _turn_before(graph: CausalGraph, agent: str, step: int) -> int | None:
    """Return the agent's model turn that issued ``step``, else its last one before it, else itself.

    Where the run has no model turns of that agent, its own agent step stands for them.
    """
    if graph.steps[step].kind == "model" and graph.owner[step] == agent:
        return step
    start_ns = graph.steps[step].span.start_ns
    call_id = graph.steps[step].call_id
    best: int | None = None
    for i, other in enumerate(graph.steps):
        if other.kind != "model" or graph.owner[i] != agent or other.span.start_ns > start_ns:
            continue
        best = i
        if call_id and any(
            isinstance(part, ToolCallPart) and part.id == call_id
            for message in other.output_messages
            for part in message.parts
        ):
            return i
    if best is not None:
        return best
    return next(
        (i for i, s in enumerate(graph.steps) if s.kind == "agent" and graph.owner[i] == agent),
        None,
    )


def _repeat(scene: Scene, candidate: Candidate) -> str:
    if candidate.fault == "ping_pong":
        return candidate.reason
    count = len(repeats_of(scene.calls, candidate.step)) + 2
    return f"called {scene.graph.steps[candidate.step].name} {count} times in the same way"
