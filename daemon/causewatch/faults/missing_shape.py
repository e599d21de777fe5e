"""A result that lacks what every earlier result of its tool had: partial, and no word of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet

from causewatch.faults.calls import Call, Run
from causewatch.faults.history import ToolHistory
from causewatch.faults.shape import keys_asked, shape_returned
from causewatch.faults.text import excerpt
from causewatch.model.judgement import Fault

MANY_RESULTS_COUNT = 20
"""So many results with a member make it unlikely that it is an optional one."""
MAX_SHOWN_PATHS_COUNT = 3
PART_CONFIDENCE = 0.6
"""A whole part is gone: an object, a list, or several members."""
MEMBER_CONFIDENCE = 0.45
"""One member is gone. It may be optional, and have been there by chance."""
SETTLED_BONUS = 0.1
SAME_RUN_FACTOR = 0.8
"""One run sees few of the records there are."""


def detect_missing_shape(run: Run) -> Iterator[Fault]:
    """Yield a fault for each result without members that all earlier ones of its tool had.

    Earlier results are those of earlier good runs, and where these are too few the other results of
    the same run. What a result has and the earlier ones had not is never a fault: with as much new
    as missing it is a result of another kind, and no partial one. A call with an argument that no
    earlier one had may have asked for less.
    """
    for name, calls in _calls_of_tools(run).items():
        past = run.known.history.tools.get(name)
        if past is not None and past.results_count >= run.known.tuning.min_history_results:
            for call in calls:
                shape = shape_returned(call)
                if shape is not None and keys_asked(call) <= past.asked:
                    yield from _fault(call, _missing(shape, past.always, past.ever), past)
        elif len(calls) > run.known.tuning.min_history_results:
            yield from _among_themselves(run, calls)


def _calls_of_tools(run: Run) -> Mapping[str, list[Call]]:
    found: dict[str, list[Call]] = {}
    for call in run.calls:
        if call.result is not None:
            found.setdefault(call.step.name, []).append(call)
    return found


def _among_themselves(run: Run, calls: list[Call]) -> Iterator[Fault]:
    """Compare each result of one tool in one run with all the others."""
    shapes = [(call, shape) for call in calls if (shape := shape_returned(call)) is not None]
    others = len(shapes) - 1
    if others < run.known.tuning.min_history_results:
        return
    seen = Counter(path for _, shape in shapes for path in shape)
    asked = Counter(key for call, _ in shapes for key in keys_asked(call))
    nearly = frozenset(path for path, count in seen.items() if count == others)
    for call, shape in shapes:
        lacks = nearly - shape
        if not lacks or any(asked[key] == 1 for key in keys_asked(call)):
            continue
        always = lacks | {path for path in shape if seen[path] == others + 1}
        ever = {path for path, count in seen.items() if count > (path in shape)}
        past = ToolHistory(results_count=others, always=frozenset(always))
        yield from _fault(call, _missing(shape, always, ever), past, SAME_RUN_FACTOR)


def _missing(
    shape: AbstractSet[str], always: AbstractSet[str], ever: AbstractSet[str]
) -> tuple[str, ...]:
    """Return the outermost paths that are missing, none for a result of another kind.

    An empty list is no missing one: nothing may have been found. A member that stands elsewhere has
    moved, and a new object or list that holds something makes it another kind of result.
    """
    gone = _outermost(always - shape, shape)
    if not gone:
        return ()
    new = _outermost(shape - ever, shape)
    holders = {path.rpartition("/")[0] for path in shape}
    if len(new) >= len(gone) or not holders.isdisjoint(new):
        return ()
    names = {path.rpartition("/")[2] for path in shape}
    return tuple(sorted(path for path in gone if path.rpartition("/")[2] not in names))


def _outermost(paths: AbstractSet[str], shape: AbstractSet[str]) -> list[str]:
    """Return the paths that are members of what the result has, and of no other in ``paths``."""
    found = []
    for path in paths:
        above, _, key = path.rpartition("/")
        if key != "*" and above not in paths and (not above or above in shape):
            found.append(path)
    return found


def _fault(
    call: Call, missing: tuple[str, ...], past: ToolHistory, factor: float = 1.0
) -> Iterator[Fault]:
    if not missing:
        return
    count = past.results_count
    parts = len(missing) > 1 or any(p.startswith(f"{missing[0]}/") for p in past.always)
    confidence = PART_CONFIDENCE if parts else MEMBER_CONFIDENCE
    confidence += SETTLED_BONUS if count >= MANY_RESULTS_COUNT else 0.0
    shown = ", ".join(excerpt(path) for path in missing[:MAX_SHOWN_PATHS_COUNT])
    more = len(missing) - MAX_SHOWN_PATHS_COUNT
    rest = f" and {more} more" if more > 0 else ""
    whose = "other results of this run" if factor < 1 else "earlier results"
    yield Fault(
        name="missing_shape",
        step=call.index,
        reason=f"{call.step.name} returned no {shown}{rest}, which all {count} {whose} had",
        confidence=round(confidence * factor, 2),
    )
