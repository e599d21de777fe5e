"""The likeliest origin of a run that is known to have ended wrong, where no corruption is proven.

The evidence is weak by definition, so it is taken in order, from what a detector saw down to what
only the shape of the run suggests, and the confidence says which it was: weak faults, faults that
nothing shows to have spread, errors and exit codes, values from nowhere, calls without an answer,
and last the step that introduced most of what the end says. None of it goes by position.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice

import msgspec

from causewatch.blame.atoms import Atoms, ungrounded
from causewatch.blame.candidate import CATEGORY_OF_FAULT, Candidate, candidate_of
from causewatch.blame.slice import before
from causewatch.blame.spread import Spread, spread_of
from causewatch.blame.support import (
    Novelty,
    Said,
    common,
    last_words,
    novelties,
    sayings_of,
    weight_of,
)
from causewatch.blame.uses import Scene, Use, is_good
from causewatch.faults.text import excerpt, plain
from causewatch.model.judgement import Category, Fault
from causewatch.model.step import Step

UNPROVEN = 0.4
"""What is left of a fault's confidence where nothing shows that it spread."""
MENDED = 0.2
"""The same where the tool answered well later on."""
EXIT_CONFIDENCE, ERROR_CONFIDENCE = 0.6, 0.5
INVENTED_CONFIDENCE, SILENT_CONFIDENCE, CUT_CONFIDENCE = 0.4, 0.3, 0.5
OWN_CONFIDENCE = 0.3
LIKELY, POSSIBLE, GUESSED = 0.5, 0.4, 0.33
"""How surely what was seen is why the run ended wrong."""
MAX_SUSPECTS_COUNT = 40
MAX_FOLLOWED_COUNT = 20
"""Faults whose values are followed: each costs a walk over the run."""
MIN_SHARED_WEIGHT = 2
MAX_SCANNED_CHARS = 20_000
_EXIT = re.compile(
    r"\b(?:exit[ _-]?(?:code|status)|return[ _-]?code|returncode|exited with(?: code)?)"
    r"[\"']?\s{0,3}[:=]?\s{0,3}(-?\d{1,5})\b",
    re.IGNORECASE,
)
_STOPPED_SHORT = frozenset({"length", "max_tokens", "content_filter", "max_output_tokens"})


class Suspect(msgspec.Struct, frozen=True, kw_only=True):
    """A possible origin: ``observed`` is how sure it was wrong, ``attributed`` that it mattered."""

    candidate: Candidate
    spread: Spread
    observed: float
    attributed: float


class Doubt(msgspec.Struct, frozen=True, kw_only=True):
    """A run that ended wrong: what is there to suspect, and where it was seen."""

    scene: Scene
    faults: tuple[Fault, ...]
    symptom: int | None
    sayings: tuple[Said, ...]
    news: tuple[Novelty, ...]
    """What of each saying is its own."""
    end: Said | None
    """What the run says in the end."""

    @property
    def spoken(self) -> Iterator[Novelty]:
        """Yield what agents and models said, up to the end, with what is their own."""
        until_ns = self.end.end_ns if self.end is not None else 0
        return (n for n in self.news if not n.said.found_out and n.said.end_ns <= until_ns)


def suspect_of(scene: Scene, faults: Sequence[Fault], symptom: int | None) -> Suspect | None:
    """Return the likeliest origin; ``None`` only for a run of which nothing at all is recorded.

    Where it was seen is known, only steps that it may come from are suspects: those that flow to it
    rather than those that merely came before.
    """
    sayings = sayings_of(scene)
    doubt = Doubt(
        scene=scene,
        faults=tuple(faults),
        symptom=symptom,
        sayings=sayings,
        news=tuple(novelties(scene, sayings)),
        end=last_words(scene, sayings, symptom),
    )
    everything = frozenset(range(len(scene.graph.steps)))
    places = (everything,) if symptom is None else before(scene.graph, symptom)
    for allowed in places:
        for rung in _LADDER:
            inside = (each for each in rung(doubt) if each.candidate.step in allowed)
            found = list(islice(inside, MAX_SUSPECTS_COUNT))
            if found:
                return _passed_on(doubt, min(found, key=lambda each: _rank(scene, each)))
    return None


def _rank(scene: Scene, suspect: Suspect) -> tuple[float, int, int]:
    """The surest first, then the earliest."""
    step = suspect.candidate.step
    sure = round(suspect.observed * suspect.attributed, 2)
    return -sure, scene.graph.steps[step].span.end_ns, step


