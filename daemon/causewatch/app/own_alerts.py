"""Raises the alerts on causewatch itself: ``CausewatchRuleFailing`` and ``Watchdog``.

They are looked at every few seconds by a thread of their own, so that they come also when no rule
group can be evaluated, and no run comes in.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Sequence

import structlog

from causewatch.app.groups import NS_PER_S, Groups
from causewatch.app.own_alerts_config import OwnAlertsConfig
from causewatch.model.finding import Alert
from causewatch.rules.backoff import OVER_AFTER_S
from causewatch.rules.health import OWN, failing_alerts, watchdog_alerts
from causewatch.store.port import Store

LOOK_EVERY_S = 5.0

log = structlog.get_logger("causewatch.own")


class OwnAlerts:
    """Keeps the alerts on causewatch itself in line with what is the case.

    Args:
        wanted: what the configuration asks for.
        groups: the rule groups; their alerts, incidents and messages are made in one place.
        store: where the alerts are.
        now_ns: the clock.
        problems: what is wrong with the daemon, as sentences; ``Watchdog`` fires while it is empty.
    """

    def __init__(
        self,
        wanted: OwnAlertsConfig,
        groups: Groups,
        *,
        store: Store,
        now_ns: Callable[[], int],
        problems: Callable[[], Sequence[str]],
    ) -> None:
        self._wanted = wanted
        self._groups = groups
        self._store = store
        self._now_ns = now_ns
        self._problems = problems
        self._started_ns = now_ns()

    def replace(self, wanted: OwnAlertsConfig) -> None:
        """Put a new configuration in force."""
        self._wanted = wanted

    def look(self) -> None:
        """Store what changed, and tell of it, in one transaction."""
        now_ns = self._now_ns()
        changed = self._changed(self._store.alerts(active_only=False, of=OWN), now_ns)
        if changed:
            with self._store.transaction():
                self._groups.apply(changed, now_ns)

    def run(self, stopping: threading.Event) -> None:
        """Look until the daemon stops."""
        while True:
            try:
                self.look()
            except Exception:
                # A full disk or a locked store must not end the thread: it is tried again.
                log.exception("alerts on causewatch itself could not be looked at")
            if stopping.wait(LOOK_EVERY_S):
                return

    def _changed(self, known: Sequence[Alert], now_ns: int) -> tuple[Alert, ...]:
        wanted = self._wanted
        failing = self._groups.failing(now_ns) if wanted.rule_failing else ()
        # What is remembered of failures does not survive a restart; the alerts do.
        is_settled = now_ns - self._started_ns >= OVER_AFTER_S * NS_PER_S
        return (
            *failing_alerts(
                failing,
                known,
                now_ns,
                labels=wanted.labels,
                is_settled=is_settled or not wanted.rule_failing,
            ),
            *watchdog_alerts(
                known,
                now_ns,
                labels=wanted.labels,
                is_wanted=wanted.watchdog,
                problems=self._problems(),
            ),
        )
