"""Buttons in Slack: what payloads ask for, who may, and what is said to it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.app.config import load_config
from causewatch.app.teller import Teller
from causewatch.errors import ProblemsError
from causewatch.incidents.alike import matchers_like
from causewatch.incidents.labels import alert_labels, incident_labels
from causewatch.incidents.matcher import matches_all
from causewatch.incidents.silence import Refusal
from causewatch.model.finding import Cause
from causewatch.model.incident import Incident
from causewatch.notify.config import Alerting, Receiver, SlackApp, SlackConfig
from causewatch.notify.slack.actions import (
    ACKNOWLEDGE,
    LENGTHS_S,
    SILENCE,
    Acknowledge,
    NotAllowed,
    SilenceLike,
    Wish,
    buttons,
    pressed,
)
from causewatch.notify.slack.render import Rendering, render
from causewatch.notify.slack.socket import MAX_KNOWN_COUNT, SlackSocket
from causewatch.notify.slack.text import plain_text
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from fake_slack import APP_TOKEN, FakeSlack, Fault, problem_of
from fake_socket import FakeSocket, press
from notify_fixtures import NOW, a_cause, an_alert, opened, resolved, route_to, then

ANA = "U0000001"
ALLOWED = frozenset({ANA})
MESSY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=12,
)


def acknowledge(incident_id: Any = "abc") -> dict[str, Any]:
    """Return the action of the button."""
    return {"type": "button", "action_id": ACKNOWLEDGE, "value": incident_id}


def silence(value: Any = "3600 abc") -> dict[str, Any]:
    """Return the action of the menu."""
    return {"type": "static_select", "action_id": SILENCE, "selected_option": {"value": value}}


def wishes(payload: object) -> list[Wish]:
    """Return what a payload asks for."""
    return [each.wish for each in pressed(payload, ALLOWED)]


def test_a_button_is_a_wish_of_whoever_pressed_it() -> None:
    """With the name that people know, and the id that is behind it."""
    by = "ana (Slack U0000001)"
    assert wishes(press(acknowledge())) == [Acknowledge(incident_id="abc", by=by)]
    for name, seconds in LENGTHS_S.items():
        found = wishes(press(silence(f"{seconds} abc")))
        assert found == [SilenceLike(incident_id="abc", by=by, length_s=seconds)], name


def test_who_is_not_on_the_list_may_do_nothing() -> None:
    """Whatever else the payload says of them, and with an empty list nobody may."""
    stranger = press(acknowledge(), user="U0000002")
    stranger["user"]["username"] = ANA
    assert wishes(stranger) == [NotAllowed(by="U0000001 (Slack U0000002)", user_id="U0000002")]
    (found,) = pressed(press(acknowledge()), frozenset())
    assert isinstance(found.wish, NotAllowed)


@pytest.mark.parametrize(
    "action",
    [
        acknowledge("../../etc/passwd"),
        acknowledge("a" * 65),
        acknowledge(""),
        acknowledge(None),
        acknowledge({"a": 1}),
        silence("3600"),
        silence("60 abc"),
        silence("99999999999 abc"),
        silence("3600 a b"),
        silence(None),
        {"action_id": SILENCE},
        {"action_id": "open_trace", "value": "abc"},
        {"action_id": None},
        "an action",
        None,
    ],
    ids=repr,
)
def test_what_our_buttons_never_send_asks_for_nothing(action: Any) -> None:
    """Lengths are those of the menu; ids are ids."""
    payload = press({})
    payload["actions"] = [action]
    assert wishes(payload) == []


@pytest.mark.parametrize(
    "change",
    [
        {"type": "view_submission"},
        {"type": None},
        {"user": None},
        {"user": {"id": "ana; drop"}},
        {"user": {"id": 7}},
        {"actions": {}},
        {"actions": None},
    ],
    ids=repr,
)
def test_payloads_of_another_shape_ask_for_nothing(change: dict[str, Any]) -> None:
    """Slack sends more than presses of buttons."""
    assert wishes(press(acknowledge()) | change) == []


@given(MESSY, MESSY)
def test_no_payload_is_an_exception(payload: Any, action: Any) -> None:
    """And none of these asks for anything."""
    assert pressed(payload, ALLOWED) == ()
    assert pressed(press({}) | {"actions": [action], "user": payload}, ALLOWED) == ()


def test_a_name_is_one_short_line() -> None:
    """A display name is chosen freely; it cannot break out of a sentence."""
    payload = press(acknowledge())
    payload["user"]["username"] = "ana\n\x1b[2J<!channel>" * 20
    (wish,) = wishes(payload)
    assert len(wish.by) < 90
    assert wish.by.isprintable()
    payload["user"] = {"id": ANA, "username": 7}
    assert wishes(payload)[0].by == "Slack user U0000001"


def elements(incident: Incident, *, actions: bool = True) -> list[str]:
    """Return what the buttons of a message do."""
    message = render(incident, Rendering(actions=actions))
    assert problem_of({"text": message.text, "blocks": list(message.blocks)}) is None
    found = [block for block in message.blocks if block["type"] == "actions"]
    return [e["action_id"] for block in found for e in block["elements"]]


def test_a_message_has_buttons_where_somebody_hears_them() -> None:
    """While it is open, and to acknowledge while nobody did; who did is in the message."""
    first = opened().incident
    assert elements(first) == [ACKNOWLEDGE, SILENCE]
    assert elements(first, actions=False) == []
    taken = msgspec.structs.replace(first, acknowledged_by="<Ana>", acknowledged_at_ns=NOW)
    assert elements(taken) == [SILENCE]
    message = render(taken, Rendering(actions=True))
    assert message.text.startswith("🟠 Acknowledged:")
    assert "by &lt;Ana&gt;" in str(message.blocks)
    assert "[Silence for…]" in plain_text(message)
    assert elements(then(first, resolved(an_alert())).incident) == []


def test_the_values_of_the_buttons_are_understood() -> None:
    """What is rendered comes back as what it was meant to be."""
    incident = opened().incident
    button, menu = buttons(incident)
    assert wishes(press(button)) == [
        Acknowledge(incident_id=incident.id, by="ana (Slack U0000001)")
    ]
    for option in menu["options"]:
        (wish,) = wishes(press({"action_id": SILENCE, "selected_option": option}))
        assert isinstance(wish, SilenceLike)
        assert wish.incident_id == incident.id


def test_a_silence_is_of_the_cause_where_it_is_known() -> None:
    """The same trouble under another id stays quiet; other trouble does not."""
    first, again = opened().incident, opened(now_ns=NOW + 10**15).incident
    other = opened(an_alert(cause=a_cause(category="loop"))).incident
    unknown = opened(an_alert(cause=Cause())).incident
    stranger = opened(an_alert("Other", cause=Cause())).incident

    def silenced(of: Incident, incident: Incident) -> bool:
        labels = incident_labels(incident)
        return all(
            matches_all(matchers_like(of), alert_labels(alert, labels)) for alert in incident.alerts
        )

    assert silenced(first, first)
    assert silenced(first, again)
    assert not silenced(first, other)
    assert not silenced(first, unknown)
    assert silenced(unknown, unknown)
    assert not silenced(unknown, stranger)


class Office:
    """A teller over a store with one open incident, and a Slack app that hears."""

    def __init__(self, slack: FakeSlack) -> None:
        self.store = SqliteStore()
        self.incident = opened().incident
        self.store.put_incidents([self.incident])
        team = Receiver(name="team", slack=(SlackConfig(channel="#agents", bot_token="x"),))
        self.metrics = Metrics()
        self.teller = Teller(
            self.store,
            Alerting(route=route_to(), receivers={"team": team}),
            metrics=self.metrics,
            now_ns=lambda: NOW,
            wake=lambda: None,
        )
        app = SlackApp(app_token=APP_TOKEN, allow=ALLOWED, api_url=slack.api_url)
        self.socket = SlackSocket(app, self.teller, metrics=self.metrics)
        self.response_url = f"{slack.url}/actions/T1/1/x"

    def is_connected(self) -> float | None:
        """Return what the metric says."""
        return self.metrics.registry.get_sample_value("causewatch_slack_connected")

    def count(self, outcome: str) -> float:
        """Return how many wishes ended so."""
        return float(self.metrics.slack_actions.labels(outcome)._value.get())


@pytest.fixture(name="slack")
def _slack() -> Iterator[FakeSlack]:
    with FakeSlack() as slack:
        yield slack


@pytest.fixture(name="office")
def _office(slack: FakeSlack) -> Office:
    return Office(slack)


def test_an_acknowledgement_is_told_like_any_other(office: Office) -> None:
    """By the functions of the API: the message and its thread say who it was."""
    wish = Acknowledge(incident_id=office.incident.id, by="ana")
    assert office.socket.answer(wish) == ("", False)
    found = office.store.incident(office.incident.id)
    assert found is not None
    assert found.acknowledged_by == "ana"
    assert office.socket.answer(wish) == (
        f"incident {office.incident.id}: it is acknowledged already",
        False,
    )
    assert (office.count("done"), office.count("refused")) == (1, 1)


def test_a_silence_is_said_to_the_channel_with_how_to_end_it(office: Office) -> None:
    """Who, what, for how long: a silence that is forgotten hides an outage."""
    wish = SilenceLike(incident_id=office.incident.id, by="<ana>", length_s=3600)
    said, everybody = office.socket.answer(wish)
    ((made, _),) = office.teller.silences()
    assert everybody
    assert "&lt;ana&gt; silenced this and its like for 1 hour" in said
    assert f"causewatch silence expire {made.id}" in said
    assert made.ends_at_ns - made.starts_at_ns == 3600 * 10**9
    assert (made.created_by, made.comment) == ("<ana>", "from Slack, for 1 hour")


def test_what_cannot_be_done_is_said_to_whoever_asked(office: Office) -> None:
    """Gone incidents, refusals, strangers: each a sentence, each counted."""
    said, everybody = office.socket.answer(Acknowledge(incident_id="gone", by="ana"))
    assert (said, everybody) == ("There is no incident gone any more.", False)
    said, everybody = office.socket.answer(NotAllowed(by="eve", user_id="U2"))
    assert ("U2" in said, everybody) == (True, False)
    assert (office.count("unknown"), office.count("not_allowed")) == (1, 1)
    assert office.teller.silences() == ()
    refused = office.teller.silence((), starts_at_ns=0, ends_at_ns=1, created_by="a", comment="b")
    assert isinstance(refused, Refusal)


class Listening:
    """The socket running in a thread against Slack's far end on loopback."""

    def __init__(self, office: Office, slack: FakeSlack) -> None:
        self.office, self.slack = office, slack
        self.far = FakeSocket()
        self.stopping = threading.Event()
        self.thread = threading.Thread(target=office.socket.run, args=(self.stopping,), daemon=True)

    def __enter__(self) -> FakeSocket:
        self.slack.socket_url = self.far.url
        self.far.__enter__()
        self.thread.start()
        return self.far

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self.far.__exit__()  # first: else the client waits for its reading to time out
        self.thread.join(10)
        assert not self.thread.is_alive()