def _weak_faults(doubt: Doubt) -> Iterator[Suspect]:
    """Faults that spread, on evidence too weak for a verdict; the surest are looked at."""
    surest = sorted(doubt.faults, key=lambda fault: -fault.confidence)
    for fault in surest[:MAX_FOLLOWED_COUNT]:
        candidate = candidate_of(doubt.scene.graph, fault)
        spread = None if candidate is None else spread_of(doubt.scene, candidate)
        if candidate is not None and spread is not None:
            yield Suspect(
                candidate=candidate,
                spread=spread,
                observed=candidate.confidence,
                attributed=min(1.0, spread.factor),
            )


def _unproven_faults(doubt: Doubt) -> Iterator[Suspect]:
    """Faults of which nothing shows that they spread; less so where they were mended."""
    for fault in doubt.faults:
        category, _ = CATEGORY_OF_FAULT.get(fault.name, ("other", "none"))
        yield _suspect(
            doubt,
            fault.step,
            category,
            fault.reason,
            (fault.confidence, MENDED if _is_mended(doubt.scene, fault.step) else UNPROVEN),
        )


def _is_mended(scene: Scene, step: int) -> bool:
    name, end_ns = scene.graph.steps[step].name, scene.graph.steps[step].span.end_ns
    return any(
        call.step.name == name and call.step.span.start_ns >= end_ns and is_good(call)
        for call in scene.calls
    )


def _exits(doubt: Doubt) -> Iterator[Suspect]:
    """Programs that ended with an error code and were not run again with success."""
    last: dict[str, tuple[int, int]] = {}
    for call in doubt.scene.calls:
        if (code := _exit_code(call.step)) is not None:
            last[call.step.name] = call.index, code
    for index, code in last.values():
        if code:
            name = doubt.scene.graph.steps[index].name
            reason = (
                f"what {name} ran ended with exit code {code}, and was not run again with success"
            )
            yield _suspect(
                doubt, _writer(doubt, index), "tool_failure", reason, (EXIT_CONFIDENCE, LIKELY)
            )


def _exit_code(step: Step) -> int | None:
    found = _EXIT.findall(plain(step.result)[:MAX_SCANNED_CHARS])
    return int(found[-1]) if found else None


def _writer(doubt: Doubt, call: int) -> int:
    """Return the step that gave a call what it ran: whoever spoke last before it."""
    start_ns = doubt.scene.graph.steps[call].span.start_ns
    spoken = [s for s in doubt.sayings if not s.found_out and s.end_ns <= start_ns]
    return spoken[-1].step if spoken else call


def _errors(doubt: Doubt) -> Iterator[Suspect]:
    """Steps whose own span reports an error, and replies that the provider broke off."""
    for index, step in enumerate(doubt.scene.graph.steps):
        if step.kind not in {"model", "agent", "tool", "retrieval"}:
            continue
        if step.span.status == "error" and (step.error_type or step.error_message):
            reason = (
                f"{step.name} ended in an error: {excerpt(step.error_message or step.error_type)}"
            )
            yield _suspect(doubt, index, "tool_failure", reason, (ERROR_CONFIDENCE, POSSIBLE))
        elif step.kind == "model" and step.finish_reason.lower() in _STOPPED_SHORT:
            reason = f"the model's reply was broken off ({step.finish_reason.lower()})"
            yield _suspect(doubt, index, "truncation", reason, (CUT_CONFIDENCE, POSSIBLE))


def _inventions(doubt: Doubt) -> Iterator[Suspect]:
    """Values that nothing before explains and that the end repeats, by who said them first."""
    if doubt.end is not None:
        yield from _invented(doubt, doubt.end.atoms.strong, "the end repeats it")


def _taken_up(doubt: Doubt) -> Iterator[Suspect]:
    """The same where another agent repeats them, and the end is silent."""
    said_by: dict[str, str] = {}
    shared: set[str] = set()
    for said in doubt.sayings:
        if not said.found_out:
            shared.update(
                a for a in said.atoms.strong if said_by.setdefault(a, said.agent) != said.agent
            )
    yield from _invented(doubt, frozenset(shared), "another agent repeats it")


def _invented(doubt: Doubt, repeated: frozenset[str], how: str) -> Iterator[Suspect]:
    """Yield who first said values that nothing before explains, of those in ``repeated``."""
    for new in doubt.spoken:
        taken = new.own.strong & repeated
        values = ungrounded(Atoms(strong=taken), new.known) if taken else frozenset()
        if values:
            shown = ", ".join(excerpt(value) for value in sorted(values)[:3])
            reason = f"says {shown}, which nothing before it explains, and {how}"
            sure = (INVENTED_CONFIDENCE, LIKELY)
            yield _suspect(doubt, new.said.step, "ungrounded", reason, sure)


def _silences(doubt: Doubt) -> Iterator[Suspect]:
    """Calls that were never answered."""
    for call in doubt.scene.calls:
        if call.result is None and call.step.arguments is not None and not call.delegates:
            reason = f"{call.step.name} gave no answer to what it was asked"
            sure = (SILENT_CONFIDENCE, POSSIBLE)
            yield _suspect(doubt, call.index, "empty", reason, sure)


