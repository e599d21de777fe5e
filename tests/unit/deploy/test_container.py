from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from bench.children import Child, free_ports

ROOT = Path(__file__).resolve().parents[3]
DOCKERFILE = (ROOT / "Dockerfile").read_text(encoding="utf-8")
SCRIPT = ROOT / "deploy" / "docker" / "install.sh"


def instructions(name: str, text: str = DOCKERFILE) -> list[str]:
    """Return the arguments of each instruction of that name."""
    return re.findall(rf"^{name} (.*)$", text, re.MULTILINE)


def last_stage() -> str:
    """Return the part of the Dockerfile that becomes the image."""
    return DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]


def test_the_image_is_built_in_one_stage_and_run_in_another() -> None:
    """What built the wheel is not in the image; the image itself runs nothing while it is made."""
    assert [line.split(" AS ")[1] for line in instructions("FROM")] == ["build", "run"]
    assert instructions("RUN", last_stage()) == []


def test_each_run_line_is_the_tested_script() -> None:
    """What Docker runs is what CI runs without Docker."""
    runs = instructions("RUN")
    assert runs
    assert all(line.startswith("deploy/docker/install.sh ") for line in runs)


def test_the_image_does_not_run_as_root() -> None:
    """By number, so that Kubernetes can tell (runAsNonRoot)."""
    (user,) = instructions("USER", last_stage())
    assert re.fullmatch(r"[1-9]\d*:[1-9]\d*", user)
    copied = [line for line in instructions("COPY", last_stage()) if "/var/lib/causewatch" in line]
    assert [f"--chown={user}" in line for line in copied] == [True]


def test_the_image_says_what_it_offers() -> None:
    """Ports, volume and health check are part of the image."""
    assert instructions("EXPOSE") == ["4317 4318 9319"]
    assert instructions("VOLUME") == ["/var/lib/causewatch"]
    assert 'CMD ["causewatch", "healthcheck"]' in instructions("HEALTHCHECK")[0]


def test_everything_copied_is_let_into_the_build() -> None:
    """The .dockerignore lets in what the Dockerfile copies, and no more."""
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    allowed = {line[1:] for line in ignored if line.startswith("!")}
    build = DOCKERFILE[: DOCKERFILE.rindex("\nFROM ")]
    copied = {part for line in instructions("COPY", build) for part in line.split()[:-1]}
    assert copied == allowed
    assert all((ROOT / name).exists() for name in copied)


@pytest.mark.parametrize("arguments", [[], ["build"], ["build", "src"], ["state"], ["remove", "x"]])
def test_the_script_refuses_what_it_does_not_know(arguments: list[str]) -> None:
    """A wrong call is a usage error, never half an image."""
    found = subprocess.run([SCRIPT, *arguments], capture_output=True, text=True, check=False)
    assert (found.returncode, found.stdout) == (2, "")
    assert found.stderr.startswith("usage:")


def test_the_state_directory_is_private(tmp_path: Path) -> None:
    """A new volume is readable by causewatch alone."""
    subprocess.run([SCRIPT, "state", tmp_path / "state"], check=True)
    assert (tmp_path / "state").stat().st_mode & 0o777 == 0o700


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_script_installs_a_working_causewatch(tmp_path: Path) -> None:
    """The wheel, installed as in the image, finds its command, its rules and its schemas."""
    out = tmp_path / "out"
    env = {**os.environ, "PYTHON": sys.executable}
    built = subprocess.run(
        [SCRIPT, "build", ROOT, out], capture_output=True, text=True, check=True, env=env
    )
    assert re.fullmatch(r"causewatch, version \d+\.\d+\.\d+\n", built.stdout)
    program = (
        "from causewatch.resources import shipped; print(shipped('rules'), shipped('schemas'))"
    )
    found = subprocess.run(
        [out / "bin" / "python", "-I", "-c", program], capture_output=True, text=True, check=True
    )
    assert [Path(path).is_relative_to(out) for path in found.stdout.split()] == [True, True]
    assert_it_serves(out / "bin" / "causewatch", tmp_path)


def assert_it_serves(causewatch: Path, folder: Path) -> None:
    """Start the installed daemon with its rules, and ask as the image's HEALTHCHECK does."""
    grpc, http, web = free_ports(3)
    config = folder / "causewatch.yaml"
    config.write_text(
        f"receive: {{grpc: 127.0.0.1:{grpc}, http: 127.0.0.1:{http}}}\n"
        f"web: {{listen: 127.0.0.1:{web}}}\n"
        f"store: {{path: {folder / 'store'}}}\n"
    )

    def is_healthy() -> bool:
        asked = [str(causewatch), "healthcheck", "--url", f"http://127.0.0.1:{web}"]
        return subprocess.run(asked, capture_output=True, check=False).returncode == 0

    argv = [str(causewatch), "serve", "--config", str(config)]
    with Child("causewatch", argv, log=folder / "log") as daemon:
        assert not is_healthy()
        daemon.start(is_healthy, timeout_s=60)
        assert daemon.stop() == 0


def test_compose_publishes_on_loopback_and_asks_for_no_privileges() -> None:
    """Copied as it is, nothing is reachable from other machines, and nothing runs as root."""
    compose = yaml.safe_load((ROOT / "deploy" / "compose.yaml").read_text(encoding="utf-8"))
    service = compose["services"]["causewatch"]
    assert all(port.startswith("127.0.0.1:") for port in service["ports"])
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "privileged" not in service
    assert "user" not in service
