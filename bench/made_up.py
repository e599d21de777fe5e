"""What is found in made-up stories, by fault and control."""

from __future__ import annotations

from collections.abc import Iterator

import msgspec

from bench.stories.make import Label, make
from bench.verdicts import Expected, Measured, assessed, outcome, spans_of_lines


def measured(seed: int, runs: int) -> Iterator[Measured]:
    """Yield the outcome of each of ``runs`` stories."""
    for request, label in make(seed, runs):
        spans = spans_of_lines([msgspec.json.encode(request)])
        expected = expected_of(label)
        yield Measured(
            run=label.run,
            group=label.story,
            dialect=label.dialect,
            expected=expected,
            outcome=outcome(assessed(spans), expected),
            about=f"{label.topology}, {label.domain} ({label.language})",
        )


def expected_of(label: Label) -> Expected:
    """Return what is right to say of a story."""
    return Expected(
        faulty=label.faulty,
        categories=label.categories,
        origins=label.origins,
        propagators=label.propagators,
        symptoms=label.symptoms,
    )
