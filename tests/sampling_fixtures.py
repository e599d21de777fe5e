"""Runs to decide on, and policies from text."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from causewatch.model.judgement import RunVerdictName
from causewatch.model.span import StatusCode
from causewatch.model.value import Value
from causewatch.rules.read import read
from causewatch.rules.yaml import Problems, parse
from causewatch.sampling.decide import Chooser
from causewatch.sampling.facts import Facts, Matched, NovelKind
from causewatch.sampling.keys import SAMPLING
from causewatch.sampling.policy import Named, Policy, Sampling
from causewatch.sampling.read import read_sampling

S = 1_000_000_000
T0_NS = 1_800_000_000 * S


def trace_id(randomness: int) -> str:
    """Return a trace id of so much randomness, from 0 to 2**56 - 1."""
    return f"{'a' * 18}{randomness:014x}"


def run(
    randomness: int = 0,
    *,
    verdict: RunVerdictName | None = "healthy",
    span_count: int = 3,
    duration_s: float = 1.0,
    statuses: Sequence[StatusCode] = ("unset",),
    attributes: Mapping[str, Value] | None = None,
    faults: Sequence[str] = (),
    novel: Sequence[NovelKind] = (),
    matched: Sequence[Matched] = (),
    explicit: int | None = None,
    is_live: bool = False,
) -> Facts:
    """Return what is known of a run; a healthy one with nothing to tell unless something is."""
    own = attributes or {}
    return Facts(
        run_id=trace_id(randomness),
        trace_ids=(trace_id(randomness),),
        verdict=verdict,
        span_count=span_count,
        duration_ns=int(duration_s * S),
        statuses=lambda: frozenset(statuses),
        attribute=lambda key: [own[key]] if key in own else [],
        randomness=lambda: explicit,
        faults=frozenset(faults),
        novel=frozenset(novel),
        matched=lambda: matched,
        is_live=is_live,
    )


def loaded(text: str) -> tuple[Sampling | None, list[str]]:
    """Return the policies of a ``sampling`` section, and every problem as its place and message."""
    problems = Problems()
    node = parse("some.yaml", text.encode(), problems)
    assert node is not None
    found = read_sampling(read(node, SAMPLING, problems), problems)
    return found, [f"{p.line}:{p.column} {p.message}" for p in problems]


def chooser(text: str) -> Chooser:
    """Return what decides by the policies of a text without mistakes."""
    found, problems = loaded(text)
    assert problems == []
    assert found is not None
    return Chooser(found)


def choosing(*policies: Policy, drops: Sequence[Policy] = ()) -> Chooser:
    """Return what decides by policies that are called p0, p1, …; those that drop, d0, …."""
    return Chooser(
        Sampling(
            keeps=tuple(Named(name=f"p{i}", policy=one) for i, one in enumerate(policies)),
            drops=tuple(Named(name=f"d{i}", policy=one) for i, one in enumerate(drops)),
        )
    )
