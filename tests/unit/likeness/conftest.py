"""The compiled library, built from what is in ``native/``."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="session")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh build of the library."""
    target = tmp_path_factory.mktemp("native")
    argv = ["cargo", "build", "--release", "--quiet", "--locked", "--offline"]
    argv += ["--manifest-path", str(ROOT / "native" / "Cargo.toml"), "--target-dir", str(target)]
    subprocess.run(argv, check=True, timeout=300)
    return target / "release" / "libcausewatch_native.so"