def test_pressed_buttons_come_over_the_websocket(office: Office, slack: FakeSlack) -> None:
    """Each envelope is acknowledged, done once however often it comes, and answered."""
    answered = threading.Event()
    slack.on_change = answered.set
    with Listening(office, slack) as far:
        to = far.connection()
        press_it = press(silence(f"3600 {office.incident.id}"), url=office.response_url)
        far.send(to, {"text": "hello"}, kind="events_api")
        far.send(to, press_it)
        far.send(to, press_it)
        far.send(to, press(acknowledge(office.incident.id), user="U0000009"))
        far.send(to, "nonsense")
        ending = press(acknowledge("gone") | {"action_ts": "2"}, url=office.response_url)
        far.send(to, ending)
        while len(slack.answers) < 2:
            assert answered.wait(10)
            answered.clear()
        assert office.is_connected() == 1
    assert office.is_connected() == 0
    assert {answer["response_type"] for answer in slack.answers} == {"in_channel", "ephemeral"}
    assert len(office.teller.silences()) == 1
    assert office.store.incident(office.incident.id) == office.incident


def test_a_lost_connection_is_made_anew(office: Office, slack: FakeSlack) -> None:
    """Slack ends connections every few hours, and says so beforehand."""
    with Listening(office, slack) as far:
        first = far.connection()
        first.send('{"type": "disconnect", "reason": "refresh_requested"}')
        first.close()
        to = far.connection()
        far.send(to, press(acknowledge(office.incident.id)))
    found = office.store.incident(office.incident.id)
    assert found is not None
    assert found.acknowledged_by


