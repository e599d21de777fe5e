"""Apply a contract's schemas, and its other limits, to one payload."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from causewatch.contracts.compile import Contract
from causewatch.contracts.outcome import MAX_VIOLATIONS_COUNT, Outcome, Side
from causewatch.contracts.pointer import pointer_of
from causewatch.contracts.result import Shortfall, too_few, too_low, too_old
from causewatch.model.judgement import ViolationName
from causewatch.model.step import Step
from causewatch.model.value import Value

AGE_FIX = "let the schema require what max_age and min_score read"


def apply_schema(
    validator: Any,
    side: Side,
    forms: tuple[Value, ...],
    outcome: Outcome,
    *,
    flattened: bool = False,
) -> None:
    """Validate a payload; when no form of it is valid, report the errors of its last form.

    What the validator cannot work with (numbers no machine holds, texts that are no Unicode, too
    deep a nesting) is a gap, never a violation.
    """
    try:
        if any(validator.is_valid(form) for form in forms):
            return
        errors = tuple(islice(validator.iter_errors(forms[-1]), MAX_VIOLATIONS_COUNT))
    except (ValueError, TypeError, OverflowError, RecursionError) as problem:
        outcome.gaps.append(f"the {side} payload is no JSON value ({type(problem).__name__})")
        return
    for error in errors:
        pointer = pointer_of(error.instance_path)
        place = pointer_of(error.schema_path)
        # The structure was there when it was sent: the text is how it arrived, not what was meant.
        name: ViolationName = "serialization" if flattened and not pointer else "schema"
        outcome.violate(
            name,
            side,
            pointer,
            f"{error.message} (schema {place})",
            received=error.instance,
            expected=f"schema {place}",
        )


def apply_limits(contract: Contract, step: Step, value: Value, outcome: Outcome) -> None:
    """Check a result against ``min_items``, ``max_age`` and ``min_score``."""
    for shortfall in _shortfalls(contract, step, value):
        if shortfall.name is None:
            outcome.gaps.append(f"{shortfall.message} in the result of {step.name}: {AGE_FIX}")
        else:
            outcome.violate(
                shortfall.name,
                "result",
                shortfall.pointer,
                shortfall.message,
                received=shortfall.actual,
                expected=shortfall.message.partition(" where ")[2] or shortfall.message,
            )


def _shortfalls(contract: Contract, step: Step, value: Value) -> Iterator[Shortfall]:
    spec = contract.spec
    if spec.min_items is not None:
        asked = None if step.arguments is None else step.arguments.value
        yield from too_few(value, spec.min_items, asked)
    if spec.max_age is not None:
        yield from too_old(value, spec.max_age, step.span.end_ns)
    if spec.min_score is not None:
        yield from too_low(step, value, spec.min_score)
