"""Whether a call that a text explains may be what the user wanted all the same.

A tool that answers in words tells values in words: what it says is then the answer, not an
instruction, if somebody asked. Where that cannot be told, the call is not held against anybody.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

import msgspec

from causewatch.faults.calls import Call, Run
from causewatch.faults.contradiction import contradicts
from causewatch.faults.override import delegates, delegating
from causewatch.faults.passages import Content, content_of, values_of, words_of
from causewatch.faults.steering import (
    MIN_LIFTED_CHARS,
    MIN_STEM_CHARS,
    Pair,
    Told,
    is_address,
    stem,
)
from causewatch.faults.tongue import is_english_verb, is_small, tongue_of
from causewatch.faults.words import name_words
from causewatch.model.kept import kept

MIN_TOPIC_CHARS = 4
MIN_ID_CHARS = 3
MIN_NAME_CHARS = 3
MIN_ON_TOPIC_COUNT = 2
MIN_RECORD_FIELDS_COUNT = 8
"""Fewer may be the envelope of an answer in words."""
_SENTENCE = re.compile(
    "(?<=[.!?;])(?:[\"')\\]\u2019\u201d]|</\\w{1,20}>){0,4}\\s+|(?<=[\u3002\uff01\uff1f])"
)
"""Where sentences end; what stands before a colon belongs to what follows."""
_DENSE_PAIR = re.compile(r"(?=([\u30a0-\u30ff\u3400-\u9fff\uac00-\ud7af]{2}))")
_LIGHT_VERBS = frozenset(
    {"issue", "make", "do", "create", "perform", "process", "execute", "submit", "run", "open"}
)
"""Verbs that leave it to the noun after them what is done."""
_KINDS = tuple(
    frozenset(verbs.split())
    for verbs in (
        "send post write tell notify inform publish forward reply answer share",
        "pay transfer wire settle donate",
        "book reserve order buy purchase rent",
    )
)
"""Verbs by which one asks for acts of one kind; of others the object says what is done."""
_LIBRARY_WORDS = frozenset(
    {
        "search", "policy", "policies", "kb", "docs", "documentation", "knowledge", "retrieve",
        "retriever", "retrieval", "faq", "handbook", "manual", "guide", "lookup", "wiki",
    }
)  # fmt: skip
"""Words in the names of what looks up the rules of a house."""


class _Scope(msgspec.Struct, frozen=True, kw_only=True):
    """What the user and a text speak of, beside the tool."""

    said: str
    """The sentences that hold what was lifted."""
    topics: frozenset[str]
    """What the user speaks of."""
    own: frozenset[str]
    """What the sentences speak of."""
    is_stray: bool
    """They have nothing to do with the user's words, nor with the rest of the result."""


