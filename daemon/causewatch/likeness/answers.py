"""How decoded spans answer what loaded rules ask; see ``asked`` for what the answers mean."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence

from causewatch.likeness.asked import (
    NAME,
    STATUS_MESSAGE,
    Names,
    OfKey,
    Questions,
    TooCloseError,
)
from causewatch.likeness.bounds import check_sizes
from causewatch.likeness.keys import ID
from causewatch.likeness.numbers import Run, bucket, check_total, holds, value_at
from causewatch.likeness.payloads import Payloads
from causewatch.model.span import Attributes, Resource, Scope, Span
from causewatch.model.value import Value

Fits = Callable[[str], bool]
Answer = tuple[object, ...]


class Answers:
    """Answers one set of questions.

    Args:
        questions: what is asked.
        fits: by the text of each pattern, whether a value fits it.
    """

    def __init__(self, questions: Questions, fits: Mapping[str, Fits]) -> None:
        self.questions = questions
        self._fits = fits
        self._keys = {each.key: each for each in questions.keys}
        self._reads_parents = any(
            put.variable is not None and put.variable.of_parent
            for test in questions.tests
            for put in (*test.left, *test.right)
        )

    def of_run(self, spans: Sequence[Span]) -> list[Answer]:
        """Return what goes into the likeness with each span; they come in order of time.

        Raises:
            TooCloseError: the run has to be judged in full.
        """
        run = Run(spans)
        self._check(run)
        seen: dict[object, int] = {}
        ids: dict[str, int] = {}
        digests = self.digests(spans)
        return [
            (
                self.of_origin(span.resource, span.scope),
                tuple(self._of_span(run, span, seen, ids)),
                self.patterns(span),
                digest,
            )
            for span, digest in zip(spans, digests, strict=True)
        ]

    def fitting(self, number: int, text: str) -> int:
        """Return, as bits, which patterns of a key fit a text; keys are numbered as asked."""
        patterns = self.questions.keys[number].patterns
        return sum(1 << i for i, each in enumerate(patterns) if self._fits[each.text](text))

    def of_origin(self, resource: Resource, scope: Scope) -> Answer:
        """Return what goes in for whose span it is."""
        found: list[object] = []
        for place, attributes in enumerate((resource.attributes, scope.attributes)):
            for key, of_key in self._asked_of(attributes):
                value = attributes[key]
                is_whole = of_key.is_whole or of_key.is_same
                said = repr(value) if is_whole else token(of_key, value)
                found.append((place, key, said, self._fitting(of_key, value)))
        return tuple(found)

    def patterns(self, span: Span) -> Answer:
        """Return which patterns fit which values of a span, nothing where none does."""
        found: list[object] = []
        for place, attributes in enumerate(_places(span)):
            for key, of_key in self._asked_of(attributes):
                if of_key.patterns and (fitting := self._fitting(of_key, attributes[key])):
                    found.append((place, key, fitting))
        return tuple(found)

    def digests(self, spans: Sequence[Span]) -> list[Answer]:
        """Return for each span where the run first had equal payloads."""
        asked = self.questions.digests
        if not any(holds_text(span, each.gate) for each in asked for span in spans):
            return [()] * len(spans)
        payloads = Payloads(asked)
        return [(*payloads.of_span(span), "compared") for span in spans]

    def _check(self, run: Run) -> None:
        asked = self.questions
        if asked.size is not None or asked.total_size is not None:
            check_sizes(asked, run.spans)
        for gate in asked.gates:
            if any(holds_text(span, gate) for span in run.spans):
                raise TooCloseError
        for total in asked.totals:
            check_total(total, run)
        if self._reads_parents and len(run.index) < len(run.spans):
            raise TooCloseError

    def _of_span(
        self, run: Run, span: Span, seen: dict[object, int], ids: dict[str, int]
    ) -> Iterator[object]:
        asked = self.questions
        if asked.durations:
            yield bucket(asked.durations, span.end_ns - span.start_ns)
        if asked.trace_durations:
            yield bucket(asked.trace_durations, run.trace_ns(span))
        for test in asked.tests:
            yield holds(test, span, run)
        if asked.has_order:
            yield run.first_after(span)
        if asked.names is not None:
            yield from _names(asked.names, span, ids)
        for place, attributes in enumerate(_places(span)):
            for key, of_key in self._asked_of(attributes):
                value = attributes[key]
                yield place, key, token(of_key, value)
                if of_key.is_same:
                    yield seen.setdefault(_comparable(value), len(seen))

    def _asked_of(self, attributes: Attributes) -> Iterator[tuple[str, OfKey]]:
        keys = self._keys
        if len(attributes) < len(keys):
            return ((key, keys[key]) for key in attributes if key in keys)
        return ((key, each) for key, each in keys.items() if key in attributes)

    def _fitting(self, of_key: OfKey, value: Value) -> Answer:
        if isinstance(value, str):
            return tuple(
                i for i, each in enumerate(of_key.patterns) if self._fits[each.text](value)
            )
        if isinstance(value, list):
            found = tuple(self._fitting(of_key, item) for item in value if isinstance(item, str))
            return found if any(found) else ()
        return ()


def token(of_key: OfKey, value: Value) -> object:
    """Return what of a value goes into a likeness, but for the patterns that it fits."""
    if of_key.is_whole:
        return repr(value)
    match value:
        case bool():
            return value
        case int() | float():
            return "n", bucket(of_key.limits, value)
        case str():
            return "s", _between(of_key.words, value)
        case list():
            return tuple(token(of_key, item) for item in value)
        case _:
            return type(value).__name__


def holds_text(span: Span, text: str) -> bool:
    """Tell whether a text occurs in a span: in its name, or in a key or value of it."""
    if text in span.name or text in span.status_message:
        return True
    places = (span.attributes, *(event.attributes for event in span.events))
    return any(
        text in key or _value_holds(value, text)
        for attributes in places
        for key, value in attributes.items()
    )


def _value_holds(value: Value, text: str) -> bool:
    if isinstance(value, str):
        return text in value
    if isinstance(value, list):
        return any(_value_holds(item, text) for item in value)
    if isinstance(value, dict):
        return any(text in key or _value_holds(item, text) for key, item in value.items())
    return False


def _places(span: Span) -> tuple[Attributes, ...]:
    said: Attributes = {NAME: span.name, STATUS_MESSAGE: span.status_message}
    return (span.attributes, said, *(event.attributes for event in span.events))


def _names(names: Names, span: Span, seen: dict[str, int]) -> Iterator[object]:
    yield tuple(_ids(names, span.name, seen))
    for alias in names.places:
        if alias.key in span.attributes:
            name = value_at(alias, span.attributes[alias.key])
            yield alias.key, tuple(_ids(names, name, seen))


def _ids(names: Names, value: Value, seen: dict[str, int]) -> Iterator[object]:
    """Yield what counts of the ids in a name: themselves, or where the run first had them."""
    for text in value if isinstance(value, list) else [value]:
        if not isinstance(text, str):
            yield repr(text)
            continue
        for found in ID.finditer(text):
            name = found.group()
            is_known = names.is_whole or name in names.ids
            yield name if is_known else seen.setdefault(name, len(seen))


def _between(words: Sequence[str], text: str) -> int:
    """Return the same of a text among texts as ``bucket`` of a number among numbers."""
    if not words:
        return 0
    lower = sum(word < text for word in words)
    return 2 * lower + (lower < len(words) and words[lower] == text)


def _comparable(value: Value) -> object:
    """Return what is equal for values that rules find equal."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return type(value).__name__, repr(value)
    return "number", value
