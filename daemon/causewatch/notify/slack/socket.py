"""Socket Mode: the connection over which Slack tells of pressed buttons.

Theory of operation: slack-sdk's client opens a websocket from here to Slack (no port of ours is
open), and keeps it open. Each request is answered at once, as Slack repeats what is not within
three seconds; then the wish is done, by the same functions that serve the API. Whoever pressed the
button hears of a refusal alone; a silence is said to the channel. Without the connection nothing
but the buttons is missing, so that it is tried again for as long as the daemon runs.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Protocol, assert_never
from urllib.parse import urlsplit

import structlog
from slack_sdk import WebClient
from slack_sdk.errors import SlackApiError
from slack_sdk.socket_mode import SocketModeClient
from slack_sdk.socket_mode.client import BaseSocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from slack_sdk.webhook import WebhookClient

from causewatch.incidents.handle import Deed
from causewatch.incidents.silence import Refusal, Silence
from causewatch.model.incident import Incident
from causewatch.notify.config import SlackApp
from causewatch.notify.slack.actions import (
    Acknowledge,
    NotAllowed,
    Pressed,
    SilenceLike,
    Wish,
    length_name,
    pressed,
)
from causewatch.notify.slack.answer import error_of
from causewatch.notify.slack.mrkdwn import escape
from causewatch.telemetry.metrics import Metrics

AGAIN_S = 30.0
TIMEOUT_S = 10
MAX_KNOWN_COUNT = 1000
"""So many pressed buttons are remembered, to do none of them twice."""
MAX_ANSWER_CHARS = 600
WORKERS_COUNT = 2
_SLACK_HOSTS = frozenset({"hooks.slack.com"})
_log = structlog.get_logger(__name__)


class Desk(Protocol):
    """Who does what is asked for; a refusal says why not, ``None`` that there is no such."""

    def handle(
        self, incident_id: str, deed: Deed, *, by: str, comment: str
    ) -> Incident | Refusal | None:
        """Acknowledge an incident."""
        ...

    def silence_like(
        self, incident_id: str, *, length_s: float, created_by: str, comment: str
    ) -> Silence | Refusal | None:
        """Silence an incident and its like from now on."""
        ...


class SlackSocket:
    """The connection; ``run`` belongs to a thread of its own."""

    def __init__(self, app: SlackApp, desk: Desk, *, metrics: Metrics) -> None:
        self._app = app
        self._desk = desk
        self._metrics = metrics
        self._known: OrderedDict[str, None] = OrderedDict()
        self._lock = threading.Lock()

    def run(self, stopping: threading.Event) -> None:
        """Keep the connection until the daemon stops."""
        web = WebClient(base_url=self._app.api_url, timeout=TIMEOUT_S, retry_handlers=[])
        client = SocketModeClient(
            app_token=self._app.app_token, web_client=web, concurrency=WORKERS_COUNT
        )
        client.socket_mode_request_listeners.append(self._heard)
        try:
            while not stopping.is_set() and not self._connected(client):
                stopping.wait(AGAIN_S)
            stopping.wait()
        finally:
            client.close()
            self._metrics.slack_connected.set(0)

    def _connected(self, client: SocketModeClient) -> bool:
        """Connect; from then on the client itself stays connected."""
        try:
            client.connect()
        except Exception as error:  # noqa: BLE001  # a boundary: the network, TLS, Slack's answers
            reason = error_of(error) if isinstance(error, SlackApiError) else ""
            _log.warning("slack_not_connected", reason=reason or f"{type(error).__name__}: {error}")
            return False
        self._metrics.slack_connected.set_function(lambda: float(client.is_connected()))
        _log.info("slack_connected")
        return True

    def _heard(self, client: BaseSocketModeClient, request: SocketModeRequest) -> None:
        """Take one request; called by the client's own threads."""
        client.send_socket_mode_response(SocketModeResponse(envelope_id=request.envelope_id))
        if request.type != "interactive":
            return
        for each in pressed(request.payload, self._app.allow):
            if self._is_new(each.key):
                self._do(each)

    def _do(self, each: Pressed) -> None:
        try:
            said, everybody = self.answer(each.wish)
        except Exception:  # noqa: BLE001  # a boundary: a full store must not end the connection
            _log.exception("slack_action_failed")
            said, everybody = "That did not work; the daemon's log says why.", False
        if said:
            self._say(each.response_url, said, everybody=everybody)

    def answer(self, wish: Wish) -> tuple[str, bool]:
        """Do what somebody wants; return what is said to it, and whether to all of the channel."""
        match wish:
            case NotAllowed(by=by, user_id=user_id):
                _log.warning("slack_action_refused", by=by)
                self._count("not_allowed")
                return f"You are not on the list of those who may do this: `{user_id}`.", False
            case Acknowledge(incident_id=incident_id, by=by):
                done = self._desk.handle(incident_id, "acknowledge", by=by, comment="")
                # The message itself shows it, and its thread says it.
                return self._said(done, incident_id) or ("", False)
            case SilenceLike(incident_id=incident_id, by=by, length_s=length_s):
                comment = f"from Slack, for {length_name(length_s)}"
                made = self._desk.silence_like(
                    incident_id, length_s=length_s, created_by=by, comment=comment
                )
                return self._said(made, incident_id) or (_silenced(made, by, length_s), True)
            case _ as never:
                assert_never(never)

    def _said(
        self, done: Incident | Silence | Refusal | None, incident_id: str
    ) -> tuple[str, bool] | None:
        """Count a wish; return what is said where it was not done."""
        if done is None:
            self._count("unknown")
            return f"There is no incident {escape(incident_id, MAX_ANSWER_CHARS)} any more.", False
        if isinstance(done, Refusal):
            self._count("refused")
            return escape(done.reason, MAX_ANSWER_CHARS), False
        self._count("done")
        return None

    def _count(self, outcome: str) -> None:
        self._metrics.slack_actions.labels(outcome).inc()

    def _is_new(self, key: str) -> bool:
        with self._lock:
            if key in self._known:
                return False
            self._known[key] = None
            if len(self._known) > MAX_KNOWN_COUNT:
                self._known.popitem(last=False)
            return True

    def _say(self, url: str, text: str, *, everybody: bool) -> None:
        """Answer where Slack says, if that is Slack."""
        if not self._is_slack(url):
            return
        kind = "in_channel" if everybody else "ephemeral"
        try:
            client = WebhookClient(url, timeout=TIMEOUT_S, retry_handlers=[])
            client.send(text=text, response_type=kind, replace_original=False)
        except Exception as error:  # noqa: BLE001  # a boundary: what was asked for is done
            _log.warning("slack_not_answered", reason=f"{type(error).__name__}: {error}")

    def _is_slack(self, url: str) -> bool:
        """Tell whether an address is Slack's own, or that of the configured proxy."""
        try:
            parts, own = urlsplit(url), urlsplit(self._app.api_url)
        except ValueError:
            return False
        if parts.scheme == "https" and parts.netloc in _SLACK_HOSTS:
            return True
        return bool(own.netloc) and (parts.scheme, parts.netloc) == (own.scheme, own.netloc)


def _silenced(made: Incident | Silence | Refusal | None, by: str, length_s: int) -> str:
    if not isinstance(made, Silence):
        return ""
    who = escape(by, MAX_ANSWER_CHARS)
    return (
        f"🔕 {who} silenced this and its like for {length_name(length_s)}. "
        f"To end it: `causewatch silence expire {made.id}`"
    )
