"""The pipeline: from stored batches to judged runs, across restarts."""

from __future__ import annotations

import json
import math
import sqlite3
from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import pytest

from app_fixtures import CAPTURES, LOST, T0_NS, S, loaded
from causewatch.app import pipeline
from causewatch.app.files import read_requests
from causewatch.app.groups import Groups
from causewatch.app.pipeline import CURSOR, Pipeline
from causewatch.app.sampled import Sampler
from causewatch.blame.judge import judge
from causewatch.contracts.meaning import Opinion
from causewatch.forward.forwarding import Forwarding
from causewatch.forward.run import ForwardedRun
from causewatch.graph.assemble import RunAssembler
from causewatch.graph.lone import LoneTrace, TracePart
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.incidents.gather import IncidentChange
from causewatch.likeness.familiar import Familiar
from causewatch.model.judgement import RunVerdictName
from causewatch.model.limits import RunLimits
from causewatch.otlp.json import json_to_protobuf
from causewatch.otlp.raw import RawSpan
from causewatch.sampling.decision import Decision
from causewatch.sampling.policy import Always, Named, Policy, Sampling, Share, VerdictIs
from causewatch.sampling.threshold import NEVER
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from forward_fixtures import LOCAL

CUT = "pydantic-ai__native__truncated_handoff"
FINE = "pydantic-ai__native__ok"
LIMITS = RunLimits(quiet_s=10, quiet_without_root_s=60, max_age_s=600, late_s=3600)


class House:
    """A pipeline over a real inbox and store in a folder, with a clock in the test's hand."""

    def __init__(self, folder: Path, *, limits: RunLimits = LIMITS) -> None:
        self.now_ns = T0_NS
        self.folder = folder
        self.limits = limits
        self.changes: list[IncidentChange] = []
        self.open()

    def open(self) -> None:
        """Start, also after a crash."""
        self.metrics = Metrics()
        self.inbox = SqliteInbox(
            self.folder / "inbox.db", now_ns=lambda: self.now_ns, metrics=self.metrics
        )
        self.store = SqliteStore(self.folder / "state.db")
        self.groups = Groups(
            loaded(LOST),
            store=self.store,
            metrics=self.metrics,
            tell=lambda changes, _slot_ns: self.changes.extend(changes),
        )
        self.pipeline = Pipeline(
            inbox=self.inbox,
            assembler=RunAssembler(self.limits),
            groups=self.groups,
            store=self.store,
            metrics=self.metrics,
            now_ns=lambda: self.now_ns,
        )

    def restart(self) -> None:
        """Forget everything that is not on disk."""
        self.close()
        self.open()

    def close(self) -> None:
        """Give the files back."""
        self.inbox.close()
        self.store.close()

    def send(self, name: str, *, only: slice = slice(None)) -> None:
        """Store the requests of a recorded run."""
        requests = list(read_requests([str(CAPTURES / f"{name}.jsonl.gz")], errors=[]))
        for request in requests[only]:
            self.inbox.append(request.signal, request.body, 1).result()

    def turn(self, *, after_s: float = 0.0) -> None:
        """Let time pass, then do a round."""
        self.now_ns += int(after_s * S)
        self.pipeline.turn()

    def evaluate(self) -> None:
        """Evaluate the rule group now."""
        self.groups.evaluate("silent", self.now_ns)

    @property
    def reasons(self) -> list[str]:
        """Return why incidents changed, so far."""
        return [change.reason for change in self.changes if change.reason != "unchanged"]


@pytest.fixture
def house(tmp_path: Path) -> House:
    """Return a house in an empty folder."""
    return House(tmp_path)


def test_a_run_is_judged_when_it_is_quiet(house: House) -> None:
    """Ten seconds without a new span, then it is judged, kept and told."""
    house.send(CUT)
    house.turn()
    assert house.store.recent_runs() == ()
    house.turn(after_s=11)
    (run,) = house.store.recent_runs()
    assert (run.verdict, run.state) == ("corrupted", "complete")
    assert b'"verdict":"corrupted"' in run.summary
    house.evaluate()
    assert house.reasons == ["opened"]
    house.close()


