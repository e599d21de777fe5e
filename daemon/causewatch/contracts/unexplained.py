"""Content at a receiver that the sender never sent and that nothing recorded before explains.

A receiver has other inputs than the handoff: its instructions, the user's request, what tools and
models of the run had said by then. Content that stands in none of them was put in on the way. What
frameworks add by themselves (random ids, moments, the run's own ids) is no content. Where an
earlier step's content was not recorded, or was cut, nothing can be said.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from causewatch.contracts.mention import Mention, Told, leaves_of, mentions_of
from causewatch.model.graph import CausalGraph, Handoff
from causewatch.model.step import Message, OtherPart, Payload, Step, TextPart, ToolCallPart
from causewatch.model.value import Value

MAX_SOURCE_CHARS = 1_000_000
"""Of runs that say more nothing is said: a value may stand in what was not looked at."""
MIN_PASSAGE_WORDS_COUNT = 5
"""A shorter passage is a label or a greeting, which anybody adds."""
MAX_KNOWN_WORDS_RATIO = 0.5
STRONG = frozenset({"id", "address", "url"})
"""A number or a date may be reckoned, a name be a heading."""
_RANDOM = re.compile(
    r"(?i)[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}|\w*[a-z0-9]{16,}\w*"
    r"|[a-z]+[_-](?=\w*\d)(?=\w*[a-z])\w{12,}"
)
_WORDS = re.compile(r"[^\W\d_]{3,}")
_DENSE = re.compile(r"[\u0e00-\u0eff\u1000-\u109f\u3040-\u30ff\u3400-\u9fff\uac00-\ud7af]")
"""Scripts whose words are not parted by blanks: there two characters are a word."""
_RESULTS = frozenset({"tool", "retrieval", "memory"})


class Known:
    """All that was recorded of a run before a handoff was received, but for the handoff itself."""

    def __init__(self, graph: CausalGraph, handoff: Handoff) -> None:
        self._ids = graph.session, graph.run_id, *graph.trace_ids, handoff.span_id
        values = list(_values(graph, handoff))
        texts: list[Value] = [value for value in values if value is not None]
        self.is_whole = len(texts) == len(values)
        if sum(_chars(value) for value in texts) > MAX_SOURCE_CHARS:
            self.is_whole, texts = False, []
        self._told = Told(texts)
        self._terms: frozenset[str] | None = None

    def explains(self, added: Value) -> bool:
        """Tell whether what was added may stem from elsewhere.

        It does not if it holds an id, an address or a URL that stands nowhere, or is a passage of
        words that do not; where not all was recorded, nothing can be said, and it may.
        """
        if not self.is_whole:
            return True
        if any(True for _ in self.strange(mentions_of(added).facts)):
            return False
        return not self._is_strange_passage(added)

    def strange(self, facts: Iterable[Mention]) -> Iterator[Mention]:
        """Yield the ids, addresses and URLs among some facts that nothing explains."""
        for fact in facts if self.is_whole else ():
            if fact.kind in STRONG and not self._is_made(fact) and not self._told.has(fact):
                yield fact

    def _is_made(self, fact: Mention) -> bool:
        """Tell whether an id is one that programs give: random, or of the run itself."""
        if fact.kind != "id":
            return False
        return _RANDOM.fullmatch(fact.text) is not None or fact.text in self._ids

    def _is_strange_passage(self, value: Value) -> bool:
        terms = frozenset[str]().union(
            *(terms_of(leaf) for _, leaf in leaves_of(value) if isinstance(leaf, str))
        )
        if len(terms) < MIN_PASSAGE_WORDS_COUNT:
            return False
        if self._terms is None:
            self._terms = terms_of(self._told.text)
        return len(terms & self._terms) <= MAX_KNOWN_WORDS_RATIO * len(terms)


def terms_of(text: str) -> frozenset[str]:
    """Return the words of a text in lower case; of scripts without blanks, pairs of characters."""
    found: set[str] = set()
    for word in _WORDS.findall(text.casefold()):
        if _DENSE.search(word):
            found.update(word[i : i + 2] for i in range(len(word) - 1))
        else:
            found.add(word)
    return frozenset(found)


def _values(graph: CausalGraph, handoff: Handoff) -> Iterator[Value]:
    """Yield what was recorded before; ``None`` for what was not, or was cut."""
    yield _whole(handoff.sent)
    at_ns = received_ns(graph, handoff)
    own = {handoff.received_by, handoff.receiver, handoff.performed_by}
    for index, step in enumerate(graph.steps):
        if step.kind != "other" and step.system:
            yield _said(step.system)
        if index in own or step.span.start_ns >= at_ns:
            continue
        if step.kind in _RESULTS and step.span.end_ns <= at_ns:
            yield from _results(step)
        elif step.kind == "model":
            yield from _turn(graph, handoff, index, at_ns)
        elif step.kind in {"agent", "workflow"}:
            yield from _agent(graph, handoff, index, at_ns)


def received_ns(graph: CausalGraph, handoff: Handoff) -> int:
    """Return when a handoff was received: when the step that shows it, or its receiver, started."""
    by = handoff.received_by if handoff.received_by is not None else handoff.receiver
    if by is None:
        by = handoff.performed_by if handoff.performed_by is not None else handoff.sender
        return graph.steps[by].span.end_ns
    return graph.steps[by].span.start_ns


def _results(step: Step) -> Iterator[Value]:
    if step.documents:
        yield [document.content for document in step.documents]
        yield [document.id for document in step.documents]
    elif step.result is None:
        yield None
    if step.result is not None:
        yield _whole(step.result)
    if step.arguments is not None:
        yield _whole(step.arguments)


def _turn(graph: CausalGraph, handoff: Handoff, index: int, at_ns: int) -> Iterator[Value]:
    """Yield what a model was told and said; what the receiver's own was told is in question."""
    step = graph.steps[index]
    if step.messages_cut:
        yield None
    if graph.owner[index] != handoff.to_agent or _is_earlier(graph, handoff, index):
        yield _said(step.input_messages)
    if step.span.end_ns <= at_ns:
        if not step.output_messages and step.output is None:
            yield None
        yield _said(step.output_messages)
        if step.output is not None:
            yield _whole(step.output)


def _agent(graph: CausalGraph, handoff: Handoff, index: int, at_ns: int) -> Iterator[Value]:
    step = graph.steps[index]
    if graph.owner[index] != handoff.to_agent or _is_earlier(graph, handoff, index):
        yield _said(step.input_messages)
        if step.input is not None:
            yield _whole(step.input)
    if step.span.end_ns <= at_ns and step.output is not None:
        yield _whole(step.output)


def _is_earlier(graph: CausalGraph, handoff: Handoff, index: int) -> bool:
    """Tell whether a step ended before the sender began: then it belongs to an earlier turn."""
    return graph.steps[index].span.end_ns <= graph.steps[handoff.sender].span.start_ns


def _whole(payload: Payload | None) -> Value:
    return None if payload is None or payload.cut else payload.value


def _said(messages: tuple[Message, ...]) -> Value:
    return [_part(part) for message in messages for part in message.parts]


def _part(part: object) -> Value:
    match part:
        case TextPart(content=content):
            return content
        case ToolCallPart(arguments=arguments):
            return arguments
        case OtherPart():
            return ""
        case _:
            return getattr(part, "result", "")


def _chars(value: Value) -> int:
    return sum(len(leaf) if isinstance(leaf, str) else 8 for _, leaf in leaves_of(value))
