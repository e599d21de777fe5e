"""Two libraries, one verdict: jsonschema explains to authors, jsonschema-rs judges payloads.

Over the drafts' own test suite, with ``format`` an annotation in both; where they differ, the case
stands below by its name, with who is right.
"""

from __future__ import annotations

import gzip
import json
import re
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import jsonschema_rs
import pytest
import referencing
from referencing.jsonschema import DRAFT202012

from causewatch.contracts.compile import validator_of

SUITE: dict[str, Any] = json.loads(
    gzip.decompress(
        (Path(__file__).parent / "json_schema_suite" / "draft2020-12.json.gz").read_bytes()
    )
)
CASES: dict[str, Any] = SUITE["cases"]
REMOTES: dict[str, Any] = SUITE["remotes"]
MIN_TESTS_COUNT = 1_900

DEPENDENCIES = "optional/dependencies-compatibility.json"
REGEXES = "optional/ecmascript-regex.json"
DIFFERENCES: dict[str, tuple[str, ...]] = {
    # jsonschema applies the keywords of 2020-12 whatever vocabulary a meta-schema of one's own has.
    "vocabulary.json": ("no validation: invalid number, but it still validates",),
    # `dependencies` is no keyword of 2020-12; jsonschema-rs still knows it, jsonschema does not.
    DEPENDENCIES: (
        "missing dependency",
        "missing other dependency",
        "missing both dependencies",
        "CRLF missing dependent",
        "quoted quotes missing dependent",
        "wrong type",
        "wrong type other",
        "wrong type both",
        "object with property having schema false is invalid",
        "object with both properties is invalid",
        "quoted quote",
        "quoted tab invalid under dependent schema",
        "quoted quote invalid under dependent schema",
    ),
    # jsonschema-rs has the regular expressions of ECMA 262, jsonschema those of Python, in which
    # \d, \w and \s know every script, and \p and \c are errors.
    REGEXES: (
        "does not match",
        "matches",
        "NKO DIGIT ZERO does not match (unlike e.g. Python)",
        "NKO DIGIT ZERO (as \\u escape) does not match",
        "NKO DIGIT ZERO matches (unlike e.g. Python)",
        "NKO DIGIT ZERO (as \\u escape) matches",
        "latin-1 e-acute does not match (unlike e.g. Python)",
        "latin-1 e-acute matches (unlike e.g. Python)",
        "zero-width whitespace matches",
        "zero-width whitespace does not match",
        "ascii character in json string",
        "literal unicode character in json string",
        "unicode character in hex format in string",
        "unicode matching is case-sensitive",
        "non-ascii digits (BENGALI DIGIT FOUR, BENGALI DIGIT TWO)",
        "ascii digits",
        "ascii non-digits",
    ),
}
"""The tests of each file on which the two libraries differ; in all of these jsonschema-rs is right.

Contracts are judged by jsonschema-rs alone, so payloads never meet the difference.
"""

RUST_REGISTRY = jsonschema_rs.Registry(list(REMOTES.items()))
PYTHON_REGISTRY: Any = referencing.Registry().with_resources(
    (uri, referencing.Resource.from_contents(schema, default_specification=DRAFT202012))
    for uri, schema in REMOTES.items()
)


@cache
def answers(file: str) -> list[tuple[dict[str, Any], bool, bool | None]]:
    """Return each test of a file with what jsonschema-rs says, then jsonschema.

    ``None`` is an error.
    """
    found: list[tuple[dict[str, Any], bool, bool | None]] = []
    for group in CASES[file]:
        fast = validator_of(group["schema"], registry=RUST_REGISTRY)
        plain = jsonschema.Draft202012Validator(group["schema"], registry=PYTHON_REGISTRY)
        found.extend(
            (test, fast.is_valid(test["data"]), _said(plain, test["data"]))
            for test in group["tests"]
        )
    return found


def _said(validator: Any, instance: Any) -> bool | None:
    try:
        return bool(validator.is_valid(instance))
    except re.error:
        return None


@pytest.mark.parametrize("file", CASES)
def test_both_libraries_say_the_same(file: str) -> None:
    """They agree on every test of the suite but those named above, and those named do differ."""
    differing = {test["description"] for test, fast, plain in answers(file) if fast != plain}
    assert differing == set(DIFFERENCES.get(file, ()))


@pytest.mark.parametrize("file", [file for file in CASES if not file.startswith("optional/")])
def test_what_judges_payloads_does_as_the_draft_says(file: str) -> None:
    """The verdict of the hot path is the suite's own, for every test that is not optional."""
    wrong = [test["description"] for test, fast, _ in answers(file) if fast != test["valid"]]
    assert wrong == []


def test_the_suite_is_whole() -> None:
    """The file holds the suite, not a part of it."""
    count = sum(len(group["tests"]) for groups in CASES.values() for group in groups)
    assert count >= MIN_TESTS_COUNT
    assert {"ref.json", "unevaluatedProperties.json", "dynamicRef.json"} <= set(CASES)
