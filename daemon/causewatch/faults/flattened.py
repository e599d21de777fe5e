"""Structure that became text at a boundary, and lost something on the way.

That a framework writes an object into a prompt as text is how prompts are made, and is no fault.
It is one where the text no longer says what the object said: a placeholder stands for it, a value
became none, members are missing, or the receiver took one member for another.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from causewatch.faults.asked import calls_by_id
from causewatch.faults.calls import Call, Run
from causewatch.faults.crossings import Crossing, crossings_of
from causewatch.faults.empty import is_empty
from causewatch.faults.expand import expand
from causewatch.faults.lost_at_handoff import given_to, place_of
from causewatch.faults.outcome import Outcome, outcomes_of
from causewatch.faults.placeholders import elisions_in, is_placeholder, isolated_in, placeholders_in
from causewatch.faults.records import Record, key_of, records_of, scalar_of
from causewatch.faults.sources import said_in
from causewatch.faults.text import excerpt, fold
from causewatch.model.facts import unescaped
from causewatch.model.graph import Handoff
from causewatch.model.judgement import Fault
from causewatch.model.step import ToolResultPart
from causewatch.model.value import Value, leaves

MIN_LOST_COUNT = 2
MIN_LOST_SHARE = 0.3
MIN_VALUE_CHARS = 3
PLACEHOLDER_CONFIDENCE = 0.9
NONE_CONFIDENCE = 0.8
LOST_CONFIDENCE = 0.7
MIXED_UP_CONFIDENCE = 0.75
MISREAD_CONFIDENCE = 0.55
"""The text still names the members: a careful reader could have told them apart."""
RESULT_CONFIDENCE = 0.65
BROKEN_CONFIDENCE = 0.7
_NONE = r"""["']?\s{0,3}[:=]\s{0,3}["']?(?:none|null|undefined|nan|nil)\b"""


def detect_flattened(run: Run) -> Iterator[Fault]:
    """Yield a fault for each handoff, and each result shown to a model, that lost its structure."""
    outcomes = outcomes_of(run) if run.graph.handoffs else ()
    for crossing in crossings_of(run):
        index, handoff = crossing.handoff, run.graph.handoffs[crossing.handoff]
        found = _flattened(run, crossing, outcomes)
        if found is not None:
            reason, confidence = found
            yield Fault(
                name="flattened",
                step=place_of(handoff),
                handoff=index,
                reason=f"what {handoff.from_agent or 'the sender'} handed over {reason}",
                confidence=confidence,
                at="output" if handoff.performed_by is not None else "input",
            )
    yield from _results(run)
    yield from _broken(run)


def _flattened(
    run: Run, crossing: Crossing, outcomes: Sequence[Outcome]
) -> tuple[str, float] | None:
    """Return how a handoff's structure was lost, with a confidence, or ``None``."""
    index, sent, received = crossing.handoff, crossing.sent, crossing.received
    handoff = run.graph.handoffs[index]
    got = received.raw
    structured = isinstance(expand(sent.value), dict | list)
    shown = [*placeholders_in(got), *(elisions_in(got) if structured else ())]
    placeholders = [each for each in shown if each not in sent.raw]
    if placeholders and (structured or is_placeholder(got)) and _is_first(run, index, placeholders):
        return f"arrived as {excerpt(placeholders[0])}", PLACEHOLDER_CONFIDENCE
    if not structured:
        return None
    arrived = expand(received.value)
    if isinstance(arrived, dict | list):
        return _lost_within(handoff, expand(sent.value), arrived)
    records = records_of(expand(sent.value))
    given = given_to(run.graph, handoff)
    if not records or given is None:
        return None
    given = unescaped(given)
    return (
        _blanked(records, given)
        or _lost(handoff, records_of(_members(expand(sent.value))), given)
        or _mixed(run, crossing, records, outcomes)
    )


def _members(value: Value) -> Value:
    """Return what is inside of a payload's own members.

    These are the arguments of a call: labels, limits, texts. What code makes of them is its affair;
    an object among them is content.
    """
    return list(value.values()) if isinstance(value, dict) else value


def _is_first(run: Run, index: int, placeholders: list[str]) -> bool:
    """Tell whether nobody spoke of the placeholder before: it may be what the run is about."""
    at_ns = run.graph.steps[place_of(run.graph.handoffs[index])].span.start_ns
    earlier = (each.text for each in run.timeline.contents if each.at_ns < at_ns)
    return not any(placeholders[0] in text for text in earlier)


def _blanked(records: list[Record], given: str) -> tuple[str, float] | None:
    """Return how a member that had a value arrived as none."""
    for record in records:
        for key, text in record.items():
            if len(key) < MIN_VALUE_CHARS or _stands(text, given):
                continue
            spelled = r"[\W_]?".join(map(re.escape, key))
            if re.search(rf"(?<![^\W_]){spelled}{_NONE}", given):
                return f"arrived without the value of its member {excerpt(key)}", NONE_CONFIDENCE
    return None


def _lost(handoff: Handoff, records: list[Record], given: str) -> tuple[str, float] | None:
    """Return how members of what code carried are missing in the text that arrived."""
    if not handoff.mechanical:
        return None
    values = {
        text for record in records for text in record.values() if len(text) >= MIN_VALUE_CHARS
    }
    gone = sorted(text for text in values if not _stands(text, given))
    if len(gone) < MIN_LOST_COUNT or len(gone) < MIN_LOST_SHARE * len(values):
        return None
    if len(gone) == len(values):
        return None  # nothing of it is in what is recorded: it may have gone another way
    shown = excerpt(", ".join(gone))
    return f"was flattened to text, without {len(gone)} of {len(values)} values ({shown})", (
        LOST_CONFIDENCE
    )


def _lost_within(handoff: Handoff, sent: Value, arrived: Value) -> tuple[str, float] | None:
    """Return how one member of an object became text, the rest being an object still."""
    if not handoff.mechanical or not isinstance(sent, dict) or not isinstance(arrived, dict):
        return None
    for key, member in sent.items():
        text = arrived.get(key)
        if isinstance(member, dict | list) and isinstance(text, str):
            found = _lost(handoff, records_of(member), unescaped(fold(text)))
            if found is not None:
                reason, confidence = found
                return f"arrived with its member {excerpt(key)}, which {reason}", confidence
    return None


def _stands(text: str, given: str) -> bool:
    """Tell whether a value stands in a folded text, in whatever form."""
    if text in given:
        return True
    if not text[:1].isdigit():
        return False
    whole, _, share = text.partition(".")
    spelled = r"[.,'\u2019\u00a0\u202f]?".join(whole)
    return bool(re.search(rf"(?<!\d){spelled}(?:[.,]{share}0*|[.,]0+)?(?!\d)", given))


def _mixed(
    run: Run, crossing: Crossing, records: list[Record], outcomes: Sequence[Outcome]
) -> tuple[str, float] | None:
    """Return how the receiver, given text, acted on one member of an object as another."""
    handoff = run.graph.handoffs[crossing.handoff]
    at_ns = run.graph.steps[place_of(handoff)].span.start_ns
    given = fold(crossing.received.raw)
    for outcome in outcomes:
        if outcome.kind != "act" or outcome.agent != handoff.to_agent or outcome.at_ns < at_ns:
            continue
        confused = _confused(run, outcome, records)
        if confused is not None:
            key, text = confused
            spelled = r"[\W_]?".join(map(re.escape, key))
            if re.search(rf'"{spelled}\\?"\s?:', given):
                return None  # JSON inside of a text is still an object: the reader misread it
            named = re.search(rf"(?<![^\W_]){spelled}", given)
            name = run.graph.steps[outcome.step].name
            return (
                f"was flattened to text, and {name} took {excerpt(text)} for its {excerpt(key)}"
            ), (MISREAD_CONFIDENCE if named else MIXED_UP_CONFIDENCE)
        return None
    return None


def _confused(run: Run, act: Outcome, records: list[Record]) -> tuple[str, str] | None:
    """Return the argument that has another member's value, or ``None``."""
    arguments = run.graph.steps[act.step].arguments
    if arguments is None or not isinstance(arguments.value, dict):
        return None
    asked = {key_of(k): text for k, each in arguments.value.items() if (text := scalar_of(each))}
    for key, text in asked.items():
        own = {record[key] for record in records if key in record}
        others = {v for record in records for k, v in record.items() if k != key}
        if own and text not in own and text in others and len(text) >= MIN_VALUE_CHARS:
            return key, text
    return None


def _results(run: Run) -> Iterator[Fault]:
    """Yield a fault for each structured result that a model was shown as a placeholder."""
    calls: dict[str, Call] | None = None
    seen: set[str] = set()
    for index, step in enumerate(run.graph.steps):
        if step.kind != "model":
            continue
        for message in step.input_messages:
            for part in message.parts:
                if not isinstance(part, ToolResultPart) or not part.id or part.id in seen:
                    continue
                seen.add(part.id)
                texts = (leaf for _, leaf in leaves(part.result) if isinstance(leaf, str))
                lost = next(filter(is_placeholder, texts), None)
                if lost is None:
                    continue
                calls = calls_by_id(run) if calls is None else calls
                call = calls.get(part.id)
                if call is not None and (fault := _shown(run, index, call, lost)):
                    yield fault


def _broken(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result that its tool itself wrote with a placeholder for a value.

    It counts only if a model was shown it so: an instrumentation may record less than there was.
    """
    for call in run.calls:
        step, result = call.step, call.result
        if call.delegates or step.documents or result is None or result.cut:
            continue
        found = [each for text in result.strings for each in isolated_in(text)]
        if found and not _stood_before(run, call, found[0]) and _is_told(run, call, found[0]):
            yield Fault(
                name="flattened",
                step=call.index,
                reason=f"{step.name} returned {excerpt(found[0])} in place of a value",
                confidence=BROKEN_CONFIDENCE,
            )


def _stood_before(run: Run, call: Call, placeholder: str) -> bool:
    end_ns = call.step.span.end_ns
    return any(
        placeholder in content.text for content in run.timeline.contents if content.at_ns < end_ns
    )


def _is_told(run: Run, call: Call, placeholder: str) -> bool:
    return any(
        step.kind == "model"
        and step.span.start_ns >= call.step.span.end_ns
        and any(placeholder in text for m in step.input_messages for text in said_in(m))
        for step in run.graph.steps
    )


def _shown(run: Run, model: int, call: Call, lost: str) -> Fault | None:
    """Return the fault, if the call's own result was structure and not that placeholder."""
    result = call.result
    if result is None or result.cut or is_empty(result.value) or lost in result.raw:
        return None
    if not isinstance(call.opened, dict | list):
        return None
    agent = run.graph.owner[model]
    at_ns = run.graph.steps[model].span.start_ns
    later = [each for each in outcomes_of(run) if each.at_ns >= at_ns and each.kind != "handoff"]
    own = next((each for each in later if each.agent == agent), next(iter(later), None))
    return Fault(
        name="flattened",
        step=call.index,
        reason=f"what {call.step.name} returned reached its agent as {excerpt(lost)}",
        confidence=RESULT_CONFIDENCE,
        induced=None if own is None else own.step,
    )
