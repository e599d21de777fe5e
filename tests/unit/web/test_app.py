"""The pages, the API and the probes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from causewatch.errors import UserError
from causewatch.notify.config import Links
from causewatch.store.record import StoredRun
from causewatch.store.sqlite import SqliteStore
from causewatch.telemetry.metrics import Metrics
from causewatch.web import create_web_app
from causewatch.web.app import MAX_PURGE_BYTES
from causewatch.web.reader import Health, Reloaded
from notify_fixtures import NOW, S, a_cause, an_alert, opened, resolved, step_ref, then
from web_client import Browser

PATHS = ["/", "/style.css", "/api/v1/incidents", "/api/v1/alerts", "/metrics", "/incidents/x"]
OTHER = a_cause(origin=step_ref("other", "clerk"))


def client(
    store: SqliteStore | None = None,
    *,
    health: Callable[[], Health] = Health,
    reload: Callable[[], Reloaded] = Reloaded,
    **rest: Any,
) -> Browser:
    """Return a browser on the application."""
    made = store or SqliteStore()
    app = create_web_app(made, Metrics(), health=health, reload=reload, **rest)
    return Browser(app)


def a_store() -> SqliteStore:
    """Return a store with an open and a resolved incident, alerts and a run."""
    store = SqliteStore()
    ended = opened(an_alert("Old", cause=OTHER)).incident
    store.put_incidents([
        opened().incident,
        then(ended, resolved(an_alert("Old", cause=OTHER))).incident,
    ])  # fmt: skip
    store.put_alerts([an_alert(), resolved(an_alert("Old"))])
    summary = b'{"run":"run-1","verdict":"corrupted"}'
    store.put_run(
        StoredRun(run_id="run-1", trace_ids=(), summary=summary, explanation="the account & more")
    )
    return store


def test_incidents_are_listed_open_first() -> None:
    """The resolved one is newer, the open one is what people came for."""
    page = client(a_store()).get("/").text
    assert page.index("stock_lookup") < page.index("at other (clerk)")
    assert f"/incidents/{opened().incident.id}" in page


def test_an_incident_has_the_account_of_its_newest_run() -> None:
    """The text of ``explain``, escaped; the newest run that the store still has."""
    store = a_store()
    incident = then(opened().incident, an_alert(run_ids=("run-1", "run-2", "pruned"))).incident
    store.put_run(StoredRun(run_id="run-2", trace_ids=(), explanation="<b>newest</b>"))
    store.put_incidents([incident])
    page = client(store).get(f"/incidents/{incident.id}").text
    assert "&lt;b&gt;newest&lt;/b&gt;" in page
    assert "the account" not in page


def test_an_incident_without_a_run_is_shown_all_the_same() -> None:
    """Its cause is in the incident; only the account is missing."""
    store = SqliteStore()
    store.put_incidents([opened().incident])
    answer = client(store).get(f"/incidents/{opened().incident.id}")
    assert answer.status_code == 200
    assert "First corrupted by" in answer.text
    assert "Newest run" not in answer.text


def test_an_incident_that_is_not_there() -> None:
    """A page, not a traceback, whatever the id is."""
    for path in ("/incidents/none", "/incidents/%3Cscript%3E", "/incidents/%00"):
        answer = client().get(path)
        assert answer.status_code == 404
        assert "no such incident" in answer.text
        assert "<script" not in answer.text
    assert client().get("/api/v1/incidents/none").status_code == 404


def test_links_follow_the_configuration() -> None:
    """The trace in the user's backend, from the same template as in Slack."""
    links = Links(trace_url="https://t.example.com/{{ $trace_id }}")
    page = client(a_store(), links=lambda: links).get(f"/incidents/{opened().incident.id}").text
    assert 'href="https://t.example.com/aaaa' in page


