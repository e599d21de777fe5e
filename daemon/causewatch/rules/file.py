"""Loads rule files: every file under the rules root in, one checked bundle or all problems out."""

from __future__ import annotations

import hashlib
import posixpath
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import Literal, cast

import msgspec

from causewatch.errors import Problem, ProblemsError
from causewatch.faults.trust import Trust
from causewatch.model.finding import Labels
from causewatch.rules.bundle import Bundle, ContractRule, Group, NoveltyRule, PathRule, Rule
from causewatch.rules.contract_rule import contract_of
from causewatch.rules.keys import DEFAULT_INTERVAL_S, FILE
from causewatch.rules.labels import labels_of
from causewatch.rules.novelty_rule import novelty_of
from causewatch.rules.path_rule import path_of as path_rule_of
from causewatch.rules.read import Section, did_you_mean, read
from causewatch.rules.schemas import SchemaFiles, path_of
from causewatch.rules.signature_rule import RESERVED_LABELS, rule_of
from causewatch.rules.test_file import is_test_node
from causewatch.rules.yaml import Items, Node, Place, Problems, Scalar, Table, parse

RULE_SUFFIXES = (".yaml", ".yml")
RESERVED_NAMES = ("contract:", "path:", "novelty:", "limit:")


def load(files: Mapping[str, bytes]) -> Bundle:
    """Return the bundle of all rule files.

    Args:
        files: every ``*.yaml``, ``*.yml`` and ``*.json`` under the rules root, by path with forward
            slashes, named from the same folder. Test files and the schemas that contracts name are
            no rule files.

    Raises:
        ProblemsError: with every problem of every file, by file, line and column.
    """
    bundle, problems = _loaded(files)
    if any(problem.severity == "error" for problem in problems):
        raise ProblemsError(problems)
    return bundle


def check_files(files: Mapping[str, bytes]) -> tuple[Problem, ...]:
    """Return everything wrong with the files, by file, line and column; never raises."""
    return _loaded(files)[1]


def digest_of(files: Mapping[str, bytes]) -> str:
    """Return the SHA-256 of all files with their names: equal digests need no reload."""
    digest = hashlib.sha256()
    for name in sorted(files):
        for part in (name.encode("utf-8", "surrogateescape"), files[name]):
            digest.update(len(part).to_bytes(8, "big") + part)
    return digest.hexdigest()


def _loaded(files: Mapping[str, bytes]) -> tuple[Bundle, tuple[Problem, ...]]:
    problems = Problems()
    loader = _Loader({posixpath.normpath(name): files[name] for name in files}, problems)
    bundle = loader.bundle()
    return bundle, tuple(problems)


