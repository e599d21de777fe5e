from __future__ import annotations

import configparser
from pathlib import Path

import pytest
import yaml

from causewatch.app.config import load_config
from causewatch.cli.main import COMMANDS
from causewatch.errors import ProblemsError

DEPLOY = Path(__file__).resolve().parents[3] / "deploy"


def configuration(name: str) -> str:
    """Return the text of a shipped configuration of the daemon."""
    if name == "example":
        return (DEPLOY / "causewatch.example.yaml").read_text(encoding="utf-8")
    compose = yaml.safe_load((DEPLOY / "compose.yaml").read_text(encoding="utf-8"))
    return str(compose["configs"]["causewatch"]["content"])


def with_secrets(text: str, folder: Path) -> Path:
    """Write a configuration with its secrets in files of this folder; return its path."""
    for name in ("slack", "hook"):
        (folder / name).write_text("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", encoding="utf-8")
    path = folder / "causewatch.yaml"
    path.write_text(text.replace("/run/secrets", str(folder)), encoding="utf-8")
    return path


@pytest.mark.parametrize("name", ["example", "compose"])
def test_the_daemon_accepts_what_users_copy(name: str, tmp_path: Path) -> None:
    """No key of a shipped configuration is unknown, misspelt or not there yet."""
    config = load_config(with_secrets(configuration(name), tmp_path), {})
    assert config.route is not None
    assert [receiver.name for receiver in config.receivers] == [config.route.receiver]
    assert config.store_path == Path("/var/lib/causewatch")


def test_the_example_listens_on_loopback_only(tmp_path: Path) -> None:
    """Without a thought about authentication nobody else can send or read."""
    config = load_config(with_secrets(configuration("example"), tmp_path), {})
    listens = (config.receive.grpc, config.receive.http, config.web.listen)
    assert [str(listen) for listen in listens] == [
        "127.0.0.1:4317",
        "127.0.0.1:4318",
        "127.0.0.1:9319",
    ]


def test_without_its_word_on_authentication_compose_would_be_refused(tmp_path: Path) -> None:
    """`auth: none` in the compose file is no decoration."""
    text = configuration("compose").replace(", auth: none", "")
    with pytest.raises(ProblemsError, match="reachable from other machines"):
        load_config(with_secrets(text, tmp_path), {})


def test_no_secret_is_written_in_a_shipped_file() -> None:
    """Secrets come from files or from the environment."""
    for path in DEPLOY.rglob("*.y*ml"):
        text = path.read_text(encoding="utf-8")
        assert "xoxb-" not in text, path
        assert "whsec_" not in text, path


def unit() -> dict[str, str]:
    """Return the [Service] section of the systemd unit; of a repeated key the last value."""
    parser = configparser.ConfigParser(strict=False, interpolation=None)
    parser.optionxform = str  # type: ignore[assignment,method-assign]  # systemd's keys have capitals
    parser.read(DEPLOY / "systemd" / "causewatch.service", encoding="utf-8")
    return dict(parser["Service"])


def test_the_unit_starts_a_command_there_is() -> None:
    """The unit and the command line agree on the command's name."""
    words = unit()["ExecStart"].split()
    assert words[0].endswith("/bin/causewatch")
    assert words[1] in COMMANDS


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("DynamicUser", "yes"),
        ("NoNewPrivileges", "yes"),
        ("ProtectSystem", "strict"),
        ("ProtectHome", "yes"),
        ("PrivateTmp", "yes"),
        ("CapabilityBoundingSet", ""),
        ("StateDirectory", "causewatch"),
        ("Restart", "always"),
    ],
)
def test_the_unit_is_hardened(key: str, value: str) -> None:
    """A process that parses what attackers may have written has nothing to take over."""
    assert unit()[key] == value


def test_the_unit_writes_where_the_example_stores() -> None:
    """Systemd makes /var/lib/NAME writable, and nothing else."""
    store = yaml.safe_load(configuration("example"))["store"]["path"]
    assert store == f"/var/lib/{unit()['StateDirectory']}"
