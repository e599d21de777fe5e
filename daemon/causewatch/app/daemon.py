"""The daemon: makes the parts, starts them in order, stops them in the reverse order.

Start: store and inbox first, receivers last, so that nothing is acknowledged that nobody reads.
Stop: receivers first; what was acknowledged waits in the inbox for the next start.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Literal

import msgspec
import structlog

from causewatch import __version__
from causewatch.app.assess import INBOX_FILE, STATE_FILE
from causewatch.app.clock import now_ns
from causewatch.app.config import Config, Receive
from causewatch.app.config_reload import ConfigReloader
from causewatch.app.dialectfiles import load_dialects
from causewatch.app.git_repository import GitRepository
from causewatch.app.git_source import GitSource
from causewatch.app.groups import Groups
from causewatch.app.letters import Letters
from causewatch.app.listeners import links_of, listen_of
from causewatch.app.meaning import EndpointJudge
from causewatch.app.own_alerts import OwnAlerts
from causewatch.app.pipeline import CURSOR, Pipeline
from causewatch.app.private import FOLDER_MODE, tighten
from causewatch.app.purge import OnStep, Purge
from causewatch.app.purge_call import answer_purge
from causewatch.app.purge_scope import Purged, Wanted
from causewatch.app.reload import Reloader
from causewatch.app.retention import Retention
from causewatch.app.rule_source import FolderSource, RuleSource, first
from causewatch.app.rule_states import rule_states
from causewatch.app.sampled import Sampler
from causewatch.app.scheduler import Scheduler
from causewatch.app.teller import Teller
from causewatch.app.vitals import status_of, vitals_of
from causewatch.app.webserver import WebServer
from causewatch.dialects.needed import needed_keys
from causewatch.errors import UserError
from causewatch.forward.forwarding import Forwarding
from causewatch.graph.assemble import RunAssembler
from causewatch.inbox.batch import InboxLimits
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.incidents.grouping import grouped_by
from causewatch.notify.channels import channels_of
from causewatch.notify.fallback import fallbacks_of
from causewatch.notify.sender import Sender
from causewatch.notify.slack.socket import SlackSocket
from causewatch.receive.handler import Handler
from causewatch.receive.limits import ReceiveLimits
from causewatch.receive.redact import Redactor
from causewatch.receive.serve import Receivers
from causewatch.resources import shipped
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web.app import create_web_app
from causewatch.web.reader import Health, Reloaded
from causewatch.web.status import Status

GRACE_S = 5.0
RULES_FOLDER = "rules.git"
"""Beside the databases: the commits that rules came from."""

log = structlog.get_logger("causewatch.daemon")


class Daemon:
    """Every part of ``causewatch serve``, made and not yet started.

    Raises:
        ProblemsError: when a rule or dialect file is wrong.
        UserError: when the store is in use or an address cannot be bound.
    """

    def __init__(self, config: Config, path: Path | None = None) -> None:
        self._config = config
        self._started_ns = now_ns()
        self.metrics = Metrics()
        self.metrics.build_info.labels(version=__version__).set(1)
        self._is_asked_to_stop = False
        source = self._rule_source()
        loaded, problems = first(source)
        config.store_path.mkdir(mode=FOLDER_MODE, parents=True, exist_ok=True)
        tighten(config.store_path)
        self._inbox = SqliteInbox(
            config.store_path / INBOX_FILE,
            limits=InboxLimits(max_size_mib=config.retention.inbox_mib),
            now_ns=now_ns,
            metrics=self.metrics,
        )
        self._store = SqliteStore(config.store_path / STATE_FILE)
        self._teller = Teller(
            self._store,
            config.alerting,
            metrics=self.metrics,
            now_ns=now_ns,
            wake=self._wake_sender,
        )
        self._groups = Groups(
            loaded,
            store=self._store,
            metrics=self.metrics,
            tell=self._teller.tell,
            key_of=grouped_by(config.route),
        )
        self._dialects = load_dialects(config.dialect_paths)
        self._retention = Retention(
            config.retention,
            inbox=self._inbox,
            store=self._store,
            metrics=self.metrics,
            now_ns=now_ns,
            reader=CURSOR,
        )
        self._reloader = Reloader(
            source,
            self._groups,
            metrics=self.metrics,
            on_change=self._rules_changed,
            now_ns=now_ns,
        )
        self._reloader.start_with(problems)
        self._config_reloader = ConfigReloader(
            path, config, apply=self._apply, metrics=self.metrics, now_ns=now_ns
        )
        self._stopping = threading.Event()
        # A signal handler may only use what it can interrupt: Event.set would wait for ever for
        # the lock of the Event.wait that it came upon.
        self._asked: queue.SimpleQueue[Literal["stop", "reload"]] = queue.SimpleQueue()
        self._web: WebServer | None = None
        self._receivers: Receivers | None = None
        self._purging = threading.Lock()
        self._is_purging = self._is_halted = False
        self._equip()

    def _rule_source(self) -> RuleSource:
        """Return where the rules come from: a repository, or folders."""
        config = self._config
        if config.rules_git is None:
            return FolderSource(config.rule_paths or (shipped("rules"),))
        repository = GitRepository(
            config.rules_git,
            config.store_path / RULES_FOLDER,
            is_stopping=lambda: self._is_asked_to_stop,
        )
        return GitSource(config.rules_git, repository, metrics=self.metrics, now_ns=now_ns)

    def _equip(self) -> None:
        """Make all that judges, tells, forwards and deletes, to go on from what is durable."""
        config = self._config
        channels = channels_of(config.receivers, links_of(config), now_ns)
        self._sender = Sender(
            self._store,
            channels,
            metrics=self.metrics,
            now_ns=now_ns,
            fallbacks=fallbacks_of(config.receivers),
        )
        self._scheduler = Scheduler(
            self._groups, store=self._store, metrics=self.metrics, now_ns=now_ns
        )
        self._meaning = EndpointJudge(config.judge, self.metrics) if config.judge else None
        self._forwarding = Forwarding(
            config.forward, config.store_path, metrics=self.metrics, now_ns=now_ns
        )
        self._own_alerts = OwnAlerts(
            config.own_alerts,
            self._groups,
            store=self._store,
            now_ns=now_ns,
            problems=lambda: (*self._health().unhealthy, *self._scheduler.problems()),
        )
        self._pipeline = self._new_pipeline()
        self._halting = threading.Event()
        self._worker = self._thread("pipeline", self._pipeline.run)
        self._keeper = self._thread("retention", self._retention.run)
        self._reviewer = self._thread("reviewer", self._teller.run)
        self._own = self._thread("own-alerts", self._own_alerts.run)
        slack = config.slack and SlackSocket(config.slack, self._teller, metrics=self.metrics)
        self._listener = self._thread("slack", slack.run) if slack else None

    def _wake_sender(self) -> None:
        self._sender.wake()  # another one after a purge

    def _thread(self, name: str, run: Callable[[threading.Event], None]) -> threading.Thread:
        """Return a thread that runs until ``_halt``."""
        return threading.Thread(target=run, args=(self._halting,), name=f"causewatch-{name}")

    def _new_pipeline(self) -> Pipeline:
        """Return a pipeline that goes on from what is durable."""
        return Pipeline(
            inbox=self._inbox,
            assembler=RunAssembler(self._config.runs),
            groups=self._groups,
            store=self._store,
            metrics=self.metrics,
            now_ns=now_ns,
            dialects=self._dialects,
            scores=self._config.scores,
            tuning=self._config.faults,
            meaning=self._meaning,
            # Without a destination nothing need be kept for one.
            forwarding=self._forwarding if self._config.forward else None,
            sampler=Sampler(
                self._config.sampling,
                self._config.forward,
                matched=self._groups.matched,
                has_sent=self._forwarding.has_sent,
            ),
        )

    def start(self) -> None:
        """Start everything; return when requests are taken.

        Raises:
            UserError: when an address cannot be bound or TLS files cannot be used.
        """
        self._begin()
        app = create_web_app(
            self._store,
            self.metrics,
            health=self._health,
            reload=self._reload,
            desk=self._teller,
            links=lambda: links_of(self._config),
            bearer_token=self._config.web.token,
            purge=self._answer_purge,
            status=self._status,
            rules=lambda: rule_states(
                self._groups, store=self._store, metrics=self.metrics, now_ns=now_ns()
            ),
            letters=Letters(self._store, now_ns=now_ns, sender=lambda: self._sender),
        )
        self._web = WebServer(app, self._config.web.listen)
        limits = ReceiveLimits(max_message_mib=self._config.receive.max_message_mib)
        receive = self._config.receive
        handler = Handler(
            self._inbox, limits=limits, metrics=self.metrics, redact=self._redactor(receive)
        )
        self._receivers = Receivers(
            handler, grpc=listen_of(receive, receive.grpc), http=listen_of(receive, receive.http)
        )
        log.info(
            "ready",
            version=__version__,
            otlp_grpc=f"{receive.grpc.host}:{self._receivers.grpc_port}",
            otlp_http=f"{receive.http.host}:{self._receivers.http_port}",
            web=f"{self._config.web.listen.host}:{self._web.port}",
            groups=len(self._groups.keys()),
            receivers=len(self._config.receivers),
        )

    def _begin(self) -> None:
        """Start what ``_equip`` made."""
        self._sender.start()
        self._forwarding.start()
        self._groups.resolve_vanished(now_ns())  # rules that went away while it was down
        self._scheduler.start()
        self._worker.start()
        self._keeper.start()
        self._reviewer.start()
        self._own.start()
        if self._listener is not None:
            self._listener.start()

    def _halt(self) -> None:
        """Stop what ``_begin`` started; what is not done waits in inbox, store and queues."""
        self._halting.set()
        if self._worker.ident is not None:
            self._teller.nudge()
            self._worker.join()
            self._keeper.join()
            self._reviewer.join()
            self._own.join()
            if self._listener is not None:
                self._listener.join()
            self._scheduler.stop()
            self._sender.stop()
        self._forwarding.stop()
        if self._meaning is not None:
            self._meaning.close()

    def _redactor(self, receive: Receive) -> Redactor | None:
        """Return what takes out what must not be stored; ``None`` where nothing is configured."""
        if receive.redaction.is_empty:
            return None
        is_read = needed_keys(self._dialects)
        return Redactor(receive.redaction, is_read=is_read, metrics=self.metrics)

    def wait(self) -> None:
        """Watch the rule files until a signal asks to stop."""
        while True:
            git = self._config.rules_git
            every_s = git.interval_s if git is not None else self._config.reload_interval_s
            try:
                asked: str = self._asked.get(timeout=every_s)
            except queue.Empty:
                asked = ""
            if asked == "stop":
                return
            try:
                if asked == "reload":
                    self._reload()
                else:
                    self._reloader.poll()
            except Exception:
                # A full disk or a locked store must not end the daemon: it is tried again.
                log.exception("rule files could not be looked at")

    def stop(self) -> None:
        """Stop everything; what is acknowledged or queued waits for the next start."""
        self._stopping.set()
        if self._receivers is not None:
            self._receivers.stop(GRACE_S)
        if self._web is not None:
            self._web.stop()
        with self._purging:  # a purge ends at its next step
            if not self._is_halted:
                self._halt()
        self._inbox.close()
        self._store.close()
        log.info("stopped")

    def ask_to_stop(self) -> None:
        """Make ``wait`` return."""
        self._is_asked_to_stop = True
        self._asked.put("stop")

    def ask_to_reload(self) -> None:
        """Make ``wait`` reload configuration and rules now."""
        self._asked.put("reload")

    def _rules_changed(self) -> None:
        self._scheduler.reschedule()
        self._groups.resolve_vanished(now_ns())

    def _health(self) -> Health:
        is_well = self._is_purging or self._worker.is_alive()
        unhealthy = () if is_well else ("the pipeline has ended",)
        unready = () if self._receivers is not None else ("the receivers are starting",)
        return Health(unhealthy=unhealthy, unready=unready)

    def _reload(self) -> Reloaded:
        problems = (*self._config_reloader.reload(), *self._reloader.reload())
        revision = self._groups.loaded.source.revision
        return Reloaded(problems=tuple(map(str, problems)), revision=revision)

    def _status(self) -> Status:
        return status_of(
            self._config_reloader,
            self._reloader,
            self._groups.loaded.source,
            started_at_ns=self._started_ns,
            vitals=vitals_of(self._config, store=self._store, metrics=self.metrics),
        )

    def _apply(self, config: Config) -> None:
        """Put another configuration in force, as far as that is possible while it runs.

        Raises:
            UserError: a secret cannot be used, or a purge is under way: nothing was changed.
        """
        before = self._config
        is_told_otherwise = (config.alerting, config.trace_url) != (
            before.alerting,
            before.trace_url,
        )
        channels = (
            channels_of(config.receivers, links_of(config), now_ns) if is_told_otherwise else None
        )
        if not self._purging.acquire(blocking=False):
            raise UserError("a purge is under way: reload when it is done")
        try:
            with self._store.transaction():
                self._config = config
                self._teller.replace(config.alerting)
                self._groups.regroup(grouped_by(config.route))
            self._own_alerts.replace(config.own_alerts)
            if channels is not None and not self._stopping.is_set():
                self._sender = self._sender.replaced(channels, fallbacks_of(config.receivers))
                self._sender.start()
        finally:
            self._purging.release()
        self._teller.nudge()

    def _answer_purge(self, request: bytes) -> Iterator[bytes]:
        return answer_purge(request, self._purge)

    def _purge(self, wanted: Wanted, on_step: OnStep, *, is_dry: bool) -> Purged:
        """Forget what is wanted; requests are taken all the while, and judged afterwards.

        Raises:
            UserError: another purge is under way, or the daemon stops: it may be tried again.
        """
        if not self._purging.acquire(blocking=False):
            raise UserError("another purge is under way")
        try:
            purge = Purge(
                inbox=self._inbox,
                store=self._store,
                folder=self._config.store_path,
                dialects=self._dialects,
                on_step=self._unless_stopping(on_step),
                pause=self._stopping.wait,
            )
            found = purge.find(wanted)
            if is_dry:
                return purge.count(found)
            self._is_purging = self._is_halted = True
            # What is under way knows of runs in memory, and would write of them again.
            self._halt()
            try:
                done = purge.apply(purge.find(wanted, found))
            finally:
                self._resume()
            log.info("purged", **msgspec.structs.asdict(done))
            return done
        finally:
            self._purging.release()

    def _unless_stopping(self, on_step: OnStep) -> OnStep:
        def step(what: str, done: int, total: int) -> None:
            if self._stopping.is_set():
                raise UserError("the daemon stops; purge again to finish")
            on_step(what, done, total)

        return step

    def _resume(self) -> None:
        """Go on after a purge, unless the daemon stops."""
        try:
            if not self._stopping.is_set():
                self._groups.drop_waiting()
                self._equip()
                self._begin()
                self._is_halted = False
        finally:
            self._is_purging = False
