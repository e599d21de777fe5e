from __future__ import annotations

import json
import subprocess
import sys
import tomllib
import venv
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PACKAGE = ROOT / "packages" / "instrument"
SAYS = """
import importlib.util, json
from causewatch import instrument
with instrument.handoff("a", "b", {"n": 1}) as boundary:
    boundary.received({"n": 1})
daemon = importlib.util.find_spec("causewatch.cli")
print(json.dumps({"version": instrument.VERSION, "headers": instrument.send("a", "b", 1),
                  "daemon": daemon is not None}))
"""


def pip(python: Path, *arguments: str | Path) -> None:
    """Run pip without asking for its own updates."""
    quiet = ["--quiet", "--disable-pip-version-check"]
    argv: list[str | Path] = [python, "-m", "pip", arguments[0], *quiet, *arguments[1:]]
    subprocess.run(argv, check=True, capture_output=True, timeout=100)


def says(python: Path) -> dict[str, object]:
    """Return what an agent finds that imports the library."""
    argv: list[str | Path] = [python, "-W", "error", "-I", "-c", SAYS]
    done = subprocess.run(argv, check=True, capture_output=True, timeout=30)
    found: dict[str, object] = json.loads(done.stdout)
    return found


@pytest.mark.slow
def test_an_agent_installs_the_library_alone(tmp_path: Path) -> None:
    """The small wheel needs only the API, and lives with the daemon's wheel side by side."""
    for source in (PACKAGE, ROOT):
        pip(Path(sys.executable), "wheel", "--no-deps", "-w", tmp_path, source)
    (small,) = tmp_path.glob("causewatch_instrument-*.whl")
    (whole,) = tmp_path.glob("causewatch-*.whl")
    venv.create(tmp_path / "agent", with_pip=True)
    python = tmp_path / "agent" / "bin" / "python"
    pip(python, "install", small)
    alone = says(python)
    assert alone["daemon"] is False
    assert "causewatch-handoff" in str(alone["headers"])
    pip(python, "install", "--no-deps", whole)
    assert says(python)["daemon"] is True


def test_the_library_needs_what_the_daemon_says_it_needs() -> None:
    """One requirement, in two files."""
    small = tomllib.loads((PACKAGE / "pyproject.toml").read_text())["project"]
    whole = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    assert small["dependencies"] == ["opentelemetry-api>=1.30"]
    assert set(small["dependencies"]) <= set(whole["dependencies"])
    assert small["requires-python"] == whole["requires-python"]
