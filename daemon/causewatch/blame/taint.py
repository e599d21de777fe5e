"""Whether the values of a bad result were used: taint, followed use by use.

A value is tainted if it is new in the bad result and no good result supplied it before its use. A
failed call whose values nobody used, that was repeated with success, or that an agent admitted, did
no harm.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import msgspec

from causewatch.blame.admission import admits
from causewatch.blame.atoms import Atoms, Pool, atoms_of, atoms_of_text, ungrounded
from causewatch.blame.candidate import Candidate
from causewatch.blame.claim import claim_of
from causewatch.blame.report import Report, report_of
from causewatch.blame.uses import Result, Scene, Use, is_good, known_text, told_before
from causewatch.faults.calls import Call
from causewatch.faults.sources import said_in
from causewatch.faults.text import excerpt, fold, has_word, texts
from causewatch.faults.words import name_words
from causewatch.model.graph import CausalGraph

MIN_WEAK_HITS_COUNT = 2
MAX_HEAD_CHARS = 40
MAX_INVENTIONS_COUNT = 50
"""Acts without any tainted value that are looked at for values from nowhere."""
LATE_ADMISSION_FACTOR = 0.7
UNGROUNDED_FACTOR = 0.7
INVENTED_FACTOR = 1.25
"""An empty result proves nothing by itself; acting on a made-up value after it does."""
WORDS_FACTOR = 0.75
CLAIM_FACTOR = 0.8
MIN_REFERENCE_CHARS = 5
_REFERENCE = re.compile(r"[^\W\d_]")
"""A reference has letters as well; a bare number may be counted or computed."""
_CREATING_WORDS = frozenset(
    {
        "create", "add", "insert", "register", "open", "new", "make", "generate", "start", "begin",
        "anlegen", "erstellen", "crear", "registrar", "ajouter", "creer", "creare", "aggiungere",
    }
)  # fmt: skip


class Hit(msgspec.Struct, frozen=True, kw_only=True):
    """A use that went on with the bad result, how that shows, and how sure it is (a factor)."""

    use: Use
    evidence: str
    factor: float


class _Taint:
    """What is known while the uses after one bad result are followed in order of time."""

    def __init__(self, scene: Scene, call: Call, candidate: Candidate) -> None:
        self._candidate = candidate
        self._call = call
        self._graph = scene.graph
        report = report_of(call.step)
        self.message = report.message
        self._fresh = _fresh(report)
        told = told_before(scene, call.index)
        self.told_text = known_text(scene, told, call.index)
        asked = atoms_of(call.step.arguments.value) if call.step.arguments else Atoms()
        self._known = Pool(asked, *map(atoms_of_text, told))
        # Going by what a failure says is how agents mend it: its words are given, not invented.
        # A failure that is all text may carry data as well.
        heard = atoms_of_text(report.message if report.structured else "")
        self._given = Pool(asked, self._fresh, heard, *map(atoms_of_text, told))
        self._coming: list[Result] = [r for r in reversed(scene.results) if r.call != call.index]
        self._inventions_left = MAX_INVENTIONS_COUNT

    def hit(self, use: Use) -> Hit | None:
        """Return how a use went on with the bad result, or ``None``. Uses come in order of time."""
        while self._coming and self._coming[-1].end_ns <= use.at_ns:
            result = self._coming.pop()
            self._given.add(result.atoms)
            if result.good:
                self._known.add(result.atoms)
        if self._candidate.fault == "flattened":
            # What is left of the result is right; what was made up for the rest is not.
            return self._invention(use)
        return self._use_of_values(use) or self._invention(use) or self._claim(use)

    def admitted(self, text: str) -> bool:
        """Tell whether a text admits the failure."""
        is_age = self._candidate.fault == "stale"
        return admits(text, told_text=self.told_text, fault_text=self.message, is_age=is_age)

    def _use_of_values(self, use: Use) -> Hit | None:
        fresh, known = self._fresh, self._known
        strong = (fresh.strong - known.strong) & use.atoms.strong
        if strong:
            return Hit(use=use, evidence=f"uses {_listed(strong)} of it", factor=1.0)
        text = fold(use.text)
        whole = {leaf for leaf in fresh.leaves - known.leaves if has_word(leaf, text)}
        whole = {leaf for leaf in whole if not has_word(leaf, self.told_text)}
        if whole:
            return Hit(use=use, evidence=f"repeats {_listed(whole)} of it", factor=0.95)
        weak = (fresh.weak - known.weak) & use.atoms.weak
        if len(weak) >= MIN_WEAK_HITS_COUNT:
            return Hit(use=use, evidence=f"repeats its words {_listed(weak)}", factor=WORDS_FACTOR)
        return None

    def _invention(self, use: Use) -> Hit | None:
        """Return how an act rests on a value from nowhere, or ``None``."""
        if not self._inventions_left:
            return None
        is_empty = self._candidate.fault == "empty"
        if is_empty and (use.kind != "act" or use.agent != self._call.agent):
            return self._found_nowhere(use)
        if use.kind != "act":
            return None
        if is_empty and _creates(self._graph.steps[use.step].name):
            # That nothing was found may be just why something is created, under a new name.
            self._given.add(use.atoms)
            return None
        self._inventions_left -= 1
        invented = ungrounded(use.atoms, self._given.strong)
        if not invented:
            return None
        factor = INVENTED_FACTOR if self._candidate.fault == "empty" else UNGROUNDED_FACTOR
        evidence = f"uses {_listed(invented)}, which nothing it was given explains"
        return Hit(use=use, evidence=evidence, factor=factor)

    def _found_nowhere(self, use: Use) -> Hit | None:
        """Return how what an agent made up after it found nothing was gone on with, or ``None``.

        It takes a reference, with letters and digits, that nothing explains and that the agent
        itself told of: "nothing found" may well have been told on as just that.
        """
        self._inventions_left -= 1
        invented = {
            atom
            for atom in ungrounded(use.atoms, self._given.strong)
            if len(atom) >= MIN_REFERENCE_CHARS
            and _REFERENCE.search(atom)
            and any(char.isdigit() for char in atom)
        }
        if use.agent != self._call.agent:
            invented &= self._told_by_caller(use.at_ns)
        if not invented:
            return None
        evidence = f"tells of {_listed(invented)}, which nothing it was given explains"
        return Hit(use=use, evidence=evidence, factor=INVENTED_FACTOR)

    def _told_by_caller(self, until_ns: int) -> AbstractSet[str]:
        """Return the values in what the agent that made the call said after it."""
        told = Pool()
        for i, step in enumerate(self._graph.steps):
            if (
                step.kind == "model"
                and self._graph.owner[i] == self._call.agent
                and self._call.step.span.end_ns <= step.span.start_ns
                and step.span.end_ns <= until_ns
            ):
                for message in step.output_messages:
                    told.add(atoms_of_text("\n".join(said_in(message))))
        return told.strong

    def _claim(self, use: Use) -> Hit | None:
        """Return how an agent tells an outcome that its failed act did not have, or ``None``.

        A reference that nothing gave, and that nobody spoke of before, is one the act should have
        returned.
        """
        if use.kind == "act" or not self._call.acts or self._candidate.fault != "failure":
            return None
        invented = {
            atom
            for atom in ungrounded(use.atoms, self._given.strong)
            if len(atom) >= MIN_REFERENCE_CHARS and not atom.isdecimal() and _REFERENCE.search(atom)
        }
        invented -= _spoken_before(self._graph, self._call) if invented else set()
        if not invented:
            return None
        evidence = f"tells of {_listed(invented)}, which the failed call did not return"
        return Hit(use=use, evidence=evidence, factor=CLAIM_FACTOR)


def _spoken_before(graph: CausalGraph, call: Call) -> AbstractSet[str]:
    """Return the values that models wrote before a call ended."""
    spoken = Pool()
    for step in graph.steps:
        if step.kind == "model" and step.span.start_ns < call.step.span.end_ns:
            for message in step.output_messages:
                for text in said_in(message):
                    spoken.add(atoms_of_text(text))
    return spoken.strong


def hits_of(scene: Scene, call: Call, candidate: Candidate) -> list[Hit]:
    """Return the uses of a bad result up to its symptom, the symptom last; none if it did no harm.

    The symptom is the first acting call that used it, else the answer.
    """
    taint = _Taint(scene, call, candidate)
    hits: list[Hit] = []
    acted = False
    for use in scene.uses:
        if use.at_ns < call.step.span.end_ns or use.step == call.index:
            continue
        if (acted and use.kind != "answer") or _is_retry(scene, call, use):
            continue
        if taint.admitted(use.text):
            if not acted:
                return []
            # It acted first and said so afterwards: the harm was done, if less surely unnoticed.
            hits = [_doubted(hit) for hit in hits]
        elif not acted and (hit := taint.hit(use)):
            hits.append(hit)
            acted = use.kind == "act"
    hits = _ended(scene, call, hits) or _claimed(scene, call, candidate)
    if not hits or _repeated_well(scene, call, hits[-1].use):
        return []
    said = _said_between(scene, call, hits[-1].use.at_ns)
    return [] if any(map(taint.admitted, said)) else hits


def _claimed(scene: Scene, call: Call, candidate: Candidate) -> list[Hit]:
    """Return the answer as the symptom where it tells of a failed act as done."""
    if candidate.category != "tool_failure" or candidate.fault is None or not scene.uses:
        return []
    said = _said_between(scene, call, scene.uses[-1].at_ns)
    found = claim_of(scene, call, said)
    if found is None:
        return []
    answer, shared = found
    evidence = f"tells it as done, with {_listed(shared)} of what was asked"
    return [Hit(use=answer, evidence=evidence, factor=CLAIM_FACTOR)]


def _doubted(hit: Hit) -> Hit:
    return msgspec.structs.replace(hit, factor=hit.factor * LATE_ADMISSION_FACTOR)


def _ended(scene: Scene, call: Call, hits: list[Hit]) -> list[Hit]:
    """Return the hits with a symptom at the end, or none if the run has not come to one yet.

    What was handed over surfaces, if nowhere else, in what the run did or answered next.
    """
    if not hits or hits[-1].use.kind != "handoff":
        return hits
    after_ns = hits[-1].use.at_ns
    acts = (use for use in scene.uses if use.kind == "act" and use.at_ns >= after_ns)
    answers = (use for use in scene.uses if use.kind == "answer" and use.at_ns >= after_ns)
    last = next(acts, None) or next(answers, None)
    if last is None or scene.answer is None:
        return []
    agent = hits[0].use.agent or call.agent or "an agent"
    evidence = f"rests on what {agent} handed over"
    return [*hits, Hit(use=last, evidence=evidence, factor=hits[-1].factor)]


def _listed(atoms: AbstractSet[str]) -> str:
    shown = sorted(atoms, key=lambda atom: (-len(atom), atom))[:3]
    return ", ".join(excerpt(atom[:40]) for atom in shown)


def _repeated_well(scene: Scene, call: Call, symptom: Use) -> bool:
    """Tell whether the same tool was asked the same again, and answered before the symptom."""
    for other in scene.calls:
        if other.index == call.index or other.step.name != call.step.name or other.result is None:
            continue
        before, after = call.step.span.end_ns, other.step.span
        if not before <= after.start_ns <= after.end_ns <= symptom.at_ns or not is_good(other):
            continue
        if other.arguments_key == call.arguments_key or _overlap(call, other):
            return True
    return False


def _is_retry(scene: Scene, call: Call, use: Use) -> bool:
    """Tell whether a use is the same agent's next try at the same thing.

    What it took from the bad result, such as the limit that an error names, is how it recovered.
    """
    other = scene.call_at(use.step) if use.kind == "act" else None
    if other is None or (other.step.name, other.agent) != (call.step.name, call.agent):
        return False
    return _overlap(call, other)


def _overlap(call: Call, other: Call) -> bool:
    """Tell whether two calls ask for the same thing in other words: they share a value."""
    if call.step.arguments is None or other.step.arguments is None:
        return True
    mine, theirs = atoms_of(call.step.arguments.value), atoms_of(other.step.arguments.value)
    if _file_names(call) & _file_names(other):
        return True
    if mine.strong or theirs.strong:
        return bool(mine.strong & theirs.strong)
    return bool(mine.weak & theirs.weak) or not mine.weak


def _file_names(call: Call) -> frozenset[str]:
    """Return the last parts of the paths among a call's arguments: the same file, elsewhere."""
    value = None if call.step.arguments is None else call.step.arguments.value
    paths = (text for text in texts(value) if "/" in text and " " not in text)
    return frozenset(path.rstrip("/").rpartition("/")[2] for path in paths)


def _creates(name: str) -> bool:
    """Tell whether an act makes something new, by the words of its name."""
    return not _CREATING_WORDS.isdisjoint(name_words(name))


def _fresh(report: Report) -> Atoms:
    """Return the atoms of a bad result's data."""
    found = atoms_of(list(report.data))
    return found if report.structured else Atoms(strong=found.strong, weak=found.weak)


def _said_between(scene: Scene, call: Call, before_ns: int) -> Iterator[str]:
    """Yield what the run's models said and asked for after a call and before a time.

    A copy of the call's structured result is no word of theirs, wherever a framework records it.
    """
    value = None if call.result is None else call.result.value
    heads = [text[:MAX_HEAD_CHARS] for text in texts(value) if text.lstrip()[:1] in ("{", "[")]
    after_ns = call.step.span.end_ns
    for step in scene.graph.steps:
        if (
            step.kind == "model"
            and after_ns <= step.span.start_ns
            and step.span.end_ns <= before_ns
        ):
            for message in step.output_messages:
                for text in said_in(message):
                    if not any(head in text for head in heads):
                        yield text
