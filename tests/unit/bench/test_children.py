from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest
from bench.children import Child, cost, free_ports, listening, wait_until

LISTEN = "import socket; s = socket.create_server(('127.0.0.1', {port})); s.accept(); s.accept()"
BURN = (
    "sum(i * i for i in range(3_000_000)); print('done', flush=True); import time; time.sleep(60)"
)


def python(code: str, folder: Path) -> Child:
    """Return a child that runs this program."""
    return Child("child", [sys.executable, "-c", code], log=folder / "log")


def test_free_ports_are_different_and_free() -> None:
    """No two servers of one test are given the same port."""
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert not any(map(listening, ports))


def test_a_child_is_ready_when_it_says_so_and_dead_after_a_kill(tmp_path: Path) -> None:
    """``start`` returns only when the check holds; ``kill`` leaves nothing behind."""
    (port,) = free_ports(1)
    with python(LISTEN.format(port=port), tmp_path) as child:
        child.start(lambda: listening(port), timeout_s=20)
        assert child.alive
        child.kill()
        assert not child.alive
        with pytest.raises(ProcessLookupError):
            os.kill(child.pid, 0)


def test_a_child_that_ends_at_once_shows_its_log(tmp_path: Path) -> None:
    """A server that refuses its configuration is told apart from a slow one, with its words."""
    with (
        python("raise SystemExit('bad port')", tmp_path) as child,
        pytest.raises(RuntimeError, match="bad port"),
    ):
        child.start(lambda: False, timeout_s=20)


def test_a_child_that_is_never_ready_is_killed(tmp_path: Path) -> None:
    """A hanging server does not outlive the test that waited for it."""
    child = python("import time; time.sleep(60)", tmp_path)
    with pytest.raises(TimeoutError, match="child ready"):
        child.start(lambda: False, timeout_s=0.2)
    assert not child.alive


def test_leaving_the_block_ends_the_child(tmp_path: Path) -> None:
    """Nothing outlives the block, whatever happened in it."""
    with python("import time; time.sleep(60)", tmp_path) as child:
        child.start(lambda: True)
    assert not child.alive


def test_the_cost_counts_processor_time_not_waiting(tmp_path: Path) -> None:
    """A busy child costs CPU seconds and memory; asleep, it costs nothing more."""
    with python(BURN, tmp_path) as child:
        child.start(lambda: "done" in child.log_tail(), timeout_s=60)
        first = cost(child.pid)
        assert first.cpu_s > 0.05
        assert first.peak_rss_mib > 1
        assert cost(child.pid).cpu_s - first.cpu_s < 0.05


def test_the_cost_includes_grandchildren(tmp_path: Path) -> None:
    """A server that forks workers is charged for them."""
    code = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BURN!r}])"
    with python(code, tmp_path) as child:
        child.start(lambda: "done" in child.log_tail(), timeout_s=60)
        alone = sum(map(int, Path(f"/proc/{child.pid}/stat").read_text().split()[13:15]))
        assert cost(child.pid).cpu_s > alone / os.sysconf("SC_CLK_TCK") + 0.05
        children = Path(f"/proc/{child.pid}/task/{child.pid}/children").read_text().split()
        for pid in children:
            os.kill(int(pid), 9)


def test_waiting_names_what_did_not_happen() -> None:
    """A test that times out says for what."""
    with pytest.raises(TimeoutError, match="the moon to rise"):
        wait_until(lambda: False, timeout_s=0.01, what="the moon to rise")
