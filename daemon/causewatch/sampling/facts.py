"""What a decision needs to know of a run; whatever has to be looked up is asked for when needed."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Literal, NamedTuple

import msgspec

from causewatch.model.judgement import RunVerdictName
from causewatch.model.span import StatusCode
from causewatch.model.value import Value

NovelKind = Literal["edge", "shape", "deviation", "unfamiliar"]
"""``edge`` and ``shape`` as a path rule tells them, ``deviation`` from a path template,
``unfamiliar``: not like enough runs before it to be passed over."""


class Matched(NamedTuple):
    """A rule that matched a run."""

    rule_id: str
    alertname: str
    severity: str


class Facts(msgspec.Struct, frozen=True, kw_only=True):
    """One run. ``trace_ids`` has at least one; the first one's randomness decides.

    ``verdict`` is ``None`` for a run that could not be judged. ``is_live`` says that more of it may
    come. The callables may be slow; each is asked at most a few times, and only by a policy that
    needs it.
    """

    run_id: str
    trace_ids: tuple[str, ...]
    verdict: RunVerdictName | None
    span_count: int
    duration_ns: int
    statuses: Callable[[], frozenset[StatusCode]]
    """The status codes of its spans."""
    attribute: Callable[[str], Iterable[Value]]
    """The values of an attribute on its resources and spans."""
    randomness: Callable[[], int | None] = lambda: None
    """The explicit randomness (``rv``), where its spans carry one."""
    faults: frozenset[str] = frozenset()
    """Names of the faults that were seen, whatever came of them."""
    novel: frozenset[NovelKind] = frozenset()
    matched: Callable[[], Sequence[Matched]] = tuple
    """The rules that matched it."""
    is_live: bool = False
