"""Reads what a path watches for as new."""

from __future__ import annotations

import msgspec

from causewatch.novelty.watch import (
    DEFAULT_BUDGET_PER_DAY,
    DEFAULT_LEARN_FOR_S,
    MAX_ACCEPTED_COUNT,
    NoveltyKind,
    Watch,
    is_accepted_text,
)
from causewatch.rules.bundle import NOVEL_ALERTNAME, Group, NoveltyRule
from causewatch.rules.firing import firing_of
from causewatch.rules.identity import rule_id_of, version_of
from causewatch.rules.keys import DEFAULT_SEVERITY
from causewatch.rules.labels import labels_of
from causewatch.rules.path_rule import RESERVED_LABELS, found_labels
from causewatch.rules.read import Section
from causewatch.rules.yaml import Items, Problems, Scalar, plain

_KINDS: tuple[NoveltyKind, ...] = ("edge", "shape")


def novelty_of(section: Section, group: Group, problems: Problems) -> NoveltyRule | None:
    """Return what a path's ``novelty`` says; ``None`` where it has none or cannot be read.

    The keys that it shares with the path's template are read, and complained of, with that.
    """
    written = section.section("novelty")
    if written is None:
        return None
    before = len(problems)
    _check_accepted(written, problems)
    if not section.ok or len(problems) != before:
        return None
    seen = Problems()
    own = labels_of(section, RESERVED_LABELS, seen)
    labels = {"severity": DEFAULT_SEVERITY, **group.labels, **own}
    firing = firing_of(section, group.file, {*labels, *found_labels(section), "alertname"}, seen)
    name = section.text("path")
    rule_id = rule_id_of(group.key, f"novelty:{name}")
    once = msgspec.structs.replace(firing, min_runs=1, examples=())
    return NoveltyRule(
        rule_id=rule_id,
        version=version_of(["novelty", plain(section.node), dict(labels)]),
        alertname=NOVEL_ALERTNAME,
        name=name,
        labels=labels,
        watch=_watch(section, written, rule_id),
        place=section.place,
        **msgspec.structs.asdict(once),
    )


def _watch(section: Section, written: Section, rule_id: str) -> Watch:
    kinds = written.texts("kinds") or _KINDS
    return Watch(
        path=section.text("path"),
        rule_id=rule_id,
        workflow=section.text("workflow", "*"),
        learn_for_s=written.seconds("learn_for", DEFAULT_LEARN_FOR_S),
        budget_per_day=written.integer("budget_per_day", DEFAULT_BUDGET_PER_DAY),
        kinds=tuple(kind for kind in _KINDS if kind in kinds),
        accepted=tuple(dict.fromkeys(written.texts("accepted"))),
    )


def _check_accepted(written: Section, problems: Problems) -> None:
    node = written.node_of("accepted")
    items = node.nodes if isinstance(node, Items) else ()
    if len(items) > MAX_ACCEPTED_COUNT:
        message = f"at most {MAX_ACCEPTED_COUNT} edges and shapes can be accepted"
        problems.add(items[MAX_ACCEPTED_COUNT].place, "value", message)
    for item in items[:MAX_ACCEPTED_COUNT]:
        if isinstance(item, Scalar) and item.kind != "broken" and not is_accepted_text(item.text):
            message = (
                f"{item.text!r} is neither an edge such as `planner -> researcher` or"
                " `planner > kb_search` nor the fingerprint of a shape"
            )
            problems.add(item.place, "value", message)
