"""One suite for every store: what ``store/port.py`` promises."""

from __future__ import annotations

import itertools
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import msgspec
import pytest

from causewatch.faults.history import History, ToolHistory
from causewatch.faults.learn import MAX_TOOLS_COUNT
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.silence import Silence
from causewatch.model.expectation import Novel
from causewatch.model.finding import Finding
from causewatch.notify.config import Receiver, SlackConfig, targets_of
from causewatch.notify.decide import decide
from causewatch.novelty.baseline import MAX_WORKFLOWS_COUNT, Baseline
from causewatch.novelty.watch import Spent
from causewatch.store.port import Store
from causewatch.store.record import (
    MessageRef,
    OutboxRow,
    ShortGap,
    ShortRun,
    StoredRun,
    Told,
    TraceLink,
)
from causewatch.store.sqlite import SqliteStore
from notify_fixtures import NOW, S, a_cause, an_alert, opened, resolved, then

IMPLEMENTATIONS: dict[str, Callable[[Path], Store]] = {
    "sqlite-file": lambda folder: SqliteStore(folder / "causewatch.db"),
    "sqlite-memory": lambda _: SqliteStore(),
}


@pytest.fixture(params=sorted(IMPLEMENTATIONS))
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Store]:
    """Give one store of each implementation."""
    made = IMPLEMENTATIONS[request.param](tmp_path)
    yield made
    made.close()


class DeliberateError(Exception):
    """Raised by a test inside of a transaction."""


def a_run(run_id: str = "run-1", **rest: object) -> StoredRun:
    """Return a run; ``rest`` are its other fields."""
    fields: dict[str, object] = {"trace_ids": (f"trace-{run_id}",), "updated_at_ns": NOW} | rest
    return StoredRun(run_id=run_id, **fields)  # type: ignore[arg-type]  # the fields vary by test


def a_finding(run_id: str = "run-1", **rest: object) -> Finding:
    """Return a finding; ``rest`` are its other fields."""
    fields: dict[str, object] = {
        "rule_id": "g/r",
        "rule_version": "v1",
        "trace_ids": ("t",),
        "labels": {"a": "1", "b": "2"},
        "at_ns": NOW,
        "cause": a_cause(),
    } | rest
    return Finding(run_id=run_id, **fields)  # type: ignore[arg-type]  # the fields vary by test


def a_row(number: int = 1, **rest: object) -> OutboxRow:
    """Return an outbox row; ``rest`` are its other fields."""
    fields: dict[str, object] = {
        "target": "team/slack/#agents",
        "incident": opened().incident,
        "action": "open",
        "reason": "opened",
        "created_at_ns": NOW,
        "due_at_ns": NOW,
    } | rest
    return OutboxRow(message_id=f"msg-{number}", **fields)  # type: ignore[arg-type]  # as above


def test_a_run_comes_back_as_it_was_put(store: Store) -> None:
    """Every field of a run survives, its JSON bytes to the last one."""
    summary = b'{"run":"\xc3\xa9"}'
    run = a_run(summary=summary, explanation="é", batches=(3, 1), verdict="corrupted", workflow="w")
    store.put_run(run)
    assert store.run("run-1") == run
    assert store.run("other") is None


def test_a_run_put_again_replaces_the_first(store: Store) -> None:
    """A run that is judged again, after late spans, is one run."""
    store.put_run(a_run(state="early"))
    store.put_run(a_run(state="late"))
    assert [run.state for run in store.recent_runs()] == ["late"]


def test_recent_runs_are_newest_first_and_can_be_narrowed(store: Store) -> None:
    """The list is ordered by change, cut at its limit, and narrowed by verdict."""
    for number in range(4):
        verdict = "corrupted" if number % 2 else "healthy"
        store.put_run(a_run(f"run-{number}", updated_at_ns=NOW + number, verdict=verdict))
    assert [r.run_id for r in store.recent_runs(limit=3)] == ["run-3", "run-2", "run-1"]
    assert [r.run_id for r in store.recent_runs(verdict="corrupted")] == ["run-3", "run-1"]


