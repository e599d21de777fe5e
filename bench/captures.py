"""What is found in recorded captures whose planted faults are written in a manifest."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec
import yaml

from bench.verdicts import Expected, Measured, assessed, outcome, spans_of_file

CATEGORIES = {
    "context_loss_at_handoff": ("truncation",),
    "prompt_injection_via_tool": ("poisoning",),
    "tool_error_swallowed": ("tool_failure",),
    "tool_loop": ("loop",),
}
"""What a planted fault is called in a judgement; of others any category is right."""


class Capture(msgspec.Struct, frozen=True, kw_only=True):
    """One entry of the manifest."""

    file: str
    framework: str
    variant: str
    scenario: str
    content_present: bool = True
    ground_truth: dict[str, Any] = {}

    @property
    def fault(self) -> str:
        """Return the planted fault, `none` for none."""
        return str(self.ground_truth.get("fault", "none"))

    @property
    def expected(self) -> Expected:
        """Return what is right to say of it."""
        truth = self.ground_truth
        return Expected(
            faulty=self.fault != "none",
            categories=CATEGORIES.get(self.fault, ()),
            origins=_named(truth.get("introduced_by"), "span_id"),
            propagators=_named(truth.get("propagated_by"), "agent"),
            symptoms=_named(truth.get("effect"), "span_id"),
        )


def _named(found: dict[str, Any] | None, key: str) -> tuple[str, ...]:
    """Return the one right answer, or none where the manifest names none."""
    value = (found or {}).get(key)
    return (str(value),) if value else ()


def captures_of(folder: Path) -> list[Capture]:
    """Return the captures that a folder's manifest lists and the folder holds."""
    listed = yaml.safe_load((folder / "MANIFEST.yaml").read_text(encoding="utf-8"))
    captures = msgspec.convert(listed["captures"], list[Capture])
    return [capture for capture in captures if _path(folder, capture).exists()]


def _path(folder: Path, capture: Capture) -> Path:
    return folder / f"{capture.file}.gz"


def measured(folder: Path) -> list[Measured]:
    """Return the outcome of each capture."""
    found = []
    for capture in captures_of(folder):
        got = outcome(assessed(spans_of_file(_path(folder, capture))), capture.expected)
        found.append(
            Measured(
                run=capture.file,
                group=capture.fault,
                dialect=f"{capture.framework} {capture.variant}",
                expected=capture.expected,
                outcome=got,
                has_content=capture.content_present,
            )
        )
    return found
