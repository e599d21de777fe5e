"""Everything an editor or CI can be given: JSON Schemas, the language's words, its colours."""

from __future__ import annotations

from collections.abc import Callable

from causewatch.app.config_shape import CONFIG
from causewatch.model.value import Value
from causewatch.rules.schema import dialects_schema, rendered, rules_schema, schema_of, tests_schema
from causewatch.rules.vocabulary import textmate, vocabulary

CONFIG_ID = "https://github.com/causewatch/causewatch/blob/main/schemas/config.schema.json"


def config_schema() -> dict[str, Value]:
    """Return the JSON Schema of ``causewatch.yaml``."""
    return schema_of(CONFIG, title="causewatch configuration", identity=CONFIG_ID)


SCHEMAS: dict[str, tuple[str, Callable[[], dict[str, Value]]]] = {
    "config.schema.json": ("JSON Schema of causewatch.yaml", config_schema),
    "dialects.schema.json": ("JSON Schema of dialect files", dialects_schema),
    "rules.schema.json": ("JSON Schema of rule files", rules_schema),
    "tests.schema.json": ("JSON Schema of test files", tests_schema),
    "signature.tmLanguage.json": ("colours of signatures, as a TextMate grammar", textmate),
    "signature.vocabulary.json": ("words of signatures, for completion", vocabulary),
}
"""By the name of the file in ``schemas/``: what it is, and who makes it."""


def schema_text(name: str) -> str:
    """Return a schema as it is committed under ``schemas/NAME``."""
    return rendered(SCHEMAS[name][1]())
