"""Whether a candidate's corruption spread: what took it in and went on with it, where it surfaced.

Only what flows counts: a loss that its receiver noticed or made good did no harm either.
"""

from __future__ import annotations

import msgspec

from causewatch.blame.admission import admits
from causewatch.blame.atoms import Pool, atoms_of, atoms_of_text
from causewatch.blame.candidate import Candidate
from causewatch.blame.taint import hits_of
from causewatch.blame.uses import Scene, Use, known_text, told_before, use_of
from causewatch.faults.sources import said_in


class Spread(msgspec.Struct, frozen=True, kw_only=True):
    """How a corruption went on. ``uses`` are in order of time, the last one is the symptom."""

    uses: tuple[Use, ...]
    symptom: int | None
    evidence: tuple[str, ...]
    """One sentence for each use."""
    factor: float = 1.0
    """What the evidence leaves of the candidate's confidence."""


def spread_of(scene: Scene, candidate: Candidate) -> Spread | None:
    """Return how the candidate's corruption spread, or ``None`` if it did no harm."""
    match candidate.spread:
        case "none":
            return Spread(uses=(), symptom=_consequence(scene, candidate), evidence=())
        case "receiver":
            return _by_receiver(scene, candidate)
        case "call":
            return _by_call(scene, candidate)
        case "use":
            return _by_use(scene, candidate)
        case "values":
            return _by_values(scene, candidate)


def _consequence(scene: Scene, candidate: Candidate) -> int | None:
    """Return where a violated step contract surfaced; a loop harms the run itself, nowhere else."""
    if candidate.category == "loop":
        return None
    return _first_act_or_answer(scene, scene.graph.steps[candidate.step].span.end_ns)


def _first_act_or_answer(scene: Scene, after_ns: int, agent: str = "") -> int | None:
    """Return the first acting call after a time, by ``agent`` if it made any, else the answer."""
    acts = [use for use in scene.uses if use.kind == "act" and use.at_ns >= after_ns]
    own = [use for use in acts if agent and use.agent == agent]
    first = next(iter(own or acts), None)
    if first is not None:
        return first.step
    answers = (use.step for use in scene.uses if use.kind == "answer" and use.at_ns >= after_ns)
    return next(answers, None)


def _by_receiver(scene: Scene, candidate: Candidate) -> Spread | None:
    """Judge content lost at a handoff: the receiver went on with what was left of it."""
    graph = scene.graph
    if candidate.handoff is None:
        return None
    handoff = graph.handoffs[candidate.handoff]
    at_ns = graph.steps[candidate.step].span.start_ns
    symptom = _first_act_or_answer(scene, at_ns, handoff.to_agent)
    is_contract = candidate.fault is None
    if symptom is None:
        return Spread(uses=(), symptom=None, evidence=()) if is_contract else None
    if not is_contract and (
        _restored(scene, candidate, symptom) or _asked_back(scene, candidate, symptom)
    ):
        return None
    use = next(use for use in scene.uses if use.step == symptom and use.kind != "handoff")
    did = f"called {graph.steps[symptom].name}" if use.kind == "act" else "answered"
    who = handoff.to_agent or "the receiver"
    return Spread(uses=(use,), symptom=symptom, evidence=(f"{who} {did} with what was left",))


def _restored(scene: Scene, candidate: Candidate, symptom: int) -> bool:
    """Tell whether results that the receiver got before it acted supplied what was lost."""
    handoff = scene.graph.handoffs[candidate.handoff or 0]
    if handoff.sent is None or handoff.received is None:
        return False
    lost = atoms_of(handoff.sent.value).strong - atoms_of(handoff.received.value).strong
    start_ns = scene.graph.steps[candidate.step].span.start_ns
    acts_ns = scene.graph.steps[symptom].span.start_ns
    supplied: set[str] = set()
    for result in scene.results:
        begun = scene.graph.steps[result.call].span.start_ns >= start_ns
        if begun and result.end_ns <= acts_ns and result.call != symptom:
            supplied |= result.atoms.strong
    return bool(lost) and lost <= supplied


def _asked_back(scene: Scene, candidate: Candidate, symptom: int) -> bool:
    """Tell whether the receiver says that something is missing, before or where it should act."""
    graph = scene.graph
    told_text = known_text(scene, told_before(scene, candidate.step))
    use = next(use for use in scene.uses if use.step == symptom)
    receiver = graph.handoffs[candidate.handoff or 0].to_agent
    begun_ns = graph.steps[candidate.step].span.start_ns
    said = (
        text
        for i, step in enumerate(graph.steps)
        if step.kind == "model"
        and graph.owner[i] == receiver
        and begun_ns <= step.span.start_ns
        and step.span.end_ns <= use.at_ns
        for message in step.output_messages
        for text in said_in(message)
    )
    return any(admits(text, told_text=told_text, fault_text="") for text in (use.text, *said))


def _by_values(scene: Scene, candidate: Candidate) -> Spread | None:
    """Judge a bad result: its values, or ones that nothing explains, must reach a later use."""
    call = scene.call_at(candidate.step)
    hits = [] if call is None else hits_of(scene, call, candidate)
    if not hits:
        return None
    return Spread(
        uses=tuple(hit.use for hit in hits),
        symptom=hits[-1].use.step,
        evidence=tuple(hit.evidence for hit in hits),
        factor=max(hit.factor for hit in hits),
    )


def _by_call(scene: Scene, candidate: Candidate) -> Spread | None:
    """Judge a result that made a call happen: the handoffs that carried its values, then the call.

    The call is the harm, also where its tool only looks: the user did not ask for it.
    """
    if candidate.induced is None:
        return None
    call = next((call for call in scene.calls if call.index == candidate.induced), None)
    result = next((r for r in scene.results if r.call == candidate.step), None)
    if call is None:
        return None
    last = use_of(call)
    carried = (result.atoms.strong & last.atoms.strong) if result is not None else frozenset()
    carried -= Pool(*map(atoms_of_text, told_before(scene, candidate.step))).strong
    after_ns = scene.graph.steps[candidate.step].span.end_ns
    uses = tuple(
        use
        for use in scene.uses
        if use.kind == "handoff"
        and after_ns <= use.at_ns <= last.at_ns
        and use.step != last.step
        and use.atoms.strong & carried
    )
    handed = tuple("hands on what the text told" for _ in uses)
    name = call.step.name
    return Spread(
        uses=(*uses, last),
        symptom=call.index,
        evidence=(*handed, f"called {name} with what the text told"),
    )


def _by_use(scene: Scene, candidate: Candidate) -> Spread | None:
    """Judge a fault whose detector saw what came of it: an act, or the answer."""
    step = candidate.induced
    use = next((use for use in scene.uses if use.step == step and use.kind != "handoff"), None)
    if use is None or (candidate.fault != "changed_fact" and _told_of(scene, candidate, use)):
        return None
    did = f"called {scene.graph.steps[use.step].name}" if use.kind == "act" else "answered"
    return Spread(uses=(use,), symptom=use.step, evidence=(f"{did} with it",))


def _told_of(scene: Scene, candidate: Candidate, use: Use) -> bool:
    """Tell whether anybody said, before or in what came of it, that something is missing."""
    graph = scene.graph
    begun_ns = graph.steps[candidate.step].span.start_ns
    told_text = known_text(scene, told_before(scene, candidate.step))
    said = (
        text
        for step in graph.steps
        if step.kind == "model" and begun_ns <= step.span.start_ns and step.span.end_ns <= use.at_ns
        for message in step.output_messages
        for text in said_in(message)
    )
    return any(admits(text, told_text=told_text, fault_text="") for text in (use.text, *said))
