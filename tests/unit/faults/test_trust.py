"""Who may steer actions."""

from __future__ import annotations

from typing import Literal

import pytest

from blame_fixtures import RunBuilder
from causewatch.faults.trust import Trust, trusted_steps


def entry(kind: Literal["tool", "retrieval", "agent"], glob: str, *, yes: bool = True) -> Trust:
    """Return an entry."""
    return Trust(kind=kind, glob=glob, level="trusted" if yes else "untrusted")


@pytest.mark.parametrize(
    ("trust", "want"),
    [
        ((), set()),
        ((entry("tool", "policy_*"),), {2}),
        ((entry("tool", "*"),), {2, 4}),
        ((entry("tool", "policy_*", yes=False), entry("tool", "*")), {4}),
        ((entry("retrieval", "*"),), {6}),
        ((entry("agent", "front"),), {2, 4, 6}),
        ((entry("agent", "other"),), set()),
        ((entry("tool", "POLICY_*"),), set()),
    ],
)
def test_the_first_entry_that_matches_decides(trust: tuple[Trust, ...], want: set[int]) -> None:
    """Entries bind tools, retrievals or all that an agent reads; the rest is untrusted."""
    run = RunBuilder(agent="front")
    run.call("policy_read", {}, "x")
    run.call("web_read", {}, "x")
    run.call("store", {}, "x", kind="retrieval")
    assert trusted_steps(run.graph(), trust) == want