def test_the_cursor_waits_for_the_rules(house: House) -> None:
    """A batch is passed only when its run is judged and every group has looked at it."""
    house.send(FINE)
    house.turn()
    assert house.inbox.cursor(CURSOR) == 0
    house.turn(after_s=11)
    assert house.inbox.cursor(CURSOR) == 0
    house.evaluate()
    house.turn()
    assert house.inbox.cursor(CURSOR) == house.inbox.last_seq()
    house.close()


@pytest.mark.parametrize("crash_after", ["stored", "read", "judged", "evaluated"])
def test_a_crash_at_any_point_loses_nothing_and_tells_once(house: House, crash_after: str) -> None:
    """Wherever it stops, the next start goes on, and there is one incident."""
    house.send(CUT)
    if crash_after != "stored":
        house.turn()
    if crash_after in {"judged", "evaluated"}:
        house.turn(after_s=11)
    if crash_after == "evaluated":
        house.evaluate()
    house.restart()
    for _ in range(3):
        house.turn(after_s=11)
        house.evaluate()
    assert house.reasons == ["opened"]
    assert len(house.store.recent_runs()) == 1
    house.close()


def test_a_run_that_has_ended_is_told_at_once(house: House) -> None:
    """Its root came last and nothing is missing: what is blamed is told before it is quiet."""
    house.send(CUT)
    house.turn()
    house.evaluate()
    assert house.reasons == ["opened"]
    assert house.store.recent_runs() == ()
    house.turn(after_s=11)
    house.evaluate()
    assert house.reasons == ["opened"]
    house.close()


def test_a_run_that_lacks_a_span_is_not_told_at_once(house: House) -> None:
    """Something is still under way: it might be to blame."""
    house.send(CUT, only=slice(0, -1))
    house.turn()
    house.evaluate()
    assert house.reasons == []
    house.close()


def test_a_run_that_surfaced_is_offered_early(house: House) -> None:
    """Corruption that already reached its symptom does not wait until the run is quiet."""
    house.send(CUT)
    house.turn()
    assert house.groups.has_waiting("silent")
    house.close()


def test_late_spans_reopen_a_run(house: House) -> None:
    """Spans after completion are judged with the earlier ones, not as a run of their own."""
    house.send(CUT, only=slice(0, 1))
    house.turn()
    house.turn(after_s=61)
    assert len(house.store.recent_runs()) == 1
    house.send(CUT, only=slice(1, None))
    house.turn()
    house.turn(after_s=61)
    (run,) = house.store.recent_runs()
    assert (run.state, run.verdict) == ("late", "corrupted")
    house.close()


def evaluation(house: House, label: str) -> None:
    """Send what an evaluator says of the only run, as a log record without a span."""
    (run,) = house.store.recent_runs()
    said = {"gen_ai.evaluation.name": "correctness", "gen_ai.evaluation.score.label": label}
    record = {
        "traceId": run.trace_ids[0],
        "eventName": "gen_ai.evaluation.result",
        "attributes": [{"key": k, "value": {"stringValue": v}} for k, v in said.items()],
    }
    body = {"resourceLogs": [{"scopeLogs": [{"logRecords": [record]}]}]}
    house.inbox.append("logs", json_to_protobuf("logs", json.dumps(body).encode()), 1).result()


@pytest.mark.parametrize(("label", "failed"), [("incorrect", True), ("correct", False)])
def test_a_bad_evaluation_names_the_likeliest_origin(
    house: House, label: str, *, failed: bool
) -> None:
    """It may come long after the run: the verdict stays, and the likeliest origin is named."""
    house.send(FINE)
    house.turn()
    house.turn(after_s=11)
    evaluation(house, label)
    house.turn()
    house.turn(after_s=61)
    (run,) = house.store.recent_runs()
    told = json.loads(run.summary)
    assert (run.verdict, told["verdict"]) == ("healthy", "healthy")
    assert bool(told["failed_by"]) is failed
    assert (told["origin"] is not None) is failed
    assert ("Known to have ended wrong" in run.explanation) is failed
    house.close()


def test_late_spans_after_a_restart_join_what_came_before(house: House) -> None:
    """What memory has forgotten is read again from the inbox."""
    house.send(CUT, only=slice(0, 1))
    house.turn()
    house.turn(after_s=61)
    house.evaluate()
    house.turn()
    assert house.inbox.cursor(CURSOR) == 1
    house.restart()
    house.send(CUT, only=slice(1, None))
    house.turn()
    house.turn(after_s=61)
    (run,) = house.store.recent_runs()
    assert (run.state, run.verdict) == ("late", "corrupted")
    assert len(run.batches) == house.inbox.last_seq()
    house.close()


