"""The limit of a receiver: the first are told, a digest names and counts the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec
import pytest

from causewatch.incidents.gather import REOPEN_WITHIN_NS, gather
from causewatch.incidents.matcher import Matcher
from causewatch.incidents.silence import Silence
from causewatch.model.finding import Alert, Cause
from causewatch.notify.config import (
    DIGEST_KEY,
    Alerting,
    Links,
    Receiver,
    SlackConfig,
    WebhookConfig,
    targets_of,
)
from causewatch.notify.digest import MAX_NAMED_COUNT, Crowd, digest_of
from causewatch.notify.links import incident_url
from causewatch.notify.review import review
from causewatch.notify.slack.render import Rendering, render
from causewatch.notify.slack.text import plain_text
from causewatch.notify.tell import tell
from causewatch.store.record import OutboxRow
from causewatch.store.sqlite import SqliteStore
from fake_slack import problem_of
from notify_fixtures import NOW, VirtualClock, an_alert, opened, resolved, route_to

LIMIT = 3
SLACK, WEBHOOK = "slack", "webhook"
INTERVAL_S = 60.0


def trouble(number: int, severity: str = "ticket") -> Alert:
    """Return an alert that is an incident of its own."""
    return an_alert(f"Trouble{number}", cause=Cause(), labels={"severity": severity})


class Storm:
    """A team whose two places take three new incidents a minute."""

    def __init__(self, limit: int = LIMIT, **route: Any) -> None:
        self.clock = VirtualClock()
        self.store = SqliteStore()
        self.limited(limit, **route)

    def limited(self, limit: int, **route: Any) -> None:
        """Set the limit, as a changed configuration does."""
        team = Receiver(
            name="team",
            slack=(SlackConfig(channel="#agents", bot_token="x"),),
            webhooks=(WebhookConfig(url="https://example.com"),),
            limit=limit,
        )
        self.names = {str(t.integration): t.name for t in targets_of(team)}
        self.alerting = Alerting(
            route=route_to(group_interval_s=INTERVAL_S, **route), receivers={"team": team}
        )

    def fire(self, *alerts: Alert) -> None:
        """Let alerts change, in one slot of their rule group."""
        now_ns = self.clock.now_ns()
        with self.store.transaction():
            live = self.store.live_incidents(resolved_since_ns=now_ns - REOPEN_WITHIN_NS)
            changes = gather(live, alerts, now_ns)
            self.store.put_alerts(alerts)
            self.store.put_incidents([change.incident for change in changes])
            tell(self.store, changes, alerting=self.alerting, now_ns=now_ns)

    def later(self, seconds: float = 5) -> None:
        """Let time go by, and look at what it made due."""
        self.clock.advance(seconds)
        review(self.store, self.alerting, now_ns=self.clock.now_ns())

    def take(self, place: str) -> list[OutboxRow]:
        """Return what is queued for a place and due, as sent."""
        rows = [
            row
            for row in self.store.unfinished(self.names[place])
            if row.due_at_ns <= self.clock.now_ns()
        ]
        for row in rows:
            self.store.put_outbox(msgspec.structs.replace(row, state="sent"))
        return rows


def kinds(rows: Iterable[OutboxRow]) -> list[str]:
    """Return what rows are: the action, of a digest with its count."""
    return sorted(
        f"digest {row.action} {row.incident.alerts[0].value:.0f}"
        if row.incident.key == DIGEST_KEY
        else row.action
        for row in rows
    )


@pytest.mark.parametrize("place", [SLACK, WEBHOOK])
@pytest.mark.parametrize("count", [4, 40, 500])
def test_the_first_are_told_and_one_digest_counts_the_others(place: str, count: int) -> None:
    """Five hundred incidents at once are the limit and one message more."""
    storm = Storm()
    storm.fire(*map(trouble, range(count)))
    assert kinds(storm.take(place)) == ["open"] * LIMIT
    storm.later()
    (row,) = storm.take(place)
    assert kinds([row]) == [f"digest open {count - LIMIT}"]
    (alert,) = row.incident.alerts
    more = count - LIMIT
    said = "1 more incident is open" if more == 1 else f"{more} more incidents are open"
    assert row.incident.title == f"Over the limit of receiver team: {said}"
    assert alert.annotations["summary"] == f"More than 3 in 1 min: {said}."
    assert len(alert.evidence) == min(more, MAX_NAMED_COUNT + 1)
    storm.later()
    assert storm.take(place) == []


def test_within_the_limit_there_is_no_digest() -> None:
    """And the limit is of an interval, not of a life."""
    storm = Storm()
    for number in range(20):
        storm.fire(trouble(number))
        storm.later(INTERVAL_S / LIMIT)
    assert kinds(storm.take(WEBHOOK)) == ["open"] * 20


def test_what_fits_later_is_told_by_itself_and_the_digest_ends() -> None:
    """Nothing that is still open stays a number for good."""
    storm = Storm()
    storm.fire(*map(trouble, range(LIMIT + 2)))
    storm.later()
    assert kinds(storm.take(WEBHOOK)) == ["digest open 2", "open", "open", "open"]
    storm.later(INTERVAL_S)
    assert kinds(storm.take(WEBHOOK)) == ["digest resolve 0", "open", "open"]
    storm.later(INTERVAL_S)
    assert storm.take(WEBHOOK) == []


def test_a_crowd_stays_in_the_digest_until_it_fits() -> None:
    """Forty that stay open are not told one by one for a quarter of an hour."""
    storm = Storm()
    alerts = [trouble(number) for number in range(40)]
    storm.fire(*alerts)
    storm.later()
    storm.take(SLACK)
    for _ in range(10):
        storm.later(INTERVAL_S)
    assert storm.take(SLACK) == []
    storm.fire(*map(resolved, alerts[:38]))
    storm.later()
    rows = storm.take(SLACK)
    assert kinds(r for r in rows if r.action == "open") == ["open", "open"]
    digests = [row for row in rows if row.incident.key == DIGEST_KEY]
    assert {row.action for row in digests} == {"resolve", "thread"}
    assert digests[0].incident.title.endswith("told or over, 35 ended untold")


def test_the_digest_changes_in_place_once_an_interval() -> None:
    """More of the same storm is a higher number in the same Slack message, and no new one."""
    storm = Storm()
    storm.fire(*map(trouble, range(10)))
    storm.later()
    (first,) = [row for row in storm.take(SLACK) if row.incident.key == DIGEST_KEY]
    for number in range(10, 16):
        storm.fire(trouble(number))
        storm.later()
    assert storm.take(SLACK) == []
    storm.later(INTERVAL_S)
    (second,) = storm.take(SLACK)
    assert kinds([second]) == ["digest update 13"]
    assert second.incident.id == first.incident.id


def test_a_second_storm_is_a_message_of_its_own() -> None:
    """The digest of last week is not brought back."""
    storm, ids = Storm(), set()
    for start in (0, 100):
        storm.fire(*map(trouble, range(start, start + 4)))
        storm.later()
        ids |= {r.incident.id for r in storm.take(SLACK) if r.incident.key == DIGEST_KEY}
        storm.later(INTERVAL_S)
        storm.take(SLACK)
    assert len(ids) == 2


def test_pages_have_a_limit_of_their_own() -> None:
    """A hundred tickets do not hide a page; a hundred pages are limited, too."""
    storm = Storm()
    storm.fire(*map(trouble, range(100)))
    storm.fire(trouble(100, "page"))
    assert trouble(100, "page").alertname in {r.incident.alertnames[0] for r in storm.take(WEBHOOK)}
    storm.fire(*(trouble(number, "critical") for number in range(101, 150)))
    assert kinds(storm.take(WEBHOOK)) == ["open"] * (LIMIT - 1)
    storm.later()
    (row,) = storm.take(WEBHOOK)
    assert (kinds([row]), row.incident.severity) == (["digest open 144"], "critical")
    assert row.incident.alerts[0].evidence[0].startswith("Trouble1")


def test_what_came_and_went_untold_is_counted() -> None:
    """An incident that is over before there was room is in no message of its own."""
    storm = Storm()
    alerts = [trouble(number) for number in range(6)]
    storm.fire(*alerts)
    storm.fire(*map(resolved, alerts))
    storm.later()
    rows = storm.take(WEBHOOK)
    assert kinds(rows) == ["digest open 0", "digest resolve 0", *["open"] * 3, *["resolve"] * 3]
    assert rows[-1].incident.title.endswith("3 ended untold")
    storm.later()
    assert storm.take(WEBHOOK) == []


def test_the_end_of_what_was_told_is_always_told() -> None:
    """A pager rings until it hears of the end; a limit is no reason to let it."""
    storm = Storm()
    alerts = [trouble(number) for number in range(50)]
    storm.fire(*alerts)
    storm.take(WEBHOOK)
    storm.fire(*map(resolved, alerts[:LIMIT]))
    assert kinds(storm.take(WEBHOOK)) == ["resolve"] * LIMIT


def test_a_silence_that_ends_floods_nobody() -> None:
    """What a silence held back meets the limit like anything new."""
    storm = Storm()
    now_ns = storm.clock.now_ns()
    silence = Silence(
        id="s", matchers=(Matcher(name="severity", value="ticket"),), starts_at_ns=now_ns,
        ends_at_ns=now_ns + 10**12, created_by="Ana", comment="c", created_at_ns=now_ns,
        updated_at_ns=now_ns,
    )  # fmt: skip
    storm.store.put_silence(silence)
    storm.fire(*map(trouble, range(30)))
    storm.later()
    assert storm.take(WEBHOOK) == []
    storm.later(1001)
    assert kinds(storm.take(WEBHOOK)) == ["digest open 30"]


def test_reminders_wait_for_room() -> None:
    """After four hours the reminders of a hundred incidents come a few at a time."""
    storm = Storm(repeat_interval_s=3600.0)
    for number in range(12):
        storm.fire(trouble(number))
        storm.later(INTERVAL_S)
    storm.take(WEBHOOK)
    storm.later(2 * 3600)
    assert kinds(storm.take(WEBHOOK)) == ["open"] * LIMIT
    storm.later(INTERVAL_S)
    assert kinds(storm.take(WEBHOOK)) == ["open"] * LIMIT


def test_a_limit_that_is_taken_away_lets_all_of_them_go() -> None:
    """By a changed configuration: what waits is told, and the digest ends."""
    storm = Storm()
    storm.fire(*map(trouble, range(10)))
    storm.later()
    storm.take(WEBHOOK)
    storm.limited(0)
    storm.later()
    assert kinds(storm.take(WEBHOOK)) == ["digest resolve 0", *["open"] * 7]


def test_a_clock_that_steps_back_does_not_close_the_door() -> None:
    """What was told in a time to come takes no room."""
    storm = Storm()
    storm.clock.advance(86_400)
    storm.fire(*map(trouble, range(LIMIT)))
    storm.clock.advance(-86_400)
    storm.clock.time_ns = NOW
    storm.fire(*map(trouble, range(10, 10 + LIMIT)))
    assert kinds(storm.take(WEBHOOK)) == ["open"] * LIMIT


def test_retention_keeps_where_an_open_digest_is() -> None:
    """Else its message would be posted anew after every round of retention."""
    storm = Storm()
    storm.fire(*map(trouble, range(10)))
    storm.later()
    (row,) = [row for row in storm.take(SLACK) if row.incident.key == DIGEST_KEY]
    storm.store.prune(NOW - 10**12)
    assert storm.store.told(row.incident.id, row.target) is not None
    storm.store.prune(storm.clock.now_ns() + 10**12)
    assert storm.store.told(row.incident.id, row.target) is None


def test_a_digest_forgets_with_its_runs() -> None:
    """A purge of all that it is about takes the message along, as it does with any other."""
    storm = Storm()
    storm.fire(
        *(msgspec.structs.replace(trouble(n), run_ids=(f"run-{n}",)) for n in range(LIMIT + 1))
    )
    storm.later()
    (row,) = [row for row in storm.take(WEBHOOK) if row.incident.key == DIGEST_KEY]
    (alert,) = row.incident.alerts
    assert len(alert.run_ids) == 1
    storm.store.purge(runs=alert.run_ids, traces=(), mask=lambda text: text)
    left = storm.store._values(OutboxRow, "SELECT value FROM outbox")
    assert DIGEST_KEY not in {row.incident.key for row in left}


def test_the_digest_as_a_slack_message() -> None:
    """The highest severity first, names escaped, its button to the list of all incidents."""
    target = targets_of(Storm().alerting.receivers["team"])[0]
    incidents = [opened(trouble(number)).incident for number in range(20)]
    incidents += [
        opened(an_alert("<!channel>", cause=Cause(), labels={"severity": "page"})).incident
    ]
    change = digest_of(Crowd(waiting=tuple(incidents)), target, None, now_ns=NOW)
    assert change is not None
    links = Links(external_url="https://causewatch.example.com")
    message = render(change.incident, Rendering(links=links))
    assert problem_of({"text": message.text, "blocks": list(message.blocks)}) is None
    assert "<!channel>" not in str(message)
    text = plain_text(message)
    assert "Over the limit of receiver team: 21 more incidents are open" in text
    assert text.index("<!channel>") < text.index("Trouble0")
    assert "and 14 more" in text
    assert incident_url(links, change.incident) == "https://causewatch.example.com/"


def test_nothing_waits_nothing_is_said() -> None:
    """No digest of nothing, and none twice."""
    target = targets_of(Storm().alerting.receivers["team"])[0]
    assert digest_of(Crowd(waiting=()), target, None, now_ns=NOW) is None
    crowd = Crowd(waiting=(opened().incident,))
    first = digest_of(crowd, target, None, now_ns=NOW)
    assert first is not None
    assert digest_of(crowd, target, first.incident, now_ns=NOW + 1) is None
