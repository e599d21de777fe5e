"""What is said of a run beside what is right to say: the measure all labelled data share."""

from __future__ import annotations

import gzip
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

import msgspec

from causewatch.blame.judge import judge
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.model.judgement import Assessment
from causewatch.model.limits import RunLimits
from causewatch.model.span import Span
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.json import json_to_protobuf

NEVER_NANO = 1 << 62
"""A time by which every run has gone quiet."""


class Expected(msgspec.Struct, frozen=True, kw_only=True):
    """What is right to say of one run; a tuple holds several right answers, none for any."""

    faulty: bool
    categories: tuple[str, ...] = ()
    origins: tuple[str, ...] = ()
    """Span ids."""
    propagators: tuple[str, ...] = ()
    """Names of agents."""
    symptoms: tuple[str, ...] = ()
    """Span ids."""


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """What was said of one run, and which of it was right."""

    verdict: str
    said: str = ""
    """The category and the names of the origin and the symptom, for people."""
    reason: str = ""
    detected: bool = False
    origin: bool = False
    propagator: bool = False
    symptom: bool = False
    category: bool = False

    @property
    def whole(self) -> bool:
        """Tell whether origin and propagator are both right."""
        return self.origin and self.propagator


MEASURES = ("detected", "origin", "propagator", "whole", "symptom", "category")


class Measured(msgspec.Struct, frozen=True, kw_only=True):
    """One labelled run with what was said of it."""

    run: str
    group: str
    """Its planted fault, or the control it is."""
    dialect: str
    expected: Expected
    outcome: Outcome
    about: str = ""
    """What else tells it from the others, for people."""
    has_content: bool = True
    """Whether the texts are on the spans; without, the honest answer is `unverifiable`."""


class Tally(msgspec.Struct, kw_only=True):
    """Outcomes of one group of runs."""

    runs: int = 0
    counts: Counter[str] = msgspec.field(default_factory=Counter)
    verdicts: Counter[str] = msgspec.field(default_factory=Counter)

    @classmethod
    def of(cls, measured: Iterable[Measured]) -> Tally:
        """Return the tally of all."""
        made = cls()
        for one in measured:
            made.add(one.outcome)
        return made

    def add(self, outcome: Outcome) -> None:
        """Count one outcome."""
        self.runs += 1
        self.verdicts[outcome.verdict] += 1
        for name in MEASURES:
            self.counts[name] += bool(getattr(outcome, name))


def tallied(measured: Iterable[Measured], by: Callable[[Measured], str]) -> list[tuple[str, Tally]]:
    """Return the tallies by group, in order of the groups' names."""
    found: dict[str, Tally] = {}
    for one in measured:
        found.setdefault(by(one), Tally()).add(one.outcome)
    return sorted(found.items())


def share(count: int, of: int) -> str:
    """Return a share with the counts behind it."""
    return f"{100 * count / of:.1f} % ({count} of {of})" if of else "none"


def spans_of_lines(lines: Iterable[bytes]) -> list[Span]:
    """Return the spans of OTLP/JSON requests, one a line."""
    found: list[Span] = []
    for line in lines:
        if line.strip():
            found.extend(decode_traces(json_to_protobuf("traces", line)).spans)
    return found


def spans_of_file(path: Path) -> list[Span]:
    """Return the spans of a file, gzip or plain."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        return spans_of_lines(lines)


def assessed(spans: Sequence[Span]) -> list[Assessment]:
    """Return what is judged of all runs that spans belong to, as the daemon joins them."""
    assembler = RunAssembler(RunLimits())
    assembler.add(spans, (), batch=1, now_ns=0)
    due = assembler.due(NEVER_NANO)
    return [judge(build(run_id=run.run_id, spans=run.spans)) for run in due]


def outcome(found: Sequence[Assessment], expected: Expected) -> Outcome:
    """Compare what was judged of the runs of one story with what is right to say."""
    corrupted = [one for one in found if one.blame.verdict == "corrupted"]
    if not corrupted:
        verdicts = {one.blame.verdict for one in found}
        verdict = "unverifiable" if "unverifiable" in verdicts else "healthy"
        return Outcome(verdict=verdict)
    compared = (_compared(one, expected) for one in corrupted)
    return max(compared, key=lambda one: (one.whole, one.origin, one.symptom))


def _compared(found: Assessment, expected: Expected) -> Outcome:
    blame, steps = found.blame, found.graph.steps
    origin = steps[blame.origin.step] if blame.origin else None
    symptom = steps[blame.symptom.step] if blame.symptom else None
    agents = {one.agent for one in blame.propagators}
    names = [step.name if step else "-" for step in (origin, symptom)]
    return Outcome(
        verdict="corrupted",
        said=f"{blame.category}: {names[0]} -> {names[1]} by {', '.join(sorted(agents)) or '-'}",
        reason=blame.origin.reason if blame.origin else "",
        detected=True,
        origin=_is_in(origin.span.span_id if origin else "", expected.origins),
        propagator=not expected.propagators or bool(agents & set(expected.propagators)),
        symptom=_is_in(symptom.span.span_id if symptom else "", expected.symptoms),
        category=not expected.categories or blame.category in expected.categories,
    )


def _is_in(span: str, right: tuple[str, ...]) -> bool:
    return not right or span in right
