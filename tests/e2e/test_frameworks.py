"""Agents of real frameworks, whole and broken in eight ways -> the real Collector -> causewatch."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from causewatch.app.assess import assess_files
from causewatch.inbox.archive import stored_batches
from causewatch.model.judgement import Assessment, Category
from collector import DEPLOYED, Collector
from daemon import Daemon
from framework_agents import FOLDER, FRAMEWORKS, Framework, play

pytestmark = [pytest.mark.collector, pytest.mark.timeout(400)]

RULES = FOLDER / "rules"
RUNS = 9
INCIDENTS = 5
"""At least so many: without content the tools' results show nothing."""
CONTENT = (b"V-210", b"I-77", b"Oosterweg", b"RQ-7731", b"NL13")
"""Words of the story's payloads, of which nothing may be seen where content is off."""


class Wanted(NamedTuple):
    """What must be said of a broken run."""

    category: Category
    origin: str
    alert: str
    violation: str = ""


WANTED = {
    "truncated": Wanted("truncation", "ask_buyer", "ContractViolated", "truncation"),
    "flattened": Wanted("serialization", "ask_buyer", "ContractViolated", "serialization"),
    "outdated": Wanted("ordering", "ask_buyer", "ContractViolated", "ordering"),
    "poisoned": Wanted("poisoning", "ask_buyer", "ContractViolated", "poisoning"),
    "failed_tool": Wanted("schema", "list_missing_parts", "ContractViolated", "schema"),
    "empty_tool": Wanted("empty", "list_missing_parts", "ContractViolated", "empty"),
    "repeated": Wanted("loop", "list_missing_parts", ""),
    "skipped": Wanted("missing_step", "place_order", "PathDeviation"),
}
WITHOUT_CONTENT = {
    "truncated": "truncation",
    "flattened": "serialization",
    "outdated": "ordering",
    "poisoned": "delta",  # without content nobody can tell an addition from another change
}
"""What digests and shapes alone must show."""


class House(NamedTuple):
    """What the agents' runs became."""

    runs: dict[str, str]
    """The trace of each break."""
    incidents: list[dict[str, object]]
    assessments: dict[str, Assessment]
    """By break, as ``causewatch explain --store`` reads the daemon's store."""
    bodies: bytes
    """All that was received."""

    def alerts_of(self, broken: str) -> set[tuple[str, str]]:
        """Return the alerts, each with its violation, of the incidents that a run is in."""
        found = set()
        for incident in self.incidents:
            alerts = incident["alerts"]
            assert isinstance(alerts, list)
            for alert in alerts:
                if self.runs[broken] in alert.get("runs", incident["runs"]):
                    found.add((alert["alertname"], alert["labels"].get("violation", "")))
        return found


@contextmanager
def judged(folder: Path, framework: Framework, *flags: str) -> Iterator[House]:
    """Have a framework's agents play the story, and yield what causewatch made of it."""
    settings = {"runs": {"quiet": "1s", "quiet_without_root": "5s"}}
    with (
        Daemon(folder / "daemon", rules=RULES, settings=settings) as daemon,
        Collector(folder / "collector", [DEPLOYED / "otlp-grpc.yaml"], daemon.target) as collector,
    ):
        runs = play(framework, collector.http, *flags)
        daemon.wait_for_verdicts(RUNS)
        incidents = daemon.wait_for_incidents(INCIDENTS)
    store = daemon.folder / "store"
    assessed = assess_files([], RULES, store)
    by_trace = {a.graph.trace_ids[0]: a for a in assessed.assessments}
    assert assessed.errors == []
    bodies = b"".join(batch.body for batch in stored_batches(store / "inbox.db", errors=[]))
    yield House(runs, incidents, {b: by_trace[t] for b, t in runs.items()}, bodies)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_each_break_is_named_and_its_healthy_twin_is_silent(
    framework: Framework, tmp_path: Path
) -> None:
    """The class, the step that introduced it and the agent that went on with it; an alert each."""
    with judged(tmp_path, framework) as house:
        assert house.assessments["healthy"].blame.verdict == "healthy"
        assert house.alerts_of("healthy") == set()
        for broken, wanted in WANTED.items():
            assessment = house.assessments[broken]
            blame, steps = assessment.blame, assessment.graph.steps
            assert (broken, blame.verdict, blame.category) == (broken, "corrupted", wanted.category)
            assert blame.origin is not None
            assert steps[blame.origin.step].name == wanted.origin
            assert blame.propagators
            if wanted.alert:
                assert (wanted.alert, wanted.violation) in house.alerts_of(broken)


@pytest.mark.parametrize("framework", FRAMEWORKS)
def test_digests_and_shapes_show_the_same_breaks(framework: Framework, tmp_path: Path) -> None:
    """No span carries content; what broke at the boundary is told all the same."""
    with judged(tmp_path, framework, "--hash-only") as house:
        assert not [word for word in CONTENT if word in house.bodies]
        assert house.assessments["healthy"].blame.verdict == "unverifiable"
        assert house.alerts_of("healthy") == set()
        for broken, violation in WITHOUT_CONTENT.items():
            assert house.assessments[broken].blame.verdict == "corrupted"
            assert ("ContractViolated", violation) in house.alerts_of(broken)
        assert ("PathDeviation", "") in house.alerts_of("skipped")
