from __future__ import annotations

import json

import jsonschema
import pytest

from causewatch.app.schemas import SCHEMAS, config_schema, schema_text
from causewatch.resources import shipped
from causewatch.rules.keys import CONTRACT, FILE, RULE
from causewatch.rules.schema import dialects_schema, rendered, rules_schema, schema_of
from causewatch.rules.shape import Boolean, Key, Number, Shape, Size
from causewatch.rules.yaml import Problems, parse, plain

GOOD = """\
groups:
- name: support
  interval: 30s
  labels: {team: 7}
  rules:
  - alert: A
    signature: '{ name = "x" } as a'
    by: [a.span.x, {renamed: a.span.y}]
    min_runs: 2
    for: 1m30s
    examples: [{traces: a.jsonl, expect: match}]
contracts:
- contract: c
  from: a
  schema: {type: object}
  compare: {mode: exact, ignore: [/x]}
  failures: {schema: page, missing: {severity: ticket}}
trust: [{tool: t, level: trusted}]
"""


def errors_of(text: str) -> list[str]:
    """Return what the committed schema says of a YAML text."""
    schema = json.loads(shipped("schemas/rules.schema.json").read_text(encoding="utf-8"))
    node = parse("f", text.encode(), Problems())
    assert node is not None
    validator = jsonschema.Draft202012Validator(schema)
    return sorted(error.json_path for error in validator.iter_errors(plain(node)))


@pytest.mark.parametrize("name", SCHEMAS)
def test_the_committed_schema_is_the_generated_one(name: str) -> None:
    """Editors and CI see exactly the keys and words that the code reads."""
    committed = shipped(f"schemas/{name}").read_text(encoding="utf-8")
    assert committed == schema_text(name), f"run: causewatch schema {name} > schemas/{name}"


def test_every_committed_schema_has_a_maker() -> None:
    """None is left behind, and none is written by hand."""
    assert {path.name for path in shipped("schemas").iterdir()} == set(SCHEMAS)


def test_the_schemas_are_schemas() -> None:
    """They hold against the meta-schema of their own draft."""
    for schema in (rules_schema(), dialects_schema(), config_schema()):
        jsonschema.Draft202012Validator.check_schema(schema)


def test_a_dialect_file_is_checked_in_the_editor() -> None:
    """What the loader takes is taken, a misspelt field is underlined."""
    validator = jsonschema.Draft202012Validator(dialects_schema())
    fields: dict[str, object] = {"agent": "a.b", "tool": ["c", {"span": "name"}]}
    detect = [{"attribute": "a.b"}]
    file = {"dialects": [{"dialect": "mine", "detect": detect, "fields": fields}]}
    assert validator.is_valid(file)
    fields["agnet"] = "a.b"
    assert not validator.is_valid(file)


def test_good_rules_are_good() -> None:
    """What the loader takes, the schema takes, numbers as label text included."""
    assert errors_of(GOOD) == []


@pytest.mark.parametrize(
    ("old", "new", "path"),
    [
        ("interval: 30s", "interval: 30", "$.groups[0].interval"),
        ("for: 1m30s", "for: ''", "$.groups[0].rules[0].for"),
        ("for: 1m30s", "fro: 1m", "$.groups[0].rules[0]"),
        ("min_runs: 2", "min_runs: 0", "$.groups[0].rules[0].min_runs"),
        ("expect: match", "expect: maybe", "$.groups[0].rules[0].examples[0].expect"),
        ("mode: exact", "mode: meaning", "$.contracts[0].compare.mode"),
        ("schema: page", "scheme: page", "$.contracts[0].failures"),
        ("level: trusted", "level: 1", "$.trust[0].level"),
        ("- contract: c\n  from", "- from", "$.contracts[0]"),
        ("trust:", "paths: 7\ntrust:", "$.paths"),
        ("trust:", "walks: []\ntrust:", "$"),
    ],
)
def test_mistakes_are_found_in_the_editor(old: str, new: str, path: str) -> None:
    """Typing mistakes are underlined where they are."""
    assert old in GOOD
    assert errors_of(GOOD.replace(old, new)) == [path]


def test_keys_of_later_versions_are_not_offered() -> None:
    """What the loader refuses as unsupported, an editor does not complete."""
    later = [key.name for shape in (FILE, RULE, CONTRACT) for key in shape.keys if key.later]
    assert "backfill" in later
    assert not [name for name in later if f'"{name}":' in rendered(rules_schema())]


def test_every_key_is_described() -> None:
    """A reference page is made of these sentences."""

    def docs(value: object) -> list[str]:
        if isinstance(value, dict):
            own = [str(v.get("description", "")) for v in value.get("properties", {}).values()]
            return own + [text for inner in value.values() for text in docs(inner)]
        return [text for item in value for text in docs(item)] if isinstance(value, list) else []

    texts = docs(rules_schema()) + docs(dialects_schema())
    assert len(texts) > 60
    assert all(text.endswith(".") for text in texts)


def test_sizes_numbers_and_booleans_have_schemas_too() -> None:
    """Other files, such as the configuration, use the kinds that rule files do not."""
    shape = Shape(
        name="x",
        keys=(
            Key(name="size", kind=Size(), doc="."),
            Key(name="ratio", kind=Number(maximum=1), doc="."),
            Key(name="on", kind=Boolean(), doc="."),
        ),
    )
    schema = schema_of(shape, title="x", identity="https://example.com/x")
    validator = jsonschema.Draft202012Validator(schema)
    assert validator.is_valid({"size": "64KiB", "ratio": 0.5, "on": True})
    for bad in ({"size": "64"}, {"ratio": 2}, {"on": "yes"}):
        assert not validator.is_valid(bad)