def test_a_batch_that_is_not_otlp_is_counted_and_passed(house: House) -> None:
    """One bad row does not hold up the others."""
    house.inbox.append("traces", b"\xff\xff\xff", 1).result()
    house.send(FINE)
    house.turn()
    house.turn(after_s=11)
    assert len(house.store.recent_runs()) == 1
    dropped = house.metrics.registry.get_sample_value(
        "causewatch_dropped_spans_total", {"reason": "unreadable_batch"}
    )
    assert dropped == 1
    house.close()


def test_what_the_assembler_drops_is_counted(house: House) -> None:
    """Spans that arrive twice show on the metrics, by reason."""
    house.send(FINE)
    house.send(FINE)
    house.turn()
    sample = house.metrics.registry.get_sample_value
    assert sample("causewatch_dropped_spans_total", {"reason": "duplicate"}) == 17
    assert sample("causewatch_live_runs", {}) == 1
    house.turn(after_s=11)
    assert sample("causewatch_runs_total", {"state": "complete", "verdict": "healthy"}) == 1
    workflow = {"workflow": house.store.recent_runs()[0].workflow}
    assert sample("causewatch_context_health_count", workflow) == 1
    assert sample("causewatch_context_health_sum", workflow) == 1.0
    house.close()


def test_reading_stops_while_rules_are_behind(house: House) -> None:
    """A full group makes batches wait on disk, where there is room, not in memory."""
    house.send(FINE)
    house.groups.is_full = lambda: True  # type: ignore[method-assign]  # the state, without its work
    house.turn()
    assert house.metrics.registry.get_sample_value("causewatch_inbox_lag_batches") == 4
    house.close()


