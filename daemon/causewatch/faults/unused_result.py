"""The result of a parallel branch that no later step was given, although its siblings' were."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import islice

from causewatch.faults.branches import Branch, Group, groups_of, is_below
from causewatch.faults.calls import Call, Run
from causewatch.faults.empty import is_empty
from causewatch.faults.envelope import failure_in
from causewatch.faults.outcome import outcomes_of
from causewatch.faults.sources import said_in
from causewatch.faults.text import fold
from causewatch.faults.timeline import sees_all, text_of
from causewatch.faults.words import is_pending
from causewatch.model.facts import fact_of, tokens_of, unescaped
from causewatch.model.judgement import Fault
from causewatch.model.step import (
    Message,
    OtherPart,
    Step,
    TextPart,
    ToolCallPart,
    ToolResultPart,
)

PROBE_CHARS = 24
MIN_PROBE_CHARS = 12
MIN_WORD_CHARS = 4
MAX_LOOKED_COUNT = 20
"""Branches whose way is followed through the run."""
MAX_PROBES_COUNT = 40
MIN_TELLING_CHARS = 24
"""A branch that said less, and no fact, may have had nothing to say."""
MIN_ANSWER_COUNT = 4
MIN_ANSWER_CHARS = 80
"""A receipt holds an id and a state; a longer answer was asked for its content."""
CALL_CONFIDENCE = 0.75
AGENT_CONFIDENCE = 0.65


def detect_unused_result(run: Run) -> Iterator[Fault]:
    """Yield a fault for each branch that was forgotten where the others were joined.

    The join is the first model step after all of them that shows what another branch came to, and
    whose whole input is recorded. A branch that failed, said nothing, acted, or was asked the same
    as another is no loss; nor is one whose result stands in the input of any later step.
    """
    consumers = _consumers(run)
    left = MAX_LOOKED_COUNT
    for group in groups_of(run):
        for branch in group.branches:
            if not left or branch.step in consumers or not _tells(run, branch, group):
                continue
            left -= 1
            found = _join(run, branch, group, consumers)
            if found is not None:
                yield _fault(run, branch, group, *found)


def _consumers(run: Run) -> dict[int, frozenset[int]]:
    """Return the model steps whose input shows each step's output."""
    found: dict[int, set[int]] = {}
    for edge in run.graph.edges:
        is_shown = edge.type == "data" and edge.evidence != "return"
        if is_shown and run.graph.steps[edge.target].kind == "model":
            found.setdefault(edge.source, set()).add(edge.target)
    return {source: frozenset(targets) for source, targets in found.items()}


def _tells(run: Run, branch: Branch, group: Group) -> bool:
    """Tell whether a branch found something out that only it could tell."""
    others = [each for each in group.branches if each.step != branch.step]
    if any((each.name, each.asked) == (branch.name, branch.asked) for each in others):
        return False
    if not _went_well(run, branch):
        return False
    if any(_is_part(run, call, branch, group) for call in run.calls if call.acts):
        return False
    said = _words(branch, others) if branch.is_structured else len(branch.text) >= MIN_TELLING_CHARS
    return bool(said or _facts(run, branch, others))


def _is_part(run: Run, call: Call, branch: Branch, group: Group) -> bool:
    """Tell whether a branch made an act, of which it has no more than the receipt to tell."""
    if group.kind == "call":
        return call.index == branch.step and not _informs(call)
    return is_below(run.graph, call.index, branch.step) and not _informs(call)


def _informs(call: Call) -> bool:
    """Tell whether a call's answer is more than the receipt for an act."""
    if call.result is None:
        return False
    scalars = list(islice(call.result.leaves, MIN_ANSWER_COUNT))
    return len(scalars) == MIN_ANSWER_COUNT or len(call.result.raw) >= MIN_ANSWER_CHARS


def _went_well(run: Run, branch: Branch) -> bool:
    """Tell whether a branch came to an end, with something to say, all of which is recorded."""
    step = run.graph.steps[branch.step]
    payload = step.result or step.output
    if not branch.text or step.span.status == "error" or (payload is not None and payload.cut):
        return False
    value = branch.text if payload is None else payload.value
    if is_empty(value) or failure_in(value) is not None:
        return False
    return not is_pending("", branch.text, whole=True)


def _facts(run: Run, branch: Branch, others: list[Branch]) -> frozenset[str]:
    """Return the readings of the facts that this branch brought up, and no other."""
    timeline, start_ns = run.timeline, run.graph.steps[branch.step].span.start_ns
    fresh = (
        token
        for token in tokens_of(branch.text)
        if timeline.contents[timeline.first.get(token, -1)].at_ns > start_ns
    )
    return _readings(fresh).difference(*(_readings(tokens_of(each.text)) for each in others))


def _readings(tokens: Iterable[str]) -> frozenset[str]:
    facts = map(fact_of, tokens)
    return frozenset(
        reading
        for fact in facts
        if fact is not None and len(fact.text) > 2
        for reading in fact.readings
    )


