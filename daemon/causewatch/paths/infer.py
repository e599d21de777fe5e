"""Infers a content model from the words that good runs wrote.

Chain regular expressions in the manner of CRX: G. J. Bex, F. Neven, T. Schwentick and
S. Vansummeren, "Inference of concise regular expressions and DTDs", TODS 35 (2010), first in Bex,
Neven, Schwentick and K. Tuyls, "Inference of concise DTDs from XML data", VLDB 2006. Names that
follow each other in a circle form one factor, names that never meet and stand in the same place are
a choice, and factors follow each other as the names did. What they write ``(a|b)+`` is told apart
further: into any order where names overlap in time or come once each, as process discovery finds
concurrency (S. Leemans, D. Fahland and W. van der Aalst, "Discovering block-structured process
models from event logs", 2013), and into rounds of an inner expression, as single occurrence
expressions have them. Numbers are kept (``counts``), and what was inferred is checked to accept
each word that it was inferred from.
"""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Sequence as Row
from itertools import pairwise

from causewatch.paths.counts import bounds
from causewatch.paths.derive import start
from causewatch.paths.error import PathError
from causewatch.paths.format import format_model
from causewatch.paths.limits import MAX_ANY_ORDER_PARTS_COUNT, MAX_COUNT, MAX_INNER_COUNT
from causewatch.paths.match import Event, match
from causewatch.paths.parser import parse_model
from causewatch.paths.sample import Item, Word
from causewatch.paths.syntax import (
    NOTHING,
    AnyOrder,
    Choice,
    Model,
    Name,
    Repeat,
    Sequence,
    leaves_of,
    opened,
)

MAX_ALPHABET_COUNT = 100
"""A node with more different children than this is left open."""
MAX_WORD_ITEMS = 300
"""Children beyond this are not looked at for order, only counted."""

Follows = dict[Name, set[Name]]


def infer(words: Row[Word]) -> Model:
    """Return a content model that accepts all words; the simplest of its kind that says most."""
    names = names_of(words)
    if not names:
        return NOTHING
    if len(names) > MAX_ALPHABET_COUNT:
        return opened()
    model = _chain(words)
    if _is_readable(model) and all(accepts(model, word) for word in words):
        return model
    return _repeat(_choice(names), [len(word) for word in words])


def _is_readable(model: Model) -> bool:
    """Tell whether a model keeps within the limits of what may be written."""
    try:
        return parse_model(format_model(model)) == model
    except PathError:
        return False


def names_of(words: Row[Word]) -> tuple[Name, ...]:
    """Return the names in words, each once, in the order of first appearance."""
    return tuple(dict.fromkeys(item.name for word in words for item in word))


def counts_of(words: Row[Word]) -> Model:
    """Return a model of the words that knows names and numbers only, no order."""
    names = names_of(words)
    if not names:
        return NOTHING
    if len(names) > MAX_ANY_ORDER_PARTS_COUNT:
        return Repeat(part=_choice(names), least=0, most=None)
    parts = tuple(_repeat(name, [_count(word, name) for word in words]) for name in names)
    model = parts[0] if len(parts) == 1 else AnyOrder(parts=parts)
    return model if _is_readable(model) else Repeat(part=_choice(names), least=0, most=None)


def accepts(model: Model, word: Word) -> bool:
    """Tell whether a word is what a model allows."""
    leaves = leaves_of(model)
    events = [
        Event(
            number=i,
            fits=frozenset(leaf for leaf in leaves if leaf == item.name),
            start_ns=item.start_ns,
            end_ns=item.end_ns,
        )
        for i, item in enumerate(word)
    ]
    return match(start(model), events).is_right


def _chain(words: Row[Word]) -> Model:
    """Return a sequence of factors, each of names that the others do not mix with."""
    follows, overlapping = _relations(words)
    reach = _closure(follows)
    classes = _classes(follows, reach)
    groups = _merged(classes, reach)
    factors = [_factor(group, words, overlapping) for group in _in_order(groups, reach)]
    return factors[0] if len(factors) == 1 else Sequence(parts=tuple(factors))


def _relations(words: Row[Word]) -> tuple[Follows, set[frozenset[Name]]]:
    """Return which name can come right after which, and which overlapped in time."""
    follows: Follows = {item.name: set() for word in words for item in word}
    overlapping: set[frozenset[Name]] = set()
    for word in words:
        shown = word[:MAX_WORD_ITEMS]
        for i, item in enumerate(shown):
            next_end_ns: int | None = None
            for other in shown[i + 1 :]:
                if other.start_ns < item.end_ns or _at_once(item, other):
                    # In one of the orders either is first.
                    overlapping.add(frozenset((item.name, other.name)))
                    follows[item.name].add(other.name)
                    follows[other.name].add(item.name)
                    continue
                if next_end_ns is not None and next_end_ns <= other.start_ns:
                    break  # a third one stands between them
                follows[item.name].add(other.name)
                next_end_ns = min(other.end_ns, next_end_ns or other.end_ns)
    return follows, overlapping


def _at_once(item: Item, other: Item) -> bool:
    return (item.start_ns, item.end_ns) == (other.start_ns, other.end_ns)