def test_a_refused_token_is_tried_again(
    office: Office, slack: FakeSlack, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The daemon runs on without buttons, and has them once Slack takes the token."""
    monkeypatch.setattr("causewatch.notify.slack.socket.AGAIN_S", 0.01)
    slack.faults = [
        Fault(error="invalid_auth", method="apps.connections.open"),
        Fault(trouble="close", method="apps.connections.open"),
    ]
    with Listening(office, slack) as far:
        far.connection()
    assert slack.calls.count("apps.connections.open") == 3


@pytest.mark.parametrize(
    "url",
    ["", "http://169.254.169.254/latest", "https://hooks.slack.com.evil.example/x", "file:///etc",
     "http://[::1", "https://evil.example/?https://hooks.slack.com/"],
)  # fmt: skip
def test_answers_go_to_slack_alone(office: Office, url: str) -> None:
    """An address in a payload is not followed wherever it leads."""
    assert not office.socket._is_slack(url)
    assert office.socket._is_slack("https://hooks.slack.com/actions/T1/1/x")
    assert office.socket._is_slack(office.response_url)


def test_what_was_pressed_is_remembered_within_a_limit(office: Office) -> None:
    """The oldest are forgotten."""
    assert all(office.socket._is_new(str(n)) for n in range(MAX_KNOWN_COUNT + 1))
    assert not office.socket._is_new("1")
    assert office.socket._is_new("0")


CONFIG = """\
receivers:
- name: a
  slack_configs: [{bot_token: xoxb-1, channel: c}]
  webhook_configs: [{url: "https://x"}]
"""


def load(folder: Path, text: str) -> Any:
    """Return the configuration of a text."""
    path = folder / "causewatch.yaml"
    path.write_text(CONFIG + text, encoding="utf-8")
    return load_config(path)


def test_the_section_gives_bot_messages_their_buttons(tmp_path: Path) -> None:
    """One app for all channels; the token is in no representation."""
    found = load(tmp_path, "slack: {app_token: xapp-1, allow: [U012AB3CD]}\n")
    assert found.receivers[0].slack[0].actions
    assert found.slack == SlackApp(app_token="xapp-1", allow=frozenset({"U012AB3CD"}))
    assert "xapp-1" not in repr(found.slack)
    assert not load(tmp_path, "").receivers[0].slack[0].actions


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("slack: {app_token: xapp-1}", "5:8: error: a slack section needs the key 'allow'"),
        ("slack: {allow: [U012AB3CD]}", "5:8: error: give `app_token` or `app_token_file`"),
        ("slack: {app_token: xoxb-1, allow: []}", "5:8: error: Socket Mode takes an app-level"),
        ("slack: {app_token: xapp-1, allow: ['@ana']}", "'@ana' is not the id of a user"),
        ("slack: {app_token: xapp-1, alow: []}", "did you mean 'allow'?"),
        ("slack: {app_token_file: gone, allow: []}", "gone cannot be read"),
    ],
)
def test_what_is_wrong_with_the_section_is_said_at_its_place(
    tmp_path: Path, text: str, expected: str
) -> None:
    """File, line, column."""
    with pytest.raises(ProblemsError) as refused:
        load(tmp_path, text)
    assert expected in str(refused.value)
