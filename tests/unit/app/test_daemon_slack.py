"""The daemon with the Slack section: buttons change what it keeps, and it stops in time."""

from __future__ import annotations

import threading
from pathlib import Path

from causewatch.app.address import Address
from causewatch.app.config import Config, Receive, Web
from causewatch.app.daemon import Daemon
from causewatch.incidents.handle import Deed
from causewatch.model.incident import Incident
from causewatch.notify.config import SlackApp
from causewatch.notify.slack.actions import ACKNOWLEDGE
from fake_slack import APP_TOKEN, FakeSlack
from fake_socket import FakeSocket, press
from notify_fixtures import opened

FREE = Address(host="127.0.0.1", port=0)


def test_a_pressed_button_acknowledges(tmp_path: Path) -> None:
    """From the websocket to the store of the running daemon."""
    incident, done = opened().incident, threading.Event()
    with FakeSlack() as slack, FakeSocket() as far:
        slack.socket_url = far.url
        app = SlackApp(app_token=APP_TOKEN, allow=frozenset({"U0000001"}), api_url=slack.api_url)
        (tmp_path / "rules").mkdir()
        daemon = Daemon(
            Config(
                rule_paths=(tmp_path / "rules",),
                receive=Receive(grpc=FREE, http=FREE),
                web=Web(listen=FREE),
                store_path=tmp_path / "store",
                slack=app,
            )
        )
        daemon._store.put_incidents([incident])
        handle = daemon._teller.handle

        def handled(incident_id: str, deed: Deed, *, by: str, comment: str) -> object:
            found = handle(incident_id, deed, by=by, comment=comment)
            done.set()
            return found

        daemon._teller.handle = handled  # type: ignore[method-assign,assignment]  # to wait for it
        try:
            daemon.start()
            button = {"action_id": ACKNOWLEDGE, "value": incident.id}
            far.send(far.connection(), press(button))
            assert done.wait(10)
            found = daemon._store.incident(incident.id)
        finally:
            far.close()
            daemon.stop()
    assert isinstance(found, Incident)
    assert found.acknowledged_by == "ana (Slack U0000001)"