def _closure(follows: Follows) -> Follows:
    """Return which names can be reached from each, by at least one step."""
    reach: Follows = {}
    for name in follows:
        seen: set[Name] = set()
        waiting = list(follows[name])
        while waiting:
            other = waiting.pop()
            if other not in seen:
                seen.add(other)
                waiting.extend(follows[other])
        reach[name] = seen
    return reach


def _classes(follows: Follows, reach: Follows) -> list[tuple[Name, ...]]:
    """Return the names in circles: two are in one class if each can be reached from the other."""
    classes: list[tuple[Name, ...]] = []
    taken: set[Name] = set()
    for name in follows:
        if name not in taken:
            found = (name, *(o for o in reach[name] if name in reach[o] and o != name))
            ordered = tuple(each for each in follows if each in found)
            classes.append(ordered)
            taken.update(ordered)
    return classes


def _merged(classes: Row[tuple[Name, ...]], reach: Follows) -> list[tuple[Name, ...]]:
    """Join single names that stand in the same place, and never in one word, to a choice."""
    places: dict[object, list[Name]] = {}
    merged = [names for names in classes if len(names) > 1]
    everyone = [name for names in classes for name in names]
    for names in classes:
        if len(names) == 1:
            name = names[0]
            before = frozenset(other for other in everyone if name in reach[other]) - {name}
            place = before, frozenset(reach[name]) - {name}
            places.setdefault(place, []).append(name)
    return [*merged, *map(tuple, places.values())]


def _in_order(groups: Row[tuple[Name, ...]], reach: Follows) -> list[tuple[Name, ...]]:
    """Return the groups as their names follow each other; without an order as first seen."""
    seen = {name: i for i, name in enumerate(reach)}
    left = sorted(groups, key=lambda group: min(seen[name] for name in group))
    ordered: list[tuple[Name, ...]] = []
    while left:
        first = next(
            group
            for group in left
            if not any(group[0] in reach[other[0]] for other in left if other is not group)
        )
        ordered.append(first)
        left.remove(first)
    return ordered


def _factor(names: tuple[Name, ...], words: Row[Word], overlapping: set[frozenset[Name]]) -> Model:
    """Return the model of one group, from what the words show of it."""
    wanted = set(names)
    shown = [tuple(item for item in word if item.name in wanted) for word in words]
    if len(names) == 1:
        return _repeat(names[0], list(map(len, shown)))
    present = [word for word in shown if word]
    is_optional = len(present) < len(shown)
    model = _any_order(names, present, overlapping) or _rounds(names, present)
    if model is None:
        return _repeat(_choice(names), list(map(len, shown)))
    return Repeat(part=model, least=0, most=1) if is_optional else model


def _any_order(
    names: tuple[Name, ...], words: Row[Word], overlapping: set[frozenset[Name]]
) -> Model | None:
    """Return names in any order, where they overlapped in time or never come twice."""
    counts = {name: [_count(word, name) for word in words] for name in names}
    if not any(frozenset(pair) in overlapping for pair in _pairs(names)):
        is_once = max(map(max, counts.values())) == 1
        is_exclusive = all(len(word) == 1 for word in words)
        if not is_once or is_exclusive:
            return None
    if len(names) > MAX_ANY_ORDER_PARTS_COUNT:
        return None
    return AnyOrder(parts=tuple(_repeat(name, counts[name]) for name in names))


def _pairs(names: Row[Name]) -> Iterable[tuple[Name, Name]]:
    return ((a, b) for i, a in enumerate(names) for b in names[i + 1 :])


def _count(word: Word, name: Name) -> int:
    return sum(item.name == name for item in word)


def _rounds(names: tuple[Name, ...], words: Row[Word]) -> Model | None:
    """Return rounds of an inner model, where cutting the words into rounds orders their names."""
    first = {word[0].name for word in words}
    last = {word[-1].name for word in words}
    if first == set(names):
        return None
    rounds = [_cut(word, first, last) for word in words]
    pieces = [piece for each in rounds for piece in each]
    follows, _ = _relations(pieces)
    if len(_classes(follows, _closure(follows))) == 1:
        return None
    return _repeat(_chain(pieces), [len(each) for each in rounds])


def _cut(word: Word, first: set[Name], last: set[Name]) -> list[Word]:
    """Cut a word where one of the last names is followed by one of the first."""
    pieces: list[list[Item]] = [[word[0]]]
    for before, item in pairwise(word):
        if before.name in last and item.name in first and before.name != item.name:
            pieces.append([])
        pieces[-1].append(item)
    return [tuple(piece) for piece in pieces]


def _choice(names: tuple[Name, ...]) -> Model:
    return names[0] if len(names) == 1 else Choice(parts=names)


def _repeat(part: Model, counts: list[int]) -> Model:
    least, most = bounds(counts)
    if (least, most) == (1, 1):
        return part
    limit = MAX_COUNT if isinstance(part, Name) else MAX_INNER_COUNT
    if most is not None and most > limit:
        most = None
    return Repeat(part=part, least=min(least, 1) if least > limit else least, most=most)
