"""Gathers what rules ask of values into one set of questions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from causewatch.dialects.table import Dialect, Source
from causewatch.dialects.table import Field as DialectField
from causewatch.likeness.answers import Fits
from causewatch.likeness.asked import (
    Alias,
    Check,
    Digests,
    Names,
    OfKey,
    Pattern,
    Questions,
    Total,
    Variable,
)
from causewatch.likeness.numbers import MAX_EXACT_INT
from causewatch.rules.subject import USAGE
from causewatch.signatures.compile_field import matcher_of
from causewatch.signatures.fragments import fragments_of

_NAMES: frozenset[DialectField] = frozenset(
    {"agent", "workflow", "tool", "handoff_from", "handoff_to"}
)
_FLOATING = frozenset({USAGE["cost"]})


class Asking:
    """The questions so far; the dialects say where what rules know lies on spans."""

    def __init__(self, dialects: Sequence[Dialect]) -> None:
        self._dialects = dialects
        self._limits: dict[str, set[float]] = {}
        self._words: dict[str, set[str]] = {}
        self._patterns: dict[str, dict[str, None]] = {}
        self._present: set[str] = set()
        self._whole: set[str] = set()
        self._same: set[str] = set()
        self._durations: set[float] = set()
        self._traces: set[float] = set()
        self._tests: dict[Check, None] = {}
        self._totals: dict[Total, None] = {}
        self._has_order = False
        self._has_names = self._has_whole_names = False
        self._ids: set[str] = set()
        self._sizes: set[float] = set()
        self._total_sizes: set[float] = set()
        self._gates: set[str] = set()
        self._digests: dict[Digests, None] = {}

    def value(self, key: str, constant: object) -> None:
        """Ask how the values under a key compare with a constant."""
        self._present.add(key)
        if isinstance(constant, str):
            self._words.setdefault(key, set()).add(constant)
        elif isinstance(constant, int | float) and not isinstance(constant, bool):
            if abs(constant) > MAX_EXACT_INT:
                self._whole.add(key)
            else:
                self._limits.setdefault(key, set()).add(constant)

    def pattern(self, key: str, pattern: str) -> None:
        """Ask whether the values under a key fit a pattern."""
        self._present.add(key)
        self._patterns.setdefault(key, {})[pattern] = None

    def whole(self, key: str) -> None:
        """Ask for the values under a key."""
        self._whole.add(key)

    def whole_usage(self, key: str) -> None:
        """Ask for the values under which dialects keep a number."""
        self._whole.update(alias.key for alias in self.variable(key).aliases)

    def same(self, key: str) -> None:
        """Ask which values under a key, and others asked for so, are equal."""
        self._same.add(key)

    def duration(self, limit: float) -> None:
        """Ask on which side of a limit each span's duration lies, in nanoseconds."""
        self._durations.add(limit)

    def trace(self, limit: float) -> None:
        """Ask the same of each trace's duration."""
        self._traces.add(limit)

    def test(self, test: Check) -> None:
        """Ask of each span whether a comparison holds."""
        self._tests[test] = None

    def total(self, total: Total) -> None:
        """Ask whether a total cannot meet its limit."""
        self._totals[total] = None

    def names(self, ids: Iterable[str] = ()) -> None:
        """Ask which ids in names are equal, to each other and to these."""
        self._has_names = True
        self._ids.update(ids)

    def whole_names(self) -> None:
        """Ask for names with the ids that are in them."""
        self._has_names = self._has_whole_names = True

    def size(self, limit: float) -> None:
        """Ask whether no payload is larger than so many bytes."""
        self._sizes.add(limit)

    def total_size(self, limit: float) -> None:
        """Ask whether all payloads of a run together are no larger than so many bytes."""
        self._total_sizes.add(limit)

    def gate(self, text: str) -> None:
        """Ask whether a text is nowhere in a run."""
        self._gates.add(text)

    def order(self) -> None:
        """Ask which spans ended before which others began."""
        self._has_order = True

    def digests(self, field: DialectField, gate: str) -> None:
        """Ask which payloads are equal; with a gate only of runs that hold its text."""
        keys = {
            source.key
            for source in self._sources({field})
            if source.key and not source.path and not source.events
        }
        events = {source.key for source in self._sources({field}) if source.events}
        self._digests[Digests(keys=tuple(sorted(keys | events)), gate=gate)] = None

    def variable(self, key: str, *, of_parent: bool = False) -> Variable:
        """Return an attribute as a number, with where dialects keep it."""
        fields = {field for field, name in USAGE.items() if name == key}
        aliases = {
            (source.key, source.path)
            for source in self._sources(fields)
            if source.key and source.key != key
        }
        return Variable(
            what="attribute",
            key=key,
            aliases=tuple(Alias(key=name, path=path) for name, path in sorted(aliases)),
            is_count=key not in _FLOATING,
            of_parent=of_parent,
        )

    def session_keys(self) -> set[str]:
        """Return the keys under which dialects keep what a run belongs to."""
        return {source.key for source in self._sources({"session"}) if source.key}

    def questions(self) -> Questions:
        """Return all that was asked."""
        keys = self._present | self._whole | self._same
        return Questions(
            keys=tuple(self._of_key(key) for key in sorted(keys)),
            durations=tuple(sorted(self._durations)),
            trace_durations=tuple(sorted(self._traces)),
            tests=tuple(self._tests),
            totals=tuple(self._totals),
            names=self._names() if self._has_names else None,
            has_order=self._has_order,
            size=min(self._sizes, default=None),
            total_size=min(self._total_sizes, default=None),
            gates=tuple(sorted(self._gates)),
            digests=tuple(self._digests),
        )

    def fits(self) -> dict[str, Fits]:
        """Return what tells of each pattern whether a text fits it."""
        patterns = {pattern for each in self._patterns.values() for pattern in each}
        return {pattern: matcher_of(pattern) for pattern in patterns}

    def _of_key(self, key: str) -> OfKey:
        return OfKey(
            key=key,
            limits=tuple(sorted(self._limits.get(key, ()))),
            words=tuple(sorted(self._words.get(key, ()))),
            patterns=tuple(_pattern(text) for text in self._patterns.get(key, ())),
            is_whole=key in self._whole,
            is_same=key in self._same,
        )

    def _names(self) -> Names:
        found = {
            (source.key, source.path)
            for source in self._sources(_NAMES)
            if source.key and not (source.events or source.pattern or source.kinds)
        }
        return Names(
            places=tuple(Alias(key=key, path=path) for key, path in sorted(found)),
            ids=tuple(sorted(self._ids)),
            is_whole=self._has_whole_names,
        )

    def _sources(self, fields: Iterable[str]) -> list[Source]:
        wanted = set(fields)
        return [
            source
            for dialect in self._dialects
            for rule in dialect.fields
            if rule.field in wanted
            for source in rule.sources
        ]


def _pattern(text: str) -> Pattern:
    found = fragments_of(text)
    if found is None:
        return Pattern(text=text)
    return Pattern(text=text, needles=found.needles, is_folded=found.is_folded)
