"""The program that ``test_kill9_messages`` kills: alerts that come and go, and the real sender.

Arguments: the path of the store, the address of a webhook, a seed, and how many changes to make;
0 makes none and ends when all is sent. In one transaction with each change it counts, in the store,
what people are to hear of it. Prints a line for each change that is committed.
"""

from __future__ import annotations

import random
import sys
import threading
import time
from pathlib import Path

from causewatch.app.clock import now_ns
from causewatch.app.teller import Teller
from causewatch.incidents.gather import REOPEN_WITHIN_NS, gather
from causewatch.model.finding import Cause
from causewatch.notify.channels import channels_of
from causewatch.notify.config import Alerting, Links, Receiver, WebhookConfig
from causewatch.notify.retry import Schedule
from causewatch.notify.sender import Sender
from causewatch.store.sqlite.store import SqliteStore
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import an_alert, route_to

NAMES = ("A", "B", "C", "D", "E")
TOLD = "told:"
"""Before the id of an incident: how often its beginning and its end were to be told."""
MADE = "made: "
"""Before each line that is no line of a log."""
DRAIN_LIMIT_S = 60


class Desk:
    """A store, a teller and a sender, as a daemon has them."""

    def __init__(self, path: Path, url: str) -> None:
        self.store = SqliteStore(path)
        team = Receiver(name="team", webhooks=(WebhookConfig(url=url, timeout_s=5.0),))
        metrics = Metrics()
        self.sender = Sender(
            self.store,
            channels_of([team], Links(), now_ns),
            metrics=metrics,
            now_ns=now_ns,
            schedule=Schedule(first_s=0.01, max_s=0.05),
        )
        self.teller = Teller(
            self.store,
            Alerting(route=route_to(group_wait_s=0.0), receivers={"team": team}),
            metrics=metrics,
            now_ns=now_ns,
            wake=self.sender.wake,
        )

    def change(self, name: str) -> str:
        """Let one alert fire that did not, or resolve; return what was committed."""
        at_ns = now_ns()
        with self.store.transaction():
            known = {alert.alertname: alert for alert in self.store.alerts(active_only=False)}
            fires = name in known and known[name].state == "firing"
            alert = an_alert(
                name,
                "resolved" if fires else "firing",
                cause=Cause(),
                labels={"alertname": name, "severity": "page"},
                resolved_at_ns=at_ns if fires else 0,
            )
            self.store.put_alerts([alert])
            live = self.store.live_incidents(resolved_since_ns=at_ns - REOPEN_WITHIN_NS)
            changes = gather(live, [alert], at_ns)
            self.store.put_incidents([change.incident for change in changes])
            for change in changes:
                key = f"{TOLD}{change.incident.id}"
                self.store.put_meta(key, str(int(self.store.meta(key) or "0") + 1))
            self.teller.tell(changes, at_ns)
        return f"{name} {alert.state}"

    def drain(self) -> None:
        """Wait until nothing is on its way."""
        deadline_s = time.monotonic() + DRAIN_LIMIT_S
        while self.store.unfinished() and time.monotonic() < deadline_s:
            threading.Event().wait(0.01)


def main(path: Path, url: str, seed: int, changes: int) -> None:
    """Make changes until it is killed, or wait until all is sent."""
    desk, chance = Desk(path, url), random.Random(seed)
    desk.sender.start()
    for _ in range(changes):
        sys.stdout.write(f"{MADE}{desk.change(chance.choice(NAMES))}\n")
        sys.stdout.flush()
        threading.Event().wait(chance.choice([0, 0, 0.002, 0.02]))
    desk.drain()
    desk.sender.stop()
    desk.store.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2], int(sys.argv[3]), int(sys.argv[4]))
