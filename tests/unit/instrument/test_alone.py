from __future__ import annotations

import ast
import sys
from pathlib import Path

from causewatch import instrument

FOLDER = Path(instrument.__file__).parent
FRAMEWORKS = {
    "openai_agents.py": "agents",
    "langgraph.py": "langgraph",
    "crewai.py": "crewai",
    "google_adk.py": "google",
}


def imports(path: Path, *, top: bool) -> set[str]:
    """Return the modules that a file imports, at its top level or within functions."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    nodes = tree.body if top else [n for n in ast.walk(tree) if n not in tree.body]
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found.add(node.module or "")
    return found


def is_allowed(module: str) -> bool:
    """Tell whether an agent has this module anyway."""
    first = module.partition(".")[0]
    is_ours = module == "causewatch.instrument" or module.startswith("causewatch.instrument.")
    return first in sys.stdlib_module_names or first == "opentelemetry" or is_ours


def test_it_needs_only_the_api() -> None:
    """Standard library and opentelemetry-api; nothing else of causewatch, never the SDK."""
    for path in FOLDER.rglob("*.py"):
        foreign = {module for module in imports(path, top=True) if not is_allowed(module)}
        assert foreign == set(), path.name
        assert not any("opentelemetry.sdk" in each for each in imports(path, top=True))


def test_adapters_import_their_framework_when_they_are_used() -> None:
    """Importing an adapter does not import the framework, and it imports no other one."""
    for path in FOLDER.rglob("*.py"):
        lazy = {module.partition(".")[0] for module in imports(path, top=False)}
        own = {FRAMEWORKS[path.name]} if path.name in FRAMEWORKS else set()
        assert {each for each in lazy if not is_allowed(each)} <= own, path.name
