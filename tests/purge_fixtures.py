"""A store folder with the payloads of several traces, and a search for what is left of them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from pathlib import Path

from msgspec.structs import replace

from causewatch.app.purge import Purge
from causewatch.app.purge_scope import Purged, Wanted
from causewatch.forward.queue import ForwardQueue, Offer, digest_of
from causewatch.forward.request import Piece
from causewatch.inbox.batch import InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.model.finding import Finding
from causewatch.model.span import LogRecord, Span
from causewatch.otlp.decode import decode_logs, decode_traces
from causewatch.otlp.encode import encode_logs, encode_traces
from causewatch.store.record import OutboxRow, ShortRun, StoredRun
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import a_cause, an_alert, opened, step_ref
from otlp_fixtures import RESOURCE, span

S = 1_000_000_000
T0_NS = 1_800_000_000 * S
MARK_BYTES = 96
CHUNK_BYTES = 32
"""What counts as a piece of a payload: shorter ones could be there by chance."""


def trace_id(number: int) -> str:
    """Return a trace id."""
    return random.Random(number).randbytes(16).hex()


def mark(number: int) -> bytes:
    """Return the payload of a trace: chance bytes, which no compression changes."""
    return random.Random(f"mark {number}").randbytes(MARK_BYTES)


def words(number: int) -> str:
    """Return what sentences quote of a trace."""
    return f"the secret {mark(number).hex()}"


def spans_of(number: int, *, session: str = "", text: str = "x") -> list[Span]:
    """Return the spans of a trace: one names its session, the other only has a payload."""
    plain = replace(span(text=text), trace_id=trace_id(number))
    named = {"session.id": session} if session else {}
    return [
        replace(plain, attributes={**plain.attributes, **named}),
        replace(
            plain,
            span_id=f"{number + 100:016x}",
            attributes={**plain.attributes, "payload": mark(number)},
        ),
    ]


def pieces_left(folder: Path, number: int) -> list[str]:
    """Return the files in which some piece of a trace's payload is found."""
    needles = [mark(number)[at : at + CHUNK_BYTES] for at in range(0, MARK_BYTES, CHUNK_BYTES)]
    needles.append(mark(number).hex()[:CHUNK_BYTES].encode())
    return sorted(
        path.name
        for path in folder.iterdir()
        if any(needle in path.read_bytes() for needle in needles)
    )


class Estate:
    """An inbox, a store and a queue in a folder, as a daemon leaves them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.now_ns = T0_NS
        self.steps: list[str] = []
        self.open()

    def open(self) -> None:
        """Open all again."""
        self.inbox = SqliteInbox(
            self.folder / "inbox.db",
            limits=InboxLimits(),
            now_ns=lambda: self.now_ns,
            metrics=Metrics(),
        )
        self.store = SqliteStore(self.folder / "state.db")

    def close(self) -> None:
        """Let another process in."""
        self.inbox.close()
        self.store.close()

    def send(self, *numbers: int, session: str = "") -> int:
        """Store one request with the spans of some traces."""
        spans = [each for number in numbers for each in spans_of(number, session=session)]
        return self.inbox.append("traces", encode_traces(spans), len(spans)).result()

    def log(self, *numbers: int, session: str = "") -> int:
        """Store one request with a record of each of some traces."""
        named = {"session.id": session} if session else {}
        records = [
            LogRecord(
                time_ns=1,
                trace_id=trace_id(number),
                body=mark(number),
                attributes=named,
                resource=RESOURCE,
            )
            for number in numbers
        ]
        return self.inbox.append("logs", encode_logs(records), len(records)).result()

    def judge(self, *numbers: int, batches: Iterable[int] = ()) -> str:
        """Keep a judged run of some traces, with what it says of them; return its id."""
        run_id = trace_id(numbers[0])
        quoted = ", ".join(f"“{words(number)}”" for number in numbers)
        run = StoredRun(
            run_id=run_id,
            trace_ids=tuple(map(trace_id, numbers)),
            verdict="corrupted",
            explanation=f"stock_lookup answered {quoted}",
            batches=tuple(batches),
            updated_at_ns=self.now_ns,
        )
        self.store.put_run(run)
        found = Finding(
            rule_id="group/ToolFailed",
            rule_version="v1",
            run_id=run_id,
            trace_ids=run.trace_ids,
            labels={},
            at_ns=self.now_ns,
            cause=a_cause(),
            evidence=(f"it said {quoted}",),
        )
        self.store.add_findings([found])
        return run_id

    def pass_over(self, number: int) -> str:
        """Keep a run in short."""
        short = ShortRun(
            run_id=trace_id(number),
            workflow="desk",
            verdict="healthy",
            batches=(),
            started_at_ns=0,
            ended_at_ns=0,
            updated_at_ns=self.now_ns,
        )
        self.store.put_short_runs([short])
        return short.run_id

    def tell(self, name: str, *numbers: int) -> str:
        """Open an incident about runs of these traces, and queue its message; return its id."""
        origin = replace(step_ref(name, "clerk"), trace_id=trace_id(numbers[-1]))
        alert = an_alert(
            name,
            cause=a_cause(origin=origin, origin_reason=f"said “{words(numbers[-1])}”", path=()),
            run_ids=tuple(map(trace_id, numbers)),
            evidence=tuple(f"it said “{words(number)}”" for number in numbers),
            annotations={"summary": f"A tool said “{words(numbers[-1])}”."},
            rule_id=f"group/{name}",
            active_at_ns=self.now_ns,
        )
        incident = opened(alert, now_ns=self.now_ns).incident
        self.store.put_alerts([alert])
        self.store.put_incidents([incident])
        row = OutboxRow(
            message_id=f"message-{name}",
            target="team/slack/#agents",
            incident=incident,
            action="open",
            reason="opened",
            created_at_ns=self.now_ns,
            due_at_ns=self.now_ns,
            notes=(f"It said “{words(numbers[-1])}”.",),
        )
        self.store.put_outbox(row)
        return incident.id

    def forward(self, *numbers: int, to: str = "local") -> None:
        """Queue the spans of some traces, all in one row."""
        path = self.folder / f"forward-{to}.db"
        queue = ForwardQueue(path, max_bytes=10**6, max_age_s=3600, on_drop=lambda _r, _s: None)
        offers = [
            Offer(
                run_id=trace_id(number),
                pieces=(Piece(2, encode_traces(spans_of(number))),),
                sent=frozenset({digest_of((trace_id(number), "1"))}),
            )
            for number in numbers
        ]
        queue.append(offers, self.now_ns)
        queue.close()

    def purge(
        self, *numbers: int, session: str = "", before_ns: int = 0, beside: bool = False
    ) -> Purged:
        """Purge; ``beside`` as a daemon does while requests come in."""
        purge = Purge(
            inbox=self.inbox,
            store=self.store,
            folder=self.folder,
            dialects=(),
            on_step=lambda what, _done, _total: self.steps.append(what),
            pause=(lambda _s: None) if beside else None,
        )
        wanted = Wanted(
            traces=frozenset(map(trace_id, numbers)),
            sessions=frozenset({session} if session else ()),
            before_ns=before_ns,
        )
        return purge.apply(purge.find(wanted))

    def traces(self) -> list[set[str]]:
        """Return the traces of each batch that is stored."""
        found = []
        for batch in self.inbox.read(0, 10_000, 10**9):
            if batch.signal == "traces":
                found.append({each.trace_id for each in decode_traces(batch.body).spans})
            else:
                found.append({each.trace_id for each in decode_logs(batch.body).records})
        return found
