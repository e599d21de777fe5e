"""Judges the runs found in files: the daemon's way, without the daemon."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from causewatch.app.files import Request, read_requests
from causewatch.app.reference import newly_judged, reference_of
from causewatch.app.rulefiles import load_bundle
from causewatch.blame.ending import NOT_KNOWN, Ending
from causewatch.blame.judge import judge
from causewatch.dialects.table import Dialect
from causewatch.dialects.tables import SHIPPED
from causewatch.errors import InputError, UserError
from causewatch.faults.calls import calls_of
from causewatch.faults.history import NO_HISTORY
from causewatch.faults.known import Known
from causewatch.faults.learn import joined, learn
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.build import build
from causewatch.graph.gathered import RunSnapshot
from causewatch.inbox.archive import stored_batches
from causewatch.model.graph import CausalGraph
from causewatch.model.judgement import Assessment
from causewatch.model.limits import RunLimits
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.rules.bundle import Bundle
from causewatch.store.archive import NOTHING_REMEMBERED, Remembered, remembered

# Files are judged whole: nothing is quiet, late or evicted.
OFFLINE_LIMITS = RunLimits(max_live_mib=1 << 20, max_run_mib=1 << 20, max_spans_per_run=1_000_000)
_END_OF_TIME_NS = 1 << 62
INBOX_FILE = "inbox.db"
"""Name of the inbox within a daemon's store folder."""
STATE_FILE = "state.db"
"""Name of the store itself within that folder."""


class Assessed(msgspec.Struct, kw_only=True):
    """The runs of some files, and what could not be read (complete once all runs were taken)."""

    assessments: Iterator[Assessment]
    errors: list[InputError]


def assess_files(  # noqa: PLR0913  # what is judged, with what, beside what
    paths: Sequence[str],
    rules: Path | None = None,
    store: Path | None = None,
    dialects: Sequence[Dialect] = SHIPPED,
    *,
    ending: Ending = NOT_KNOWN,
    baseline: Sequence[str] = (),
) -> Assessed:
    """Judge every run in the files, and in a daemon's store, with the rules under ``rules``.

    With a symptom in ``ending``, only the run that holds that span is judged. What tools always
    return, and what is new in a run, is told from the good runs in the files ``baseline``, else
    from what the store has learned.

    Raises:
        ProblemsError: when a rule file is wrong.
        UserError: when taking the runs, if no span or more than one is the symptom.
    """
    bundle = Bundle() if rules is None else load_bundle([rules]).bundle
    errors: list[InputError] = []
    requests = all_requests(paths, store, errors)
    past = past_of(baseline, store, dialects, errors)
    assessments = assess_requests(requests, bundle, errors, dialects, ending=ending, past=past)
    return Assessed(assessments=assessments, errors=errors)


def past_of(
    baseline: Sequence[str],
    store: Path | None,
    dialects: Sequence[Dialect],
    errors: list[InputError],
) -> Remembered:
    """Return what is known of earlier runs: good ones named for it come first, then the store."""
    past = reference(read_requests(baseline, errors=errors), errors, dialects)
    if past.now.tools or past.baselines or store is None:
        return past
    try:
        return remembered(store / STATE_FILE)
    except InputError as error:
        errors.append(error)
        return NOTHING_REMEMBERED


def reference(
    requests: Iterator[Request], errors: list[InputError], dialects: Sequence[Dialect] = SHIPPED
) -> Remembered:
    """Return what good runs show of tools and workflows; a corrupted one among them is left out."""
    history = NO_HISTORY
    good = []
    for snapshot in snapshots_of(requests, errors):
        assessment = judge(graph_of(snapshot, dialects))
        if assessment.blame.verdict != "corrupted":
            history = joined(history, learn(history, calls_of(assessment.graph)))
            good.append(assessment)
    baselines = reference_of(good)
    return Remembered(now=history, baselines=baselines, is_reference=bool(baselines))


def all_requests(
    paths: Sequence[str], store: Path | None, errors: list[InputError]
) -> Iterator[Request]:
    """Yield the requests of the files, then those that a daemon's store folder holds."""
    yield from read_requests(paths, errors=errors)
    if store is None:
        return
    inbox = store / INBOX_FILE
    try:
        for batch in stored_batches(inbox, errors=errors):
            yield Request(source=str(inbox), line=batch.seq, signal=batch.signal, body=batch.body)
    except InputError as error:
        errors.append(error)


def assess_requests(  # noqa: PLR0913  # what is judged, with what, beside what
    requests: Iterator[Request],
    bundle: Bundle,
    errors: list[InputError],
    dialects: Sequence[Dialect] = SHIPPED,
    *,
    ending: Ending = NOT_KNOWN,
    past: Remembered = NOTHING_REMEMBERED,
) -> Iterator[Assessment]:
    """Yield the assessment of each run, in the order in which runs were first seen."""
    snapshots = snapshots_of(requests, errors)
    if ending.symptom:
        snapshots = [_with_span(snapshots, ending.symptom)]
    for snapshot in snapshots:
        graph = graph_of(snapshot, dialects)
        known = Known(trust=bundle.trust, history=past.of(tuple(snapshot.trace_ids)))
        judged = judge(graph, bundle.contracts, known, ending, paths=bundle.paths)
        yield newly_judged(judged, bundle.watches, past)


def _with_span(snapshots: Sequence[RunSnapshot], start: str) -> RunSnapshot:
    """Return the run that holds the span whose id begins so.

    Raises:
        UserError: when there is none, or more than one.
    """
    found = {
        span.span_id: snapshot
        for snapshot in snapshots
        for span in snapshot.spans
        if span.span_id.startswith(start.lower())
    }
    if not found:
        raise UserError(f"no span of the input has an id that begins with {start!r}")
    if len(found) > 1:
        listed = ", ".join(sorted(found)[:3])
        raise UserError(f"{len(found)} spans have ids that begin with {start!r}: {listed}, ...")
    return next(iter(found.values()))


def graph_of(snapshot: RunSnapshot, dialects: Sequence[Dialect] = SHIPPED) -> CausalGraph:
    """Build the causal graph of a snapshot."""
    return build(
        run_id=snapshot.run_id,
        spans=snapshot.spans,
        logs=snapshot.logs,
        state=snapshot.state,
        dialects=dialects,
    )


def snapshots_of(requests: Iterator[Request], errors: list[InputError]) -> list[RunSnapshot]:
    """Assemble the runs of all requests; what is not OTLP goes to ``errors``."""
    assembler = RunAssembler(OFFLINE_LIMITS)
    for number, request in enumerate(requests, start=1):
        try:
            if request.signal == "traces":
                assembler.add(decode_traces(request.body).spans, (), batch=number, now_ns=0)
            else:
                assembler.add((), decode_logs(request.body).records, batch=number, now_ns=0)
        except UserError as error:
            errors.append(InputError(f"{request.source}:{request.line}: {error}"))
    return assembler.due(_END_OF_TIME_NS)
