"""A desk for tests: the web application over a teller, a store in memory and a virtual clock."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from causewatch.app.teller import Teller
from causewatch.notify.config import Alerting, Receiver, WebhookConfig
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web import create_web_app
from causewatch.web.reader import Health, Reloaded
from notify_fixtures import VirtualClock, route_to
from web_client import Browser

TEAM = Receiver(name="team", webhooks=(WebhookConfig(url="https://example.com"),))


class Desk:
    """The application over a teller and a store in memory."""

    def __init__(self, **rest: Any) -> None:
        self.clock = VirtualClock()
        self.store = SqliteStore()
        self.woken = 0
        self.metrics = Metrics()
        self.teller = Teller(
            self.store,
            Alerting(route=route_to(), receivers={"team": TEAM}),
            metrics=self.metrics,
            now_ns=self.clock.now_ns,
            wake=self.wake,
        )
        app = create_web_app(
            self.store, Metrics(), health=Health, reload=Reloaded, desk=self.teller, **rest
        )
        self.app = app
        self.browser = Browser(app)

    def wake(self) -> None:
        self.woken += 1

    def at(self, seconds: float) -> str:
        """Return a time from now as the API takes it."""
        return datetime.fromtimestamp(self.clock.now_ns() / 1e9 + seconds, tz=UTC).isoformat()

    def silence(self, **changes: Any) -> dict[str, Any]:
        """Return what is posted for a silence of an hour."""
        return {
            "matchers": [{"name": "severity", "value": "ticket", "isRegex": False}],
            "startsAt": self.at(0),
            "endsAt": self.at(3600),
            "createdBy": "Ana",
            "comment": "a deploy",
        } | changes
