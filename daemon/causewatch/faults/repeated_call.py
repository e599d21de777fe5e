"""The same call again and again, with the same answer and nothing done in between: a loop."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Call, Run, calls_of
from causewatch.faults.empty import is_empty
from causewatch.faults.envelope import failure_in
from causewatch.faults.text import leaves
from causewatch.faults.words import is_pending
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Fault
from causewatch.model.value import sha256_of

FIRST_REPEAT_COUNT = 2
Key = tuple[str, str, str]


def detect_repeated_call(run: Run) -> Iterator[Fault]:
    """Yield a fault on the *second* of at least three (or as tuned) equal calls with equal results.

    Equal are agent, tool, canonical arguments and result. An acting call of another kind between
    two of them starts the count anew, since the world may have changed; so does another question of
    the same agent that finds out something new: who gets on may look again. A result that reports
    something under way is polling.
    """
    least = run.known.tuning.min_repeats
    runs: dict[Key, list[Call]] = {}
    last: dict[Key, str] = {}
    met: set[Key | tuple[str, str]] = set()
    for call in run.calls:
        key, digest = _key(call), _digest(call)
        if call.acts:
            runs = {k: c for k, c in runs.items() if len(c) >= least or k == key}
        elif key not in met and (call.agent, digest) not in met and _is_news(call):
            # What was called only once has no repeat yet that the news could excuse.
            twice = [
                k for k, c in runs.items() if len(c) == FIRST_REPEAT_COUNT and k[0] == call.agent
            ]
            for excused in twice:
                del runs[excused]
        met |= {key, (call.agent, digest)}
        if call.step.arguments is None or call.delegates or _is_polling(call):
            continue
        known = runs.setdefault(key, [])
        if known and last[key] != digest and len(known) < least:
            known.clear()
        if not known or last[key] == digest:
            known.append(call)
            last[key] = digest
    for equal in runs.values():
        if len(equal) >= least:
            yield _fault(equal)


def repeats_of(graph: CausalGraph, step: int) -> tuple[int, ...]:
    """Return the indices of the calls equal to the one at ``step`` that started after it."""
    calls = calls_of(graph)
    first = next((call for call in calls if call.index == step), None)
    if first is None:
        return ()
    key, digest = _key(first), _digest(first)
    return tuple(
        c.index for c in calls if c.index > step and _key(c) == key and _digest(c) == digest
    )


def _is_news(call: Call) -> bool:
    """Tell whether a call brought a good answer."""
    if call.result is None or call.delegates:
        return False
    return failure_in(call.result.value) is None and not is_empty(call.result.value)


def _key(call: Call) -> Key:
    return call.agent, call.step.name, call.arguments_key


def _digest(call: Call) -> str:
    return "" if call.result is None else sha256_of(call.result.value)


def _is_polling(call: Call) -> bool:
    """Tell whether equal answers prove nothing: there is none, or it says to come back."""
    if call.result is None:
        return True
    whole = isinstance(call.result.value, str)
    return any(is_pending(key, leaf, whole=whole) for key, leaf in leaves(call.result.value))


def _fault(calls: list[Call]) -> Fault:
    second = calls[1]
    return Fault(
        name="repeated_call",
        step=second.index,
        reason=(
            f"{second.agent or 'an agent'} called {second.step.name} {len(calls)} times with the"
            " same arguments and got the same result each time"
        ),
        confidence=min(0.95, 0.7 + 0.05 * len(calls)),
    )
