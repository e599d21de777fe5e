"""Reads a signature rule: compiles its signature and says where in the file it is wrong."""

from __future__ import annotations

import msgspec

from causewatch.rules.bundle import Group, Rule
from causewatch.rules.firing import firing_of
from causewatch.rules.identity import rule_id_of, version_of
from causewatch.rules.labels import by_of, labels_of, sentence_of
from causewatch.rules.read import Section
from causewatch.rules.yaml import Problems, plain
from causewatch.signatures.error import SignatureError
from causewatch.signatures.format import format_query
from causewatch.signatures.signature import Signature, compile_query

RESERVED_LABELS = ("alertname",)


def rule_of(section: Section, group: Group, problems: Problems) -> Rule | None:
    """Return the rule written in a mapping; ``None`` when it has no usable name or signature."""
    labels = {**group.labels, **labels_of(section, RESERVED_LABELS, problems)}
    alertname = section.text("alert")
    signature = _signature(section, problems)
    if signature is None:
        return None
    by = by_of(section, signature.names, labels, problems)
    label_names = {*labels, *(entry.label for entry in by), "alertname"}
    firing = firing_of(section, group.file, label_names, problems)
    if not alertname:
        return None
    written = plain(section.node)
    if isinstance(written, dict):
        # In another layout it is the same rule.
        written = {**written, "signature": format_query(signature.query)}
    return Rule(
        rule_id=rule_id_of(group.key, alertname),
        version=version_of(["rule", written, dict(labels)]),
        alertname=alertname,
        labels=labels,
        signature=signature,
        by=by,
        place=section.place,
        **msgspec.structs.asdict(firing),
    )


def _signature(section: Section, problems: Problems) -> Signature | None:
    written = section.scalar("signature")
    if written is None or not section.is_good("signature"):
        return None
    try:
        signature = compile_query(written.text)
    except SignatureError as error:
        check = "unsupported" if error.stage == "unsupported" else "signature"
        problems.add(written.at(error.line, error.column), check, sentence_of(error))
        return None
    if signature.kind == "metrics":
        message = "a metrics query has no matches; a rule needs a search"
        problems.add(written.at(1, 1), "unsupported", message)
        return None
    for mixed in signature.mixed:
        place = written.at(mixed.line, mixed.column)
        problems.add(place, "mixed-operators", mixed.message, "warning")
    return signature
