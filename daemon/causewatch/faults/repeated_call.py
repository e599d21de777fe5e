"""The same call again and again, with the same answer and nothing done in between: a loop."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from causewatch.faults.calls import Call, Run
from causewatch.faults.empty import is_empty
from causewatch.faults.words import is_pending
from causewatch.model.judgement import Fault

FIRST_REPEAT_COUNT = 2
Key = tuple[str, str, str]


def detect_repeated_call(run: Run) -> Iterator[Fault]:
    """Yield a fault on the *second* of at least three (or as tuned) equal calls with equal results.

    Equal are agent, tool, canonical arguments and result. An acting call of another kind between
    two of them starts the count anew, since the world may have changed; so does another question of
    the same agent that finds out something new: who gets on may look again. A result that reports
    something under way is polling.
    """
    if not _may_repeat(run):
        return
    repeats = _Repeats(run.known.tuning.min_repeats)
    met: set[Key | tuple[str, str]] = set()
    for call in run.calls:
        key, digest = _key(call), call.result_key
        if call.acts:
            repeats.start_anew(but=key)
        elif key not in met and (call.agent, digest) not in met and _is_news(call):
            repeats.excuse(call.agent)
        met |= {key, (call.agent, digest)}
        if call.step.arguments is not None and not call.delegates and not _is_polling(call):
            repeats.note(key, digest, call)
    for equal in sorted(repeats.found.values(), key=lambda calls: calls[0].index):
        yield _fault(equal)


def _may_repeat(run: Run) -> bool:
    """Tell whether any agent called one tool as often: most never do, and are not compared."""
    times = Counter((call.agent, call.step.name) for call in run.calls)
    return max(times.values(), default=0) >= run.known.tuning.min_repeats


class _Repeats:
    """Equal calls by key: those that are too few yet, and those that are enough for good."""

    def __init__(self, min_repeats: int) -> None:
        self._min_repeats = min_repeats
        self.found: dict[Key, list[Call]] = {}
        self._few: dict[Key, list[Call]] = {}
        self._last: dict[Key, str] = {}
        self._once_repeated: dict[str, set[Key]] = {}

    def start_anew(self, but: Key) -> None:
        """Forget what was called too few times, except under one key."""
        kept = self._few.get(but)
        self._few = {} if kept is None else {but: kept}
        is_repeated = kept is not None and len(kept) == FIRST_REPEAT_COUNT
        self._once_repeated = {but[0]: {but}} if is_repeated else {}

    def excuse(self, agent: str) -> None:
        """Forget an agent's first repeats; a call made only once has none to be excused."""
        for key in self._once_repeated.pop(agent, ()):
            del self._few[key]

    def note(self, key: Key, digest: str, call: Call) -> None:
        """Count a call, anew if its result differs from the last one's."""
        is_same = self._last.get(key) == digest
        if key in self.found:
            if is_same:
                self.found[key].append(call)
            return
        self._last[key] = digest
        equal = self._few.setdefault(key, [])
        if not is_same:
            equal.clear()
        equal.append(call)
        repeated = self._once_repeated.setdefault(key[0], set())
        repeated.discard(key)
        if len(equal) == self._min_repeats:
            self.found[key] = self._few.pop(key)
        elif len(equal) == FIRST_REPEAT_COUNT:
            repeated.add(key)


def repeats_of(calls: Sequence[Call], step: int) -> tuple[int, ...]:
    """Return the indices of the calls equal to the one at ``step`` that started after it."""
    first = next((call for call in calls if call.index == step), None)
    if first is None:
        return ()
    key, digest = _key(first), first.result_key
    return tuple(
        c.index for c in calls if c.index > step and _key(c) == key and c.result_key == digest
    )


def _is_news(call: Call) -> bool:
    """Tell whether a call brought a good answer."""
    if call.result is None or call.delegates:
        return False
    return call.failure is None and not is_empty(call.result.value)


def _key(call: Call) -> Key:
    return call.agent, call.step.name, call.arguments_key


def _is_polling(call: Call) -> bool:
    """Tell whether equal answers prove nothing: there is none, or it says to come back."""
    if call.result is None:
        return True
    held = call.result.leaves
    # Frameworks wrap what a tool returns: {"result": "still running"} is that text as well.
    whole = len(held) == 1
    return any(is_pending(key, leaf, whole=whole) for key, leaf in held)


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
