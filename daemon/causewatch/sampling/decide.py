"""Decides on runs: one number for each, the threshold at which it is kept.

Theory of operation. Every policy gives a run a threshold: ``ALWAYS`` for a condition that is true,
``NEVER`` for one that is not, a share's own for a share. ``and`` takes the highest, several
policies the lowest. A run is kept when its randomness reaches the lowest, so that the probability
which is told is that of all policies together, whichever is named as the reason: the first of those
with the lowest.

Conditions and shares are asked first, then budgets of novelty, then rates: a budget is spent only
on runs that nothing else keeps for certain. A novel run spends whatever its randomness is, so that
how probable it was to be kept follows from what came before it alone, and the weights of the kept
runs stay right. A rate has no such probability, so none is told of what only a rate keeps.
"""

from __future__ import annotations

from typing import NamedTuple

from causewatch.sampling.budget import Budget
from causewatch.sampling.conditions import NS_PER_S, Condition, condition_of
from causewatch.sampling.decision import Decision
from causewatch.sampling.facts import Facts
from causewatch.sampling.policy import (
    Allowance,
    Both,
    NovelRuns,
    Policy,
    Rate,
    Sampling,
    Share,
    has_limit,
    has_rate,
    is_condition,
)
from causewatch.sampling.threshold import ALWAYS, NEVER, probability_of, randomness_of


class _Vote(NamedTuple):
    """What a policy says of a run. ``is_known``: the threshold tells how probable a keep is."""

    threshold: int
    reason: str = ""
    is_known: bool = True


_NO = _Vote(NEVER)