def a_short_run(number: int, **rest: object) -> ShortRun:
    """Return a run that was not judged in full; runs of near numbers share half their id."""
    run = ShortRun(
        run_id=f"{7:016x}{number:016x}",
        workflow="billing",
        verdict="healthy",
        batches=(3, 5),
        started_at_ns=NOW - 2 * S,
        ended_at_ns=NOW - S,
        updated_at_ns=NOW + number,
    )
    return msgspec.structs.replace(run, **rest)


def test_a_short_run_is_told_like_any_other(store: Store) -> None:
    """By its id, by its trace, and in the list: it says that it was passed over, and why."""
    gap = ShortGap("ab12", "content", "not captured", "capture it")
    store.put_short_runs([a_short_run(1, gaps=(gap,), verdict="unverifiable"), a_short_run(2)])
    one, two = a_short_run(1).run_id, a_short_run(2).run_id
    found = store.run(one)
    assert found is not None
    assert (found.trace_ids, found.batches, found.verdict) == ((one,), (3, 5), "unverifiable")
    assert "Passed over" in found.explanation
    summary = msgspec.json.decode(found.summary)
    assert (summary["passed_over"], summary["verdict"]) == (True, "unverifiable")
    assert summary["unverifiable"] == [
        {"span_id": "ab12", "what": "content", "reason": "not captured", "fix": "capture it"}
    ]
    assert store.trace(two) == TraceLink(trace_id=two, run_id=two)
    store.put_run(a_run("whole", updated_at_ns=NOW))
    assert [run.run_id for run in store.recent_runs()] == [two, one, "whole"]
    assert [run.run_id for run in store.recent_runs(limit=1)] == [two]
    assert [run.run_id for run in store.recent_runs(verdict="unverifiable")] == [one]
    assert store.run(a_short_run(3).run_id) is None
    assert store.trace(a_short_run(3).run_id) is None


def test_of_many_traces_the_known_ones_are_told_at_once(store: Store) -> None:
    """Of runs that were judged and of those that were passed over."""
    short = [a_short_run(number) for number in range(1_000)]
    store.put_short_runs(short)
    store.put_run(a_run("whole", trace_ids=("t1", "t2")))
    asked = [*(run.run_id for run in short[::100]), "t2", "unknown", a_short_run(2_000).run_id]
    assert store.stored_traces(asked) == {*asked[:10], "t2"}
    assert store.stored_traces([]) == frozenset()


def test_a_run_that_is_judged_after_all_is_told_so(store: Store) -> None:
    """Late spans make a whole run of a short one; what was read twice after a stop is one run."""
    short = a_short_run(1)
    store.put_short_runs([short])
    store.put_short_runs([msgspec.structs.replace(short, updated_at_ns=NOW + 9)])
    (found,) = store.recent_runs()
    assert found.updated_at_ns == NOW + 9
    late = a_run(short.run_id, state="late", trace_ids=(short.run_id, "t2"), updated_at_ns=NOW)
    store.put_run(late)
    assert store.run(short.run_id) == late
    assert store.recent_runs() == (late,)


def test_retention_forgets_short_runs_by_age(store: Store) -> None:
    """The older ones go, by the same time as healthy runs."""
    store.put_short_runs([a_short_run(number) for number in range(5)])
    assert store.prune(NOW + 3)["runs"] == 3
    assert [run.updated_at_ns for run in store.recent_runs()] == [NOW + 4, NOW + 3]
    assert store.prune(NOW + 100)["runs"] == 2
    assert store.recent_runs() == ()


def test_a_trace_leads_to_its_run_and_batches(store: Store) -> None:
    """A late span finds its run by trace id, and all batches that its trace came in."""
    store.link_trace(TraceLink(trace_id="t1", run_id="run-1", batches=(5, 2)))
    store.link_trace(TraceLink(trace_id="t1", run_id="run-1", batches=(9, 2)))
    assert store.trace("t1") == TraceLink(trace_id="t1", run_id="run-1", batches=(2, 5, 9))
    assert store.trace("unknown") is None


