"""Plays the cases of ``tests/scenarios``: runs are understood, judged and asked as in the product.

Nothing is replaced: spans go through the dialects, the graph, faults, contracts, blame, signatures
and rules. A wrong answer raises ``Unmet`` with the file and line of what was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cached_property
from typing import assert_never

from causewatch.blame.judge import judge
from causewatch.contracts.compile import Contract
from causewatch.errors import ProblemsError
from causewatch.model.finding import Alert
from causewatch.model.graph import CausalGraph, RunState
from causewatch.model.judgement import Assessment
from causewatch.paths.template import PathTemplate
from causewatch.rules.bundle import Bundle
from causewatch.rules.file import load
from causewatch.rules.subject import subject_of
from causewatch.signatures.error import SignatureError
from causewatch.signatures.signature import Result, Signature, compile_query
from scenario_answers import (
    RUN,
    SIGNATURE,
    Run,
    deviations_told,
    error_told,
    handoffs_bound,
    in_order,
    messages_told,
    reasons_told,
    severities_told,
    verdict_in_order,
    verdicts_told,
)
from scenario_desk import Desk, alerts_told, fits, time_of
from scenario_language import Action, Case, ScenarioError, Statement, Trace
from scenario_spans import Written, spans_of

ERROR_WORDS_COUNT = 3
_ARRIVAL = re.compile(r"(?:(early|late):)?(?:(\d+)x)?([\w-]+?)(?:#(\w+))?")


class Unmet(AssertionError):  # noqa: N818 - a failed expectation is no error of the program
    """What was expected is not what came."""

    def __init__(self, place: str, wanted: str, got: str) -> None:
        super().__init__(f"{place}: expected {wanted}\n  got {got}")


def play(case: Case) -> None:
    """Ask all that a case asks.

    Raises:
        Unmet: an answer is not the one expected.
        ScenarioError: the case says what makes no sense.
    """
    _Player(case).play()


class _Player:
    """Holds what lasts through one case: the run, contracts in force, rules and alerts."""

    def __init__(self, case: Case) -> None:
        self.case = case
        self.contracts: list[Contract] = []
        self.paths: list[PathTemplate] = []
        self.desk: Desk | None = None

    def play(self) -> None:
        for action in self.case.actions:
            match action.word:
                case "eval":
                    self.eval(action)
                case "contract":
                    self.contract(action)
                case "path":
                    self.path(action)
                case "explain":
                    self.explain(action)
                case "rules":
                    self.rules(action)
                case "at":
                    self.at(action)
                case _:
                    assert_never(action.word)

    def error(self, line: int, message: str) -> ScenarioError:
        return ScenarioError(self.case.file, line, message)

    def meet(self, expect: Statement, got: str, *, holds: bool) -> None:
        """Go on if what was expected holds."""
        if not holds:
            raise Unmet(f"{self.case.file}:{expect.line} [{self.case.dialect}]", expect.text, got)

    def write(self, trace: Trace, salt: str = "") -> Written:
        return spans_of(trace, self.case.dialect, file=self.case.file, salt=salt)

    @cached_property
    def run(self) -> Run:
        """The run that signatures, contracts and explanations are about."""
        if self.case.trace is None:
            raise self.error(self.case.line, "no trace stands before this case")
        return Run(self.write(self.case.trace))

    def judged(self) -> Assessment:
        return judge(self.run.graph, self.contracts, paths=self.paths)

    def eval(self, action: Action) -> None:
        signature, result = self.evaluated(action)
        for expect in action.expects:
            word, _, rest = expect.text.partition(" ")
            if isinstance(result, SignatureError):
                place, sentence = error_told(result)
                wanted = expect.text.split(maxsplit=ERROR_WORDS_COUNT)
                said = wanted[ERROR_WORDS_COUNT:]
                holds = " ".join(wanted[:ERROR_WORDS_COUNT]) == place
                holds = holds and all(text in sentence for text in said)
                self.meet(expect, f"{place} {sentence}", holds=holds)
            elif word in SIGNATURE:
                got = SIGNATURE[word](result, self.run)
                ordered = word in {"spans", "sets"}
                self.meet(expect, got, holds=got == (in_order(rest) if ordered else rest or word))
            elif word in {"monotone", "portable"} and signature is not None:
                got = "yes" if getattr(signature, word) else "no"
                self.meet(expect, got, holds=got == rest)
            else:
                raise self.error(expect.line, f"of a signature nothing is called {word!r}")

    def evaluated(self, action: Action) -> tuple[Signature | None, Result | SignatureError]:
        try:
            signature = compile_query(action.text)
            return signature, signature.evaluate(subject_of(self.judged()))
        except SignatureError as error:
            if not any(expect.text.startswith("error") for expect in action.expects):
                raise self.error(action.line, str(error)) from None
            return None, error

    def contract(self, action: Action) -> None:
        """Put a contract in force for the rest of the case, and compare what it says."""
        lines = [f"  {line}" for line in action.block.splitlines() if line.strip()]
        text = "\n".join(["contracts:", f"- contract: {action.text}", *lines, ""])
        self.contracts.extend(self.loaded(action, text).contracts)
        verdicts = [each for each in self.judged().verdicts if each.contract == action.text]
        for expect in action.expects:
            word, _, rest = expect.text.partition(" ")
            match word:
                case "verdict":
                    got = verdicts_told(verdicts)
                    holds = got == verdict_in_order(rest)
                case "handoff":
                    got = handoffs_bound(verdicts)
                    holds = got == rest
                case "severity":
                    got = severities_told(verdicts)
                    holds = got == rest
                case "reason":
                    got = reasons_told(verdicts)
                    holds = rest in got
                case "says" | "silent":
                    got = messages_told(verdicts)
                    holds = (rest in got) is (word == "says")
                case _:
                    raise self.error(expect.line, f"of a contract nothing is called {word!r}")
            self.meet(expect, got, holds=holds)

    def path(self, action: Action) -> None:
        """Put a path template in force for the rest of the case, and compare what it says."""
        lines = [f"  {line}" for line in action.block.splitlines() if line.strip()]
        text = "\n".join(["paths:", f"- path: {action.text}", *lines, ""])
        self.paths.extend(self.loaded(action, text).paths)
        found = [each for each in self.judged().deviations if each.path == action.text]
        said = " / ".join(each.message for each in found)
        for expect in action.expects:
            word, _, rest = expect.text.partition(" ")
            match word:
                case "deviation":
                    got = deviations_told(found, self.run)
                    holds = got == rest
                case "says" | "silent":
                    got = said
                    holds = (rest in got) is (word == "says")
                case _:
                    raise self.error(expect.line, f"of a path nothing is called {word!r}")
            self.meet(expect, got, holds=holds)

    def loaded(self, action: Action, text: str) -> Bundle:
        try:
            return load({"rules.yaml": text.encode()})
        except ProblemsError as error:
            raise self.error(action.line, str(error)) from None

    def explain(self, action: Action) -> None:
        judged = self.judged()
        for expect in action.expects:
            for clause in expect.text.split(", "):
                word, _, rest = clause.partition(" ")
                if word not in RUN:
                    raise self.error(expect.line, f"of a run nothing is called {word!r}")
                got = RUN[word](judged, self.run)
                is_verdict = word in {"healthy", "corrupted", "unverifiable"}
                wanted = clause if is_verdict else rest
                self.meet(expect, got if is_verdict else f"{word} {got}", holds=got == wanted)

    def rules(self, action: Action) -> None:
        """Load rules; later ones of a case are a reload."""
        bundle = self.loaded(action, action.block)
        if self.desk is None:
            self.desk = Desk(bundle)
        self.desk.bundle = bundle

    def at(self, action: Action) -> None:
        """Let runs arrive, evaluate every group once, and compare the alerts, all of them."""
        if self.desk is None:
            raise self.error(action.line, "no rules stand before this time")
        time, *arrivals = action.text.split() or [""]
        try:
            slot_ns = time_of(time)
        except ValueError as error:
            raise self.error(action.line, str(error)) from None
        if self.desk.slot_ns is not None and slot_ns < self.desk.slot_ns:
            raise self.error(action.line, "this time is before the last one")
        runs = [run for text in arrivals for run in self.arrivals(action, text)]
        left = self.desk.slot(slot_ns, runs)
        for expect in action.expects:
            word, _, rest = expect.text.partition(" ")
            if word == "alert":
                alert = next((each for each in left if self.fits(expect, rest, each)), None)
                self.meet(expect, alerts_told(left), holds=alert is not None)
                left = [each for each in left if each is not alert]
            elif expect.text != "no alerts":
                raise self.error(expect.line, "of a time only alerts can be expected")
        if action.expects:
            self.meet(action.expects[-1], f"also {alerts_told(left)}", holds=not left)

    def fits(self, expect: Statement, text: str, alert: Alert) -> bool:
        try:
            return fits(text, alert)
        except ValueError as error:
            raise self.error(expect.line, str(error)) from None

    def arrivals(self, action: Action, text: str) -> Iterator[CausalGraph]:
        """Yield the runs of one word: ``name``, ``3xname``, ``early:name#key``, ``name#key``."""
        found = _ARRIVAL.fullmatch(text)
        if found is None or found[3] not in self.case.traces:
            raise self.error(action.line, f"{text!r} is no run such as 3xname, early:name#key")
        state: RunState = "early" if found[1] == "early" else "late" if found[1] else "complete"
        for number in range(int(found[2] or 1)):
            # Without a key each arrival is a run of its own.
            salt = f"#{found[4]}" if found[4] else f"{action.line}/{text}/{number}"
            yield Run(self.write(self.case.traces[found[3]], salt), state).graph
