from __future__ import annotations

from pathlib import Path

import pytest
import yaml
from bench.servers import FIFTY, KINDS, YARDSTICK, Wishes, ack, collector_binary, daemon

from causewatch.app.config import load_config
from causewatch.app.rulefiles import load_bundle


def test_the_measured_daemon_has_a_configuration_it_accepts(tmp_path: Path) -> None:
    """Its store is in the given folder, it listens on loopback, and nothing else is unusual."""
    server = daemon(tmp_path, Wishes())
    config = load_config(tmp_path / "causewatch.yaml", {})
    assert config.store_path == tmp_path / "store" == server.store
    assert str(config.receive.grpc) == server.grpc
    assert FIFTY in config.rule_paths
    settings = yaml.safe_load((tmp_path / "causewatch.yaml").read_text())
    assert set(settings) == {"rules", "receive", "web", "runs", "store"}
    assert settings["runs"] == {}


def test_there_are_fifty_rules() -> None:
    """As the page says; those of the path are not counted."""
    bundle = load_bundle([FIFTY]).bundle
    signatures = [rule for group in bundle.groups for rule in group.rules]
    assert len(signatures) == 50
    assert all(group.name.startswith("bench-") for group in bundle.groups if group.rules)


def test_servers_do_not_share_ports(tmp_path: Path) -> None:
    """Two servers of one measurement do not get in each other's way."""
    first, second = ack(tmp_path, Wishes()), ack(tmp_path, Wishes())
    assert len({first.grpc, first.http[7:], second.grpc, second.http[7:]}) == 4


@pytest.mark.parametrize("name", ["nop", "tail_sampling", "queue"])
def test_the_collector_is_configured_as_the_page_says(name: str, tmp_path: Path) -> None:
    """Its own metrics are off, since ours would not be counted either, and it stores where told."""
    KINDS[name].make(tmp_path, Wishes())
    files = {path.stem: yaml.safe_load(path.read_text()) for path in tmp_path.glob("*.yaml")}
    assert set(files) - {"sink"} == {{"nop": "collector", "queue": "durable_queue"}.get(name, name)}
    for config in files.values():
        assert config["service"]["telemetry"] == {"metrics": {"level": "none"}}
    if name == "queue":
        storage = files["durable_queue"]["extensions"]["file_storage"]
        assert storage == {"directory": str(tmp_path / "queue"), "fsync": True}
    if name == "tail_sampling":
        policies = files[name]["processors"]["tail_sampling"]["policies"]
        assert [policy["type"] for policy in policies] == [
            "status_code", "latency", "string_attribute", "probabilistic",
        ]  # fmt: skip


def test_every_kind_says_what_it_measures() -> None:
    """No figure without its meaning, and the yardstick is one of them."""
    assert len({kind.what for kind in KINDS.values()}) == len(KINDS)
    assert YARDSTICK in KINDS


def test_a_collector_that_is_not_built_is_not_built_behind_the_users_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """That takes a quarter of an hour."""
    monkeypatch.setenv("CAUSEWATCH_COLLECTOR_CACHE", str(tmp_path))
    assert collector_binary() is None
    assert list(tmp_path.iterdir()) == []
