"""Runs signatures over spans in files: raw, one trace at a time, or as a rule judges a run."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from causewatch.app.assess import graph_of, snapshots_of
from causewatch.app.files import Request
from causewatch.app.reference import newly_judged
from causewatch.app.rulefiles import load_bundle
from causewatch.blame.judge import judge
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import InputError, UserError
from causewatch.faults.known import Known
from causewatch.model.span import Span
from causewatch.otlp.decode import decode_traces
from causewatch.rules.bundle import Bundle
from causewatch.rules.subject import subject_of
from causewatch.signatures.error import SignatureError
from causewatch.signatures.refuse import refused
from causewatch.signatures.signature import Signature, compile_query
from causewatch.signatures.subject import Subject, raw_subject
from causewatch.signatures.why import Counted, count_parts
from causewatch.store.archive import NOTHING_REMEMBERED, Remembered


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """One query over one dataset; plain OTLP lines are dataset ``""``."""

    dataset: str = ""
    query: str


class Scene(msgspec.Struct, frozen=True, kw_only=True):
    """A subject to query, by the id its matches are listed under (a trace, or a run)."""

    id: str
    subject: Subject


class Why(msgspec.Struct, frozen=True, kw_only=True):
    """How a result came about."""

    subjects: int
    """How many traces or runs were asked."""
    limited: int
    """In how many of them an evaluation limit was met."""
    portable: bool
    monotone: bool
    remarks: tuple[str, ...]
    parts: tuple[Counted, ...]


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """The span sets of each matching trace or run, or the error of the query."""

    question: Question
    result: dict[str, list[list[str]]] | None = None
    error: SignatureError | None = None
    why: Why | None = None

    def as_json(self) -> dict[str, object]:
        """Return the line that ``causewatch query`` prints."""
        line: dict[str, object] = {"dataset": self.question.dataset, "query": self.question.query}
        if self.error is None:
            line["result"] = self.result or {}
            return line if self.why is None else {**line, "why": self.why}
        place = {"line": self.error.line, "column": self.error.column}
        return {**line, "error": self.error.message, "stage": self.error.stage, **place}


class Scenes:
    """The subjects of all datasets of some files, built when first asked for."""

    def __init__(  # noqa: PLR0913  # what is asked, and beside what it is judged
        self,
        requests: Iterable[Request],
        *,
        raw: bool,
        rules: Path | None,
        errors: list[InputError],
        dialects: Sequence[Dialect] = SHIPPED,
        past: Remembered = NOTHING_REMEMBERED,
    ) -> None:
        self._past = past
        self._by_dataset: dict[str, list[Request]] = {"": []}
        for request in requests:
            self._by_dataset.setdefault(request.dataset, []).append(request)
        self._raw = raw
        self._rules = rules
        self._errors = errors
        self._dialects = dialects
        self._scenes: dict[str, list[Scene]] = {}

    def of(self, dataset: str) -> list[Scene]:
        """Return the subjects of one dataset, in order of first appearance."""
        if dataset not in self._scenes:
            requests = self._by_dataset.get(dataset, [])
            if self._raw or dataset:
                self._scenes[dataset] = list(_raw_scenes(requests, self._errors, self._dialects))
            else:
                self._scenes[dataset] = list(
                    _judged_scenes(requests, self._rules, self._errors, self._dialects, self._past)
                )
        return self._scenes[dataset]


def _raw_scenes(
    requests: Iterable[Request], errors: list[InputError], dialects: Sequence[Dialect]
) -> Iterator[Scene]:
    traces: dict[str, list[Span]] = {}
    for request in requests:
        if request.signal != "traces":
            continue
        try:
            spans = decode_traces(request.body).spans
        except UserError as error:
            errors.append(InputError(f"{request.source}:{request.line}: {error}"))
            continue
        for span in spans:
            traces.setdefault(span.trace_id, []).append(span)
    for trace_id, members in traces.items():
        yield Scene(id=trace_id, subject=raw_subject(members, dialects))


def _judged_scenes(
    requests: Iterable[Request],
    rules: Path | None,
    errors: list[InputError],
    dialects: Sequence[Dialect],
    past: Remembered,
) -> Iterator[Scene]:
    bundle = load_bundle([rules]).bundle if rules is not None else Bundle()
    for snapshot in snapshots_of(iter(requests), errors):
        known = Known(trust=bundle.trust, history=past.of(tuple(snapshot.trace_ids)))
        graph = graph_of(snapshot, dialects)
        assessment = judge(graph, bundle.contracts, known, paths=bundle.paths)
        judged = newly_judged(assessment, bundle.watches, past)
        yield Scene(id=snapshot.run_id, subject=subject_of(judged))


def answer(question: Question, scenes: Scenes, *, why: bool = False) -> Answer:
    """Evaluate one query over its dataset; a bad query is an answer, never an exception.

    With ``why`` the answer also says what each part of the query selects by itself.
    """
    try:
        signature = compile_query(question.query)
        result = {}
        for scene in scenes.of(question.dataset):
            # Raw answers are those of Tempo's engine, where it gives up too.
            problem = refused(signature, scene.subject) if scene.subject.raw else None
            if problem is not None:
                return Answer(question=question, error=problem)
            found = matches(signature, scene.subject)
            if found:
                result[scene.id] = found
    except SignatureError as error:
        return Answer(question=question, error=error)
    reasons = _why(signature, scenes.of(question.dataset)) if why else None
    return Answer(question=question, result=result, why=reasons)


def _why(signature: Signature, scenes: Sequence[Scene]) -> Why:
    subjects = [scene.subject for scene in scenes]
    return Why(
        subjects=len(subjects),
        limited=sum(signature.evaluate(subject).limited for subject in subjects),
        portable=signature.portable,
        monotone=signature.monotone,
        remarks=(*signature.remarks, *(mixed.message for mixed in signature.mixed)),
        parts=count_parts(signature, subjects),
    )


def matches(signature: Signature, subject: Subject) -> list[list[str]]:
    """Return the span ids of each span set, sorted, empty sets left out."""
    found = signature.evaluate(subject)
    return [sorted(subject.spans[i].span_id for i in nodes) for nodes in found.spansets if nodes]
