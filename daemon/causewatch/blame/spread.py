"""Whether a candidate's corruption spread: what took it in and went on with it, where it surfaced.

Only what flows counts. A failed call whose values nobody used, that was repeated with success,
whose values a good result supplied in time, or that the agent admitted, did no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

import msgspec

from causewatch.blame.admission import admits
from causewatch.blame.atoms import Atoms, atoms_of, atoms_of_text, ungrounded, union
from causewatch.blame.candidate import Candidate
from causewatch.blame.report import Report, report_of
from causewatch.blame.uses import Scene, Use, told_before
from causewatch.faults.calls import Call
from causewatch.faults.empty import is_empty
from causewatch.faults.envelope import failure_in
from causewatch.faults.expand import expand
from causewatch.faults.sources import said_in
from causewatch.faults.text import fold, plain

MIN_WEAK_HITS_COUNT = 2
LATE_ADMISSION_FACTOR = 0.7
UNGROUNDED_FACTOR = 0.7
INVENTED_FACTOR = 1.25
"""An empty result proves nothing by itself; acting on a made-up value after it does."""
WORDS_FACTOR = 0.75


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
    later = union(
        atoms_of(call.result.value)
        for call in scene.calls
        if call.result is not None
        and not call.delegates
        and call.step.span.start_ns >= start_ns
        and call.step.span.end_ns <= acts_ns
        and call.index != symptom
    )
    return bool(lost) and lost <= later.strong


def _asked_back(scene: Scene, candidate: Candidate, symptom: int) -> bool:
    """Tell whether the receiver says that something is missing, where it should have acted."""
    use = next(use for use in scene.uses if use.step == symptom)
    told_text = _known_text(scene, told_before(scene, candidate.step))
    return admits(use.text, told_text=told_text, fault_text="")


def _by_values(scene: Scene, candidate: Candidate) -> Spread | None:
    """Judge a bad result: its values, or ones that nothing explains, must reach a later use."""
    call = next((call for call in scene.calls if call.index == candidate.step), None)
    if call is None:
        return None
    good = tuple(_good_results(scene, call))
    report = report_of(call.step)
    fresh = _fresh(report)
    asked = atoms_of(call.step.arguments.value) if call.step.arguments else Atoms()
    told = told_before(scene, call.index)
    told_text = _known_text(scene, told, call)
    told_atoms = union(atoms_of_text(text) for text in told)
    found: list[Use] = []
    evidence: list[str] = []
    factor = 0.0
    for use in scene.uses:
        if use.at_ns < call.step.span.end_ns or use.step == call.index:
            continue
        known = union((told_atoms, asked, *(a for end_ns, a in good if end_ns <= use.at_ns)))
        hit = _hit(use, fresh, known, candidate)
        if admits(use.text, told_text=told_text, fault_text=report.message):
            if not any(each.kind == "act" for each in found):
                return None
            factor *= LATE_ADMISSION_FACTOR
            continue
        if hit is None:
            continue
        found.append(use)
        evidence.append(hit[0])
        factor = max(factor, hit[1])
    spread = _spread(scene, call, found, evidence, factor)
    if spread is None or _repeated_well(scene, call, spread.uses[-1]):
        return None
    said = _said_between(scene, call.step.span.end_ns, spread.uses[-1].at_ns)
    if any(admits(text, told_text=told_text, fault_text=report.message) for text in said):
        return None
    return spread


def _spread(
    scene: Scene, call: Call, found: list[Use], evidence: list[str], factor: float
) -> Spread | None:
    """Return the uses up to the symptom: the first acting call, else the answer."""
    symptom = next((use for use in found if use.kind == "act"), None)
    symptom = symptom or next((use for use in found if use.kind == "answer"), None)
    if symptom is None and found and scene.answer is not None:
        # It was handed over and the run has ended: the answer rests on it, whatever its words.
        after_ns = scene.graph.steps[found[-1].step].span.start_ns
        step = _first_act_or_answer(scene, after_ns, "")
        symptom = next((use for use in scene.uses if use.step == step), None)
        if symptom is not None:
            found.append(symptom)
            evidence.append(f"rests on what {found[0].agent or call.agent} handed over")
    if symptom is None:
        return None
    end = found.index(symptom) + 1
    uses = tuple(use for use in found[:end] if use.kind != "answer" or use is symptom)
    kept = tuple(e for use, e in zip(found[:end], evidence, strict=False) if use in uses)
    return Spread(uses=uses, symptom=symptom.step, evidence=kept, factor=factor)


def _hit(use: Use, fresh: Atoms, known: Atoms, candidate: Candidate) -> tuple[str, float] | None:
    """Return the evidence that a use went on with the bad result, with a factor, or ``None``."""
    strong = (fresh.strong - known.strong) & use.atoms.strong
    if strong:
        return f"uses {_listed(strong)} of it", 1.0
    text = fold(use.text)
    whole = {leaf for leaf in fresh.leaves - known.leaves if _has_word(leaf, text)}
    whole = {leaf for leaf in whole if not set(leaf.split()) <= known.weak}
    if whole:
        return f"repeats {_listed(whole)} of it", 0.95
    weak = (fresh.weak - known.weak) & use.atoms.weak
    if len(weak) >= MIN_WEAK_HITS_COUNT:
        return f"repeats its words {_listed(weak)}", WORDS_FACTOR
    if candidate.category in {"tool_failure", "empty", "truncation"} and use.kind == "act":
        invented = ungrounded(use.atoms, union((known, fresh)))
        if invented:
            return (
                f"uses {_listed(invented)}, which nothing it was given explains",
                INVENTED_FACTOR if candidate.fault == "empty" else UNGROUNDED_FACTOR,
            )
    return None


def _has_word(leaf: str, text: str) -> bool:
    return bool(re.search(rf"(?<!\w){re.escape(leaf)}(?!\w)", text))


def _listed(atoms: frozenset[str] | set[str]) -> str:
    shown = sorted(atoms, key=lambda atom: (-len(atom), atom))[:3]
    return ", ".join(atom[:40] for atom in shown)


def _repeated_well(scene: Scene, call: Call, symptom: Use) -> bool:
    """Tell whether the same tool was asked the same again, and answered before the symptom."""
    for other in scene.calls:
        if other.index == call.index or other.step.name != call.step.name or other.result is None:
            continue
        before, after = call.step.span.end_ns, other.step.span
        if not before <= after.start_ns <= after.end_ns <= symptom.at_ns or not _is_good(other):
            continue
        if other.arguments_key == call.arguments_key or _overlap(call, other):
            return True
    return False


def _overlap(call: Call, other: Call) -> bool:
    """Tell whether two calls ask for the same thing in other words: they share a value."""
    if call.step.arguments is None or other.step.arguments is None:
        return True
    mine, theirs = atoms_of(call.step.arguments.value), atoms_of(other.step.arguments.value)
    if mine.strong or theirs.strong:
        return bool(mine.strong & theirs.strong)
    return bool(mine.weak & theirs.weak) or not mine.weak


def _is_good(call: Call) -> bool:
    if call.result is None or call.step.span.status == "error":
        return False
    return failure_in(call.result.value) is None and not is_empty(call.result.value)


def _good_results(scene: Scene, bad: Call) -> Iterator[tuple[int, Atoms]]:
    """Yield when each good result came to be, with its atoms."""
    for call in scene.calls:
        if call.index != bad.index and not call.delegates and _is_good(call):
            result = call.result
            yield call.step.span.end_ns, atoms_of(expand(result.value)) if result else Atoms()


def _known_text(scene: Scene, told: tuple[str, ...], bad: Call | None = None) -> str:
    """Return, folded, all that the run was told and found out, the bad result aside."""
    results = (
        fold(plain(call.result))
        for call in scene.calls
        if (bad is None or call.index != bad.index) and not call.delegates and _is_good(call)
    )
    return "\n".join((*map(fold, told), *results))


def _fresh(report: Report) -> Atoms:
    """Return the atoms of a bad result's data."""
    found = atoms_of(list(report.data))
    return found if report.structured else Atoms(strong=found.strong, weak=found.weak)


def _said_between(scene: Scene, after_ns: int, before_ns: int) -> Iterator[str]:
    """Yield what the run's models said and asked for between two times."""
    for step in scene.graph.steps:
        if (
            step.kind == "model"
            and after_ns <= step.span.start_ns
            and step.span.end_ns <= before_ns
        ):
            for message in step.output_messages:
                yield from said_in(message)
