"""The machine and the version that figures belong to."""

from __future__ import annotations

import os
import platform
import subprocess
from pathlib import Path

from bench.children import ROOT


def machine() -> dict[str, str | int | float]:
    """Return what the figures depend on."""
    model = "unknown"
    for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
        if line.startswith("model name"):
            model = line.partition(":")[2].strip()
            break
    return {
        "cores": len(os.sched_getaffinity(0)),
        "cpu": model,
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30),
        "python": platform.python_version(),
        "kernel": platform.release(),
        "load_before": round(os.getloadavg()[0], 2),
    }


def revision() -> str:
    """Return the commit that is measured, with a plus where files differ from it."""
    found = subprocess.run(
        ["git", "describe", "--always", "--abbrev=10", "--dirty=+"],  # of the PATH
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return found.stdout.strip() or "unknown"
