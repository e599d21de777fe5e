"""What a model made up: a tool that it was not offered, an id that nothing told it.

These are findings, not verdicts: a tool list may be recorded in part, and an id may be common
knowledge. Only an id that was acted on in place of the one that was told weighs more. That values
were made up after a failure is for blame to follow.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from itertools import chain, islice

from causewatch.faults.calls import Call, Run
from causewatch.faults.text import excerpt, has_word
from causewatch.faults.timeline import sees_all, text_of
from causewatch.faults.words import name_words
from causewatch.model.facts import Fact, fact_of, how_near, is_next, tokens_of
from causewatch.model.judgement import Fault
from causewatch.model.step import Step, ToolCallPart
from causewatch.model.value import leaves

TOOL_CONFIDENCE = 0.35
VALUE_CONFIDENCE = 0.3
REPLACED_CONFIDENCE = 0.55
"""Where the one id of its form that was told is not used, the made-up one stands in its place."""
MIN_ID_DIGITS_COUNT = 4
MAX_FAULTS_COUNT = 10
MAX_LOOKED_COUNT = 50
"""Acts with new ids that are looked at: a run that makes up more makes things anew."""
MAX_KEPT_KEY_CHARS = 128
_OFFER_KEY = re.compile(r"(?i)(?:tool|function)s?\b.*(?:definition|json_schema|name)|\.tools$")
_SEPARATOR = re.compile(r"[./:]")
_CREATING = frozenset(
    {
        "create", "add", "insert", "register", "open", "new", "make", "generate", "start", "begin",
        "write", "anlegen", "erstellen", "crear", "registrar", "ajouter", "creer", "creare",
        "aggiungere",
    }
)  # fmt: skip
"""Who makes something may name it."""


def detect_ungrounded(run: Run) -> Iterator[Fault]:
    """Yield a fault for each made-up tool or id, at most ``MAX_FAULTS_COUNT``."""
    yield from islice(chain(_tools(run), _values(run)), MAX_FAULTS_COUNT)


def _tools(run: Run) -> Iterator[Fault]:
    """Yield a fault for each call of a tool that the model's own tool list does not name."""
    for index, step in enumerate(run.graph.steps):
        parts = _calls(step) if step.kind == "model" else []
        offered = _offered(step) if parts else ""
        for part in parts:
            name = _SEPARATOR.split(part.name)[-1]
            if offered and name and not has_word(name, offered):
                yield Fault(
                    name="ungrounded",
                    step=index,
                    reason=f"asked for {excerpt(part.name)}, which is not among the tools offered",
                    confidence=TOOL_CONFIDENCE,
                )


def _calls(step: Step) -> list[ToolCallPart]:
    return [p for m in step.output_messages for p in m.parts if isinstance(p, ToolCallPart)]


def _offered(step: Step) -> str:
    """Return all that a model step says of the tools it was offered; empty if nothing."""
    found = [
        text_of(value if not isinstance(value, bytes) else "")
        for key, value in step.span.attributes.items()
        if (_offers if len(key) <= MAX_KEPT_KEY_CHARS else _offers.__wrapped__)(key)
    ]
    return "\n".join(found)


@lru_cache(maxsize=2048)
def _offers(key: str) -> bool:
    """Tell whether an attribute of this name holds tools; the few names of a program are kept."""
    if "message" in key or "output" in key:
        return False
    lower = key.lower()
    return ("tool" in lower or "function" in lower) and _OFFER_KEY.search(key) is not None


def _values(run: Run) -> Iterator[Fault]:
    """Yield a fault for each id in an act that stands nowhere before the model wrote it."""
    left = MAX_LOOKED_COUNT
    for call in run.calls:
        if not call.acts or call.delegates or call.step.arguments is None:
            continue
        if not left:
            return
        if not _CREATING.isdisjoint(name_words(call.step.name)):
            continue
        suspects = _suspects(run, call)
        left -= bool(suspects)
        made_up = next(_made_up(run, call, suspects), None)
        if made_up is None:
            continue
        model, fact, told = made_up
        if told is None or not _went_well(call):
            yield Fault(
                name="ungrounded",
                step=call.index,
                reason=f"{call.step.name} was given {excerpt(fact.text)}, which nothing told",
                confidence=VALUE_CONFIDENCE,
                at="input",
            )
        else:
            yield Fault(
                name="ungrounded",
                step=model,
                reason=(
                    f"asked {call.step.name} for {excerpt(fact.text)}, which nothing told, where it"
                    f" was told {excerpt(told.text)}"
                ),
                confidence=REPLACED_CONFIDENCE,
                induced=call.index,
            )


def _went_well(call: Call) -> bool:
    return call.result is not None and call.failure is None


def _suspects(run: Run, call: Call) -> list[tuple[str, Fact]]:
    """Return the ids of a call that a model wrote first of all, with their tokens."""
    timeline, found = run.timeline, []
    arguments = None if call.step.arguments is None else call.step.arguments.value
    for token in tokens_of(text_of(arguments)):
        fact, number = fact_of(token), timeline.first.get(token)
        if fact is None or number is None or not _is_distinctive(fact):
            continue
        content = timeline.contents[number]
        step = run.graph.steps[content.step]
        if content.side == "said" and step.kind == "model" and sees_all(step):
            found.append((token, fact))
    return found


def _made_up(
    run: Run, call: Call, suspects: list[tuple[str, Fact]]
) -> Iterator[tuple[int, Fact, Fact | None]]:
    """Yield each made-up id of a call, who wrote it, and the one id of its form that was told."""
    timeline = run.timeline
    arguments = None if call.step.arguments is None else call.step.arguments.value
    whole = {leaf for _, leaf in leaves(arguments) if isinstance(leaf, str)}
    asked = tokens_of(text_of(arguments))
    for token, fact in suspects:
        number = timeline.first[token]
        groups = re.findall(rf"\d{{{MIN_ID_DIGITS_COUNT},}}", fact.text)
        if any(timeline.stands_before(group, number) for group in groups):
            continue
        before = [f for t, n in timeline.first.items() if n < number and (f := fact_of(t))]
        if not any(_is_kin(fact, each) for each in before):
            told = {each.text: each for each in before if _form(each) == _form(fact)}
            is_one = len(told) == 1 and token in whole and told.keys().isdisjoint(asked)
            writer = timeline.contents[number].step
            yield writer, fact, next(iter(told.values())) if is_one else None


def _form(fact: Fact) -> str:
    """Return an id with its digits left out: all ids of one kind of thing look like that."""
    return re.sub(r"\d", "#", fact.text.lower()) if fact.kind == "id" else ""


def _is_kin(fact: Fact, other: Fact) -> bool:
    """Tell whether an id was made from another: by a slip (another fault), or as the next."""
    return bool(how_near(fact, other)) or is_next(fact, other)


def _is_distinctive(fact: Fact) -> bool:
    """Tell whether a fact is an id that nobody reckons or knows by heart."""
    digits = sum(char.isdigit() for char in fact.text)
    return fact.kind == "id" and digits >= MIN_ID_DIGITS_COUNT and "." not in fact.text
