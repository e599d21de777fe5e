"""What flowed where: the output of one step found again in the input of a later one.

By call id first, then by the tool's name, arguments and order, then by the value or the text
itself. A result that no content shows elsewhere flows back to the step that made the call
(evidence ``return``).
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterator, Mapping, Sequence
from itertools import pairwise

from causewatch.graph.boundary import folded
from causewatch.graph.calls import Calls
from causewatch.graph.owners import Owners
from causewatch.graph.tree import SKEW_NS, Tree
from causewatch.model.graph import Edge, Handoff
from causewatch.model.step import Step, TextPart, ToolCallPart, ToolResultPart
from causewatch.model.value import sha256_of

MIN_TEXT_CHARS = 16
MAX_CANDIDATES_COUNT = 8
"""Call ids are unique but for careless emitters; of many alike, the last few are looked at."""


def trace_data(
    tree: Tree, owners: Owners, calls: Calls, handoffs: Sequence[Handoff]
) -> tuple[Edge, ...]:
    """Return the ``data`` edges of a run; of several between the same two steps, the first."""
    lineage = _Lineage(tree, owners, calls)
    # A tool that passed control on returned to nobody.
    lineage.consumed.update(
        (h.performed_by, h.receiver)
        for h in handoffs
        if h.performed_by is not None and h.receiver is not None and h.mode == "pass_control"
    )
    found: dict[tuple[int, int], Edge] = {}
    departures = _departures(tree, handoffs)
    for edge in (
        *lineage.edges(),
        *lineage.returned(departures),
        *_handoff_edges(tree, owners, handoffs),
    ):
        if edge.source != edge.target:
            found.setdefault((edge.source, edge.target), edge)
    return tuple(found[key] for key in sorted(found))


def _data(source: int, target: int, evidence: str, share: float = 1.0) -> Edge:
    return Edge(source=source, target=target, type="data", evidence=evidence, share=share)


class _Lineage:
    """The indices over one run's steps that lineage looks things up in."""

    def __init__(self, tree: Tree, owners: Owners, calls: Calls) -> None:
        self.tree = tree
        self.steps = tree.steps
        self.owners = owners
        self.calls = calls
        self.results = [
            i for i, s in enumerate(tree.steps) if s.kind in {"tool", "retrieval", "memory"}
        ]
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

    def edges(self) -> Iterator[Edge]:
        """Yield all edges but those of handoffs and returns."""
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
        seen: set[tuple[str, int]] = set()
        by_value: dict[str, list[int]] | None = None
        for models in self.models.values():
            for model in models:
                for part in _results(self.steps[model]):
                    if part.id:
                        source, evidence = self._source_of(part, model)
                    else:
                        by_value = self._by_value() if by_value is None else by_value
                        source = self._pick(by_value.get(sha256_of(part.result), ()), model)
                        evidence = "result value"
                    if source is None or (self.owners.owner[model], source) in seen:
                        continue
                    seen.add((self.owners.owner[model], source))
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

    def _pick(self, candidates: Sequence[int], model: int) -> int | None:
        """Return the last candidate that started before ``model``, rather one of the same agent."""
        before_ns = self.steps[model].span.start_ns + SKEW_NS
        end = bisect_left(candidates, before_ns, key=lambda i: self.steps[i].span.start_ns)
        near = candidates[max(end - MAX_CANDIDATES_COUNT, 0) : end]
        owner = self.owners.owner[model]
        same = [i for i in near if self.owners.owner[i] == owner]
        return next(reversed(same or near), None)

    def _history(self) -> Iterator[Edge]:
        """A model step to the next one of the same agent, where that repeats what it said."""
        for models in self.models.values():
            for before, after in pairwise(models):
                said = self.steps[before].output_messages
                if said and _repeats(self.steps[before], self.steps[after]):
                    yield _data(before, after, "history")

    def _in_text(self) -> Iterator[Edge]:
        """A result to the next model step of the same agent, where that holds it as plain text."""
        texts: dict[int, str] = {}
        for i in self.results:
            if i in self.consumed:
                continue
            wanted = _wanted_texts(self.steps[i])
            model = self._next_model(i) if wanted else None
            if model is None:
                continue
            if model not in texts:
                texts = {model: folded("\n".join(_all_text(self.steps[model])))}
            found = sum(text in texts[model] for text in wanted)
            if found:
                self.consumed[i] = model
                yield _data(i, model, "text", found / len(wanted))

    def _next_model(self, index: int) -> int | None:
        models = self.models.get(self.owners.owner[index], [])
        ends_ns = self.steps[index].span.end_ns - SKEW_NS
        at = bisect_left(models, ends_ns, key=lambda i: self.steps[i].span.start_ns)
        return next((i for i in models[at : at + 1] if i > index), None)

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


def _results(step: Step) -> Iterator[ToolResultPart]:
    for message in step.input_messages:
        for part in message.parts:
            if isinstance(part, ToolResultPart):
                yield part


def _repeats(before: Step, after: Step) -> bool:
    """Tell whether the input of ``after`` holds a call's id or the text of ``before``."""
    ids = {p.id for m in before.output_messages for p in m.parts if isinstance(p, ToolCallPart)}
    texts = {
        folded(p.content)
        for m in before.output_messages
        for p in m.parts
        if isinstance(p, TextPart) and p.content
    }
    for message in reversed(after.input_messages):
        for part in message.parts:
            if isinstance(part, ToolCallPart | ToolResultPart) and part.id and part.id in ids:
                return True
            if (
                isinstance(part, TextPart)
                and message.role != "system"
                and folded(part.content) in texts
            ):
                return True
    return False


def _wanted_texts(step: Step) -> list[str]:
    """Return the texts by which a result would be known again inside of a prompt."""
    found = [folded(document.content)[:500] for document in step.documents]
    if step.result is not None and not found:
        value = step.result.value
        found = [folded(value if isinstance(value, str) else step.result.raw)]
    return [text for text in found if len(text) >= MIN_TEXT_CHARS]


def _all_text(step: Step) -> Iterator[str]:
    for message in (*step.system, *step.input_messages):
        yield message.text


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
        yield _data(source, target, "handoff")


def _last_before(tree: Tree, models: Sequence[int], target: int) -> int | None:
    at = bisect_left(
        models, tree.steps[target].span.start_ns, key=lambda i: tree.steps[i].span.start_ns
    )
    return models[at - 1] if at else None