@pytest.mark.parametrize("path", [*PATHS, "/-/healthy", "/nowhere"])
def test_every_answer_is_locked_down(path: str) -> None:
    """Nothing may be loaded but our stylesheet, nothing runs, nothing is cached or framed."""
    headers = client().get(path).headers
    policy = headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "frame-ancestors 'none'" in policy
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["cache-control"] == "no-store"


def test_pages_need_no_script_and_no_inline_style() -> None:
    """The policy would refuse them; the stylesheet knows light and dark."""
    browser = client(a_store())
    for path in ("/", f"/incidents/{opened().incident.id}"):
        page = browser.get(path).text
        assert "<script" not in page
        assert "style=" not in page
    sheet = browser.get("/style.css")
    assert "prefers-color-scheme: dark" in sheet.text
    assert sheet.headers["content-type"].startswith("text/css")


@pytest.mark.parametrize(
    ("query", "count"), [("", 2), ("?state=open", 1), ("?state=resolved", 1), ("?limit=1", 1)]
)
def test_incidents_as_json(query: str, count: int) -> None:
    """By state and up to a limit; with cause, alerts, runs and times."""
    found = client(a_store()).get(f"/api/v1/incidents{query}").json()["incidents"]
    assert len(found) == count
    assert {incident["state"] for incident in found} <= {"open", "resolved"}
    assert found[0]["cause"]["category"] == "tool_failure"
    assert found[0]["opened_at"] == "2026-09-21T14:13:20.000Z"


@pytest.mark.parametrize(
    "query", ["?state=x", "?limit=0", "?limit=-1", "?limit=99999", "?limit=x", "?limit=%C2%B2"]
)
def test_bad_questions_are_refused(query: str) -> None:
    """With a sentence that says what would be right."""
    answer = client().get(f"/api/v1/incidents{query}")
    assert answer.status_code == 400
    assert "limit 1 to 1000" in answer.json()["error"]


def test_one_incident_as_json_has_its_explanation() -> None:
    """The line of ``explain`` of its newest run; nothing where it cannot be read."""
    store = a_store()
    path = f"/api/v1/incidents/{opened().incident.id}"
    assert client(store).get(path).json()["explain"] == {"run": "run-1", "verdict": "corrupted"}
    store.put_run(StoredRun(run_id="run-1", trace_ids=(), summary=b"torn"))
    assert client(store).get(path).json()["explain"] == {}


def test_alerts_as_json() -> None:
    """Active ones; all of them where that is asked for."""
    browser = client(a_store())
    (alert,) = browser.get("/api/v1/alerts").json()["alerts"]
    assert (alert["alertname"], alert["state"]) == ("ToolFailed", "firing")
    assert alert["resolved_at"] is None
    assert len(browser.get("/api/v1/alerts?all=true").json()["alerts"]) == 2


def test_metrics_are_for_prometheus() -> None:
    """The daemon's own registry, in the text format."""
    answer = client().get("/metrics")
    assert "causewatch_outbox_rows" in answer.text
    assert answer.headers["content-type"].startswith("text/plain")


@pytest.mark.parametrize(
    ("health", "healthy", "ready"),
    [
        (Health(), 200, 200),
        (Health(unready=("rules are not loaded",)), 200, 503),
        (Health(unhealthy=("the disk is full",)), 503, 503),
    ],
)
def test_probes(health: Health, healthy: int, ready: int) -> None:
    """Health asks for a restart, readiness for patience; both say why."""
    browser = client(health=lambda: health)
    assert browser.get("/-/healthy").status_code == healthy
    answer = browser.get("/-/ready")
    assert answer.status_code == ready
    assert all(why in answer.text for why in (*health.unready, *health.unhealthy))


