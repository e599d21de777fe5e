"""What the sender of a handoff could have copied from: all that was told and answered before it."""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from itertools import pairwise

import msgspec

from causewatch.faults.calls import Run
from causewatch.faults.lost_at_handoff import place_of
from causewatch.faults.sources import prompts_in, said_in
from causewatch.faults.text import fold
from causewatch.model.graph import Handoff
from causewatch.model.kept import kept

MAX_EARLIER_COUNT = 200
"""The latest texts looked at for one handoff: who copies, copies from what was just said."""
MAX_LINES_COUNT = 500
MIN_COPY_CHARS = 24
_WORD = re.compile(r"[^\W_]+")

MESSAGES_KEY = "gen_ai.output.messages"
"""What an agent says in a chat is talk: others quote it and break off where they like."""


class Earlier(msgspec.Struct, frozen=True, kw_only=True, dict=True):
    """One text that was there at a time; ``by`` is the step that said it."""

    at_ns: int
    text: str
    by: int

    @kept
    def lines(self) -> tuple[str, ...]:
        """The lines of the text, folded."""
        return tuple(filter(None, map(fold, self.text.splitlines()[:MAX_LINES_COUNT])))

    @kept
    def long_lines(self) -> list[tuple[str, str, str]]:
        """The beginnings of the lines that are long enough to be copied, the lines, the next."""
        return [
            (line[:MIN_COPY_CHARS], line, after)
            for line, after in pairwise((*self.lines, ""))
            if len(line) > MIN_COPY_CHARS
        ]

    @kept
    def words(self) -> frozenset[str]:
        """The words of the text in lower case, taken apart once for all handoffs."""
        return words_in(self.text)

    @kept
    def sorted_words(self) -> list[str]:
        """The same in order, so that the words with one beginning stand together."""
        return sorted(self.words)

    def endings_of(self, start: str) -> Iterator[str]:
        """Yield how the words of the text that begin with ``start`` go on."""
        words = self.sorted_words
        for at in range(bisect_left(words, start), len(words)):
            if not words[at].startswith(start):
                return
            yield words[at][len(start) :]


def words_in(text: str) -> frozenset[str]:
    """Return the words of ``text`` in lower case."""
    return frozenset(_WORD.findall(text.lower()))


class Library:
    """The texts of one run in order of time. Built once, asked for each handoff."""

    def __init__(self, run: Run) -> None:
        self._run = run
        found = {(each.at_ns, each.text): each for each in _told_and_answered(run)}
        self._texts = sorted(found.values(), key=lambda each: (each.at_ns, each.by))
        self._times = [each.at_ns for each in self._texts]
        self._heard_by: dict[int, tuple[Earlier, ...]] = {}
        self._turns: dict[str, list[int]] = {}
        for i, step in enumerate(run.graph.steps):
            if step.kind == "model":
                self._turns.setdefault(run.graph.owner[i], []).append(i)

    def before(self, handoff: Handoff) -> tuple[Earlier, ...]:
        """Return what could be known when ``handoff`` was made, its sender's own words left out."""
        at_ns = self._run.graph.steps[place_of(handoff)].span.start_ns
        end = bisect_right(self._times, at_ns)
        recent = self._texts[max(end - MAX_EARLIER_COUNT, 0) : end]
        kept = [each for each in recent if each.by != handoff.sender]
        return (*kept, *self._heard(handoff.from_agent, at_ns))

    def _heard(self, agent: str, at_ns: int) -> tuple[Earlier, ...]:
        """Return what the sender's last model turn before the handoff was told by its tools."""
        steps = self._run.graph.steps
        turns = self._turns.get(agent, [])
        last = next((i for i in reversed(turns) if steps[i].span.start_ns <= at_ns), None)
        if last is None:
            return ()
        if last not in self._heard_by:
            self._heard_by[last] = tuple(
                _earlier(steps[last].span.start_ns, text, last)
                for message in steps[last].input_messages
                if message.role == "tool"
                for text in said_in(message)
            )
        return self._heard_by[last]


def _told_and_answered(run: Run) -> Iterator[Earlier]:
    for prompt in prompts_in(run):
        yield _earlier(prompt.at_ns, prompt.text, -1)
    for call in run.calls:
        if call.result is not None:
            for text in {call.result.raw, *call.result.strings}:
                yield _earlier(call.step.span.end_ns, text, call.index)
    for i, step in enumerate(run.graph.steps):
        if step.kind == "agent" and step.output is not None and step.output.key != MESSAGES_KEY:
            for text in step.output.strings:
                yield _earlier(step.span.end_ns, text, i)


def _earlier(at_ns: int, text: str, by: int) -> Earlier:
    return Earlier(at_ns=at_ns, text=text.rstrip(), by=by)
