"""The API that changes something: silences in Alertmanager's shape, and deeds done to incidents."""

from __future__ import annotations

import json
from typing import Any

import pytest

from causewatch.web.asked import MAX_BODY_BYTES, AskedSilence, asked_silence
from desk_fixtures import Desk
from notify_fixtures import opened


@pytest.fixture(name="desk")
def _desk() -> Desk:
    return Desk()


def test_a_silence_is_added_listed_and_expired(desk: Desk) -> None:
    """In the shape of Alertmanager's API, so that tools for it need not change."""
    answer = desk.browser.send("POST", "/api/v1/silences", desk.silence())
    assert answer.status_code == 200
    silence_id = answer.json()["silenceID"]
    (found,) = desk.browser.get("/api/v1/silences").json()["silences"]
    assert found["id"] == silence_id
    assert found["status"] == {"state": "active"}
    assert found["matchers"] == [
        {"name": "severity", "value": "ticket", "isRegex": False, "isEqual": True}
    ]
    desk.clock.advance(60)
    path = f"/api/v1/silences/{silence_id}"
    assert desk.browser.send("DELETE", path, {}).status_code == 200
    assert desk.browser.send("DELETE", path, {}).status_code == 409
    assert desk.browser.get("/api/v1/silences").json() == {"silences": []}
    (over,) = desk.browser.get("/api/v1/silences?all=true").json()["silences"]
    assert over["status"] == {"state": "expired"}


@pytest.mark.parametrize(
    ("matcher", "op"),
    [
        ({"name": "a", "value": "b"}, "="),
        ({"name": "a", "value": "b", "isEqual": False}, "!="),
        ({"name": "a", "value": "b", "isRegex": True}, "=~"),
        ({"name": "a", "value": "b", "isRegex": True, "isEqual": False}, "!~"),
        ('a!~"b"', "!~"),
    ],
)
def test_matchers_are_objects_or_text(desk: Desk, matcher: object, op: str) -> None:
    """The four operators, as Alertmanager spells them in JSON, and as routes do."""
    found = asked_silence(json.dumps(desk.silence(matchers=[matcher])).encode())
    assert isinstance(found, AskedSilence)
    assert [(m.name, m.op, m.value) for m in found.matchers] == [("a", op, "b")]


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"matchers": []}, "a silence has 1 to"),
        ({"matchers": [{"name": "a", "value": "(", "isRegex": True}]}, "regular expression"),
        ({"matchers": ["a b"]}, "one of ="),
        ({"matchers": [{"name": "a", "value": ""}]}, "must ask for something"),
        ({"matchers": 1}, "Expected `array`"),
        ({"endsAt": "tomorrow"}, "a time is such as"),
        ({"endsAt": "2026-11-23T10:00:00"}, "with its zone"),
        ({"endsAt": "9999-12-31T23:59:59Z"}, "within 366 days"),
        ({"startsAt": "0001-01-01T00:00:00Z", "endsAt": "0001-01-01T00:00:01Z"}, "over already"),
        ({"comment": ""}, "say why"),
        ({"createdBy": ""}, "who asks"),
        ({"id": "abc"}, "is not changed"),
    ],
)
def test_a_bad_silence_is_refused_with_a_sentence(
    desk: Desk, changes: dict[str, Any], reason: str
) -> None:
    """And nothing is stored."""
    answer = desk.browser.send("POST", "/api/v1/silences", desk.silence(**changes))
    assert answer.status_code == 400
    assert reason in answer.json()["error"]
    assert desk.store.silences() == ()


@pytest.mark.parametrize("path", ["/api/v1/silences", "/api/v1/incidents/x/resolve"])
def test_what_is_no_json_is_refused(desk: Desk, path: str) -> None:
    """A form on another site's page cannot post this; a body has a limit."""
    assert desk.browser.post(path).status_code == 415
    assert desk.browser.send("POST", path, b"{").status_code == 400
    assert desk.browser.send("POST", path, b" " * (MAX_BODY_BYTES + 1)).status_code == 413


def test_other_sites_and_strangers_are_kept_out() -> None:
    """The guard stands before every path, also before what deletes."""
    guarded = Desk(bearer_token="secret")
    assert guarded.browser.send("POST", "/api/v1/silences", {}).status_code == 401
    assert guarded.browser.send("DELETE", "/api/v1/silences/x", {}).status_code == 401


def test_people_handle_incidents(desk: Desk) -> None:
    """Acknowledge, resolve, reopen; each is told, a second time is a conflict."""
    incident = opened().incident
    desk.store.put_incidents([incident])
    path = f"/api/v1/incidents/{incident.id}"
    body = {"by": "Ana", "comment": "looking"}
    for deed, state in (("acknowledge", "open"), ("resolve", "resolved"), ("reopen", "open")):
        answer = desk.browser.send("POST", f"{path}/{deed}", body)
        assert answer.status_code == 200, answer.text
        assert answer.json()["incident"]["state"] == state
        assert desk.store.incident(incident.id) is not None
    assert desk.browser.send("POST", f"{path}/reopen", body).status_code == 409
    assert desk.woken > 0
    shown = desk.browser.get(path).json()["incident"]
    assert (shown["acknowledged_by"], shown["closed_by"]) == (None, None)


@pytest.mark.parametrize(
    ("path", "body", "status", "error"),
    [
        ("/api/v1/incidents/none/resolve", {"by": "Ana"}, 404, "no such incident"),
        ("/api/v1/incidents/none/delete", {"by": "Ana"}, 404, "acknowledge, resolve, reopen"),
        ("/api/v1/incidents/none/resolve", {}, 400, "by"),
        ("/api/v1/incidents/none/resolve", {"by": 1}, 400, "by"),
    ],
)
def test_what_cannot_be_done_says_why(
    desk: Desk, path: str, body: object, status: int, error: str
) -> None:
    """No traceback, whatever is asked for."""
    answer = desk.browser.send("POST", path, body)
    assert answer.status_code == status
    assert error in answer.json()["error"]


def test_a_silence_that_is_not_there_is_missing(desk: Desk) -> None:
    """Whatever its id is."""
    assert desk.browser.send("DELETE", "/api/v1/silences/none", {}).status_code == 404


def test_silences_are_counted(desk: Desk) -> None:
    """By state, at each review."""
    desk.browser.send("POST", "/api/v1/silences", desk.silence())
    planned = desk.silence(startsAt=desk.at(600))
    desk.browser.send("POST", "/api/v1/silences", planned)
    desk.teller.review()
    sample = desk.metrics.registry.get_sample_value
    assert sample("causewatch_silences", {"state": "active"}) == 1
    assert sample("causewatch_silences", {"state": "pending"}) == 1


def test_what_is_held_back_is_counted(desk: Desk) -> None:
    """Once a change, by what holds it back."""
    desk.browser.send("POST", "/api/v1/silences", desk.silence())
    desk.teller.tell([opened()], desk.clock.now_ns())
    sample = desk.metrics.registry.get_sample_value
    assert sample("causewatch_notifications_suppressed_total", {"reason": "silence"}) == 1
    assert desk.woken == 0
