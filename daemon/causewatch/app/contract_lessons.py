"""Learns contracts from the good runs in files: schemas of payloads, and how sides compare."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from fnmatch import fnmatchcase
from itertools import takewhile
from pathlib import Path

import msgspec

from causewatch.app.assess import all_requests, graph_of, snapshots_of
from causewatch.blame.judge import judge
from causewatch.contracts.check import check
from causewatch.contracts.compile import compile_contract
from causewatch.contracts.infer import Schema, is_plain_key, schema_of
from causewatch.contracts.sketch import NOTHING, Sketch, fused, sketch_of
from causewatch.contracts.spec import Compare, CompareMode, ContractSpec, SchemaSource
from causewatch.dialects.table import Dialect
from causewatch.errors import InputError
from causewatch.faults.calls import calls_of
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment
from causewatch.model.step import Payload
from causewatch.model.value import Value
from causewatch.novelty.names import plain_name
from causewatch.rules.contract_text import LearnedContract, contract_file

MODES: tuple[CompareMode, ...] = ("canonical", "subset", "semantic")
"""From strict to lenient: the first that every handoff kept is proposed."""
MIN_PAIRS_COUNT = 3
"""Fewer handoffs of which both sides are known say nothing of how they must compare."""
_FAILING = frozenset({"failure", "rate_limited", "malformed"})


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What is to be learned: globs over tools, senders and receivers."""

    tool: str = "*"
    sender: str = "*"
    receiver: str = "*"
    enums: bool = False
    """Whether enumerations may hold values of payloads."""


class Learned(msgspec.Struct, frozen=True, kw_only=True):
    """A rule file, what was left out and why, and what could not be read."""

    text: str
    notes: tuple[str, ...]
    errors: tuple[InputError, ...]


class _Seen:
    """What was seen at one boundary: a tool, or a sender and a receiver."""

    def __init__(self) -> None:
        self.names: set[tuple[str, ...]] = set()
        self.sides: dict[str, Sketch] = {}
        self.failed = NOTHING
        self.count = self.pairs_count = 0
        self.runs: set[int] = set()

    def add(self, side: str, payload: Payload | None, *, words: bool) -> None:
        if payload is not None and not payload.cut:
            sketch = sketch_of(payload.value, words=words)
            self.sides[side] = fused(self.sides.get(side, NOTHING), sketch)

    def support(self, what: str) -> str:
        """Return how much was seen, for people."""
        runs = len(self.runs)
        each = what if self.count == 1 else f"{what}s"
        return f"{self.count:,} {each} in {runs:,} run{'' if runs == 1 else 's'}"


def learn_contracts(
    paths: Sequence[str], store: Path | None, dialects: Sequence[Dialect], wanted: Wanted
) -> Learned:
    """Infer a contract for each tool and each handoff that the globs name.

    Runs that are judged corrupted, and runs known to have ended wrong, teach nothing. A contract
    that some good run would not keep is left out, with a note.
    """
    errors: list[InputError] = []
    good: list[Assessment] = []
    left_out = 0
    for snapshot in snapshots_of(all_requests(paths, store, errors), errors):
        assessment = judge(graph_of(snapshot, dialects))
        if assessment.blame.verdict == "corrupted" or assessment.failed_by:
            left_out += 1
        else:
            good.append(assessment)
    learned, notes = learned_from(good, wanted)
    if left_out:
        notes.insert(0, f"left out runs that are judged corrupted or ended wrong: {left_out}")
    if not learned:
        notes.append("no good run with payloads at these boundaries was found")
    return Learned(text=contract_file(learned), notes=tuple(notes), errors=tuple(errors))


def learned_from(
    good: Sequence[Assessment], wanted: Wanted
) -> tuple[list[LearnedContract], list[str]]:
    """Return the contracts that good runs suggest, and what was left out of them."""
    tools: dict[str, _Seen] = {}
    handoffs: dict[tuple[str, str], _Seen] = {}
    for number, assessment in enumerate(good):
        _see_calls(assessment, tools, wanted, number)
        _see_handoffs(assessment.graph, handoffs, wanted, number)
    graphs = [assessment.graph for assessment in good]
    drafts = [
        *(_of_tool(seen) for _, seen in sorted(tools.items())),
        *(_of_handoff(seen, graphs) for _, seen in sorted(handoffs.items())),
    ]
    learned: list[LearnedContract] = []
    notes: list[str] = []
    for draft in drafts:
        broken = _broken_count(draft, graphs)
        if broken:
            notes.append(
                f"no contract for {draft.text}, good runs that would not keep it: {broken}"
            )
        elif draft.schemas:
            learned.append(draft)
    return learned, notes


