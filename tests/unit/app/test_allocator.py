from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from causewatch.app import allocator

HELD = """\
import resource
from causewatch.app.allocator import share_memory

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

share_memory()
bytes(3_000_000)
before = faults()
for _ in range(100):
    kept = [bytes(300_000) for _ in range(8)]
    del kept
print(faults() - before)
"""


def test_memory_of_a_request_is_used_for_the_next() -> None:
    """Eight requests of 300 kB at one time, a hundred times: their pages are mapped once."""
    found = subprocess.run([sys.executable, "-c", HELD], capture_output=True, text=True, check=True)
    pages_of_all_requests = 100 * 8 * 300_000 // 4_096
    assert int(found.stdout) < pages_of_all_requests / 10


@pytest.mark.parametrize("missing", [AttributeError, OSError])
def test_another_c_library_is_left_alone(
    missing: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where there is no such advice to give, a daemon starts all the same."""
    asked: list[object] = []

    def absent(name: object) -> Any:
        asked.append(name)
        raise missing

    monkeypatch.setattr("causewatch.app.allocator.ctypes.CDLL", absent)
    allocator.share_memory()
    assert asked == [None]