@pytest.mark.parametrize("table", ["put_run", "transaction"])
def test_a_store_that_fails_for_a_while_loses_no_run(house: House, table: str) -> None:
    """Runs that are ready while the disk is full are judged when it is not, and told once."""
    for name in (CUT, FINE):
        house.send(name)
    house.turn()
    working = getattr(house.store, table)

    def full(*_: object, **__: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    setattr(house.store, table, full)
    for _ in range(2):
        with pytest.raises(sqlite3.OperationalError):
            house.turn(after_s=11)
    assert house.inbox.cursor(CURSOR) == 0
    setattr(house.store, table, working)
    house.turn()
    house.evaluate()
    assert {run.verdict for run in house.store.recent_runs()} == {"corrupted", "healthy"}
    assert house.reasons == ["opened"]
    house.close()


def test_the_cursor_waits_for_runs_that_are_still_to_be_judged(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A round judges for so long only; what is left over is neither lost nor passed."""
    monkeypatch.setattr("causewatch.app.pipeline.MAX_JUDGE_S", 0.0)
    for name in (FINE, CUT):
        house.send(name)
    house.turn()
    house.turn(after_s=11)
    assert [run.verdict for run in house.store.recent_runs()] == ["healthy"]
    house.evaluate()
    house.pipeline._advance()
    first_of_the_rest = house.pipeline._due[0].batches[0]
    assert house.inbox.cursor(CURSOR) == first_of_the_rest - 1
    house.turn()
    assert len(house.store.recent_runs()) == 2
    house.close()


@pytest.mark.parametrize("stage", ["judge", "explain_json", "explain_text"])
def test_a_run_that_cannot_be_told_holds_up_no_other(
    house: House, monkeypatch: pytest.MonkeyPatch, stage: str
) -> None:
    """Whatever our code raises on one run, at any stage: it is counted, and the rest goes on."""
    real = getattr(pipeline, stage)
    doomed: list[str] = []

    def failing(subject: Any, *rest: Any, **named: Any) -> Any:
        run_id = getattr(subject, "run_id", "") or subject.graph.run_id
        doomed.append(run_id)
        if run_id == doomed[0]:
            raise RecursionError
        return real(subject, *rest, **named)

    monkeypatch.setattr(pipeline, stage, failing)
    for name in (CUT, FINE):
        house.send(name)
    house.pipeline._early_at_s = math.inf
    house.turn()
    house.turn(after_s=11)
    house.turn()
    assert len(house.store.recent_runs()) == 1
    errors = house.metrics.registry.get_sample_value(
        "causewatch_runs_total", {"state": "complete", "verdict": "error"}
    )
    assert errors == 1
    house.evaluate()
    house.turn()
    assert house.inbox.cursor(CURSOR) == house.inbox.last_seq()
    house.close()


def test_a_long_stop_loses_no_run_that_no_rule_has_seen(house: House) -> None:
    """Judged, stopped before the rules looked, started again two hours later: still told."""
    house.send(CUT)
    house.turn()
    house.turn(after_s=11)
    house.restart()
    house.turn(after_s=2 * 3600)
    house.turn(after_s=61)
    house.evaluate()
    assert house.reasons == ["opened"]
    house.close()


def test_a_contract_that_changes_before_a_run_is_complete_judges_it(house: House) -> None:
    """What was judged early with other contracts is judged anew."""
    house.send(FINE)
    house.turn()
    text = "contracts:\n- contract: any\n  from: '*'\n  to: '*'\n  compare: {mode: canonical}\n"
    house.groups.replace(loaded(text))
    house.turn(after_s=11)
    (verdicts,) = house.metrics.contract_verdicts.collect()
    assert verdicts.samples
    house.close()


def test_what_only_a_complete_run_shows_is_judged_when_it_is(house: House) -> None:
    """A run judged early, to which nothing came any more, is judged anew: a step is missing."""
    house.groups.replace(
        loaded(
            "groups: [{name: silent}]\npaths:\n- path: asked\n  group: silent\n"
            "  required: ['tool:ask_anybody before tool:issue_refund']\n"
        )
    )
    house.send(FINE)
    house.turn()
    house.turn(after_s=11)
    house.evaluate()
    assert house.reasons == ["opened"]
    house.close()


def test_a_judge_of_meaning_is_asked_where_a_contract_wants_one(house: House) -> None:
    """With what the handoffs of the run carried, and its answer is a verdict."""
    shown: list[str] = []

    def judged(sent: str, received: str) -> Opinion:
        shown.extend((sent, received))
        return Opinion(kept=False, reason="the meaning is another")

    house.pipeline._meaning = judged
    compare = "{mode: semantic, judge: true}"
    text = f"contracts:\n- contract: any\n  from: '*'\n  to: '*'\n  compare: {compare}\n"
    house.groups.replace(loaded(text))
    house.send(FINE)
    house.turn()
    house.turn(after_s=11)
    sample = house.metrics.registry.get_sample_value
    labels = {"contract": "any", "verdict": "violated"}
    assert sample("causewatch_contract_verdicts_total", labels) == len(shown) / 2 > 0
    house.close()


def test_judging_early_leaves_most_of_the_time_to_what_comes_in(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A long run is judged again while it grows; the dearer that is, the more seldom."""
    clock_s = [100.0]
    monkeypatch.setattr("causewatch.app.pipeline.time.monotonic", lambda: clock_s[0])

    def slow(*arguments: Any, **named: Any) -> Any:
        clock_s[0] += 6.0
        return judge(*arguments, **named)

    monkeypatch.setattr(pipeline, "judge", slow)
    missing = "failures: {missing: {severity: ticket, after: 5s}}"
    text = f"contracts:\n- contract: any\n  from: '*'\n  to: '*'\n  schema: {{}}\n  {missing}\n"
    house.groups.replace(loaded(text))
    house.send(FINE)
    house.turn()
    assert clock_s == [106.0]
    assert house.pipeline._early_at_s == pytest.approx(130.0)
    house.close()


def test_judging_early_what_has_ended_takes_no_time_from_anything(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is not judged again when it is complete: the next one that ends does not wait for it."""
    clock_s = [100.0]
    monkeypatch.setattr("causewatch.app.pipeline.time.monotonic", lambda: clock_s[0])

    def slow(*arguments: Any, **named: Any) -> Any:
        clock_s[0] += 6.0
        return judge(*arguments, **named)

    monkeypatch.setattr(pipeline, "judge", slow)
    house.send(FINE)
    house.turn()
    assert house.pipeline._early_at_s == pytest.approx(100.0 + pipeline.EARLY_EVERY_S)
    house.turn(after_s=11)
    assert clock_s == [106.0]
    house.close()


class Forwarded:
    """What the pipeline offers for forwarding, and when it asks for it to be durable."""

    def __init__(self, house: House) -> None:
        self.house = house
        self.runs: list[ForwardedRun] = []
        self.flushed_at: list[int] = []
        """The cursor at each flush."""
        self.refused_count = 0
        """Spans of runs that sampling kept from everybody."""

    def wants(self, decisions: Mapping[str, Decision], span_count: int) -> bool:
        """Follow the decision for the only destination."""
        wanted = "local" not in decisions or decisions["local"].keep
        self.refused_count += 0 if wanted else span_count
        return wanted

    def offer(self, run: ForwardedRun) -> None:
        """Keep it."""
        self.runs.append(run)

    def flush(self) -> None:
        """Note how far the durable cursor was."""
        self.flushed_at.append(self.house.inbox.cursor(CURSOR))


def forwarding_of(house: House) -> Forwarded:
    """Put a recorder in the place of a pipeline's forwarding."""
    found = Forwarded(house)
    house.pipeline._forwarding = cast("Forwarding", found)
    return found


def test_a_judged_run_is_offered_for_forwarding(house: House) -> None:
    """With its spans as they came and what was judged, before the cursor passes its batches."""
    forwarded = forwarding_of(house)
    house.send(CUT)
    house.turn()
    house.turn(after_s=11)
    (run,) = forwarded.runs
    assert (run.verdict, run.workflow) == ("corrupted", "triage_agent")
    assert run.assessment is not None
    assert len(run.spans) == len(run.assessment.graph.steps)
    assert all(span.body and span.envelope.resource for span in run.spans)
    house.evaluate()
    house.turn()
    assert forwarded.flushed_at[1] == 0 < house.inbox.cursor(CURSOR)
    house.close()


def sampling_of(house: House, policy: Policy) -> None:
    """Let a pipeline sample by one policy."""
    sampling = Sampling(keeps=(Named(name="p", policy=policy),))
    house.pipeline._sampler = Sampler(sampling, [LOCAL])


def test_a_judged_run_is_offered_with_its_decision(house: House) -> None:
    """Made once all is judged, before the run is forwarded."""
    forwarded = forwarding_of(house)
    sampling_of(house, VerdictIs(verdicts=frozenset[RunVerdictName]({"corrupted"})))
    house.send(CUT)
    house.turn()
    house.turn(after_s=11)
    (run,) = forwarded.runs
    assert run.decisions["local"].reason == "The run was judged corrupted."
    house.close()


def test_a_quiet_trace_that_is_not_kept_is_not_read_again(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is only counted; one that is kept is offered with the decision."""
    forwarded = forwarding_of(house)
    sampling_of(house, Share(threshold=NEVER))
    trace, familiar = lone_and_familiar()
    reads: list[str] = []

    def spans_of(trace: LoneTrace) -> tuple[RawSpan, ...]:
        reads.append(trace.trace_id)
        return ()

    monkeypatch.setattr(house.pipeline._intake, "spans_of", spans_of)
    house.pipeline._forward_trace(trace, familiar)
    assert (forwarded.runs, forwarded.refused_count, reads) == ([], 7, [])
    sampling_of(house, Always())
    house.pipeline._forward_trace(trace, familiar)
    assert (forwarded.runs[0].decisions["local"].keep, reads) == (True, [trace.trace_id])
    house.close()


def lone_and_familiar() -> tuple[LoneTrace, Familiar]:
    """Return a trace of seven spans, and what is known of its like."""
    trace = LoneTrace("ab" * 16, 1, T0_NS)
    trace.put(
        TracePart(
            trace_id=trace.trace_id,
            body=b"",
            span_count=7,
            start_ns=1,
            end_ns=2,
            has_root=True,
            is_odd=False,
        ),
        1,
    )
    familiar = Familiar(
        workflow="desk", verdict="healthy", is_lone=True, gaps=(), steps=(), faults=(), health=None
    )
    return trace, familiar


def test_a_run_that_cannot_be_judged_is_offered_all_the_same(
    house: House, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Forwarding loses no spans to a mistake of ours; nothing is said of them."""
    forwarded = forwarding_of(house)
    monkeypatch.setattr(pipeline, "judge", lambda *_args, **_keys: 1 / 0)
    house.send(CUT)
    house.turn()
    house.turn(after_s=11)
    (run,) = forwarded.runs
    assert (run.verdict, run.assessment, len(run.spans)) == (None, None, 17)
    house.close()