class _Loader:
    """One load: what all files share, and what must be unique among them."""

    def __init__(self, files: Mapping[str, bytes], problems: Problems) -> None:
        self._files = files
        self._problems = problems
        self._schemas = SchemaFiles(files)
        self._claimed: dict[tuple[str, str], Place] = {}
        self._rule_ids: dict[str, Place] = {}

    def bundle(self) -> Bundle:
        sections = dict(self._sections())
        names = Counter(
            name for file, section in sections.items() for name in _group_names(file, section)
        )
        groups: list[Group] = []
        trust: list[Trust] = []
        for file, section in sections.items():
            groups.extend(self._groups(file, section, names))
            trust.extend(self._trust(section))
        return Bundle(
            groups=tuple(groups),
            trust=tuple(trust),
            sha256=digest_of(self._files),
            files=tuple(sections),
        )

    def _sections(self) -> Iterator[tuple[str, Section]]:
        """Yield each rule file, read against its shape."""
        nodes = {}
        wanted = sorted(name for name in self._files if name.endswith(RULE_SUFFIXES))
        parsed = {name: Problems() for name in wanted if not is_test_node(name, None)}
        for name, found in parsed.items():
            nodes[name] = parse(name, self._files[name], found)
        schemas = {path for name, node in nodes.items() for path in _schema_paths(name, node)}
        for name, node in nodes.items():
            if name in schemas or _is_schema(node) or is_test_node(name, node):
                continue
            for problem in parsed[name]:
                place = Place(file=name, line=problem.line, column=problem.column)
                self._problems.add(place, problem.check, problem.message)
            section = read(node, FILE, self._problems) if node is not None else None
            if section is not None:
                yield name, section

    def _groups(self, file: str, section: Section, names: Counter[str]) -> Iterator[Group]:
        """Yield the groups of a file: those it declares, then its default group."""
        declared: dict[str, tuple[Section | None, Group]] = {}
        for number, part in enumerate(section.sections("groups"), start=1):
            name = part.text("name") or f"group {number}"
            if name in declared:
                first = declared[name][1]
                line = cast("Section", declared[name][0]).place_of("name").line
                message = f"the group {first.name!r} is already in line {line}"
                self._problems.add(part.place_of("name"), "duplicate-group", message)
            else:
                declared[name] = part, self._empty_group(file, name, names, part)
        default = _default_name(file)
        if default not in declared:
            declared[default] = None, self._empty_group(file, default, names, None)
        contracts = self._placed(section, "contract", default, tuple(declared))
        paths = self._placed(section, "path", default, tuple(declared))
        for name, (maybe, group) in declared.items():
            rules = tuple(self._rules(maybe, group)) if maybe else ()
            made = tuple(self._made_contracts(contracts.get(name, ()), group))
            walked = tuple(self._made_paths(paths.get(name, ()), group))
            new = tuple(self._made_novelties(paths.get(name, ()), group))
            if maybe or made or walked or new:
                yield msgspec.structs.replace(
                    group, rules=rules, contracts=made, paths=walked, novelties=new
                )

    def _empty_group(
        self, file: str, name: str, names: Counter[str], section: Section | None
    ) -> Group:
        key = f"{file};{name}" if names[name] > 1 else name
        if section is None:
            return Group(name=name, file=file, key=key)
        labels: Labels = labels_of(section, RESERVED_LABELS, self._problems)
        return Group(
            name=name,
            file=file,
            key=key,
            labels=labels,
            interval_s=section.seconds("interval", DEFAULT_INTERVAL_S),
            limit=section.integer("limit"),
        )

    def _rules(self, section: Section, group: Group) -> Iterator[Rule]:
        seen: dict[tuple[str, tuple[tuple[str, str], ...]], Place] = {}
        for part in section.sections("rules"):
            place = part.place_of("alert")
            identity = part.text("alert"), tuple(sorted(part.labels("labels").items()))
            is_second = bool(identity[0]) and identity in seen
            if is_second:
                message = (
                    f"the rule {identity[0]!r} with the same labels is already in line"
                    f" {seen[identity].line}"
                )
                self._problems.add(place, "duplicate-rule", message)
            seen.setdefault(identity, place)
            rule = rule_of(part, group, self._problems)
            if rule is not None and not is_second:
                yield from self._unique(rule)

    def _unique(self, rule: Rule) -> Iterator[Rule]:
        """Yield the rule with an id of its own: a later rule of the same name gets a suffix."""
        rule_id = rule.rule_id
        if rule_id in self._rule_ids:
            suffix = hashlib.sha256(repr(sorted(rule.labels.items())).encode()).hexdigest()[:8]
            rule_id = f"{rule_id}#{suffix}"
        if rule_id in self._rule_ids or rule.alertname.startswith(RESERVED_NAMES):
            message = f"the alert name {rule.alertname!r} is taken"
            self._problems.add(rule.place, "duplicate-rule", message)
            return
        self._rule_ids[rule_id] = rule.place
        yield msgspec.structs.replace(rule, rule_id=rule_id)

    def _placed(
        self, section: Section, what: str, default: str, groups: Sequence[str]
    ) -> dict[str, list[Section]]:
        """Return the contracts, or the paths, by the name of their group."""
        placed: dict[str, list[Section]] = {}
        for part in section.sections(f"{what}s"):
            name = part.text("group", default)
            if name not in groups:
                hint = did_you_mean(name, groups)
                message = f"this file has no group {name!r}{hint}"
                self._problems.add(part.place_of("group"), "value", message)
                name = default
            self._claim(what, part)
            placed.setdefault(name, []).append(part)
        return placed

    def _claim(self, what: str, part: Section) -> None:
        """Take a contract's or a path's name, one among all files, in the order of writing."""
        name, place = part.text(what), part.place_of(what)
        first = self._claimed.setdefault((what, name), place) if name else place
        if first != place:
            where = f"line {first.line}"
            where = where if first.file == place.file else f"{first.file}, {where}"
            message = f"the {what} {name!r} is already in {where}"
            self._problems.add(place, f"duplicate-{what}", message)

    def _made_contracts(self, sections: Sequence[Section], group: Group) -> Iterator[ContractRule]:
        for part in sections:
            rule = contract_of(part, group, self._schemas, self._problems)
            if rule is not None:
                self._rule_ids[rule.rule_id] = part.place
                yield rule

    def _made_paths(self, sections: Sequence[Section], group: Group) -> Iterator[PathRule]:
        for part in sections:
            rule = path_rule_of(part, group, self._problems)
            if rule is not None:
                self._rule_ids[rule.rule_id] = part.place
                yield rule

    def _made_novelties(self, sections: Sequence[Section], group: Group) -> Iterator[NoveltyRule]:
        for part in sections:
            rule = novelty_of(part, group, self._problems)
            if rule is not None:
                self._rule_ids[rule.rule_id] = part.place
                yield rule

    def _trust(self, section: Section) -> Iterator[Trust]:
        for part in section.sections("trust"):
            kinds = [kind for kind in ("tool", "retrieval", "agent") if part.has(kind)]
            if len(kinds) != 1:
                message = "a trust entry names exactly one of tool, retrieval and agent"
                self._problems.add(part.place, "value", message)
            elif part.ok:
                kind = cast("Literal['tool', 'retrieval', 'agent']", kinds[0])
                level = cast("Literal['trusted', 'untrusted']", part.text("level"))
                yield Trust(kind=kind, glob=part.text(kind), level=level)


def _default_name(file: str) -> str:
    return posixpath.splitext(posixpath.basename(file))[0]


def _group_names(file: str, section: Section) -> set[str]:
    return {part.text("name") for part in section.sections("groups")} | {_default_name(file)}


def _is_schema(node: Node | None) -> bool:
    return isinstance(node, Table) and node.entry("$schema") is not None


def _schema_paths(file: str, node: Node | None) -> Iterator[str]:
    """Yield the paths that ``schema_file`` keys of a file's contracts name."""
    waiting = [node.entry("contracts")] if isinstance(node, Table) else []
    nodes = [entry.value for entry in waiting if entry]
    while nodes:
        match nodes.pop():
            case Table(entries=entries):
                for entry in entries:
                    if entry.key == "schema_file" and isinstance(entry.value, Scalar):
                        path = path_of(file, entry.value.text)
                        if path is not None:
                            yield path
                    elif entry.key != "schema":
                        nodes.append(entry.value)
            case Items(nodes=items):
                nodes.extend(items)
            case Scalar():
                pass
