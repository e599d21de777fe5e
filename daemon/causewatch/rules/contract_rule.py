"""Reads a contract: finds its schemas, compiles it, and says where in the files it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import cast

import msgspec

from causewatch.contracts.compile import Contract, ContractError, compile_contract
from causewatch.contracts.spec import Compare, CompareMode, ContractSpec, SchemaSource
from causewatch.model.judgement import ViolationName
from causewatch.model.value import Value
from causewatch.rules.bundle import CONTRACT_ALERTNAME, CONTRACT_LABELS, ContractRule, Group
from causewatch.rules.firing import firing_of
from causewatch.rules.identity import rule_id_of, version_of
from causewatch.rules.keys import DEFAULT_SEVERITY, VIOLATIONS
from causewatch.rules.labels import labels_of
from causewatch.rules.read import Section
from causewatch.rules.schemas import SchemaFiles, path_of, place_in, uri_path_of
from causewatch.rules.yaml import Items, Node, Place, Problems, Scalar, plain

RESERVED_LABELS = ("alertname", "contract", "from", "to", "violation")
_STEP_KEYS = ("tool", "retrieval", "agent")
_HANDOFF_KEYS = ("from", "to")
_HANDOFF_ONLY = ("schema", "schema_file", "sent", "received", "compare")
_STEP_ONLY = ("result",)


class _Found(msgspec.Struct, frozen=True, kw_only=True):
    """A schema with its nodes, for the places of what is wrong in it."""

    source: SchemaSource
    file: str
    node: Node | None
    place: Place


def contract_of(
    section: Section, group: Group, files: SchemaFiles, problems: Problems
) -> ContractRule | None:
    """Return the contract written in a mapping; ``None`` when it cannot be compiled."""
    before = len(problems)
    _check_binding(section, problems)
    labels = {**group.labels, **labels_of(section, RESERVED_LABELS, problems)}
    label_names = {*labels, *CONTRACT_LABELS, "alertname"}
    firing = firing_of(section, group.file, label_names, problems)
    name = section.text("contract")
    found = _schemas(section, group.file, files, problems)
    spec = _spec(section, found, labels.get("severity", DEFAULT_SEVERITY), problems)
    reachable = _reachable(found, files, problems)
    rule_id = rule_id_of(group.key, f"contract:{name}")
    contract = _compiled(spec, rule_id, found, reachable, problems)
    if contract is None or not section.ok or len(problems) != before:
        return None
    sources: Value = {key: each.source.value for key, each in found.items()}
    others: Value = [reachable[path] for path in sorted(reachable)]
    return ContractRule(
        rule_id=rule_id,
        version=version_of(["contract", plain(section.node), dict(labels), sources, others]),
        alertname=CONTRACT_ALERTNAME,
        name=name,
        labels=labels,
        contract=contract,
        place=section.place,
        **msgspec.structs.asdict(firing),
    )


def _check_binding(section: Section, problems: Problems) -> None:
    """Check that a contract binds handoffs or one kind of step, and asks only what fits."""
    steps = [key for key in _STEP_KEYS if section.has(key)]
    handoffs = [key for key in _HANDOFF_KEYS if section.has(key)]
    if not steps and not handoffs:
        message = "a contract needs from and to, or one of tool, retrieval and agent"
        problems.add(section.place, "missing-key", message)
        return
    if len(steps) + bool(handoffs) > 1:
        second = next(key for key in (*steps[1:], *handoffs, *steps))
        message = f"a contract binds handoffs or one kind of step: {second!r} is one too many"
        problems.add(section.key_place(second), "contract", message)
        return
    misplaced, what, instead = (
        (_HANDOFF_ONLY, "handoffs", "result") if steps else (_STEP_ONLY, "steps", "schema")
    )
    for key in misplaced:
        if section.has(key):
            message = f"{key!r} is for contracts of {what}; write {instead!r} here"
            problems.add(section.key_place(key), "contract", message)
    if not any(section.has(key) for key in (*_HANDOFF_ONLY, *_STEP_ONLY)):
        wanted = "result" if steps else "schema, schema_file, sent, received or compare"
        message = f"the contract demands nothing: give it {wanted}"
        problems.add(section.place, "missing-key", message)


def _schemas(
    section: Section, file: str, files: SchemaFiles, problems: Problems
) -> dict[str, _Found]:
    """Return the schemas by their field of ``ContractSpec``."""
    places: Mapping[str, Section | None] = {
        "schema": section,
        "sent_schema": section.section("sent"),
        "received_schema": section.section("received"),
        "result_schema": section.section("result"),
    }
    found = {}
    for side, holder in places.items():
        schema = _schema(holder, file, files, problems) if holder else None
        if schema is not None:
            found[side] = schema
    return found


def _schema(holder: Section, file: str, files: SchemaFiles, problems: Problems) -> _Found | None:
    inline = holder.node_of("schema")
    if inline is not None and holder.has("schema_file"):
        message = "schema and schema_file exclude each other"
        problems.add(holder.key_place("schema_file"), "contract", message)
        return None
    if inline is not None:
        source = SchemaSource(value=plain(inline), path=uri_path_of(file))
        return _Found(source=source, file=file, node=inline, place=inline.place)
    if not holder.is_good("schema_file"):
        if holder.shape.name != "contract" and not holder.has("schema_file") and holder.ok:
            message = f"a {holder.shape.name} needs schema or schema_file"
            problems.add(holder.place, "missing-key", message)
        return None
    return _schema_in_file(holder, file, files, problems)


def _schema_in_file(
    holder: Section, file: str, files: SchemaFiles, problems: Problems
) -> _Found | None:
    place = holder.place_of("schema_file")
    path = path_of(file, holder.text("schema_file"))
    if path is None:
        problems.add(place, "path", "the path leads out of the rules root")
        return None
    before = len(problems)
    value = files.value(path, place, problems)
    if value is None:
        if len(problems) == before:
            problems.add(place, "schema", f"{path!r} holds no schema")
        return None
    source = SchemaSource(value=value, path=uri_path_of(path))
    return _Found(source=source, file=path, node=files.node(path), place=place)


def _spec(
    section: Section, found: Mapping[str, _Found], severity: str, problems: Problems
) -> ContractSpec:
    sources = {side: each.source for side, each in found.items()}
    return ContractSpec(
        name=section.text("contract"),
        from_=section.text("from"),
        to=section.text("to"),
        tool=section.text("tool"),
        retrieval=section.text("retrieval"),
        agent=section.text("agent"),
        schema=sources.get("schema"),
        sent_schema=sources.get("sent_schema"),
        received_schema=sources.get("received_schema"),
        result_schema=sources.get("result_schema"),
        compare=_compare(section, problems),
        failures=_failures(section, severity),
        redact=_pointers(section, "redact", problems),
    )


def _compare(section: Section, problems: Problems) -> Compare | None:
    compare = section.section("compare")
    if compare is None:
        return None
    mode = cast("CompareMode", compare.text("mode", "canonical"))
    return Compare(mode=mode, ignore=_pointers(compare, "ignore", problems))


def _failures(section: Section, severity: str) -> dict[ViolationName, str]:
    """Return the severity of every violation: its own, else that of the labels."""
    written = section.section("failures")
    severities: dict[ViolationName, str] = {}
    for violation in cast("tuple[ViolationName, ...]", VIOLATIONS):
        own = written.value(violation) if written else None
        if isinstance(own, Section):
            own = own.text("severity", severity)
        severities[violation] = own if isinstance(own, str) else severity
    return severities


def _pointers(section: Section, key: str, problems: Problems) -> tuple[str, ...]:
    node = section.node_of(key)
    for item in node.nodes if isinstance(node, Items) else ():
        if isinstance(item, Scalar) and item.text and not item.text.startswith("/"):
            message = f"a JSON pointer starts with a slash: write /{item.text}"
            problems.add(item.place, "value", message)
    return section.texts(key)


def _reachable(
    found: Mapping[str, _Found], files: SchemaFiles, problems: Problems
) -> dict[str, Value]:
    schemas: dict[str, Value] = {}
    for each in found.values():
        schemas |= files.reachable(each.source.value, each.file, problems)
    return schemas


def _compiled(
    spec: ContractSpec,
    rule_id: str,
    found: Mapping[str, _Found],
    reachable: Mapping[str, Value],
    problems: Problems,
) -> Contract | None:
    try:
        schemas = {uri_path_of(path): value for path, value in reachable.items()}
        return compile_contract(spec, rule_id=rule_id, schemas=schemas)
    except ContractError as error:
        for problem in error.problems:
            if None in reachable.values():
                break  # a file that cannot be read is told already, at its own place
            schema = found[problem.side]
            place = place_in(schema.node, problem.pointer, schema.place)
            problems.add(place, "schema", problem.message)
        return None