def test_a_merged_run_takes_its_traces_with_it(store: Store) -> None:
    """Putting a run links its traces to it, also away from another run, and keeps their batches."""
    store.link_trace(TraceLink(trace_id="t2", run_id="run-2", batches=(4,)))
    store.put_run(a_run("run-1", trace_ids=("t1", "t2")))
    assert store.trace("t2") == TraceLink(trace_id="t2", run_id="run-1", batches=(4,))


def test_the_same_finding_counts_once(store: Store) -> None:
    """Re-evaluation adds nothing: the key is rule, version, run and labels in any order."""
    first = a_finding()
    again = a_finding(labels={"b": "2", "a": "1"}, at_ns=NOW + 5)
    assert store.add_findings([first, again]) == (first,)
    assert store.add_findings([first]) == ()
    assert store.findings("g/r", since_ns=0) == (first,)


@pytest.mark.parametrize(
    "change",
    [{"rule_id": "g/x"}, {"rule_version": "v2"}, {"run_id": "run-2"}, {"labels": {"a": "1"}}],
)
def test_each_part_of_the_key_tells_findings_apart(store: Store, change: dict[str, object]) -> None:
    """A finding that differs in one part of its key is another finding."""
    other = msgspec.structs.replace(a_finding(), **change)
    assert store.add_findings([a_finding(), other]) == (a_finding(), other)


def test_findings_are_read_from_a_time_on(store: Store) -> None:
    """A window reads the findings at or after its start, oldest first, of one version if asked."""
    made = [a_finding(f"run-{n}", at_ns=NOW + n * S, rule_version=f"v{n % 2}") for n in (3, 1, 2)]
    store.add_findings(made)
    assert [f.run_id for f in store.findings("g/r", since_ns=NOW + 2 * S)] == ["run-2", "run-3"]
    assert [f.run_id for f in store.findings("g/r", since_ns=0, rule_version="v0")] == ["run-2"]


def test_alerts_are_kept_by_rule_and_labels(store: Store) -> None:
    """An alert put again replaces itself; only active ones are loaded unless all are asked for."""
    firing, other = an_alert(), an_alert(labels={"severity": "page"}, state="pending")
    store.put_alerts([firing, other])
    store.put_alerts([resolved(firing)])
    assert store.alerts() == (other,)
    assert set(map(_state, store.alerts(active_only=False))) == {"pending", "resolved"}


def test_alerts_are_narrowed_to_a_group(store: Store) -> None:
    """By how the rule id begins, as plain text: a name with a wildcard or a longer name is not."""
    ids = ["desk/Lost", "desk/Ünder", "desk_/Lost", "des%/Lost", "desktop/Lost"]
    store.put_alerts([an_alert(rule_id=rule_id) for rule_id in ids])
    assert {alert.rule_id for alert in store.alerts(of="desk/")} == {"desk/Lost", "desk/Ünder"}
    assert [alert.rule_id for alert in store.alerts(of="des%/")] == ["des%/Lost"]
    assert len(store.alerts()) == len(ids)


def test_active_alerts_are_counted_by_state(store: Store) -> None:
    """What is over does not count, and a state without an alert is not there."""
    alerts = [an_alert(rule_id=f"desk/{number}") for number in range(4)]
    waiting = msgspec.structs.replace(alerts[0], state="pending")
    assert store.alert_counts() == {}
    store.put_alerts([waiting, resolved(alerts[1]), *alerts[2:]])
    assert store.alert_counts() == {"pending": 1, "firing": 2}


def test_open_incidents_are_counted_past_the_limit_of_a_list(store: Store) -> None:
    """The number is right when a storm opens more than a page shows."""
    first = opened().incident
    done = msgspec.structs.replace(first, id="done", state="resolved")
    many = [msgspec.structs.replace(first, id=f"i{number}") for number in range(1_200)]
    store.put_incidents([done, *many])
    assert store.open_incident_count() == 1_200
    assert len(store.incidents(state="open")) == 1_000


def _state(alert: object) -> str:
    return str(getattr(alert, "state", ""))


