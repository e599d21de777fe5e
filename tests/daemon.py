"""``causewatch serve`` in tests: a child process on free ports, to be killed and started again."""

from __future__ import annotations

import re
import shutil
import sys
from pathlib import Path
from typing import Any, Self

import httpx
import yaml
from bench.children import Child, free_ports, wait_until
from bench.progress import Progress

from causewatch.resources import shipped
from collector import Target

_START_LIMIT_S = 60
_VERDICT_LIMIT_S = 90


def quick_rules(folder: Path) -> Path:
    """Copy the shipped rules and have them evaluated every second instead of every half minute."""
    quick = folder / "rules"
    shutil.copytree(shipped("rules"), quick)
    for path in quick.rglob("*.yaml"):
        path.write_text(re.sub(r"interval: \w+", "interval: 1s", path.read_text()))
    return quick


class Daemon:
    """One daemon with its configuration, ports and store; all of them survive a restart.

    Args:
        folder: holds the configuration, the store and the log.
        rules: a folder of rule files.
        settings: further keys of the configuration, such as ``route`` and ``receivers``. Those of
            ``receive``, ``web`` and ``store`` are added to the ports and paths chosen here.
    """

    def __init__(
        self, folder: Path, *, rules: Path | None = None, settings: dict[str, Any] | None = None
    ) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self.grpc_port, self.http_port, self.web_port = free_ports(3)
        self.config = folder / "causewatch.yaml"
        self.config.write_text(yaml.safe_dump(self._settings(rules, settings or {})))
        self.child = Child(
            "causewatch",
            [
                sys.executable,
                "-m",
                "causewatch.cli.main",
                "serve",
                "--config",
                str(self.config),
            ],
            log=folder / "causewatch.log",
        )

    def _settings(self, rules: Path | None, given: dict[str, Any]) -> dict[str, Any]:
        chosen: dict[str, Any] = {
            "receive": {
                "grpc": f"127.0.0.1:{self.grpc_port}",
                "http": f"127.0.0.1:{self.http_port}",
            },
            "web": {"listen": f"127.0.0.1:{self.web_port}"},
            "store": {"path": str(self.folder / "store")},
        }
        if rules is not None:
            chosen["rules"] = {"paths": [str(rules)]}
        for key, value in given.items():
            chosen[key] = {**chosen[key], **value} if key in chosen else value
        return chosen

    @property
    def target(self) -> Target:
        """Where to send spans to."""
        return Target(self.grpc_port, self.http_port)

    @property
    def url(self) -> str:
        """The web address, without a path."""
        return f"http://127.0.0.1:{self.web_port}"

    def start(self) -> Self:
        """Start it, also again after a stop or a kill; returns when it says it is ready."""
        self.child.start(self._ready, timeout_s=_START_LIMIT_S)
        return self

    def crash(self) -> Self:
        """Kill it with SIGKILL and start it again."""
        self.child.kill()
        return self.start()

    def incidents(self) -> list[dict[str, Any]]:
        """Return what ``/api/v1/incidents`` lists."""
        found: list[dict[str, Any]] = self._get("/api/v1/incidents").json()["incidents"]
        return found

    def metric(self, name: str, **labels: str) -> float:
        """Return the sum of the samples of that name (with these labels) on ``/metrics``."""
        total = 0.0
        for line in self._get("/metrics").text.splitlines():
            series, _, value = line.rpartition(" ")
            if series.partition("{")[0] == name and all(
                f'{key}="{wanted}"' in series for key, wanted in labels.items()
            ):
                total += float(value)
        return total

    def wait_for_verdicts(self, runs: int) -> None:
        """Wait until so many runs are judged since the start, and every rule has seen them."""
        progress = Progress(f"{self.url}/metrics")
        wait_until(
            lambda: progress.is_done(runs, by_rules_too=True),
            timeout_s=_VERDICT_LIMIT_S,
            what=f"the verdict on {runs} runs",
        )

    def wait_for_incidents(self, count: int) -> list[dict[str, Any]]:
        """Wait until at least so many incidents are listed; return them."""
        wait_until(
            lambda: len(self.incidents()) >= count,
            timeout_s=_VERDICT_LIMIT_S,
            what=f"{count} incidents",
        )
        return self.incidents()

    def _get(self, path: str) -> httpx.Response:
        return httpx.get(self.url + path, timeout=10, trust_env=False).raise_for_status()

    def _ready(self) -> bool:
        try:
            return self._get("/-/ready").status_code == httpx.codes.OK
        except httpx.HTTPError:
            return False

    def __enter__(self) -> Self:
        """Start it."""
        return self.start()

    def __exit__(self, *unused: object) -> None:
        """Kill it."""
        self.child.kill()