@pytest.mark.parametrize(
    ("done", "status"),
    [
        (Reloaded(revision="abc"), 200),
        (Reloaded(problems=("a.yaml:1:1: error: bad [x]",), revision="old"), 400),
        (Reloaded(failed="the folder is gone"), 500),
    ],
)
def test_a_reload_answers_with_what_came_of_it(done: Reloaded, status: int) -> None:
    """The problems are all there, and which rules are in force."""
    answer = client(reload=lambda: done).post("/-/reload")
    assert answer.status_code == status
    assert answer.json()["problems"] == list(done.problems)
    assert answer.json()["revision"] == done.revision


def test_a_reload_is_a_post_from_here() -> None:
    """A link or another site's page cannot cause it."""
    calls: list[int] = []

    def reload() -> Reloaded:
        calls.append(1)
        return Reloaded()

    browser = client(reload=reload)
    assert browser.get("/-/reload").status_code == 405
    assert browser.post("/-/reload", headers={"sec-fetch-site": "cross-site"}).status_code == 403
    assert calls == []
    assert browser.post("/-/reload", headers={"sec-fetch-site": "same-origin"}).status_code == 200
    assert calls == [1]


@pytest.mark.parametrize("path", [*PATHS, "/-/reload", "/nowhere"])
@pytest.mark.parametrize(
    "authorization", [None, "", "Bearer", "Bearer wrong", "Basic c2VjcmV0", "secret", "Bearer é"]
)
def test_without_the_token_nothing_is_told(path: str, authorization: str | None) -> None:
    """Pages, API, metrics and reload alike, and whether a path exists is not told either."""
    headers = {} if authorization is None else {"authorization": authorization.encode()}
    answer = client(a_store(), bearer_token="secret").get(path, headers=headers)
    assert answer.status_code == 401
    assert answer.headers["www-authenticate"].startswith("Bearer")
    assert "stock_lookup" not in answer.text


def test_with_the_token_everything_is_told() -> None:
    """The scheme's case does not matter; probes need no token."""
    browser = client(a_store(), bearer_token="secret")
    assert browser.get("/", headers={"authorization": "bearer secret"}).status_code == 200
    assert browser.get("/-/healthy").status_code == 200
    assert browser.get("/-/ready").status_code == 200


def test_many_runs_do_not_slow_a_page() -> None:
    """Only the newest runs are looked for, whatever an incident has gathered."""
    runs = tuple(f"gone-{n}" for n in range(100))
    store = SqliteStore()
    incident = opened(an_alert(run_ids=runs)).incident
    store.put_incidents([incident])
    store.put_run(StoredRun(run_id="gone-0", trace_ids=(), explanation="too old to look for"))
    page = client(store).get(f"/incidents/{incident.id}").text
    assert "too old" not in page
    assert NOW // S > 0


def test_a_purge_is_posted_and_answered_line_by_line() -> None:
    """The body goes to the daemon as it is; without one, there is nothing to post to."""
    asked: list[bytes] = []

    def purge(body: bytes) -> Iterator[bytes]:
        asked.append(body)
        yield b'{"step":1}\n'
        yield b'{"purged":2}\n'

    answer = client(purge=purge).post("/-/purge", content=b"some request")
    assert (answer.status_code, answer.text) == (200, '{"step":1}\n{"purged":2}\n')
    assert asked == [b"some request"]
    assert client().post("/-/purge").status_code == 404
    assert client(purge=purge).get("/-/purge").status_code == 405


def test_a_purge_that_means_nothing_is_refused() -> None:
    """400 with the reason; a request that is too large, or does not say how large, 413."""

    def purge(_body: bytes) -> Iterator[bytes]:
        raise UserError("say what to forget")

    answer = client(purge=purge).post("/-/purge", content=b"{}")
    assert (answer.status_code, answer.json()) == (400, {"error": "say what to forget"})
    large = b" " * (MAX_PURGE_BYTES + 1)
    assert client(purge=purge).post("/-/purge", content=large).status_code == 413
    foreign = {"sec-fetch-site": "cross-site"}
    assert client(purge=purge).post("/-/purge", content=b"{}", headers=foreign).status_code == 403
