"""A compiled signature and what it finds."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from causewatch.signatures.check import validate
from causewatch.signatures.classify import (
    Mixed,
    attributes_of,
    is_monotone,
    is_portable,
    mixed_of,
    names_of,
    reads_names,
    remarks_of,
)
from causewatch.signatures.compile_field import UNBOUND, Bound
from causewatch.signatures.compile_query import compile_spanset, compile_stages
from causewatch.signatures.error import SignatureError
from causewatch.signatures.format import format_query
from causewatch.signatures.limits import DEFAULT_EVALUATION_LIMITS, Budget, EvaluationLimits
from causewatch.signatures.needs import Needs, needs_of
from causewatch.signatures.parser import parse
from causewatch.signatures.reach import shortest_path
from causewatch.signatures.run_stages import StageRun, run_stages
from causewatch.signatures.select_spans import NO_NAMES, Groups, Run, Selector, union_of
from causewatch.signatures.subject import Subject, nodes_of
from causewatch.signatures.syntax import (
    Attribute,
    EdgeName,
    Follow,
    Intrinsic,
    Named,
    PathTo,
    Pipeline,
    Query,
    Stage,
)

Binding = Mapping[str, int]
"""The node index that each ``as`` name stands for."""


class Result(msgspec.Struct, frozen=True, kw_only=True):
    """What a signature found.

    Attributes:
        spansets: the node indices of each resulting span set, ascending; none without a match.
        bindings: the distinct assignments of the ``as`` names that take part in a match; empty
            where the signature has no names.
        paths: what ``path()`` attached: node indices from a cause to a result span.
        limited: a limit was met, so bindings, paths or (with references between filters) matches
            may be missing.
    """

    spansets: tuple[tuple[int, ...], ...] = ()
    bindings: tuple[Binding, ...] = ()
    paths: tuple[tuple[int, ...], ...] = ()
    limited: bool = False

    @property
    def matched(self) -> bool:
        """Return whether anything was found."""
        return bool(self.spansets)


_NOTHING = Result()
_LIMITED = Result(limited=True)


class Signature:
    """A signature ready to be evaluated; immutable and free of IO.

    Attributes:
        text: as it was written.
        query: as it was parsed.
        kind: ``metrics`` queries are read and checked, but cannot be evaluated.
        portable: Tempo runs it as it is.
        monotone: more spans never take a match away, so it may be judged before a run is complete.
        names: the ``as`` names, in order.
        attributes: every attribute and intrinsic that it reads.
        remarks: sentences on what may surprise in the result, for ``--why``.
        needs: what it reads and follows, and what must be there for it to match.
        mixed: places where ``&&`` and ``||`` mix without parentheses, for a warning.
    """

    def __init__(self, query: Query) -> None:
        self.text = query.text
        self.query = query
        self.portable = is_portable(query)
        self.monotone = is_monotone(query)
        self.names = names_of(query)
        self.mixed: tuple[Mixed, ...] = mixed_of(query)
        self.attributes: tuple[Attribute | Intrinsic, ...] = attributes_of(query)
        self.remarks = remarks_of(query)
        self.needs: Needs = needs_of(query)
        self.kind: Literal["search", "metrics"] = "metrics"
        self._reads_names = reads_names(query)
        self._key = ("result", format_query(query))
        self._unbound: Bound = (UNBOUND,) * len(self.names)
        self._stages: list[StageRun] = []
        self._paths: tuple[_Path, ...] = ()
        if isinstance(query.root, Pipeline):
            self.kind = "search"
            owners = {name: position for position, name in enumerate(self.names)}
            self._stages = compile_stages(query.root.stages, owners)
            self._paths = _paths_of(query.root.stages, owners)

    def evaluate(
        self, subject: Subject, *, limits: EvaluationLimits = DEFAULT_EVALUATION_LIMITS
    ) -> Result:
        """Return what the signature finds in a subject.

        Raises:
            SignatureError: stage ``unsupported``, for a metrics query.
        """
        if self.kind == "metrics":
            raise SignatureError(
                "unsupported",
                "a metrics query is not run here: a rule's `window` and `min_runs` count matching"
                " runs over time, `for` and `keep_firing_for` say how long",
                text=self.text,
                offset=0,
            )
        if limits is not DEFAULT_EVALUATION_LIMITS:
            return self._evaluate(subject, limits)
        # Rules that differ in their labels only are one signature, and evaluated once.
        return subject.cache.get(self._key, lambda: self._evaluate(subject, limits))

    def _evaluate(self, subject: Subject, limits: EvaluationLimits) -> Result:
        run = Run(subject=subject, budget=Budget(limits))
        first = self._unbound if self._reads_names else NO_NAMES
        sets = run_stages(self._stages, run, subject.everything, first)
        if not sets:
            return _LIMITED if run.budget.limited else _NOTHING
        rows = sets
        if not self._reads_names:
            # The spans are answered without rows; only the assignments of names need them.
            rows = self._rows(run) if self.names else []
        spansets = tuple(tuple(nodes_of(union_of(groups))) for groups in sets)
        bindings, cut = self._bindings(rows, limits)
        paths = self._path_nodes(run, sets) if self._paths else ()
        limited = cut or run.budget.limited
        return Result(spansets=spansets, bindings=bindings, paths=paths, limited=limited)

    def _rows(self, run: Run) -> list[Groups]:
        return run_stages(self._stages, run, run.subject.everything, self._unbound)

    def _bindings(
        self, rows: list[Groups], limits: EvaluationLimits
    ) -> tuple[tuple[Binding, ...], bool]:
        found: dict[Bound, None] = {}
        for groups in rows:
            for bound in groups:
                if bound not in found and len(found) >= limits.max_bindings:
                    return self._named(found), True
                found[bound] = None
        return self._named(found), False

    def _named(self, found: dict[Bound, None]) -> tuple[Binding, ...]:
        named = []
        for bound in found:
            binding = dict(zip(self.names, bound, strict=True))
            if UNBOUND in bound:
                binding = {name: node for name, node in binding.items() if node != UNBOUND}
            if binding:
                named.append(binding)
        return tuple(named)

    def _path_nodes(self, run: Run, sets: list[Groups]) -> tuple[tuple[int, ...], ...]:
        """Return a shortest path to each result span for each ``path()``."""
        paths: list[tuple[int, ...]] = []
        results = 0
        for groups in sets:
            results |= union_of(groups)
        for path in self._paths:
            sources = results if path.sources is None else path.sources.spans(run, self._unbound)
            for node in nodes_of(results):
                if len(paths) >= run.budget.limits.max_paths:
                    run.budget.limited = True
                    return tuple(paths)
                nodes = shortest_path(run.subject, path.types, sources, node)
                if nodes:
                    paths.append(nodes)
        return tuple(paths)


class _Sources:
    """The left side of the typed edge that a ``path()`` follows."""

    def __init__(self, selector: Selector) -> None:
        self._selector = selector

    def spans(self, run: Run, unbound: Bound) -> int:
        """Return the spans that paths may start from."""
        return union_of(self._selector.groups(run, run.subject.everything, unbound))


class _Path(msgspec.Struct, frozen=True, kw_only=True):
    """One ``path()``; without ``sources`` paths start at other result spans."""

    types: tuple[EdgeName, ...]
    sources: _Sources | None


def _paths_of(stages: tuple[Stage, ...], owners: dict[str, int]) -> tuple[_Path, ...]:
    paths = []
    sources = None
    for stage in stages:
        inner = stage.operand if isinstance(stage, Named) else stage
        if isinstance(inner, Follow):
            sources = _Sources(compile_spanset(inner.left, owners))
        elif isinstance(stage, PathTo):
            paths.append(_Path(types=stage.types, sources=sources))
    return tuple(paths)


def compile_query(text: str) -> Signature:
    """Read, check and compile a signature.

    Raises:
        SignatureError: with its stage, place and what was expected.
    """
    query = parse(text)
    validate(query)
    return Signature(query)
