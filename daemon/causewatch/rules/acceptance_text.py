"""Writes accepted edges and shapes as a rule file: to load, or to paste from."""

from __future__ import annotations

import re
from collections.abc import Sequence

import msgspec

from causewatch.novelty.names import plain_name
from causewatch.rules.contract_text import scalar

_HEAD = (
    "# Paste what you reviewed below `novelty` of your path; what stays out is told when it comes.",
)


class Accepted(msgspec.Struct, frozen=True, kw_only=True):
    """One edge or fingerprint to accept, for a path (where one told it) and a workflow."""

    path: str = ""
    workflow: str
    item: str
    remark: str = ""


def acceptance_file(found: Sequence[Accepted]) -> str:
    """Return a rule file with one path for each path and workflow in ``found``."""
    paths: dict[tuple[str, str], dict[str, str]] = {}
    for each in found:
        items = paths.setdefault((each.path, plain_name(each.workflow)), {})
        items.setdefault(each.item, each.remark)
    raw = {plain_name(each.workflow): each.workflow for each in found}
    lines = [*_HEAD, "paths:" if paths else "paths: []"]
    names: set[str] = set()
    for (path, workflow), items in paths.items():
        name = path or workflow
        if name in names:
            name = f"{name} ({workflow})"
        names.add(name)
        glob = re.sub(r"([*?\[])", r"[\1]", raw[workflow])
        lines += [f"- path: {scalar(name)}", f"  workflow: {scalar(glob)}"]
        lines += ["  novelty:", "    accepted:"]
        for item, remark in items.items():
            lines.append(f"    - {scalar(item)}{f'  # {remark}' if remark else ''}")
    return "\n".join(lines) + "\n"
