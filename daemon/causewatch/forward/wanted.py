"""Whether a destination wants a run; the reason when it does not is a metric's label."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from typing import Literal

from causewatch.forward.destination import Destination
from causewatch.forward.run import ForwardedRun

Withheld = Literal["sampling", "filter"]


def withheld(run: ForwardedRun, destination: Destination) -> Withheld | None:
    """Return why a run does not go to a destination, ``None`` when it does."""
    if destination.sampled and run.decision is not None and not run.decision.keep:
        return "sampling"
    wanted = destination.filter
    if wanted.verdicts and run.verdict not in wanted.verdicts:
        return "filter"
    if wanted.workflows and not _fits([run.workflow], wanted.workflows):
        return "filter"
    if wanted.services and not _fits(_services(run), wanted.services):
        return "filter"
    return None


def _services(run: ForwardedRun) -> set[str]:
    return {span.resource.service_name for span in run.spans}


def _fits(names: Iterable[str], globs: Sequence[str]) -> bool:
    return any(fnmatchcase(name, glob) for name in names for glob in globs)
