"""Child processes: start on free ports, wait until ready, stop, kill, and say what they cost.

The benchmark and the end-to-end tests start servers with this. Linux
only: costs are read from /proc.
"""

from __future__ import annotations

import contextlib
import os
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

ROOT = Path(__file__).resolve().parent.parent
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")
_POLL_S = 0.05
_LOG_TAIL_CHARS = 4000


class Cost(NamedTuple):
    """What a process and its descendants have used so far."""

    cpu_s: float
    """User plus system seconds of every thread, in steps of one clock tick (10 ms)."""
    peak_rss_mib: float
    """Sum of each living process's peak resident memory."""
    rss_mib: float = 0.0
    """Resident memory of the living processes now."""


def free_ports(count: int) -> list[int]:
    """Return that many different loopback ports nobody listens on right now."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [int(one.getsockname()[1]) for one in sockets]


def listening(port: int) -> bool:
    """Tell whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def wait_until(
    check: Callable[[], bool], *, timeout_s: float, what: str, poll_s: float = _POLL_S
) -> None:
    """Call ``check`` every ``poll_s`` until it is true.

    Raises:
        TimeoutError: naming ``what`` was waited for.
    """
    deadline = time.monotonic() + timeout_s
    while not check():
        if time.monotonic() > deadline:
            raise TimeoutError(f"{what} did not happen within {timeout_s:g} s")
        time.sleep(poll_s)


def cost(pid: int) -> Cost:
    """Return what the process and its living descendants have used since they started."""
    ticks, peak_kib, now_kib, todo = 0, 0, 0, [pid]
    while todo:
        one = Path("/proc") / str(todo.pop())
        try:
            # The name, in parentheses, may itself hold blanks: what follows it is regular.
            fields = (one / "stat").read_text().rpartition(")")[2].split()
            status = (one / "status").read_text()
            for task in (one / "task").iterdir():
                todo += map(int, (task / "children").read_text().split())
        except (FileNotFoundError, ProcessLookupError):
            continue  # it ended while we looked; its parent has its time by then
        ticks += sum(map(int, fields[11:15]))  # own user, system; ended children's user, system
        peak_kib += _kib(status, "VmHWM:")
        now_kib += _kib(status, "VmRSS:")
    return Cost(cpu_s=ticks / _TICKS_PER_S, peak_rss_mib=peak_kib / 1024, rss_mib=now_kib / 1024)


def _kib(status: str, name: str) -> int:
    return sum(int(line.split()[1]) for line in status.splitlines() if line.startswith(name))


class Child:
    """One server process, its log in a file; as a context manager it never outlives the block."""

    def __init__(
        self, name: str, argv: Sequence[str], *, log: Path, env: Mapping[str, str] | None = None
    ) -> None:
        self.name = name
        self.argv = list(argv)
        self.log = log
        self.env = {**os.environ, **(env or {})}
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; an error before the start."""
        if self._process is None:
            raise RuntimeError(f"{self.name} has not been started")
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether the process runs."""
        return self._process is not None and self._process.poll() is None

    def start(self, ready: Callable[[], bool], *, timeout_s: float = 30) -> Self:
        """Start the process and wait until ``ready()``.

        Raises:
            RuntimeError: when it ends before that, with the end of its log.
            TimeoutError: when it is not ready in time; the process is killed.
        """
        if self.alive:
            raise RuntimeError(f"{self.name} is running already")
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                self.argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, cwd=ROOT, env=self.env
            )
        try:
            wait_until(
                lambda: not self.alive or ready(), timeout_s=timeout_s, what=f"{self.name} ready"
            )
        except BaseException:
            self.kill()
            raise
        if not self.alive:
            raise RuntimeError(f"{self.name} ended at once:\n{self.log_tail()}")
        return self

    def stop(self, *, timeout_s: float = 30) -> int:
        """Ask it to end (SIGTERM), wait, and return its exit code; after the timeout, kill it."""
        if self._process is None:
            return 0
        if self.alive:
            self._process.terminate()
        try:
            return self._process.wait(timeout_s)
        except subprocess.TimeoutExpired:
            self.kill()
            raise

    def kill(self) -> None:
        """End it the hard way (SIGKILL), as a crash would."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def log_tail(self) -> str:
        """Return the end of what it has written to stdout and stderr."""
        text = self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""
        return text[-_LOG_TAIL_CHARS:]

    def __enter__(self) -> Self:
        """Return itself; the caller starts it."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Kill it if it still runs."""
        if self.alive:
            self.kill()
