"""Reads a path template: parses its content models, and says where in the file they are wrong."""

from __future__ import annotations

import difflib
from collections.abc import Callable, Iterator
from typing import TypeVar

import msgspec

from causewatch.paths.error import PathError
from causewatch.paths.parser import Order, parse_model, parse_node, parse_order
from causewatch.paths.syntax import Name, leaves_of
from causewatch.paths.template import Node, PathTemplate, is_match
from causewatch.rules.bundle import NOVEL_LABELS, PATH_ALERTNAME, PATH_LABELS, Group, PathRule
from causewatch.rules.firing import firing_of
from causewatch.rules.identity import rule_id_of, version_of
from causewatch.rules.keys import DEFAULT_SEVERITY
from causewatch.rules.labels import labels_of
from causewatch.rules.read import Section
from causewatch.rules.yaml import Items, Problems, Scalar, Table, plain

RESERVED_LABELS = ("alertname", "path", "workflow", "node", "edge")
MAX_NODES_COUNT = 500
NEAR_RATIO = 0.8
"""How alike two names are before one is taken for the other misspelt."""
_DEMANDS = ("expect", "required", "forbidden")

_T = TypeVar("_T")


def path_of(section: Section, group: Group, problems: Problems) -> PathRule | None:
    """Return the path template written in a mapping.

    It is ``None`` when it cannot be read, and where a path only watches for what is new.
    """
    before = len(problems)
    labels = {
        "severity": DEFAULT_SEVERITY,
        **group.labels,
        **labels_of(section, RESERVED_LABELS, problems),
    }
    firing = firing_of(
        section, group.file, {*labels, *found_labels(section), "alertname"}, problems
    )
    name = section.text("path")
    rule_id = rule_id_of(group.key, f"path:{name}")
    template = PathTemplate(
        name=name,
        rule_id=rule_id,
        workflow=section.text("workflow", "*"),
        nodes=tuple(_nodes(section, problems)),
        required=tuple(_orders(section, "required", problems)),
        forbidden=tuple(_orders(section, "forbidden", problems)),
    )
    has_demand = any(section.has(key) for key in _DEMANDS)
    if not has_demand and not section.has("novelty"):
        message = "the path demands nothing: give it expect, required, forbidden or novelty"
        problems.add(section.place, "missing-key", message)
    if not has_demand and section.has("examples"):
        message = "examples are of expect, required and forbidden: what is new no single run tells"
        problems.add(section.key_place("examples"), "value", message)
    if not section.ok or len(problems) != before or not has_demand:
        return None
    _warn_unused(section, template, problems)
    return PathRule(
        rule_id=rule_id,
        version=version_of(["path", plain(section.node), dict(labels)]),
        alertname=PATH_ALERTNAME,
        name=name,
        labels=labels,
        template=template,
        place=section.place,
        **msgspec.structs.asdict(firing),
    )


def found_labels(section: Section) -> frozenset[str]:
    """Return the labels that the alerts of a path carry beside those that its author gave."""
    deviating = PATH_LABELS if any(section.has(key) for key in _DEMANDS) else ()
    return frozenset((*deviating, *(NOVEL_LABELS if section.has("novelty") else ())))


def _nodes(section: Section, problems: Problems) -> Iterator[Node]:
    table = section.node_of("expect")
    entries = table.entries if isinstance(table, Table) else ()
    if len(entries) > MAX_NODES_COUNT:
        message = f"a path describes at most {MAX_NODES_COUNT} nodes"
        problems.add(entries[MAX_NODES_COUNT].key_place, "path", message)
    for entry in entries[:MAX_NODES_COUNT]:
        pattern = parse_node(entry.key)
        if not pattern.text:
            problems.add(entry.key_place, "path", "a node needs a name")
        elif isinstance(entry.value, Scalar) and entry.value.kind != "broken":
            model = _parsed(entry.value, parse_model, problems)
            if model is not None:
                yield Node(pattern=pattern, model=model, written=entry.key)


def _orders(section: Section, key: str, problems: Problems) -> Iterator[Order]:
    node = section.node_of(key)
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Scalar) and item.kind != "broken":
            order = _parsed(item, parse_order, problems)
            if order is not None:
                yield order


def _parsed(written: Scalar, parse: Callable[[str], _T], problems: Problems) -> _T | None:
    try:
        return parse(written.text)
    except PathError as error:
        problems.add(written.at(error.line, error.column), "path", error.sentence)
        return None


def _warn_unused(section: Section, template: PathTemplate, problems: Problems) -> None:
    """Warn of a node that is nobody's child where a child has nearly its name and no line."""
    leaves = {leaf for node in template.nodes for leaf in leaves_of(node.model)}
    children = {leaf.pattern for leaf in leaves if isinstance(leaf, Name)}
    listed = {node.pattern.text for node in template.nodes}
    free = sorted({child.text for child in children} - listed)
    workflow = "" if template.workflow == "*" else template.workflow
    table = section.node_of("expect")
    for entry in table.entries if isinstance(table, Table) else ():
        name = parse_node(entry.key).text
        if is_match(workflow, name) or any(is_match(child.glob, name) for child in children):
            continue
        near = difflib.get_close_matches(name, free, n=1, cutoff=NEAR_RATIO)
        if near:
            message = f"{name!r} is nobody's child; did you mean {near[0]!r}?"
            problems.add(entry.key_place, "unused-node", message, "warning")
