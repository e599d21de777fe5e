"""Reads what every rule has in common: when it fires, its annotations and its examples."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Literal, cast

import msgspec

from causewatch.rules.bundle import Example
from causewatch.rules.keys import DEFAULT_WINDOW_S
from causewatch.rules.read import Section
from causewatch.rules.schemas import path_of
from causewatch.rules.template import Template, parse
from causewatch.rules.yaml import Problems, Scalar, Table


class Firing(msgspec.Struct, frozen=True, kw_only=True):
    """The keys that signature rules and contracts share, as values."""

    window_s: float
    min_runs: int
    for_s: float
    keep_firing_for_s: float
    annotations: Mapping[str, Template]
    examples: tuple[Example, ...]


def firing_of(section: Section, file: str, labels: Collection[str], problems: Problems) -> Firing:
    """Return a rule's firing keys; ``labels`` are the names its annotations may use."""
    return Firing(
        window_s=section.seconds("window", DEFAULT_WINDOW_S),
        min_runs=section.integer("min_runs", 1),
        for_s=section.seconds("for"),
        keep_firing_for_s=section.seconds("keep_firing_for"),
        annotations=_annotations(section, labels, problems),
        examples=tuple(_examples(section, file, problems)),
    )


def _annotations(
    section: Section, labels: Collection[str], problems: Problems
) -> dict[str, Template]:
    node = section.node_of("annotations")
    templates: dict[str, Template] = {}
    for entry in node.entries if isinstance(node, Table) else ():
        if not isinstance(entry.value, Scalar):
            continue  # the reader has reported it
        text = entry.value.text
        templates[entry.key], errors = parse(text, labels)
        for error in errors:
            before = text[: error.offset]
            line = before.count("\n") + 1
            column = error.offset - (before.rfind("\n") + 1) + 1
            problems.add(entry.value.at(line, column), error.check, str(error))
    return templates


def _examples(section: Section, file: str, problems: Problems) -> list[Example]:
    examples = []
    for example in section.sections("examples"):
        path = path_of(file, example.text("traces"))
        place = example.place_of("traces")
        if path is None:
            problems.add(place, "path", "the path leads out of the rules root")
        elif example.ok:
            expect = cast("Literal['match', 'no-match']", example.text("expect"))
            examples.append(Example(traces=path, expect=expect, place=place))
    return examples
