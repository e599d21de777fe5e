"""Compare the signature language with corpora of answered queries.

Usage: python -m bench.conformance [--searches DIR]... [--verdicts FILE] [--signatures DIR]

A DIR of searches holds `datasets.jsonl.gz` (`{"dataset", "otlp"}` a line) and `search.jsonl.gz`
(`{"dataset", "query", "engine"}`: the span sets that the reference finds, by trace id). FILE holds
`{"query", "verdict"}` a line: valid, parse, validate or unsupported. A DIR of signatures holds
`traces.otlp.json` and `signatures.jsonl` (`{"signature", "portable", "fires_on", "silent_on"}`).
Prints one line a corpus and the first N that differ.
"""

from __future__ import annotations

import argparse
import gzip
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from causewatch.model.span import Span
from causewatch.otlp.decode import decode_traces
from causewatch.otlp.json import json_to_protobuf
from causewatch.signatures.error import SignatureError
from causewatch.signatures.refuse import refused
from causewatch.signatures.signature import Signature, compile_query
from causewatch.signatures.subject import Subject, raw_subject

Subjects = Mapping[str, Subject]
SpanSets = dict[str, list[list[str]]]


class Agreement(NamedTuple):
    """How much of one corpus is answered as its reference does."""

    corpus: str
    agreed: int
    of: int
    differing: tuple[str, ...]
    """One text for each case that differs: the query, the answer here, the answer there."""


def lines_of(path: Path) -> Iterator[Any]:
    """Yield the JSON lines of a file, gzip or plain."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rb") as lines:
        for line in lines:
            if line.strip():
                yield json.loads(line)


def subjects_of(requests: Sequence[Any]) -> Subjects:
    """Return the traces of some OTLP/JSON requests, raw."""
    spans: dict[str, list[Span]] = {}
    for request in requests:
        body = json_to_protobuf("traces", json.dumps(request).encode())
        for span in decode_traces(body).spans:
            spans.setdefault(span.trace_id, []).append(span)
    return {trace_id: raw_subject(members) for trace_id, members in spans.items()}


def found_by(signature: Signature, subjects: Subjects) -> SpanSets:
    """Return the sorted span ids of each span set of each matching trace."""
    found: SpanSets = {}
    for trace_id, subject in subjects.items():
        problem = refused(signature, subject)
        if problem is not None:
            raise problem
        sets = signature.evaluate(subject).spansets
        if sets:
            found[trace_id] = sorted(sorted(subject.spans[i].span_id for i in s) for s in sets)
    return found


def compare_searches(folder: Path) -> Agreement:
    """Evaluate every search of a corpus; an error there must be an error here."""
    datasets: dict[str, list[Any]] = {}
    for line in lines_of(folder / "datasets.jsonl.gz"):
        datasets.setdefault(line["dataset"], []).append(line["otlp"])
    subjects = {name: subjects_of(requests) for name, requests in datasets.items()}
    differing = []
    count = 0
    for line in lines_of(folder / "search.jsonl.gz"):
        count += 1
        here = _answer(line["query"], subjects[line["dataset"]])
        there = _sorted(line["engine"])
        if here != there:
            differing.append(
                f"{line['dataset']}: {line['query']}\n    here {here}\n    there {there}"
            )
    return _agreement(f"searches of {folder.name}", count, differing)


def compare_verdicts(path: Path) -> Agreement:
    """Read every query; the stage at which it is refused must be the same."""
    differing = []
    count = 0
    for line in lines_of(path):
        count += 1
        try:
            compile_query(line["query"])
            here = "valid"
        except SignatureError as error:
            here = error.stage
        if here != line["verdict"]:
            differing.append(f"{line['query']}\n    here {here}, there {line['verdict']}")
    return _agreement("verdicts", count, differing)


def compare_signatures(folder: Path) -> Agreement:
    """Evaluate signatures with the traces on which they must fire and must not."""
    otlp = json.loads((folder / "traces.otlp.json").read_text(encoding="utf-8"))
    subjects = subjects_of([otlp])
    differing = []
    count = 0
    for line in lines_of(folder / "signatures.jsonl"):
        count += 1
        signature = compile_query(line["signature"])
        fired = found_by(signature, subjects)
        right = fired.keys() >= set(line["fires_on"]) and not fired.keys() & set(line["silent_on"])
        if not right or signature.portable is not line["portable"]:
            differing.append(f"{line['signature']}\n    fires on {sorted(fired)}")
    return _agreement("causal signatures", count, differing)


def _answer(query: str, subjects: Subjects) -> SpanSets | str:
    try:
        return found_by(compile_query(query), subjects)
    except SignatureError:
        return "error"


def _sorted(answer: Mapping[str, Any]) -> SpanSets | str:
    if "error" in answer:
        return "error"
    return {trace: sorted(sorted(spans) for spans in sets) for trace, sets in answer.items()}


def _agreement(corpus: str, count: int, differing: Sequence[str]) -> Agreement:
    return Agreement(
        corpus=corpus, agreed=count - len(differing), of=count, differing=tuple(differing)
    )


def main(argv: Sequence[str] | None = None) -> int:
    """Compare the corpora that are given; exit with 1 when something differs."""
    parser = argparse.ArgumentParser(prog="python -m bench.conformance")
    parser.add_argument("--searches", type=Path, action="append", default=[])
    parser.add_argument("--verdicts", type=Path)
    parser.add_argument("--signatures", type=Path)
    parser.add_argument("--show", type=int, default=5, help="how many that differ are printed")
    given = parser.parse_args(argv)
    agreements = [compare_searches(folder) for folder in given.searches]
    if given.verdicts:
        agreements.append(compare_verdicts(given.verdicts))
    if given.signatures:
        agreements.append(compare_signatures(given.signatures))
    for agreement in agreements:
        print(f"{agreement.corpus}: {agreement.agreed:,} of {agreement.of:,}")
        for text in agreement.differing[: given.show]:
            print(f"  {text}")
    return 0 if all(each.agreed == each.of for each in agreements) else 1


if __name__ == "__main__":
    sys.exit(main())
