from __future__ import annotations

import json

import pytest

from causewatch.resources import shipped
from cli_fixtures import run


@pytest.mark.parametrize("name", ["rules", "config", "dialects", "rules.schema.json"])
def test_a_schema_is_printed(name: str) -> None:
    """By its file's name, or by its first word."""
    done = run("schema", name)
    assert done.code == 0
    file = name if name.endswith(".json") else f"{name}.schema.json"
    assert done.out == shipped(f"schemas/{file}").read_text(encoding="utf-8")
    assert json.loads(done.out)["$schema"]


def test_the_schemas_are_listed_with_the_setup_of_editors() -> None:
    """One line each; for people also what to write where."""
    assert [line["name"] for line in run("schema").lines] == [
        "config.schema.json",
        "dialects.schema.json",
        "rules.schema.json",
        "tests.schema.json",
        "signature.tmLanguage.json",
        "signature.vocabulary.json",
    ]
    assert "yaml-language-server: $schema=" in run("schema", "--format", "text").out


def test_an_unknown_schema_names_the_known_ones() -> None:
    """A usage error."""
    done = run("schema", "nothing")
    assert done.code == 2
    assert "rules.schema.json" in done.err