class Chooser:
    """Decides by one set of policies. Holds what was spent of budgets; one caller at a time."""

    def __init__(self, sampling: Sampling) -> None:
        self._drops = [(one.name, condition_of(one.policy)) for one in sampling.drops]
        self._sure = [
            (one.name, condition_of(one.policy))
            for one in sampling.keeps
            if is_condition(one.policy)
        ]
        others = [one for one in sampling.keeps if not is_condition(one.policy)]
        self._others = sorted(others, key=lambda one: _stage(one.policy))
        self._budgets: dict[int, Budget] = {}
        self._shares: dict[int, _Vote] = {}
        """What is said by shares: the same of every run."""
        self._conditions: dict[int, Condition] = {}
        """Those of novelty with a budget, and those beside a share or a rate."""
        self._drop_by: dict[str, Decision] = {"": _dropped("", _NO)}
        """The decisions on runs that a share, by its name, or nobody keeps."""
        for one in sampling.keeps:
            self._open(one.policy)
            if isinstance(one.policy, Share):
                self._drop_by[one.name] = _dropped(one.name, self._shares[id(one.policy)])

    def decide(self, facts: Facts, now_ns: int) -> Decision:
        """Return what becomes of a run that is complete, and spend what that takes."""
        return self._decide(facts, now_ns)

    def decide_again(self, facts: Facts) -> Decision:
        """Return what becomes of a run that was not kept and grew: nothing is spent on it."""
        return self._decide(facts, None)

    def certain(self, facts: Facts) -> Decision | None:
        """Return the decision on a live run if it is kept whatever else comes, else ``None``.

        With a policy that drops, nothing is certain before the end; nor is a run that a share or a
        budget keeps, since what comes may still make it a certain one, and its weight another.
        """
        if self._drops:
            return None
        return self._certain(facts)

    def _certain(self, facts: Facts) -> Decision | None:
        for name, condition in self._sure:
            reason = condition(facts)
            if reason is not None:
                return _kept(name, _Vote(ALWAYS, reason), facts.trace_ids[0])
        return None

    def _decide(self, facts: Facts, now_ns: int | None) -> Decision:
        for name, condition in self._drops:
            reason = condition(facts)
            if reason is not None:
                return Decision(keep=False, policy=name, reason=reason, probability=0.0)
        if (found := self._certain(facts)) is not None:
            return found
        if not self._others:
            return self._drop_by[""]
        randomness = randomness_of(facts.trace_ids[0], facts.randomness())
        name, best = "", _NO
        for one in self._others:
            is_sure = best.threshold == ALWAYS
            if is_sure or (best.threshold <= randomness and has_rate(one.policy)):
                break
            vote = self._vote(one.policy, facts, randomness, now_ns)
            if vote.threshold < best.threshold:
                name, best = one.name, vote
        if randomness >= best.threshold:
            return _kept(name, best, facts.trace_ids[0])
        return self._drop_by.get(name) or _dropped(name, best)

    def _vote(self, policy: Policy, facts: Facts, randomness: int, now_ns: int | None) -> _Vote:
        match policy:
            case Share():
                return self._shares[id(policy)]
            case Rate():
                return self._rate(policy, facts, now_ns)
            case NovelRuns(budget=Allowance() as budget):
                return self._novel(policy, budget, facts, now_ns)
            case Both():
                return self._all(policy, facts, randomness, now_ns)
            case _:
                reason = self._conditions[id(policy)](facts)
                return _NO if reason is None else _Vote(ALWAYS, reason)

    def _novel(
        self, policy: NovelRuns, budget: Allowance, facts: Facts, now_ns: int | None
    ) -> _Vote:
        reason = self._conditions[id(policy)](facts)
        if reason is None:
            return _NO
        if now_ns is not None and self._budgets[id(policy)].take(1, now_ns):
            return _Vote(ALWAYS, reason)
        share = probability_of(policy.threshold)
        spent = f"The budget of {_words(budget, 'runs')} is spent"
        return _Vote(policy.threshold, f"{reason} {spent}, so {share:.4g} of them are kept.")

    def _rate(self, policy: Rate, facts: Facts, now_ns: int | None) -> _Vote:
        cost = facts.span_count if policy.counts == "spans" else 1
        if now_ns is None or not self._budgets[id(policy)].take(cost, now_ns):
            return _NO
        reason = f"It fits into {_words(policy.limit, policy.counts)}."
        return _Vote(ALWAYS, reason, is_known=False)

    def _all(self, both: Both, facts: Facts, randomness: int, now_ns: int | None) -> _Vote:
        """Ask all parts, and no budget where another part keeps the run from being kept."""
        votes: list[_Vote] = []
        for part in sorted(both.parts, key=_stage):
            highest = max((vote.threshold for vote in votes), default=ALWAYS)
            if has_rate(part) and highest > randomness:
                return _Vote(highest, " ".join(vote.reason for vote in votes))
            vote = self._vote(part, facts, randomness, now_ns)
            if vote.threshold == NEVER:
                return _NO
            votes.append(vote)
        return _Vote(
            max(vote.threshold for vote in votes),
            " ".join(vote.reason for vote in votes),
            is_known=all(vote.is_known for vote in votes),
        )

    def _open(self, policy: Policy) -> None:
        """Make what is needed for a policy and for what is inside of it."""
        match policy:
            case NovelRuns(budget=Allowance() as budget) | Rate(limit=budget):
                self._budgets[id(policy)] = Budget(budget.amount, budget.interval_ns)
            case Share(threshold=threshold):
                reason = f"{probability_of(threshold):.4g} of all runs are kept, by trace id."
                self._shares[id(policy)] = _Vote(threshold, reason)
            case Both(parts=parts):
                for part in parts:
                    self._open(part)
            case _:
                pass
        if is_condition(policy) or isinstance(policy, NovelRuns):
            self._conditions[id(policy)] = condition_of(policy)


def _stage(policy: Policy) -> int:
    """Return when a policy is asked: what spends nothing first, rates last."""
    return has_limit(policy) + has_rate(policy)


def _words(allowance: Allowance, counts: str) -> str:
    return f"{allowance.amount} {counts} in {allowance.interval_ns / NS_PER_S:g} s"


def _kept(name: str, vote: _Vote, trace_id: str) -> Decision:
    return Decision(
        keep=True,
        policy=name,
        reason=vote.reason,
        probability=probability_of(vote.threshold) if vote.is_known else None,
        threshold=vote.threshold if vote.is_known else None,
        trace_id=trace_id,
    )


def _dropped(name: str, vote: _Vote) -> Decision:
    reason = f"Not one of those that are kept: {vote.reason}" if name else "No policy keeps it."
    probability = probability_of(vote.threshold)
    return Decision(keep=False, policy=name, reason=reason, probability=probability)
