"""Whether a call goes against the record that it is about."""

from __future__ import annotations

from collections.abc import Iterator

from causewatch.faults.calls import Run
from causewatch.faults.passages import values_of
from causewatch.faults.steering import Pair, is_address
from causewatch.faults.words import name_words
from causewatch.model.value import Value

MIN_NAMED_CHARS = 3
MAX_RECORDS_COUNT = 2_000


def contradicts(run: Run, pair: Pair) -> bool:
    """Tell whether a record that the call names says otherwise than the passage that steered it.

    The call has an argument that only the passage told, and another that names a record read
    before, and the record has a different value for the first. A different number alone may be
    reckoned or a rule's limit; with an address that only the passage told it is neither.
    """
    arguments = pair.call.step.arguments
    told = set(pair.unlisted)
    if arguments is None or not told:
        return False
    values = values_of(arguments.value)
    others = {v for v in values if v not in told and len(v) >= MIN_NAMED_CHARS}
    slots = {_slot(key): value for value, key in values.items() if value in told}
    for record in _records_before(run, pair):
        if others.isdisjoint(record):
            continue
        for known, key in record.items():
            steered = slots.get(_slot(key), known)
            if steered != known and _differs(steered, known, bool(pair.addresses)):
                return True
    return False


def _differs(steered: str, known: str, has_address: bool) -> bool:
    if is_address(steered):
        return is_address(known)
    return has_address and _is_number(steered) and _is_number(known)


def _slot(key: str) -> str:
    """Return the last word of a key: ``total_amount`` holds an amount."""
    return (name_words(key) or ("",))[-1]


def _is_number(value: str) -> bool:
    return value.replace(".", "", 1).isdigit()


def _records_before(run: Run, pair: Pair) -> Iterator[dict[str, str]]:
    """Yield the scalars of each record that was read before the call, with their keys."""
    left = MAX_RECORDS_COUNT
    for call in run.calls:
        if call.result is None or call.step.span.end_ns > pair.call.step.span.start_ns:
            continue
        stack: list[Value] = [call.opened]
        while stack and left:
            item = stack.pop()
            if isinstance(item, list):
                stack.extend(item)
            elif isinstance(item, dict):
                left -= 1
                stack.extend(item.values())
                yield values_of({k: v for k, v in item.items() if not isinstance(v, dict | list)})