def _see_calls(
    assessment: Assessment, tools: dict[str, _Seen], wanted: Wanted, number: int
) -> None:
    failing = {fault.step for fault in assessment.faults if fault.name in _FAILING}
    for call in calls_of(assessment.graph):
        step = call.step
        if call.delegates or not step.name or not fnmatchcase(step.name, wanted.tool):
            continue
        seen = tools.setdefault(plain_name(step.name), _Seen())
        seen.names.add((step.name,))
        seen.count += 1
        seen.runs.add(number)
        seen.add("arguments", step.arguments, words=wanted.enums)
        if call.index not in failing and not step.error_type:
            seen.add("result", step.result, words=wanted.enums)
        elif step.result is not None and not step.result.cut:
            seen.failed = fused(seen.failed, sketch_of(step.result.value))


def _see_handoffs(
    graph: CausalGraph, handoffs: dict[tuple[str, str], _Seen], wanted: Wanted, number: int
) -> None:
    for handoff in graph.handoffs:
        source, target = handoff.from_agent, handoff.to_agent
        is_wanted = fnmatchcase(source, wanted.sender) and fnmatchcase(target, wanted.receiver)
        if not is_wanted or not source or not target:
            continue
        seen = handoffs.setdefault((plain_name(source), plain_name(target)), _Seen())
        seen.names.add((source, target))
        seen.count += 1
        seen.runs.add(number)
        seen.add("sent", handoff.sent, words=wanted.enums)
        seen.add("received", handoff.received, words=wanted.enums)
        seen.pairs_count += handoff.sent is not None and handoff.received is not None


def _of_tool(seen: _Seen) -> LearnedContract:
    schemas = dict(_schemas(seen, ("arguments", "result")))
    if seen.failed.count and "result" in schemas:
        schemas["result"] = _or_failed(schemas["result"], seen.failed)
    return LearnedContract(
        binds={"tool": _glob(name for (name,) in seen.names)},
        support=seen.support("call"),
        schemas=schemas,
    )


def _or_failed(usual: Schema, failed: Sketch) -> Schema:
    """Return a schema that takes what calls return that fail and are noticed, too.

    However few they were, each key that all of them had is required: an alternative that takes
    anything would say nothing of the others.
    """
    fields = (failed.fields or {}).items()
    shared: list[Value] = [
        key for key, each in fields if each.count == failed.object_count and is_plain_key(key)
    ]
    schema = schema_of(failed)
    if failed.object_count and not shared:
        return usual
    required: Schema = {"required": shared} if shared else {}
    remark = "of calls that failed, in runs that coped with it"
    alternatives: list[Value] = [usual, {**schema, **required, "$comment": remark}]
    return {"anyOf": alternatives}


def _of_handoff(seen: _Seen, graphs: Sequence[CausalGraph]) -> LearnedContract:
    draft = LearnedContract(
        binds={
            "from": _glob(source for source, _ in seen.names),
            "to": _glob(target for _, target in seen.names),
        },
        support=seen.support("handoff"),
        schemas=dict(_schemas(seen, ("sent", "received"))),
    )
    if seen.pairs_count < MIN_PAIRS_COUNT:
        return draft
    for mode in MODES:
        proposed = msgspec.structs.replace(
            draft, mode=mode, mode_support=f"as all {seen.pairs_count:,} with both sides known did"
        )
        if not _broken_count(proposed, graphs):
            return proposed
    return draft


def _schemas(seen: _Seen, sides: Iterable[str]) -> Iterator[tuple[str, Schema]]:
    for side in sides:
        sketch = seen.sides.get(side)
        schema = schema_of(sketch) if sketch is not None else {}
        if schema and sketch is not None:
            yield side, {**schema, "$comment": f"of {sketch.count:,}"}


def _glob(names: Iterable[str]) -> str:
    """Return a glob of exactly one name, or of all that begin as several do."""
    known = sorted(set(names))
    first, last = known[0], known[-1]
    alike = takewhile(lambda pair: pair[0] == pair[1], zip(first, last, strict=False))
    start = re.sub(r"([*?\[])", r"[\1]", "".join(letter for letter, _ in alike))
    return start if len(known) == 1 else f"{start}*"


def _broken_count(draft: LearnedContract, graphs: Sequence[CausalGraph]) -> int:
    """Return how many runs would not keep a contract."""
    contract = compile_contract(_spec(draft), rule_id="", schemas={})
    return sum(
        any(verdict.verdict == "violated" for verdict in check(contract, graph)) for graph in graphs
    )


def _spec(draft: LearnedContract) -> ContractSpec:
    schemas: Mapping[str, SchemaSource] = {
        side: SchemaSource(value=schema) for side, schema in draft.schemas.items()
    }
    return ContractSpec(
        name=draft.text,
        from_=draft.binds.get("from", ""),
        to=draft.binds.get("to", ""),
        tool=draft.binds.get("tool", ""),
        sent_schema=schemas.get("sent"),
        received_schema=schemas.get("received"),
        arguments_schema=schemas.get("arguments"),
        result_schema=schemas.get("result"),
        compare=Compare(mode=draft.mode) if draft.mode is not None else None,
    )