def test_incidents_come_back_as_they_were_put(store: Store) -> None:
    """An incident with its alerts and cause survives; it is found by id, state and time."""
    first = opened().incident
    done = then(first, resolved(an_alert())).incident
    second = opened(an_alert("Other", cause=a_cause(category="loop")), now_ns=NOW + S).incident
    store.put_incidents([first, second])
    assert store.incident(first.id) == first
    store.put_incidents([done])
    assert store.incident(first.id) == done
    assert store.incidents() == (done, second)
    assert store.incidents(state="open") == (second,)
    assert store.incidents(since_ns=NOW + 2 * S) == (done,)
    assert store.incidents(limit=1) == (done,)
    assert store.incident("none") is None


def test_gathering_sees_every_open_incident(store: Store) -> None:
    """However many and however old; of the resolved ones those of late."""
    letters = "abcdefghijklmnopqrstuvwxyz"
    names = ["".join(three) for three in itertools.product(letters, repeat=3)]
    causes = [a_cause(workflow=name) for name in names[:1200]]
    store.put_incidents([opened(an_alert(cause=cause)).incident for cause in causes])
    ended = then(opened(now_ns=NOW + S).incident, resolved(an_alert())).incident
    store.put_incidents([ended])
    assert len(store.live_incidents(resolved_since_ns=ended.updated_at_ns)) == 1201
    assert len(store.live_incidents(resolved_since_ns=ended.updated_at_ns + 1)) == 1200


def test_groups_and_small_memories(store: Store) -> None:
    """The last slot of a group and remembered values are kept, the newest wins."""
    assert store.group_slot_ns("g") is None
    assert store.meta("k") is None
    for value in (1, NOW):
        store.put_group_slot_ns("g", value)
        store.put_meta("k", str(value))
    assert (store.group_slot_ns("g"), store.meta("k")) == (NOW, str(NOW))


def test_an_outbox_row_gets_a_number_and_can_be_replaced(store: Store) -> None:
    """Rows are numbered in order; a row with a number replaces what was there."""
    first, second = store.put_outbox(a_row(1)), store.put_outbox(a_row(2, target="b"))
    assert 0 < first.seq < second.seq
    changed = msgspec.structs.replace(first, state="sending", attempts=1)
    assert store.put_outbox(changed) == changed
    assert store.unfinished() == (changed, second)
    assert store.unfinished("b") == (second,)
    assert store.unfinished(incident_id="none") == ()
    store.drop_outbox(second.seq)
    assert store.unfinished() == (changed,)


def test_a_message_id_is_queued_once(store: Store) -> None:
    """The same decision made twice, after a crash, is one message."""
    first = store.put_outbox(a_row(1))
    assert store.put_outbox(a_row(1, due_at_ns=NOW + S)) == first
    assert store.unfinished() == (first,)


def test_due_rows_are_those_whose_time_has_come(store: Store) -> None:
    """Rows of other targets, of later times and in other states are not due."""
    incidents = [opened(an_alert(f"A{n}", cause=a_cause(workflow=f"w{'x' * n}"))) for n in range(4)]
    rows = [a_row(n, incident=change.incident) for n, change in enumerate(incidents)]
    rows[1] = msgspec.structs.replace(rows[1], due_at_ns=NOW + S)
    rows[2] = msgspec.structs.replace(rows[2], state="dead")
    rows[3] = msgspec.structs.replace(rows[3], due_at_ns=NOW - S)
    for row in rows:
        store.put_outbox(row)
    target = rows[0].target
    due = store.due(target, now_ns=NOW, limit=9)
    assert [row.message_id for row in due] == ["msg-3", "msg-0"]
    assert [row.message_id for row in store.due(target, now_ns=NOW, limit=1)] == ["msg-3"]
    assert store.due("other", now_ns=NOW, limit=9) == ()
    assert store.next_due_ns(target) == NOW - S
    assert store.next_due_ns("other") is None


