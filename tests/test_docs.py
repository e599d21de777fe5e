"""The docs fail the build when they are untrue."""

from __future__ import annotations

import importlib.util
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest
import yaml

from causewatch.app.config import load_config
from causewatch.blame.judge import judge
from causewatch.cli.main import COMMANDS
from causewatch.graph.build import build
from causewatch.rules.dialect_file import is_dialect_file, load_dialect_files
from causewatch.rules.file import load
from causewatch.rules.subject import subject_of
from causewatch.rules.test_file import read_tests
from causewatch.rules.yaml import Problems
from graph_fixtures import CAPTURES, capture
from signatures_fixtures import found, subject

ROOT = Path(__file__).resolve().parent.parent
PAGES = sorted([ROOT / "README.md", ROOT / "CHANGELOG.md", *(ROOT / "docs").rglob("*.md")])
FENCE = re.compile(r"^```(\w+)[^\n]*\n(.*?)^```", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\[[^\]]*\]\(([^)#\s]+)(?:#[^)]*)?\)")


SECRET_FILES = ("git-token", "deploy-key", "known-hosts")
BACKEND_KEYS = (
    "DD_API_KEY", "ELASTIC_API_KEY", "HONEYCOMB_API_KEY", "LANGFUSE_AUTH", "LANGSMITH_API_KEY",
    "OTLP_TOKEN", "WANDB_API_KEY",
)  # fmt: skip
"""What the recipes for other backends read."""


def load_generator() -> ModuleType:
    """Import docs/generate.py, which is a script and no package."""
    spec = importlib.util.spec_from_file_location("generate", ROOT / "docs" / "generate.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def fences(language: str) -> list[tuple[str, str]]:
    """Return (page, text) of each fenced block of a language, on all pages."""
    return [
        (str(page.relative_to(ROOT)), body)
        for page in PAGES
        for found, body in FENCE.findall(page.read_text(encoding="utf-8"))
        if found == language
    ]


def test_generated_pages_are_current() -> None:
    """Each setting, rule field, metric, command and dialect has its heading, with today's text."""
    generator = load_generator()
    stale = [
        name
        for name, page in generator.PAGES.items()
        if (ROOT / "docs" / name).read_text(encoding="utf-8") != page()
    ]
    assert stale == [], "run: python docs/generate.py"


def test_no_heading_is_missing() -> None:
    """The generated pages really have a heading for each thing, not only equal text."""
    generator = load_generator()
    commands = (ROOT / "docs/reference/commands.md").read_text(encoding="utf-8")
    assert all(f"### `{name}`" in commands for name in COMMANDS)
    config = (ROOT / "docs/reference/config.md").read_text(encoding="utf-8")
    assert all(f"### `{key.name}`" in config for key in generator.CONFIG.keys if not key.later)


def test_yaml_in_the_docs_loads(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every YAML example is a rule file, a test file or a configuration that loads."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-example")
    monkeypatch.setenv("SLACK_APP_TOKEN", "xapp-example")
    monkeypatch.setenv("OPS_TOKEN", "a-token")
    monkeypatch.setattr("causewatch.app.receivers.is_available", lambda: True)  # extras
    for name in BACKEND_KEYS:
        monkeypatch.setenv(name, "a-key")
    for name in SECRET_FILES:
        (tmp_path / name).write_text("a-key", encoding="utf-8")
    blocks = [
        (p, b)
        for p, b in fences("yaml")
        if not re.search(r"^(receivers|exporters):\s*\n\s+otlp", b, re.MULTILINE)
    ]
    assert blocks
    for page, body in blocks:
        if "\ntests:" in body:
            problems = Problems()
            assert read_tests(page + "_test.yaml", body.encode(), problems) is not None
            assert list(problems) == []
        elif re.search(r"^(groups|contracts|paths|trust):", body, re.MULTILINE):
            schema = b'{"type": "object"}'
            load({page + ".yaml": body.encode(), str(Path(page).parent / "brief.json"): schema})
        elif is_dialect_file(page + ".yaml", body.encode()):
            load_dialect_files({page + ".yaml": body.encode()})
        else:
            path = tmp_path / "causewatch.yaml"
            path.write_text(body.replace("/run/secrets", str(tmp_path)), encoding="utf-8")
            load_config(path)


def test_commands_in_the_docs_exist() -> None:
    """Every ``causewatch`` command line in the docs names a command and options that exist."""
    generator = load_generator()
    known = generator.commands_page()
    for page, body in [*fences("sh"), *fences("bash"), *fences("console")]:
        # What is quoted may hold any sign, a pipe among them.
        unquoted = re.sub(r"'[^']*'", "''", body.replace("\\\n", " "))
        for line in unquoted.splitlines():
            for command in re.findall(r"(?:^|[\s/])causewatch ([a-z].*?)(?:&&|\||#|$)", line):
                name, *rest = shlex.split(command)
                assert name in COMMANDS, f"{page}: {line}"
                for option in (word for word in rest if word.startswith("--")):
                    assert option.split("=")[0] in known, f"{page}: {line}"


SESSION = re.compile(r"^\$ ([^\n]*)\n(.*)", re.DOTALL)


def test_console_sessions_print_what_they_show(tmp_path: Path) -> None:
    """The commands of the how-to pages, run one after another, give the output on the page."""
    env = {**os.environ, "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}"}
    env.pop("COLUMNS", None)  # some runners of tests set it; the pages are as wide as a pipe
    pages = [(page, body) for page, body in fences("console") if page.startswith("docs/how-to/")]
    assert any(page.endswith("write-signatures.md") for page, _ in pages)
    for page, body in pages:
        session = SESSION.match(body)
        assert session is not None, f"{page}: {body}"
        folder = tmp_path / Path(page).stem
        folder.mkdir(exist_ok=True)
        shell = ["bash", "-c", session[1]]
        done = subprocess.run(shell, cwd=folder, env=env, capture_output=True, check=False)
        assert done.stdout.decode() == session[2], f"{page}: {session[1]}: {done.stderr.decode()}"


def tempo_differences() -> list[dict[str, str]]:
    """Return the rows of docs/tempo_differences.yaml."""
    text = (ROOT / "docs/tempo_differences.yaml").read_text(encoding="utf-8")
    return list(yaml.safe_load(text))


@pytest.mark.parametrize("row", tempo_differences(), ids=lambda row: str(row["topic"]))
def test_what_is_said_of_tempo_holds_here(row: dict[str, str]) -> None:
    """The answer that is claimed as ours is ours, raw, one trace at a time; and it differs."""
    assert found(row["query"], subject(row["trace"], raw=True)) == row["here"]
    assert row["tempo"] != row["here"]


def test_every_derived_attribute_is_documented() -> None:
    """What signatures can read of recorded runs stands in the reference, handoffs and blame too."""
    page = (ROOT / "docs/reference/attributes.md").read_text(encoding="utf-8")
    derived = {
        name
        for recording in CAPTURES.glob("*__truncated_handoff.jsonl.gz")
        for own in subject_of(judge(build(run_id="r", spans=capture(recording.name[:-9])))).derived
        for name in own
    }
    assert "causewatch.blame.category" in derived
    assert {name for name in derived if f"`{name}`" not in page} == set()


def test_links_between_pages_lead_somewhere() -> None:
    """A relative link names a file that exists."""
    broken = [
        f"{page.relative_to(ROOT)} -> {target}"
        for page in PAGES
        for target in LINK.findall(page.read_text(encoding="utf-8"))
        if "://" not in target and not (page.parent / target).exists()
    ]
    assert broken == []


def test_decisions_have_their_parts() -> None:
    """A decision record gives context, choice, consequences."""
    for page in sorted((ROOT / "docs" / "decisions").glob("[0-9]*.md")):
        text = page.read_text(encoding="utf-8")
        assert all(f"**{part}.**" in text for part in ("Context", "Choice", "Consequences")), page
