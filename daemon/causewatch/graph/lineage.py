"""What flowed where: the output of one step found again in the input of a later one.

By call id first, then by the tool's name, arguments and order, then by the value or the text
itself (``content`` looks for those parts of an input that none of these explains). A result that no
content shows elsewhere flows back to the step that made the call (evidence ``return``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import pairwise

from causewatch.graph.boundary import folded, texts_of
from causewatch.graph.calls import Calls
from causewatch.graph.clocks import Clocks
from causewatch.graph.content import Tracer
from causewatch.graph.owners import Owners
from causewatch.graph.shown import RESULT_KINDS, fresh_messages, piece_of_part, spoken
from causewatch.graph.stored import read_back
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.graph.unexplained import Exact, gather
from causewatch.model.graph import Edge, Handoff
from causewatch.model.step import Message, Step, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import sha256_of

MIN_TEXT_CHARS = 12
"""White space aside. Shorter results ("ok") are in every text."""
MAX_TEXT_CHARS = 500
"""Of a longer result the beginning is looked for as it stands; fingerprints find other parts."""
MAX_SEARCHES_COUNT = 64
"""Results looked for as they stand in one prompt, so that a thousand tools before one model step
do not read its prompt a thousand times; fingerprints find the others."""
MAX_CANDIDATES_COUNT = 8
"""Call ids are unique but for careless emitters; of many alike, the last few are looked at."""


def trace_data(
    tree: Tree, owners: Owners, calls: Calls, handoffs: Sequence[Handoff]
) -> tuple[Edge, ...]:
    """Return the ``data`` edges of a run; of several between the same two steps, the first."""
    clocks = Clocks(tree)
    lineage = _Lineage(tree, owners, calls, clocks)
    # A tool that passed control on returned to nobody.
    lineage.consumed.update(
        (h.performed_by, h.receiver)
        for h in handoffs
        if h.performed_by is not None and h.receiver is not None and h.mode == "pass_control"
    )
    exact = (*lineage.edges(), *_handoff_edges(tree, owners, handoffs))
    found: dict[tuple[int, int], Edge] = {}
    for edge in (
        *exact,
        *lineage.by_content(exact, handoffs),
        *read_back(tree, clocks),
        *lineage.returned(_departures(tree, handoffs)),
    ):
        if edge.source != edge.target:
            found.setdefault((edge.source, edge.target), edge)
    return tuple(found[key] for key in sorted(found))


def _data(source: int, target: int, evidence: str, share: float = 1.0) -> Edge:
    return Edge(source=source, target=target, type="data", evidence=evidence, share=share)


class _Lineage:
    """The indices over one run's steps that lineage looks things up in."""

    def __init__(self, tree: Tree, owners: Owners, calls: Calls, clocks: Clocks) -> None:
        self.tree = tree
        self.clocks = clocks
        self.steps = tree.steps
        self.owners = owners
        self.calls = calls
        self.results = [i for i, s in enumerate(tree.steps) if s.kind in RESULT_KINDS]
        self.by_id: dict[str, list[int]] = {}
        for i in self.results:
            if call_id := calls.ids_of(i, tree.steps[i]):
                self.by_id.setdefault(call_id, []).append(i)
        self.models: dict[str, list[int]] = {}
        for i, step in enumerate(tree.steps):
            if step.kind == "model":
                self.models.setdefault(owners.owner[i], []).append(i)
        self.consumed: dict[int, int] = {}
        """The model step that first took a result in, by the step that gave it."""
        self.fresh = fresh_messages(tree.steps, self.models.values())
        self.known_parts: set[int] = set()
        """The parts of messages that are known to be a result, by their object ids."""
        self.taken: set[tuple[str, int]] = set()
        """Which agent took in what step gave."""

    def edges(self) -> Iterator[Edge]:
        """Yield the edges of exact evidence but those of handoffs."""
        yield from self._asked()
        yield from self._consumed()
        yield from self._history()
        yield from self._in_text()

    def _asked(self) -> Iterator[Edge]:
        """A model's call to the step that ran it."""
        for tool, (call, evidence) in self.calls.by_tool.items():
            yield _data(call.model, tool, evidence)

    def _consumed(self) -> Iterator[Edge]:
        """A result to the first model step of each agent that shows it in its input."""
        by_value: dict[str, list[int]] | None = None
        for agent, models in self.models.items():
            for model in models:
                for part in _results(self.fresh[model]):
                    if part.id:
                        source, evidence = self._source_of(part, model)
                    else:
                        by_value = self._by_value() if by_value is None else by_value
                        equal = by_value.get(sha256_of(part.result), ())
                        source = self._pick(equal, model, is_sure=False)
                        evidence = "result value"
                    if source is None:
                        continue
                    self.known_parts.add(id(part))
                    if (agent, source) not in self.taken:
                        self.taken.add((agent, source))
                        self.consumed.setdefault(source, model)
                        yield _data(source, model, evidence)

    def _source_of(self, part: ToolResultPart, model: int) -> tuple[int | None, str]:
        """Return the step that gave a result: the tool's, else that of the model that asked."""
        evidence = f"tool_call_id {part.id[:80]}"
        if part.id in self.by_id:
            return self._pick(self.by_id[part.id], model), evidence
        call = self.calls.by_id.get(part.id)
        # A history that agents share shows the same call again and again: only its own agent asked
        # for it.
        if call is None or self.owners.owner[call.model] != self.owners.owner[model]:
            return None, evidence
        return (call.model if call.model < model else None), evidence

    def _by_value(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for i in self.results:
            result = self.steps[i].result
            if result is not None and not result.cut:
                found.setdefault(result.sha256, []).append(i)
        return found

    def _pick(self, candidates: Sequence[int], model: int, *, is_sure: bool = True) -> int | None:
        """Return the last candidate that started before ``model``, rather one of the same agent.

        An id is sure even where the result's span ended late; an equal value is not.
        """
        before_ns = self.steps[model].span.start_ns + SKEW_NS
        end = bisect_left(candidates, before_ns, key=lambda i: self.steps[i].span.start_ns)
        near = candidates[max(end - MAX_CANDIDATES_COUNT, 0) : end]
        in_time = [i for i in near if self.clocks.may_flow(i, model)]
        owner = self.owners.owner[model]
        same = [i for i in in_time if self.owners.owner[i] == owner]
        return next(reversed(same or in_time or (near if is_sure else ())), None)

    def _history(self) -> Iterator[Edge]:
        """A model step to the next one of the same agent, where that repeats what it said."""
        for agent, models in self.models.items():
            for before, after in pairwise(models):
                said = self.steps[before].output_messages
                if said and _repeats(self.steps[before], self.fresh[after]):
                    self.taken.add((agent, before))
                    yield _data(before, after, "history")

    def _in_text(self) -> Iterator[Edge]:
        """A result to the next model step of the same agent, where that holds it as plain text."""
        awaited: dict[int, list[int]] = {}
        for i in self.results:
            if i not in self.consumed and (model := self._next_model(i)) is not None:
                awaited.setdefault(model, []).append(i)
        for model, results in awaited.items():
            shown = _squeezed("\n".join(self._all_text(model)))
            for i in results[:MAX_SEARCHES_COUNT]:
                wanted = _wanted_texts(self.steps[i])
                if found := sum(text in shown for text in wanted):
                    self.consumed[i] = model
                    self.taken.add((self.owners.owner[i], i))
                    yield _data(i, model, "text", found / len(wanted))

    def _all_text(self, model: int) -> Iterator[str]:
        for message in (*self.steps[model].system, *self.fresh[model]):
            for part in message.parts:
                if id(part) not in self.known_parts and (piece := piece_of_part(part)):
                    yield piece.text
                    if piece.value is not None:
                        yield from texts_of(piece.value)

    def _next_model(self, index: int) -> int | None:
        """Return the first model step of the same agent that a result can have reached."""
        models = self.models.get(self.owners.owner[index], [])
        ends_ns = self.steps[index].span.end_ns - SKEW_NS
        at = bisect_left(models, ends_ns, key=lambda i: self.steps[i].span.start_ns)
        near = models[at : at + MAX_SEARCHES_COUNT]
        return next((i for i in near if self.clocks.may_flow(index, i)), None)

    def by_content(self, exact: Iterable[Edge], handoffs: Sequence[Handoff]) -> Iterator[Edge]:
        """Yield the edges that only the content itself shows."""
        explained = self._explained(exact)
        left = gather(
            self.tree,
            self.owners,
            Exact(
                calls=self.calls,
                handoffs=handoffs,
                fresh=self.fresh,
                known_parts=self.known_parts,
                consumed=self.consumed,
            ),
        )
        if left is None:
            return
        tracer = Tracer(self.tree, self.owners, self.clocks, explained, self.taken)
        for edge in tracer.edges(left.sources, left.sinks):
            if self.steps[edge.target].kind == "model":
                self.consumed.setdefault(edge.source, edge.target)
            yield edge

    def _explained(self, exact: Iterable[Edge]) -> dict[int, set[int]]:
        """Return what is known to have flowed into each step, through what handed it over."""
        found: dict[int, set[int]] = {}
        handed: list[Edge] = []
        for edge in exact:
            found.setdefault(edge.target, set()).add(edge.source)
            self.taken.add((self.owners.owner[edge.target], edge.source))
            if edge.evidence == "handoff" and self.steps[edge.source].kind != "model":
                handed.append(edge)
        for edge in handed:
            found[edge.target] |= found.get(edge.source, set())
        return found

    def returned(self, departures: Mapping[int, int]) -> Iterator[Edge]:
        """A result that content shows nowhere to its caller; an agent's last words to its step.

        A step that lives on after it handed over must not take in what returns later: it would seem
        to have been handed over as well. An agent's last words then go on to its own caller.
        """
        for i in self.results:
            parent = self.tree.parent[i]
            if i not in self.consumed and parent >= 0 and self._in_time(i, parent, departures):
                yield _data(i, parent, "return")
        for head, models in self.owners.models.items():
            if models:
                yield from self._last_words(head, models[-1], departures)

    def _last_words(self, head: int, last: int, departures: Mapping[int, int]) -> Iterator[Edge]:
        """An agent's last model step to the agent's, and on to whoever called it.

        A tool that called the agent has handed over as well: the words go to the model step that
        took the tool's result in.
        """
        if self._in_time(last, head, departures):
            yield _data(last, head, "return")
            last = head
        caller = self.tree.parent[head]
        if caller < 0 or self.steps[caller].kind not in {"tool", "agent"}:
            return
        if self.steps[caller].kind == "tool" and caller in self.consumed:
            yield _data(last, self.consumed[caller], "return")
        elif self._in_time(last, caller, departures):
            yield _data(last, caller, "return")

    def _in_time(self, source: int, target: int, departures: Mapping[int, int]) -> bool:
        """Tell whether ``source`` ended before ``target`` handed anything over."""
        leaves_ns = departures.get(target)
        return leaves_ns is None or self.steps[source].span.end_ns <= leaves_ns


def _departures(tree: Tree, handoffs: Sequence[Handoff]) -> dict[int, int]:
    """Return when each step first handed over to another agent, by its index.

    That is the sender's step, and the one that performed it. By the sender's own clock where it has
    a span for that, so that no skew has to be allowed for.
    """
    found: dict[int, int] = {}
    for handoff in handoffs:
        if handoff.receiver is not None:
            place = handoff.receiver if handoff.performed_by is None else handoff.performed_by
            starts_ns = tree.steps[place].span.start_ns
            for step in {handoff.sender, place} - {handoff.receiver}:
                found[step] = min(starts_ns, found.get(step, starts_ns))
    return found


def _results(messages: Sequence[Message]) -> Iterator[ToolResultPart]:
    for message in messages:
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                yield part


def _repeats(before: Step, shown: Sequence[Message]) -> bool:
    """Tell whether messages hold a call, a call's result or the text of ``before``."""
    said = [part for message in before.output_messages for part in message.parts]
    calls = [part for part in said if isinstance(part, ToolCallPart)]
    ids = {call.id for call in calls if call.id}
    nameless = [(call.name, call.arguments) for call in calls if not call.id]
    texts = {folded(part.content) for part in said if isinstance(part, TextPart) and part.content}
    for message in reversed(shown):
        for part in message.parts:
            if isinstance(part, ToolCallPart | ToolResultPart) and part.id:
                if part.id in ids:
                    return True
            elif isinstance(part, ToolCallPart):
                if (part.name, part.arguments) in nameless:
                    return True
            elif (
                isinstance(part, TextPart)
                and message.role != "system"
                and folded(part.content) in texts
            ):
                return True
    return False


def _wanted_texts(step: Step) -> list[str]:
    """Return the texts by which a result would be known again inside of a prompt."""
    found = [_squeezed(document.content)[:MAX_TEXT_CHARS] for document in step.documents]
    if step.result is not None and not found:
        found = [_squeezed(spoken(step.result.value))]
    return [text for text in found if len(text) >= MIN_TEXT_CHARS]


def _squeezed(text: str) -> str:
    """Return ``text`` without white space: a prompt may print what a tool wrote in one line."""
    return "".join(text.split())


def _handoff_edges(tree: Tree, owners: Owners, handoffs: Sequence[Handoff]) -> Iterator[Edge]:
    """What was handed over to the step that shows it; the sender's call to the span that did it."""
    for handoff in handoffs:
        if handoff.receiver is None:
            continue
        target = handoff.received_by if handoff.received_by is not None else handoff.receiver
        sender = _last_before(tree, owners.models.get(handoff.sender, ()), target)
        source = handoff.performed_by
        if source is None:
            source = sender if sender is not None else handoff.sender
        elif sender is not None:
            yield _data(sender, source, "handoff")
        if source != target:
            yield _data(source, target, "handoff")


def _last_before(tree: Tree, models: Sequence[int], target: int) -> int | None:
    at = bisect_left(
        models, tree.steps[target].span.start_ns, key=lambda i: tree.steps[i].span.start_ns
    )
    return models[at - 1] if at else None