@pytest.mark.parametrize("state", ["queued", "sending"])
def test_messages_of_one_incident_go_in_order(store: Store, state: str) -> None:
    """A later row waits for the unfinished earlier one, even when that one waits itself."""
    first = a_row(1, due_at_ns=NOW + 60 * S, state=state)
    first = store.put_outbox(first)
    store.put_outbox(a_row(2, action="resolve"))
    assert store.due(first.target, now_ns=NOW, limit=9) == ()
    store.put_outbox(msgspec.structs.replace(first, state="dead"))
    assert [row.message_id for row in store.due(first.target, now_ns=NOW, limit=9)] == ["msg-2"]


def test_outbox_counts_name_every_state(store: Store) -> None:
    """A gauge needs a zero where there is none."""
    store.put_outbox(a_row(1, state="dead"))
    assert store.outbox_counts() == {"queued": 0, "sending": 0, "sent": 0, "dead": 1}


def test_what_was_told_is_kept_by_incident_and_target(store: Store) -> None:
    """The newest promise replaces the older one; the newest message of a target can be found."""
    told = Told(incident_id="i", target="t", revision=1, resolved=False, digest="d", told_at_ns=NOW)
    store.put_told(told)
    assert store.told("i", "t") == told
    assert store.told("i", "x") is None
    assert store.last_ref("t") is None
    ref = MessageRef(channel="C1", ts="1.2")
    store.put_told(msgspec.structs.replace(told, ref=ref))
    store.put_told(msgspec.structs.replace(told, incident_id="j", told_at_ns=NOW + S))
    assert store.last_ref("t") == ref


def test_what_is_held_back_or_was_told_long_ago_is_found(store: Store) -> None:
    """For a review: of open incidents by when they were told aloud, and all that is held back."""
    incident = opened().incident
    ended = then(incident, resolved(an_alert())).incident
    over = msgspec.structs.replace(ended, id="over")
    store.put_incidents([incident, over])
    told = Told(
        incident_id=incident.id, target="t", revision=1, resolved=False, digest="d", told_at_ns=NOW
    )
    loud = msgspec.structs.replace(told, loud_at_ns=NOW)
    gone = msgspec.structs.replace(loud, incident_id="over")
    held = msgspec.structs.replace(loud, incident_id="gone", target="x", held="silenced")
    for each in (loud, gone, held):
        store.put_told(each)
    assert set(store.told_due(loud_before_ns=NOW)) == {loud, held}
    assert set(store.told_due(loud_before_ns=NOW - 1)) == {held}
    store.drop_told("gone", "x")
    assert store.told("gone", "x") is None
    assert store.told_due(loud_before_ns=NOW - 1) == ()


def test_what_was_told_before_there_were_reminders_is_found(store: Store) -> None:
    """A row without a time of its own for that: the next review looks at it."""
    incident = opened().incident
    store.put_incidents([incident])
    told = Told(
        incident_id=incident.id, target="t", revision=1, resolved=False, digest="d", told_at_ns=NOW
    )
    store.put_told(told)
    assert store.told_due(loud_before_ns=0) == (told,)


def test_a_closed_incident_is_live_however_old(store: Store) -> None:
    """Its alerts fire: without it gathering would open another one for them."""
    incident = opened().incident
    closed = msgspec.structs.replace(
        incident, state="resolved", closed_by="Ana", closed_at_ns=NOW, resolved_at_ns=NOW
    )
    store.put_incidents([closed])
    assert store.live_incidents(resolved_since_ns=NOW + 3600 * S) == (closed,)
    assert store.open_incident_count() == 0
    store.prune(NOW + 3600 * S)
    assert store.incident(closed.id) == closed
    store.put_incidents([msgspec.structs.replace(closed, closed_by="", closed_at_ns=0)])
    assert store.live_incidents(resolved_since_ns=NOW + 3600 * S) == ()


def a_silence(silence_id: str, ends_at_s: int) -> Silence:
    """Return a silence that ends some seconds from now."""
    return Silence(
        id=silence_id,
        matchers=(Matcher(name="team", op="=~", value="a|b"),),
        starts_at_ns=NOW,
        ends_at_ns=NOW + ends_at_s * S,
        created_by="Ana",
        comment="a deploy “é”",
        created_at_ns=NOW,
        updated_at_ns=NOW,
    )


