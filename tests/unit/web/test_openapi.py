"""The document on the API and what the API really does are one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest
from jsonschema import Draft202012Validator
from starlette.routing import Route

from causewatch.store.record import OutboxRow
from causewatch.web.openapi import PATH
from causewatch.web.operations import OPERATIONS
from causewatch.web.rules import GroupStatus, RulesStatus, RuleStatus
from causewatch.web.schemas import SCHEMAS
from causewatch.web.status import FileStatus, Status
from desk_fixtures import Desk
from notify_fixtures import NOW, an_alert, opened

PAGES = {"/", "/style.css", "/incidents/{incident_id}"}
"""For people, not for tools."""
RULE = RuleStatus(id="g/A", name="A", kind="path", place="a.yaml:3", version="v1")
RULES = RulesStatus(
    revision="r1",
    sha256="ab",
    groups=(GroupStatus(name="g", file="a.yaml", interval_s=1.0, rules=(RULE,)),),
)
STATUS = Status(version="1", started_at_ns=10**18, config=FileStatus(), rules=FileStatus())


class Letters:
    """One message that was given up."""

    def dead(self, **_: object) -> tuple[OutboxRow, ...]:
        """Return it."""
        row = OutboxRow(
            message_id="m",
            target="team/webhook/0",
            incident=opened().incident,
            action="open",
            reason="opened",
            in_place=False,
            created_at_ns=NOW,
            due_at_ns=NOW,
        )
        return (row,)

    def replay(self, numbers: Sequence[int], **_: object) -> tuple[int, ...]:
        """Take what is asked for."""
        return tuple(numbers)


@pytest.fixture(name="desk")
def _desk() -> Desk:
    desk = Desk(
        rules=lambda: RULES,
        status=lambda: STATUS,
        purge=lambda _body: iter(()),
        letters=Letters(),
    )
    desk.store.put_incidents([opened().incident])
    desk.store.put_alerts([an_alert()])
    return desk


def strict(schema: Any) -> Any:
    """Return a schema that refuses what it does not name, so that the test sees it."""
    if isinstance(schema, list):
        return [strict(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    found = {key: strict(value) for key, value in schema.items()}
    if isinstance(schema.get("properties"), dict) and "additionalProperties" not in schema:
        found["additionalProperties"] = False
    return found


def problems(document: Any, schema: Any, value: Any) -> list[str]:
    """Return what a value has that its schema does not say, or lacks."""
    whole = strict({**schema, "components": document["components"]})
    return [error.message for error in Draft202012Validator(whole).iter_errors(value)]


def test_every_route_is_in_the_document_and_nothing_else(desk: Desk) -> None:
    """A new handler without its line in the table fails here."""
    served = {
        (method.lower(), route.path)
        for route in desk.app.routes
        if isinstance(route, Route) and route.path not in PAGES
        for method in route.methods or ()
        if method != "HEAD"
    }
    paths = desk.browser.get(PATH).json()["paths"]
    told = {(method, path) for path, methods in paths.items() for method in methods}
    assert told == served
    assert told == {(operation.method, operation.path) for operation in OPERATIONS}


def test_what_a_daemon_does_not_offer_is_not_told() -> None:
    """The document is on this daemon, not on all that there are."""
    assert "/-/purge" not in Desk().browser.get(PATH).json()["paths"]


@pytest.mark.parametrize(
    "path",
    [
        "/api/v1/incidents",
        "/api/v1/alerts",
        "/api/v1/silences",
        "/api/v1/rules",
        "/api/v1/status",
        "/api/v1/dead-letters",
    ],
)
def test_answers_are_as_the_document_says(desk: Desk, path: str) -> None:
    """All that it names is there, and nothing that it does not name."""
    added = desk.browser.send("POST", "/api/v1/silences", desk.silence())
    assert added.status_code == 200
    document = desk.browser.get(PATH).json()
    described = document["paths"][path]["get"]["responses"]["200"]
    schema = described["content"]["application/json"]["schema"]
    answer = desk.browser.get(path).json()
    assert problems(document, schema, answer) == []
    (key,) = schema.get("required", ["rest"])[:1]
    assert problems(document, schema, {**answer, key: 1, "more": 1})


def test_one_incident_and_what_is_done_to_it(desk: Desk) -> None:
    """The longest answers, with placeholders in their paths."""
    document = desk.browser.get(PATH).json()
    path = f"/api/v1/incidents/{opened().incident.id}"
    assert problems(document, SCHEMAS["Explained"], desk.browser.get(path).json()) == []
    done = desk.browser.send("POST", f"{path}/acknowledge", {"by": "Ana"})
    assert done.status_code == 200
    assert problems(document, SCHEMAS["Incident"], done.json()["incident"]) == []


def test_what_is_asked_for_is_as_the_document_says(desk: Desk) -> None:
    """A body that the document allows is taken."""
    document = desk.browser.get(PATH).json()
    body = desk.silence(matchers=['a="b"', {"name": "c", "value": "d"}])
    assert problems(document, SCHEMAS["AskedSilence"], body) == []
    assert desk.browser.send("POST", "/api/v1/silences", body).status_code == 200
    replay = {"numbers": [1, 2]}
    assert problems(document, SCHEMAS["AskedReplay"], replay) == []
    queued = desk.browser.send("POST", "/api/v1/dead-letters/replay", replay)
    assert queued.json() == {"queued": [1, 2]}
    refused = desk.browser.send("POST", "/api/v1/silences", desk.silence(comment=""))
    assert problems(document, SCHEMAS["Error"], refused.json()) == []
    assert problems(document, SCHEMAS["Reloaded"], desk.browser.post("/-/reload").json()) == []


def test_schemas_are_sound_and_all_of_them_are_used(desk: Desk) -> None:
    """Each reference leads somewhere, and each shape is referred to."""
    answer = desk.browser.get(PATH)
    assert answer.json()["openapi"] == "3.1.0"
    for name, schema in SCHEMAS.items():
        Draft202012Validator.check_schema(schema)
        assert f'"#/components/schemas/{name}"' in answer.text
    used = set(answer.text.split('"#/components/schemas/'))
    assert {each.partition('"')[0] for each in used if not each.startswith("{")} <= set(SCHEMAS)


def test_ids_are_unique_and_paths_have_their_parameters(desk: Desk) -> None:
    """Generators of clients name functions after them."""
    document = desk.browser.get(PATH).json()
    ids = [one["operationId"] for path in document["paths"].values() for one in path.values()]
    assert len(set(ids)) == len(ids)
    shown = document["paths"]["/api/v1/incidents/{incident_id}"]["get"]
    assert [(p["name"], p["in"], p["required"]) for p in shown["parameters"]] == [
        ("incident_id", "path", True)
    ]


def test_only_probes_need_no_token() -> None:
    """As the guard has it."""
    desk = Desk(bearer_token="secret")
    answer = desk.browser.get(PATH, headers={"authorization": "Bearer secret"})
    paths = answer.json()["paths"]
    opened_paths = {p for p, methods in paths.items() for o in methods.values() if "security" in o}
    assert opened_paths == {"/-/healthy", "/-/ready"}
    for path in opened_paths:
        assert desk.browser.get(path).status_code == 200
    assert desk.browser.get(PATH).status_code == 401


@pytest.mark.parametrize(
    ("method", "path", "body", "template", "status"),
    [
        ("GET", "/api/v1/incidents?limit=0", b"", "/api/v1/incidents", 400),
        ("GET", "/api/v1/incidents?limit=1001", b"", "/api/v1/incidents", 400),
        ("GET", "/api/v1/incidents/no", b"", "/api/v1/incidents/{incident_id}", 404),
        (
            "POST",
            "/api/v1/incidents/no/resolve",
            {"by": "Ana"},
            "/api/v1/incidents/{incident_id}/{deed}",
            404,
        ),
        ("POST", "/api/v1/silences", b"{", "/api/v1/silences", 400),
        ("POST", "/api/v1/silences", b" " * 100_000, "/api/v1/silences", 413),
        ("DELETE", "/api/v1/silences/no", {}, "/api/v1/silences/{silence_id}", 404),
        ("GET", "/api/v1/dead-letters?limit=x", b"", "/api/v1/dead-letters", 400),
        ("POST", "/api/v1/dead-letters/replay", {}, "/api/v1/dead-letters/replay", 400),
    ],
)
def test_refusals_are_told_beforehand(
    desk: Desk, *, method: str, path: str, body: object, template: str, status: int
) -> None:
    """The code is in the document, and the answer is a sentence."""
    document = desk.browser.get(PATH).json()
    answer = desk.browser.send(method, path, body)
    assert answer.status_code == status
    responses = document["paths"][template][method.lower()]["responses"]
    schema = responses[str(status)]["content"]["application/json"]["schema"]
    assert problems(document, schema, answer.json()) == []