def _words(branch: Branch, others: list[Branch]) -> tuple[str, ...]:
    """Return the short values of a branch's result by which it would be known again."""
    lines = set(map(fold, branch.text.splitlines())) if branch.is_structured else set()
    theirs = "\n".join(fold(f"{each.text}\n{each.asked}") for each in others)
    return tuple(
        sorted(
            line
            for line in lines
            if MIN_WORD_CHARS <= len(line) < MIN_PROBE_CHARS and line not in theirs
        )
    )


def _probes(branch: Branch, others: list[Branch]) -> tuple[str, ...]:
    """Return pieces of a branch's text by which it would be known again."""
    lines = filter(None, map(fold, branch.text.splitlines()))
    theirs = "\n".join(fold(each.text) for each in others)
    found = (line[:PROBE_CHARS] for line in lines if len(line) >= MIN_PROBE_CHARS)
    return tuple(dict.fromkeys(each for each in found if each not in theirs))[:MAX_PROBES_COUNT]


def _join(
    run: Run, branch: Branch, group: Group, consumers: dict[int, frozenset[int]]
) -> tuple[int, Branch] | None:
    """Return the step that joined the other branches without this one, and one of those."""
    others = [each for each in group.branches if each.step != branch.step]
    probes, facts = _probes(branch, others), _facts(run, branch, others)
    probes = (*probes, *_words(branch, others))
    if not probes and not facts:
        return None
    theirs = [(each, _probes(each, [branch])) for each in others]
    joined: tuple[int, Branch] | None = None
    said: frozenset[str] = frozenset()
    for index, step in enumerate(run.graph.steps):
        if step.span.end_ns < branch.end_ns or not _listens(run, index, branch):
            continue
        text = _given(step)
        if any(probe in text for probe in probes) or (facts - said) & _readings(tokens_of(text)):
            return None
        if joined is None and _may_join(run, index, branch, group):
            other = _first_shown(index, text, theirs, consumers)
            if other is not None:
                if not sees_all(step):
                    return None
                joined = index, other
        if joined is not None:
            # What a model says that was not told it, it made up: from then on it proves nothing.
            said |= _readings(token for m in step.output_messages for token in _tokens(m))
    return joined


def _listens(run: Run, index: int, branch: Branch) -> bool:
    """Tell whether a step takes in what others found, and is no part of the branch itself."""
    step = run.graph.steps[index]
    if step.kind not in {"model", "agent"} or is_below(run.graph, index, branch.step):
        return False
    return step.kind == "model" or not is_below(run.graph, branch.step, index)


def _tokens(message: Message) -> list[str]:
    return [token for text in said_in(message) for token in tokens_of(text)]


def _may_join(run: Run, index: int, branch: Branch, group: Group) -> bool:
    """Tell whether a step comes after a branch, and is no part of one."""
    step = run.graph.steps[index]
    if step.kind != "model" or step.span.start_ns < branch.end_ns:
        return False
    return not any(is_below(run.graph, index, each.step) for each in group.branches)


def _given(step: Step) -> str:
    """Return what a step was given, folded; without the calls that its agent itself made."""
    parts = [] if step.input is None else [step.input.raw, text_of(step.input.value)]
    for message in (*step.system, *step.input_messages):
        for part in message.parts:
            match part:
                case TextPart(content=content):
                    parts.append(content)
                case ToolResultPart(result=result):
                    parts.append(text_of(result))
                case OtherPart(content=content):
                    parts.append(text_of(content))
                case ToolCallPart():
                    pass
    return fold(unescaped("\n".join(parts)))


def _first_shown(
    index: int,
    text: str,
    branches: list[tuple[Branch, tuple[str, ...]]],
    consumers: dict[int, frozenset[int]],
) -> Branch | None:
    """Return the first branch that a model step shows."""
    for branch, probes in branches:
        if index in consumers.get(branch.step, ()) or any(probe in text for probe in probes):
            return branch
    return None


def _fault(run: Run, branch: Branch, group: Group, join: int, other: Branch) -> Fault:
    graph = run.graph
    at_ns = graph.steps[join].span.start_ns
    later = [each for each in outcomes_of(run) if each.at_ns >= at_ns and each.kind != "handoff"]
    acts = (each.step for each in later if each.kind == "act")
    ends = (each.step for each in later if each.kind == "answer")
    symptom = next(acts, None)
    merged = _merge(run, group, join) if group.kind == "agent" else None
    return Fault(
        name="unused_result",
        step=branch.step if merged is None else merged,
        reason=(
            f"what {branch.name} came to reached no later step, while what {other.name} came to"
            f" reached {graph.owner[join] or 'the next one'}"
        ),
        confidence=CALL_CONFIDENCE if group.kind == "call" else AGENT_CONFIDENCE,
        induced=next(ends, None) if symptom is None else symptom,
    )


def _merge(run: Run, group: Group, join: int) -> int | None:
    """Return the step of code that stands between parallel agents and the join, if it is one."""
    graph = run.graph
    ends_ns = max(each.end_ns for each in group.branches)
    starts_ns = graph.steps[join].span.start_ns
    parent = graph.parent[group.branches[0].step]
    between = [
        index
        for index, step in enumerate(graph.steps)
        if graph.parent[index] == parent
        and step.kind in {"other", "workflow", "message"}
        and ends_ns <= step.span.start_ns
        and step.span.end_ns <= starts_ns
    ]
    return between[0] if len(between) == 1 else None