def test_silences_are_kept_by_id_and_found_by_their_end(store: Store) -> None:
    """As they are; one that is put again is replaced."""
    late, soon = a_silence("late", 100), a_silence("soon", 10)
    for each in (late, soon):
        store.put_silence(each)
    assert store.silences() == (soon, late)
    assert store.silences(ends_after_ns=NOW + 10 * S) == (late,)
    assert store.silence("late") == late
    assert store.silence("none") is None
    ended = a_silence("late", 5)
    store.put_silence(ended)
    assert store.silences(ends_after_ns=NOW + 10 * S) == ()
    assert store.silence("late") == ended


def test_silences_that_are_long_over_are_forgotten(store: Store) -> None:
    """With the rest of what is old."""
    store.put_silence(a_silence("old", 10))
    store.put_silence(a_silence("new", 1000))
    store.prune(NOW + 500 * S)
    assert [silence.id for silence in store.silences()] == ["new"]


def test_a_transaction_is_all_or_nothing(store: Store) -> None:
    """An exception takes back alerts, incidents and outbox rows together."""

    def fail() -> None:
        with store.transaction():
            store.put_alerts([an_alert()])
            store.put_incidents([opened().incident])
            store.put_outbox(a_row())
            store.put_run(a_run())
            raise DeliberateError

    with pytest.raises(DeliberateError):
        fail()
    assert (store.alerts(), store.incidents(), store.unfinished()) == ((), (), ())
    assert store.run("run-1") is None


def test_an_inner_transaction_takes_back_its_own_part(store: Store) -> None:
    """A failed inner part leaves the outer part whole."""

    def fail() -> None:
        with store.transaction():
            store.put_meta("inner", "1")
            raise DeliberateError

    with store.transaction():
        store.put_meta("outer", "1")
        with pytest.raises(DeliberateError):
            fail()
        store.put_meta("after", "1")
    assert (store.meta("outer"), store.meta("inner"), store.meta("after")) == ("1", None, "1")


def test_other_threads_see_no_half_transaction(store: Store) -> None:
    """A reader in another thread waits for the end of a transaction, or sees its beginning."""
    seen: list[str | None] = []
    with store.transaction():
        store.put_meta("k", "half")
        reader = threading.Thread(target=lambda: seen.append(store.meta("k")))
        reader.start()
        reader.join(0.05)
        store.put_meta("k", "whole")
    reader.join()
    assert seen[0] in {None, "whole"}


