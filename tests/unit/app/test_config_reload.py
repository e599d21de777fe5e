"""Reloading causewatch.yaml while the daemon runs."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import httpx
import msgspec
import pytest
from bench.children import wait_until

from app_fixtures import LOST, T0_NS
from causewatch.app.config import Config, load_config
from causewatch.app.config_reload import FIXED, LIVE, ConfigReloader
from causewatch.app.daemon import Daemon
from causewatch.errors import UserError
from causewatch.incidents.gather import gather
from causewatch.telemetry.metrics import Metrics
from notify_fixtures import an_alert

TRACE_URL = "https://x/{{ $trace_id }}"
FILE = """\
route: {receiver: ROUTE}
receivers:
- {name: one, webhook_configs: [{url: "http://127.0.0.1:9/one"}]}
- {name: two, webhook_configs: [{url: "http://127.0.0.1:9/two"}]}
rules: {paths: [rules], reload_interval: 1h}
receive: {grpc: "127.0.0.1:0", http: "127.0.0.1:0"}
web: {listen: "127.0.0.1:0"}
store: {path: store}
"""


class Watched:
    """A configuration file, and what was put in force of it."""

    def __init__(self, folder: Path) -> None:
        self.path = folder / "causewatch.yaml"
        self.metrics = Metrics()
        self.applied: list[Config] = []
        self.refusal = ""
        self.write("{}")
        self.reloader = ConfigReloader(
            self.path,
            load_config(self.path),
            apply=self.apply,
            metrics=self.metrics,
            now_ns=lambda: T0_NS,
        )

    def apply(self, config: Config) -> None:
        """Put a configuration in force, or refuse to."""
        if self.refusal:
            raise UserError(self.refusal)
        self.applied.append(config)

    def write(self, text: str) -> None:
        """Write the file."""
        self.path.write_text(text, encoding="utf-8")

    def metric(self, name: str) -> float | None:
        """Return a metric of the last load."""
        return self.metrics.registry.get_sample_value(f"causewatch_config_file_{name}")


@pytest.fixture
def watched(tmp_path: Path) -> Watched:
    """Return a watched configuration."""
    return Watched(tmp_path)


def test_nothing_happens_without_a_change(watched: Watched) -> None:
    """A signal that changes nothing sends nothing anew; that it was looked at is told."""
    assert watched.reloader.reload() == ()
    assert watched.applied == []
    assert watched.metric("last_reload_successful") == 1
    assert watched.metric("last_reload_success_timestamp_seconds") == T0_NS / 1e9


def test_links_routes_and_receivers_change_at_once(watched: Watched) -> None:
    """All keys that can; what else is in the file stays as it was."""
    watched.write(
        "links: {trace: 'https://t.example.com/{{ $trace_id }}'}\nown_alerts: {watchdog: true}\n"
        "rules: {reload_interval: 5s}\nroute: {receiver: a}\nreceivers: [{name: a}]\n"
    )
    assert watched.reloader.reload() == ()
    (found,) = watched.applied
    assert found.trace_url.startswith("https://t.example.com")
    assert found.own_alerts.watchdog
    assert found.reload_interval_s == 5
    assert list(found.alerting.receivers) == ["a"]
    assert watched.reloader.restart_needed == ()


def test_what_needs_a_restart_is_named_until_it_is_taken_back(watched: Watched) -> None:
    """It is not applied half; the rest of the file is in force."""
    watched.write(
        "runs: {quiet: 3s}\nstore: {path: elsewhere}\nlinks: {trace: 'https://x/{{ $trace_id }}'}\n"
    )
    assert watched.reloader.reload() == ()
    assert watched.reloader.restart_needed == ("runs", "store.path")
    (found,) = watched.applied
    assert (found.trace_url, found.runs) == (TRACE_URL, Config().runs)
    assert watched.metric("restart_needed") == 1
    watched.write("links: {trace: 'https://x/{{ $trace_id }}'}\n")
    assert watched.reloader.reload() == ()
    assert not watched.reloader.restart_needed
    assert watched.metric("restart_needed") == 0


def test_a_bad_file_keeps_what_is_in_force(watched: Watched) -> None:
    """Its problems have a place, and stay to be seen until it is mended."""
    watched.write("rout: {receiver: a}\n")
    (problem,) = watched.reloader.reload()
    assert (problem.line, problem.column) == (1, 1)
    assert "did you mean 'route'" in problem.message
    assert watched.applied == []
    assert watched.reloader.problems == (problem,)
    assert watched.metric("last_reload_successful") == 0
    watched.write("{}")
    assert watched.reloader.reload() == ()
    assert not watched.reloader.problems
    assert watched.metric("last_reload_successful") == 1


@pytest.mark.parametrize("text", ["", "\n  \n"])
def test_an_empty_file_is_being_written(watched: Watched, text: str) -> None:
    """Its defaults would let nobody be told of anything; one that is gone is a problem, too."""
    watched.write("links: {trace: 'https://x/{{ $trace_id }}'}\n")
    watched.reloader.reload()
    watched.write(text)
    (problem,) = watched.reloader.reload()
    assert "the file is empty" in str(problem)
    watched.path.unlink()
    (problem,) = watched.reloader.reload()
    assert problem.check == "unreadable"
    assert [config.trace_url for config in watched.applied] == [TRACE_URL]
    watched.write("{}")
    assert watched.reloader.reload() == ()
    assert len(watched.applied) == 2


def test_what_cannot_be_applied_is_a_problem_and_tried_again(watched: Watched) -> None:
    """Nothing changed: the next reload applies it."""
    watched.refusal = "a purge is under way: reload when it is done"
    watched.write("links: {trace: 'https://x/{{ $trace_id }}'}\n")
    (problem,) = watched.reloader.reload()
    assert "a purge is under way" in str(problem)
    watched.refusal = ""
    assert watched.reloader.reload() == ()
    assert [config.trace_url for config in watched.applied] == [TRACE_URL]


def test_a_daemon_without_a_file_has_nothing_to_reload() -> None:
    """It was started with the defaults."""
    reloader = ConfigReloader(
        None, Config(), apply=lambda _: None, metrics=Metrics(), now_ns=lambda: T0_NS
    )
    assert reloader.reload() == ()


def test_every_part_of_the_configuration_can_change_or_says_that_it_cannot() -> None:
    """A new key is in one of the two."""
    assert {*LIVE, *FIXED} == {field.name for field in msgspec.structs.fields(Config)}


@pytest.fixture
def daemon(tmp_path: Path) -> Iterator[Daemon]:
    """Return a started daemon whose webhooks nobody answers."""
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "some.yaml").write_text(LOST, encoding="utf-8")
    path = tmp_path / "causewatch.yaml"
    path.write_text(FILE.replace("ROUTE", "one"), encoding="utf-8")
    made = Daemon(load_config(path), path)
    try:
        made.start()
        yield made
    finally:
        made.stop()


def url_of(daemon: Daemon) -> str:
    """Return the address of its API."""
    assert daemon._web is not None
    return f"http://127.0.0.1:{daemon._web.port}"


def tell(daemon: Daemon, name: str) -> None:
    """Let an alert open an incident."""
    with daemon._store.transaction():
        changes = gather((), (an_alert(name, labels={"alertname": name}),), T0_NS)
        daemon._store.put_incidents([change.incident for change in changes])
        daemon._teller.tell(changes, T0_NS)


def targets(daemon: Daemon) -> set[str]:
    """Return which receivers messages wait for."""
    return {row.target.partition("/")[0] for row in daemon._store.unfinished()}


def test_a_daemon_tells_others_after_a_reload(daemon: Daemon, tmp_path: Path) -> None:
    """Over the API: what waits for a receiver that stays goes on, new incidents go the new way."""
    tell(daemon, "First")
    assert targets(daemon) == {"one"}
    path = tmp_path / "causewatch.yaml"
    path.write_text(FILE.replace("ROUTE", "two") + "links: {trace: 'https://x/{{ $trace_id }}'}\n")
    before = daemon._sender
    assert httpx.post(f"{url_of(daemon)}/-/reload").json()["problems"] == []
    tell(daemon, "Second")
    assert targets(daemon) == {"one", "two"}
    assert daemon._sender is not before
    assert not any(thread.is_alive() for thread in before._threads)
    assert all(thread.is_alive() for thread in daemon._sender._threads)
    assert daemon._config.trace_url == TRACE_URL


def test_a_receiver_that_is_gone_is_told_nothing_more(daemon: Daemon, tmp_path: Path) -> None:
    """Its messages are retired, with the reason; no other message is lost."""
    tell(daemon, "First")
    path = tmp_path / "causewatch.yaml"
    kept = [line for line in FILE.splitlines() if "/one" not in line]
    path.write_text("\n".join(kept).replace("ROUTE", "two"), encoding="utf-8")
    assert httpx.post(f"{url_of(daemon)}/-/reload").json()["problems"] == []
    wait_until(lambda: targets(daemon) == set(), timeout_s=5, what="the end of the old messages")
    assert daemon._store.outbox_counts().get("dead") == 1


def test_the_status_says_what_is_wrong(daemon: Daemon, tmp_path: Path) -> None:
    """Of configuration and rules, with places, until a reload is good again."""
    status = f"{url_of(daemon)}/api/v1/status"
    found = httpx.get(status).json()
    assert found["config"]["problems"] == found["rules"]["problems"] == []
    assert found["rules"]["sha256"] == daemon._groups.loaded.source.sha256
    assert found["ingest"]["lagBatches"] == 0
    assert found["outbox"]["dead"] == 0
    assert found["limits"]["maxMessageMiB"] > 0
    path, rules = tmp_path / "causewatch.yaml", tmp_path / "rules" / "some.yaml"
    path.write_text("rout: x\n", encoding="utf-8")
    rules.write_text("groups: [{nam: x}]\n", encoding="utf-8")
    answer = httpx.post(f"{url_of(daemon)}/-/reload")
    assert answer.status_code == 400
    found = httpx.get(status).json()
    assert "causewatch.yaml:1:1" in found["config"]["problems"][0]
    assert any("some.yaml:1:11" in each for each in found["rules"]["problems"])
    path.write_text(FILE.replace("ROUTE", "one") + "runs: {quiet: 3s}\n", encoding="utf-8")
    rules.write_text(LOST, encoding="utf-8")
    daemon.ask_to_reload()
    daemon.ask_to_stop()
    daemon.wait()
    found = httpx.get(status).json()
    assert found["config"]["problems"] == found["rules"]["problems"] == []
    assert found["config"]["restartNeeded"] == ["runs"]


def test_a_reload_while_a_purge_is_under_way_is_refused(daemon: Daemon, tmp_path: Path) -> None:
    """It would start a sender that the purge has stopped."""
    path = tmp_path / "causewatch.yaml"
    path.write_text(FILE.replace("ROUTE", "two"), encoding="utf-8")
    with daemon._purging:
        (problem,) = daemon._config_reloader.reload()
    assert "a purge is under way" in str(problem)
    assert daemon._config.route is not None
    assert daemon._config.route.receiver == "one"
