"""Real parts for the tests of ``app``: a store in memory, bundles from text, recorded runs."""

from __future__ import annotations

from pathlib import Path

from causewatch.app.assess import assess_files
from causewatch.app.groups import Groups
from causewatch.app.rulefiles import Loaded, RuleFiles
from causewatch.incidents.gather import IncidentChange
from causewatch.model.judgement import Assessment
from causewatch.rules.file import digest_of, load
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics

CAPTURES = Path(__file__).parent / "captures"
S = 1_000_000_000
T0_NS = 1_800_000_000 * S

LOST = """\
groups:
- name: silent
  interval: 10s
  rules:
  - alert: Lost
    signature: '{ span.causewatch.blame.category = "truncation" } as origin'
    by: [origin.span.causewatch.tool]
    window: 5m
    labels: {severity: page}
  - alert: Failed
    signature: '{ span.causewatch.blame.category = "tool_failure" } as origin'
    by: [origin.span.causewatch.tool]
    window: 5m
"""


def loaded(text: str, *, revision: str = "r1") -> Loaded:
    """Return a bundle from the text of one rule file."""
    files = {"rules/some.yaml": text.encode()}
    source = RuleFiles(files=files, sha256=digest_of(files), revision=revision)
    return Loaded(bundle=load(files), source=source)


def assessment(name: str) -> Assessment:
    """Return the judged run of a recorded capture, such as ``pydantic-ai__native__ok``."""
    (found,) = assess_files([str(CAPTURES / f"{name}.jsonl.gz")]).assessments
    return found


class Desk:
    """Rule groups over a store in memory; keeps the incident changes they report."""

    def __init__(self, text: str = LOST) -> None:
        self.store = SqliteStore()
        self.metrics = Metrics()
        self.changes: list[IncidentChange] = []
        self.groups = Groups(
            loaded(text),
            store=self.store,
            metrics=self.metrics,
            tell=lambda changes, _slot_ns: self.changes.extend(changes),
        )

    @property
    def reasons(self) -> list[str]:
        """Return the reasons of the changes so far."""
        return [change.reason for change in self.changes]

    def metric(self, name: str, **labels: str) -> float:
        """Return a sample, 0 when there is none."""
        return self.metrics.registry.get_sample_value(name, labels) or 0.0