def test_many_threads_may_write(store: Store) -> None:
    """Writers from many threads neither fail nor lose anything."""

    def write(thread: int) -> None:
        for number in range(10):
            store.put_meta(f"{thread}-{number}", "x")

    threads = [threading.Thread(target=write, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert all(store.meta(f"{t}-{n}") == "x" for t in range(5) for n in range(10))


def test_retention_spares_what_is_alive(store: Store) -> None:
    """Old finished things go; active alerts, open incidents and unsent messages stay."""
    change = opened()
    old = then(opened(an_alert("B", cause=a_cause(category="loop"))).incident,
               resolved(an_alert("B", cause=a_cause(category="loop"))))  # fmt: skip
    store.put_incidents([change.incident, old.incident])
    store.put_alerts([an_alert(), resolved(an_alert("B"))])
    store.add_findings([a_finding(), a_finding("run-2", at_ns=NOW + 10_000 * S)])
    store.put_run(a_run("healthy"))
    store.put_run(a_run("corrupted", verdict="corrupted"))
    store.put_outbox(a_row(1))
    store.put_outbox(a_row(2, state="sent"))
    deleted = store.prune(NOW + 1000 * S, anomalous_before_ns=NOW - S)
    assert deleted["runs"] == deleted["incidents"] == deleted["alerts"] == 1
    assert deleted["findings"] == deleted["outbox"] == deleted["run_traces"] == 1
    assert [run.run_id for run in store.recent_runs()] == ["corrupted"]
    assert store.incidents() == (change.incident,)
    assert [row.message_id for row in store.unfinished()] == ["msg-1"]
    assert store.trace("trace-healthy") is None
    assert store.prune(NOW + 1000 * S, anomalous_before_ns=NOW - S) == dict.fromkeys(deleted, 0)


def test_retention_forgets_what_was_told_of_incidents_that_are_gone(store: Store) -> None:
    """What was told of an incident lives as long as the incident."""
    change = opened()
    config = SlackConfig(channel="#agents", bot_token="x")
    (target,) = targets_of(Receiver(name="team", slack=(config,)))
    told = decide(change, target, None, now_ns=NOW).told
    assert told is not None
    store.put_told(told)
    store.put_told(msgspec.structs.replace(told, incident_id="gone"))
    store.put_incidents([change.incident])
    store.prune(NOW)
    assert store.told(change.incident.id, target.name) == told
    assert store.told("gone", target.name) is None


def test_histories_of_tools_are_kept_by_name(store: Store) -> None:
    """The newest state of each tool, those that changed last at the end."""
    paths = frozenset({"/a", "/a/*", "/ø"})
    old = ToolHistory(results_count=4, always=paths, ever=paths, asked=frozenset({"q"}))
    store.put_history(History(tools={"find": old, "get": old}), at_ns=NOW)
    new = ToolHistory(results_count=5, ever=paths)
    store.put_history(History(tools={"find": new}), at_ns=NOW + S)
    assert list(store.history().tools.items()) == [("get", old), ("find", new)]
    store.put_history(History(), at_ns=NOW + 2 * S)
    store.prune(NOW + 1000 * S)
    assert store.history().tools == {"get": old, "find": new}


def test_histories_of_tools_are_bounded(store: Store) -> None:
    """Of too many tools those that changed longest ago go."""
    many = {f"tool-{n}": ToolHistory(results_count=1) for n in range(MAX_TOOLS_COUNT)}
    store.put_history(History(tools=many), at_ns=NOW)
    store.put_history(History(tools={"new": ToolHistory(results_count=1)}), at_ns=NOW + S)
    kept = store.history().tools
    assert len(kept) == MAX_TOOLS_COUNT
    assert "new" in kept


def test_a_run_keeps_what_it_was_judged_with(store: Store) -> None:
    """Its part of the history comes back as it was."""
    history = History(tools={"find": ToolHistory(results_count=7, always=frozenset({"/a"}))})
    store.put_run(a_run(history=history))
    run = store.run("run-1")
    assert run is not None
    assert run.history == history


def test_baselines_of_workflows_are_replaced_and_bounded(store: Store) -> None:
    """The newest value of each counts; of too many those that changed longest ago go."""
    old = Baseline(since_ns=5, shapes={"a" * 16: 3}, edges={"x > y": 3, "x -> z": 2})
    new = Baseline(since_ns=5, shapes={"b" * 16: 4}, edges={"x > y": 4})
    store.put_baselines({"one": old, "two": old}, at_ns=NOW)
    store.put_baselines({"one": new}, at_ns=NOW + S)
    store.put_baselines({}, at_ns=NOW + 2 * S)
    assert list(store.baselines().items()) == [("two", old), ("one", new)]
    many = {f"flow {n}": old for n in range(MAX_WORKFLOWS_COUNT)}
    store.put_baselines(many, at_ns=NOW + 3 * S)
    store.prune(NOW + 1000 * S)
    assert store.baselines() == many


def test_what_rules_told_on_a_day_is_kept_and_days_gone_by_are_not(store: Store) -> None:
    """Yesterday's stays, as another rule's runs may be a little late."""
    told = Spent(day=7, items=frozenset({"w: x > y"}))
    store.put_spent({"a": told, "b": msgspec.structs.replace(told, day=5)})
    assert store.spent() == {"a": told, "b": msgspec.structs.replace(told, day=5)}
    store.put_spent({"c": msgspec.structs.replace(told, day=8)})
    assert set(store.spent()) == {"a", "c"}


def test_a_run_keeps_what_was_told_as_new(store: Store) -> None:
    """A run that is judged again says the same."""
    novel = Novel(kind="edge", edge="x > y", fingerprint="a" * 16, step=2, rule_id="g/novelty:p")
    store.put_run(a_run(novel=(novel,)))
    run = store.run("run-1")
    assert run is not None
    assert run.novel == (novel,)


def test_all_runs_are_told_in_short(store: Store) -> None:
    """Whole ones and those that were passed over; runs may come and go in between."""
    store.put_run(a_run("run-1", trace_ids=("t1", "t2"), batches=(3, 4)))
    store.put_short_runs([a_short_run(n) for n in range(3)])
    heads = store.run_heads()
    first = next(heads)
    assert (first.run_id, first.trace_ids, first.batches) == ("run-1", ("t1", "t2"), (3, 4))
    assert first.updated_at_ns == NOW
    store.purge(runs=("run-1",), traces=(), mask=str)
    assert [head.run_id for head in heads] == [a_short_run(n).run_id for n in range(3)]


def test_a_purge_leaves_others_alone(store: Store) -> None:
    """By run, with its traces, findings, and the trace links that lead to it."""
    store.put_run(a_run("run-1"))
    store.put_run(a_run("run-2"))
    forgotten, kept = a_short_run(1), a_short_run(2)
    store.put_short_runs([forgotten, kept])
    store.add_findings([a_finding("run-1"), a_finding("run-2")])
    counts = store.purge(runs=("run-1", forgotten.run_id), traces=("trace-run-1",), mask=str)
    assert (counts["runs"], counts["findings"]) == (2, 1)
    assert sorted(head.run_id for head in store.run_heads()) == [kept.run_id, "run-2"]
    assert store.trace("trace-run-1") is None
    assert store.trace("trace-run-2") is not None
    assert [found.run_id for found in store.findings("g/r", since_ns=0)] == ["run-2"]
    again = store.purge(runs=("run-1", forgotten.run_id), traces=("trace-run-1",), mask=str)
    assert not any(again.values())


def test_a_purge_is_all_or_nothing(store: Store) -> None:
    """What masks the sentences fails: nothing has changed."""
    store.put_run(a_run("run-1"))
    store.put_alerts([an_alert(run_ids=("run-1", "run-2"))])

    def mask(_text: str) -> str:
        raise DeliberateError

    with pytest.raises(DeliberateError):
        store.purge(runs=("run-1",), traces=(), mask=mask)
    assert store.run("run-1") is not None


def test_a_purged_run_costs_no_budget(store: Store) -> None:
    """What was told as new in it may be told again; what was told of others is remembered."""
    novel = Novel(kind="edge", edge="a -> b", rule_id="g/n", fingerprint="f", step=0)
    store.put_run(a_run("run-1", workflow="desk", novel=(novel,)))
    store.put_spent({"g/n": Spent(day=1, items=frozenset({"desk: a -> b", "desk: b -> c"}))})
    store.purge(runs=("run-1",), traces=(), mask=str)
    assert store.spent()["g/n"].items == {"desk: b -> c"}


def test_lessons_go_by_the_time_of_their_last_change(store: Store) -> None:
    """Names of members and edges of workflows that nothing newer confirmed."""
    store.put_history(History(tools={"old": ToolHistory(results_count=1)}), at_ns=NOW)
    store.put_history(History(tools={"new": ToolHistory(results_count=1)}), at_ns=NOW + S)
    store.put_baselines({"old": Baseline(since_ns=1)}, at_ns=NOW)
    store.put_baselines({"new": Baseline(since_ns=1)}, at_ns=NOW + S)
    store.purge(runs=(), traces=(), mask=str)
    assert len(store.history().tools) == len(store.baselines()) == 2
    store.purge(runs=(), traces=(), before_ns=NOW + S, mask=str)
    assert list(store.history().tools) == list(store.baselines()) == ["new"]


def test_scrubbing_keeps_what_is_stored(store: Store) -> None:
    """And is done at once where nobody else reads."""
    store.put_run(a_run("run-1"))
    assert store.scrub()
    assert store.run("run-1") is not None


def test_closing_twice_does_nothing(store: Store) -> None:
    """A shutdown may come from two sides."""
    store.close()
    store.close()
