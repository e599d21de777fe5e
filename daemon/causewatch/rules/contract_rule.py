"""Reads a contract: finds its schemas, compiles it, and says where in the files it is wrong."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TypedDict, cast

import msgspec

from causewatch.contracts.compile import Contract, ContractError, compile_contract
from causewatch.contracts.spec import (
    AgeLimit,
    Compare,
    CompareMode,
    ContractSpec,
    ItemLimit,
    Order,
    SchemaSource,
    ScoreFloor,
)
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
_HANDOFF_ONLY = ("schema", "schema_file", "sent", "received", "compare", "order")
_STEP_ONLY = ("arguments", "result")


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
    demands = (*_HANDOFF_ONLY, *_STEP_ONLY)
    if _missing_after(section) is None and not any(section.has(key) for key in demands):
        wanted = (
            "arguments or result"
            if steps
            else "schema, schema_file, sent, received, compare, order or failures.missing.after"
        )
        message = f"the contract demands nothing: give it {wanted}"
        problems.add(section.place, "missing-key", message)


def _schemas(
    section: Section, file: str, files: SchemaFiles, problems: Problems
) -> dict[str, _Found]:
    """Return the schemas by their field of ``ContractSpec``."""
    found = {}
    for side in ("", "sent", "received", "arguments", "result"):
        holder = section.section(side) if side else section
        if side and holder is not None and holder.ok and not holder.node.entries:
            *names, last = (key.name for key in holder.shape.keys)
            message = f"{side} is empty: it has {', '.join(names)} and {last}"
            problems.add(holder.place, "missing-key", message)
        schema = _schema(holder, file, files, problems) if holder else None
        if schema is not None:
            found[f"{side}_schema" if side else "schema"] = schema
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
        arguments_schema=sources.get("arguments_schema"),
        result_schema=sources.get("result_schema"),
        **_limits(section, problems),
        compare=_compare(section, problems),
        order=_order(section, problems),
        missing_after_s=_missing_after(section),
        failures=_failures(section, severity),
        redact=_pointers(section, "redact", problems),
    )


class _Limits(TypedDict):
    min_items: ItemLimit | None
    max_age: AgeLimit | None
    min_score: ScoreFloor | None


def _limits(section: Section, problems: Problems) -> _Limits:
    """Return what is asked of a result beside its schema."""
    found = _Limits(min_items=None, max_age=None, min_score=None)
    result = section.section("result")
    if result is None:
        return found
    items, score = result.value("min_items"), result.value("min_score")
    if isinstance(items, Section):
        pointer = _pointer(items, "pointer", problems)
        found["min_items"] = ItemLimit(count=items.integer("count"), pointer=pointer)
    elif isinstance(items, int):
        found["min_items"] = ItemLimit(count=items)
    if isinstance(score, Section):
        pointer = _pointer(score, "pointer", problems)
        found["min_score"] = ScoreFloor(limit=score.number("limit"), pointer=pointer)
    elif isinstance(score, float):
        found["min_score"] = ScoreFloor(limit=score)
    if (age := result.section("max_age")) is not None:
        pointer = _pointer(age, "pointer", problems)
        found["max_age"] = AgeLimit(pointer=pointer, limit_s=age.seconds("limit"))
    return found


def _compare(section: Section, problems: Problems) -> Compare | None:
    compare = section.section("compare")
    if compare is None:
        return None
    mode = cast("CompareMode", compare.text("mode", "canonical"))
    asks = compare.boolean("judge")
    if asks and mode != "semantic":
        message = "a judge of meaning is heard in mode semantic only"
        problems.add(compare.key_place("judge"), "value", message)
    return Compare(
        mode=mode,
        ignore=_pointers(compare, "ignore", problems),
        max_lost_ratio=compare.number("max_lost_ratio"),
        judge=asks,
    )


def _order(section: Section, problems: Problems) -> Order | None:
    order = section.value("order")
    if isinstance(order, Section):
        return Order(key=_pointer(order, "key", problems))
    return None if order is None else Order()


def _missing_after(section: Section) -> float | None:
    """Return how long a handoff may be on its way; ``None`` where that is not asked."""
    failures = section.section("failures")
    missing = failures.value("missing") if failures else None
    if not isinstance(missing, Section) or not missing.is_good("after"):
        return None
    return missing.seconds("after")


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
        _check_pointer(item, problems)
    return section.texts(key)


def _pointer(section: Section, key: str, problems: Problems) -> str:
    _check_pointer(section.node_of(key), problems)
    return section.text(key)


def _check_pointer(node: Node | None, problems: Problems) -> None:
    if isinstance(node, Scalar) and node.text and not node.text.startswith("/"):
        message = f"a JSON pointer starts with a slash: write /{node.text}"
        problems.add(node.place, "value", message)


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