class Wishes:
    """What a run's user asked for, against which a call that a text explains is held."""

    def __init__(self, run: Run) -> None:
        self._run = run
        self._meant: dict[str, frozenset[int]] = {}
        self._tongues: dict[str, str] = {}

    def may_cover(self, pair: Pair) -> bool:
        """Tell whether the user may have wanted the call, or whether that cannot be told."""
        if pair.commands or (not pair.pointed and contradicts(self._run, pair)):
            return False
        # Who hands the choice to a text wants what it says, whatever that is.
        if self._is_delegated(pair):
            return True
        scope = self._scope(pair)
        if _stands_in_records(pair) and not _is_rule_of_house(pair):
            return False
        if not self._can_compare(pair, scope.said):
            return not (scope.is_stray and pair.fits and self._others(pair))
        return not self._came_on_top(pair, scope) and self._may_be_meant(pair, scope)

    def _may_be_meant(self, pair: Pair, scope: _Scope) -> bool:
        """Tell whether the user's words may mean the call, or the text answers them."""
        if asked := _names(pair.call) & pair.source.told.asked_stems:
            return self._is_what_was_asked(pair, scope, asked)
        return (
            (pair.pointed and self._is_still_to_do(pair))
            or _is_of_place(pair)
            or (_is_related(pair, scope) and not self._others_like(pair))
            or _is_answer(pair, scope)
        )

    def _scope(self, pair: Pair) -> _Scope:
        # What the user says of the tools themselves does not make a text his topic.
        topics = topics_of(pair.source.told.asked) - self._tool_stems
        said = _sentences_with(pair)
        own = topics_of(_without(said, pair.values))
        rest = topics_of(_rest_of(pair, said))
        return _Scope(
            said=said,
            topics=topics,
            own=own,
            is_stray=bool(rest)
            and own.isdisjoint(topics)
            and (own - _names(pair.call)).isdisjoint(rest),
        )

    def _is_what_was_asked(self, pair: Pair, scope: _Scope, asked: frozenset[str]) -> bool:
        """Tell whether a call of a tool that the user spoke of may be the one that he meant."""
        if _is_rule_of_house(pair):
            return True
        says_more = not scope.own - _names(pair.call) <= scope.topics
        is_done = any(asked <= _names(other) for other in self._others(pair))
        if is_done and (says_more or not pair.pointed):
            # Another call did what was asked, with values from elsewhere.
            return False
        is_foreign = scope.is_stray and pair.acts_on and bool(pair.addresses)
        return not is_foreign or pair.pointed

    def _came_on_top(self, pair: Pair, scope: _Scope) -> bool:
        """Tell whether a text orders the call, and another act did what the user named."""
        told = pair.source.told.asked
        if (
            not _is_order(pair.call, scope.said, pair.values)
            or _is_about_wish(pair, scope)
            or _takes_from(pair.call, told)
        ):
            return False
        # What was asked for and is still to be done may be just this.
        return any(_takes_from(other, told) for other in self._others_like(pair))

    def _is_still_to_do(self, pair: Pair) -> bool:
        """Tell whether the user asked for an act of this kind, and no other call was of it."""
        is_asked = not kind_of(pair.call).isdisjoint(words_of(pair.source.told.asked))
        return is_asked and not self._others_like(pair)

    def _others_like(self, pair: Pair) -> tuple[Call, ...]:
        """Return the other acts; if one of the call's kind was asked for, those of that kind."""
        kind = kind_of(pair.call)
        others = self._others(pair)
        if kind.isdisjoint(words_of(pair.source.told.asked)):
            return others
        return tuple(other for other in others if not kind.isdisjoint(kind_of(other)))

    @kept
    def _tool_stems(self) -> frozenset[str]:
        return frozenset(stem for call in self._run.calls for stem in _names(call))

    @kept
    def _has_english_tools(self) -> bool:
        return any(is_english_verb(w) for c in self._run.calls for w in name_words(c.step.name))

    def _is_delegated(self, pair: Pair) -> bool:
        """Tell whether the user handed the choice of what to do to this text.

        Where some result of the run is the text he spoke of, the others are not; but for what that
        text tells to read.
        """
        told = pair.source.told
        if told.asked not in self._meant:
            found = self._meant_by(told) if delegates(told.asked) else frozenset()
            self._meant[told.asked] = found
        return pair.source.call.index in self._meant[told.asked]

    def _meant_by(self, told: Told) -> frozenset[int]:
        for asked in (delegating(told.asked), told.asked):
            if found := self._named_in(asked):
                return found
        return frozenset(call.index for call in self._run.calls)

    def _named_in(self, asked: str) -> frozenset[int]:
        """Return the calls whose results a request speaks of, and what those tell to follow."""
        stems = frozenset(map(stem, words_of(asked)))
        meant: dict[int, str] = {}
        for call in sorted(self._run.calls, key=lambda each: each.step.span.start_ns):
            if call.result is None or call.delegates or call.acts:
                continue
            given = values_of(call.step.arguments.value) if call.step.arguments else {}
            named = [value for value in given if len(value) >= MIN_LIFTED_CHARS]
            if (
                not _names(call).isdisjoint(stems)
                or any(value in asked for value in named)
                or any(value in text for value in named for text in meant.values())
            ):
                meant[call.index] = _points_to(content_of(call.result.value))
        return frozenset(meant)

    def _can_compare(self, pair: Pair, said: str) -> bool:
        """Tell whether the user's words and the tool's name are of one language."""
        text = pair.source.told.asked
        if text not in self._tongues:
            self._tongues[text] = tongue_of(text)
        tongue = self._tongues[text]
        if tongue == "en" and self._has_english_tools:
            return True
        return bool(tongue) and pair.fits and tongue == tongue_of(said)

    def _others(self, pair: Pair) -> tuple[Call, ...]:
        """Return the later acting calls that took nothing from the passage."""
        read_ns = pair.source.call.step.span.end_ns
        return tuple(
            call
            for call in self._run.calls
            if call.acts
            and not call.delegates
            and call.step.span.start_ns >= read_ns
            and call.index != pair.call.index
            and call.step.arguments is not None
            and not _takes(values_of(call.step.arguments.value), pair)
        )


def _takes(values: Iterable[str], pair: Pair) -> bool:
    """Tell whether values stand in the text of a pair, and nowhere in what the user said."""
    told = pair.source.told.text
    return any(
        v in pair.values or (is_address(v) and v in pair.passage and v not in told) for v in values
    )


def topics_of(text: str) -> frozenset[str]:
    """Return the stems of the words that say what a normalised text is about."""
    words = {
        stem(word)
        for word in words_of(text)
        if (len(word) >= MIN_TOPIC_CHARS and not is_small(word))
        or (len(word) >= MIN_ID_CHARS and any(char.isdigit() for char in word))
    }
    return frozenset(words.union(_DENSE_PAIR.findall(text)))