def _brought_in(doubt: Doubt) -> Iterator[Suspect]:
    """The step that brought most of what the end says into the run: said it, or found it out.

    Where agents only carried on what they were given, that is where it came from.
    """
    end = doubt.end
    if end is None:
        return
    brought = {
        new.said.step: (weight_of(common(new.own, end.atoms)), new.said.found_out)
        for new in doubt.news
        if new.said.end_ns <= end.end_ns and new.said.step != end.step
    }
    step = max(brought, key=lambda i: (brought[i][0], -i), default=None)
    if step is None or not brought[step][0]:
        return
    weight, found_out = brought[step]
    share = round(100 * weight / max(weight_of(end.atoms), 1))
    where = "was found out here" if found_out else "was first said here"
    reason = f"{share} % of what the end says {where}, and nothing before supports it"
    category: Category = "other" if found_out else "ungrounded"
    yield _suspect(doubt, step, category, reason, (OWN_CONFIDENCE, GUESSED))


def _last_resort(doubt: Doubt) -> Iterator[Suspect]:
    """Where nothing is known of what was said: the step that the end itself is."""
    steps = doubt.scene.graph.steps
    index = doubt.symptom if doubt.symptom is not None else doubt.scene.answer
    if index is None and doubt.end is not None:
        index = doubt.end.step
    if index is None:
        working = [i for i, s in enumerate(steps) if s.kind in {"model", "tool", "agent"}]
        index = max(working, key=lambda i: steps[i].span.end_ns, default=None)
    if index is not None:
        reason = "nothing earlier that is recorded tells more than the end itself"
        yield _suspect(doubt, index, "other", reason, (OWN_CONFIDENCE, MENDED))


_LADDER: tuple[Callable[[Doubt], Iterable[Suspect]], ...] = (
    _weak_faults, _unproven_faults, _exits, _errors, _inventions, _taken_up, _silences, _brought_in,
    _last_resort,
)  # fmt: skip


def _suspect(
    doubt: Doubt, step: int, category: Category, reason: str, sure: tuple[float, float]
) -> Suspect:
    """Return a suspect that is taken to have surfaced at the end."""
    observed, attributed = sure
    return Suspect(
        candidate=Candidate(
            step=step, category=category, reason=reason, confidence=observed, spread="none"
        ),
        spread=Spread(uses=(), symptom=_end_step(doubt), evidence=()),
        observed=observed,
        attributed=attributed,
    )


def _end_step(doubt: Doubt) -> int | None:
    if doubt.symptom is not None:
        return doubt.symptom
    if doubt.scene.answer is not None:
        return doubt.scene.answer
    return None if doubt.end is None else doubt.end.step


def _passed_on(doubt: Doubt, suspect: Suspect) -> Suspect:
    """Return the suspect with who repeated what it brought in, up to the end."""
    step = suspect.candidate.step
    if suspect.spread.uses or step == _end_step(doubt):
        return suspect
    own = next((new.own for new in doubt.news if new.said.step == step), Atoms())
    after_ns = doubt.scene.graph.steps[step].span.end_ns
    end = _end_step(doubt)
    steps = doubt.scene.graph.steps
    until_ns = max(steps[step].span.end_ns if end is None else steps[end].span.end_ns, after_ns)
    uses: list[Use] = []
    evidence: list[str] = []
    for said in doubt.sayings:
        if said.found_out or said.step in {step, end} or not after_ns <= said.start_ns <= until_ns:
            continue
        shared = common(own, said.atoms)
        met = {use.agent for use in uses}
        if said.agent in met or weight_of(shared) < MIN_SHARED_WEIGHT:
            continue
        uses.append(_use(said.step, said))
        evidence.append(f"repeats {_listed(shared)} of it")
    if end is not None:
        uses.append(_use(end, doubt.end, doubt.scene))
        evidence.append("this is where the run ended" if doubt.symptom is None else "seen here")
    spread = Spread(uses=tuple(uses), symptom=end, evidence=tuple(evidence))
    return msgspec.structs.replace(suspect, spread=spread)


def _use(step: int, said: Said | None, scene: Scene | None = None) -> Use:
    agent = said.agent if said is not None else ""
    at_ns = said.start_ns if said is not None else 0
    if scene is not None:
        agent, at_ns = scene.graph.owner[step], scene.graph.steps[step].span.start_ns
    return Use(kind="answer", step=step, agent=agent, at_ns=at_ns, text="", atoms=Atoms())


def _listed(atoms: Atoms) -> str:
    shown = sorted(atoms.strong or atoms.weak, key=lambda atom: (-len(atom), atom))[:3]
    return ", ".join(excerpt(atom[:40]) for atom in shown)
