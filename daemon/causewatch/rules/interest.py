"""What loaded rules look at that a run's likeness alone does not tell: durations and values.

Runs of one likeness are equal in structure, names, kinds, statuses and in what detectors see. A
rule may also compare a duration or an attribute's value. Where it compares it with a constant, the
likeness takes in on which side of the constant it lies; where it does anything else with it, the
value itself; and with what no likeness can take in (times, ids, digests), no run is passed over.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Iterable, Sequence

from causewatch.dialects.table import Dialect
from causewatch.likeness.keys import naming_keys
from causewatch.likeness.likeness import STATUS_MESSAGE, Probe
from causewatch.model.value import Value
from causewatch.rules.bundle import Group
from causewatch.rules.subject import USAGE
from causewatch.signatures.classify import parts_of
from causewatch.signatures.syntax import Attribute, Binary, Field, Intrinsic, Literally, Part

_TOLD = frozenset(
    {"span:name", "span:kind", "span:status", "span:parentID", "span:childCount", "trace:rootName",
     "trace:rootService", "event:name", "instrumentation:name", "instrumentation:version",
     "nestedSetLeft", "nestedSetRight", "nestedSetParent"}
)  # fmt: skip
"""Intrinsics that are equal in runs of one likeness."""
_UNTOLD = ("session", ".sha256", ".bytes", "handoff.delta", "handoff.checksum")
"""How the names of derived attributes end that are not."""
_DERIVED = "causewatch."
_DURATION = "span:duration"
_COMPARED = frozenset({"=", "!=", "<", "<=", ">", ">="})


class Interest:
    """What the rules in force ask of values; ``unsound`` says which of it a likeness cannot tell.

    Attributes:
        unsound: rule ids with what they read; with any, no run may be passed over.
    """

    def __init__(self, groups: Iterable[Group], dialects: Sequence[Dialect]) -> None:
        self.unsound: dict[str, str] = {}
        self._durations: list[float] = []
        self._numbers: dict[str, list[float]] = {}
        self._whole: set[str] = set()
        self._naming = naming_keys(dialects)
        self._usage = _usage_keys(dialects)
        for rule in (rule for group in groups for rule in group.rules):
            plain = dict(_comparisons(rule.signature.query.root))
            for part in parts_of(rule.signature.query.root):
                if isinstance(part, Attribute | Intrinsic):
                    self._read(rule.rule_id, part, plain.get(id(part)))
            for by in rule.by:
                if isinstance(by.reference, Attribute | Intrinsic):
                    self._read(rule.rule_id, by.reference, None)
        self._durations.sort()
        for limits in self._numbers.values():
            limits.sort()

    @property
    def keys(self) -> tuple[str, ...]:
        """Return the attribute keys that have a probe."""
        return tuple(sorted(self._whole | self._numbers.keys()))

    @property
    def is_empty(self) -> bool:
        """Tell whether a likeness says all that the rules look at."""
        return not (self.unsound or self._durations or self._numbers or self._whole)

    def duration(self, ns: int) -> int:
        """Return between which of the rules' limits a span's duration lies, or on which."""
        return _bucket(self._durations, ns)

    def probe(self, key: str) -> Probe | None:
        """Return what of an attribute's value the rules tell apart, ``None`` for nothing."""
        if key in self._whole:
            return repr_of
        limits = self._numbers.get(key)
        if limits is None:
            return None
        return lambda value: (
            _bucket(limits, value) if isinstance(value, int | float) else repr_of(value)
        )

    def _read(self, rule_id: str, part: Attribute | Intrinsic, limit: float | None) -> None:
        if isinstance(part, Intrinsic):
            if part.name == _DURATION and limit is not None:
                self._durations.append(limit)
            elif part.name == "span:statusMessage":
                self._whole.add(STATUS_MESSAGE)
            elif part.name not in _TOLD:
                self.unsound[rule_id] = part.name
            return
        if part.name.startswith(_DERIVED):
            if part.name.endswith(_UNTOLD):
                self.unsound[rule_id] = part.name
            return
        for key in self._usage.get(part.name, (part.name,)):
            if key in self._naming:
                continue
            if limit is None:
                self._whole.add(key)
            else:
                self._numbers.setdefault(key, []).append(limit)


def repr_of(value: Value) -> str:
    """Return a value as what goes into a likeness."""
    return repr(value)


def _bucket(limits: Sequence[float], value: float) -> int:
    """Return an odd number for a value on a limit, an even one between two."""
    return bisect_left(limits, value) + bisect_right(limits, value)


def _comparisons(root: Part) -> Iterable[tuple[int, float]]:
    """Yield what is compared with a number, by its identity, and that number."""
    for part in parts_of(root):
        if isinstance(part, Binary) and part.operator in _COMPARED:
            for one, other in ((part.left, part.right), (part.right, part.left)):
                limit = _number(other)
                if isinstance(one, Attribute | Intrinsic) and limit is not None:
                    yield id(one), limit


def _number(field: Field) -> float | None:
    if isinstance(field, Literally) and isinstance(field.value, int | float):
        return None if isinstance(field.value, bool) else field.value
    return None


def _usage_keys(dialects: Iterable[Dialect]) -> dict[str, tuple[str, ...]]:
    """Return the keys under which dialects keep what rules know under one canonical name."""
    found: dict[str, set[str]] = {name: {name} for name in USAGE.values()}
    for dialect in dialects:
        for rule in dialect.fields:
            name = USAGE.get(rule.field)
            if name is not None:
                found[name].update(source.key for source in rule.sources if source.key)
    return {name: tuple(sorted(keys)) for name, keys in found.items()}