def _is_about_wish(pair: Pair, scope: _Scope) -> bool:
    """Tell whether what a text orders is what the user speaks of, or of the place he named."""
    own = scope.own - _names(pair.call)
    if 2 * len(own & scope.topics) >= len(own):
        return True
    return _is_of_place(pair)


def _is_related(pair: Pair, scope: _Scope) -> bool:
    """Tell whether a text that the user named tells of what he speaks of, or of nothing else."""
    spoken = scope.own.union(*(topics_of(value) for value in pair.values))
    is_about = not scope.topics.isdisjoint(spoken) or not scope.own - _names(pair.call)
    return pair.pointed and is_about


def _is_of_place(pair: Pair) -> bool:
    """Tell whether an address belongs to the place that the user named, as a mailbox of a site."""
    arguments = pair.source.call.step.arguments
    asked = values_of(arguments.value) if arguments is not None else {}
    places = [v for v in asked if is_address(v) and v in pair.source.told.text]
    return any(
        re.search(rf"(?<![\w-]){re.escape(place)}(?![\w-])", value)
        for place in places
        for value in pair.values
    )


def kind_of(call: Call) -> frozenset[str]:
    """Return the verbs that mean what a call does: its own, and those that ask for the same."""
    verb = (name_words(call.step.name) or ("",))[0]
    return next((kind for kind in _KINDS if verb in kind), frozenset({verb}))


def _takes_from(call: Call, asked: str) -> bool:
    """Tell whether a call has an argument that stands in what the user said."""
    if call.step.arguments is None:
        return False
    words = words_of(asked)
    return any(
        len(value) >= MIN_NAME_CHARS and value in asked and words_of(value) <= words
        for value in values_of(call.step.arguments.value)
    )


def _points_to(content: Content) -> str:
    """Return what of a result tells where to read on: its fields, and what says to follow."""
    return "\n".join((*content.fields, *map(delegating, content.passages)))


def _names(call: Call) -> frozenset[str]:
    words = name_words(call.step.name)
    return frozenset(stem(word) for word in words if len(word) >= MIN_NAME_CHARS)


def _sentences_with(pair: Pair) -> str:
    """Return the sentences of the passage that hold what was lifted, without the values."""
    found = [s for s in _SENTENCE.split(pair.passage) if any(v in s for v in pair.values)]
    return " ".join(found) or pair.passage


def _without(text: str, values: Iterable[str]) -> str:
    for value in values:
        text = text.replace(value, " ")
    return text


def _rest_of(pair: Pair, said: str) -> str:
    """Return what else the result says."""
    others = (p for p in pair.source.content.passages if p != pair.passage)
    own = (s for s in _SENTENCE.split(pair.passage) if s not in said)
    return "\n".join((*others, *own))


def _stands_in_records(pair: Pair) -> bool:
    """Tell whether a tool that answers in records returned the passage in one of their texts."""
    return len(pair.source.content.fields) >= MIN_RECORD_FIELDS_COUNT


def _is_whole(pair: Pair) -> bool:
    """Tell whether the result is this passage, and nothing else."""
    content = pair.source.content
    return not content.fields and len(content.passages) == 1


def _is_answer(pair: Pair, scope: _Scope) -> bool:
    """Tell whether a text answers the user, whose words do not name the tool.

    It does if it speaks of what he speaks of. All that a tool said is its answer as well, and a
    page that he named is, but for a sentence in it that says to do what the tool does.
    """
    if len(scope.own & scope.topics) >= MIN_ON_TOPIC_COUNT:
        return True
    is_order = _is_order(pair.call, scope.said, pair.values)
    if _is_whole(pair):
        return not is_order or not scope.own.isdisjoint(scope.topics)
    is_page = pair.pointed and not scope.topics.isdisjoint(topics_of(pair.passage))
    return is_page and not is_order


def _is_order(call: Call, said: str, values: Iterable[str]) -> bool:
    """Tell whether a sentence tells to do what the tool does: its verb, before a value."""
    words = name_words(call.step.name)
    verbs = set(words[:1])
    if verbs & _LIGHT_VERBS:
        verbs.update(words[1:2])
    before = min((said.find(value) for value in values if value in said), default=len(said))
    told = words_of(said[:before])
    # A reservation is told by reserve, but what can be booked is no order to book.
    nouns = {stem(verb) for verb in verbs if len(verb) > MIN_STEM_CHARS}
    return not verbs.isdisjoint(told) or not nouns.isdisjoint(map(stem, told))


def _is_rule_of_house(pair: Pair) -> bool:
    """Tell whether it may be a rule of the house: one value from where such rules are looked up."""
    step = pair.source.call.step
    is_library = step.kind == "retrieval" or not _LIBRARY_WORDS.isdisjoint(name_words(step.name))
    return is_library and len(pair.lifted) <= 1
