"""The page on contracts is true: its rules load, and it names every class and mode."""

from __future__ import annotations

import re
from pathlib import Path
from typing import get_args

import pytest

from causewatch.contracts.spec import CompareMode
from causewatch.model.judgement import ViolationName
from causewatch.rules.file import load

PAGE = (Path(__file__).parents[3] / "docs" / "explain" / "contracts.md").read_text("utf-8")


def test_the_rules_on_the_page_load() -> None:
    """What a reader copies is accepted, with every key that the page explains."""
    (text,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    handoff, lookup = (each.spec for each in load({"rules.yaml": text.encode()}).contracts)
    assert handoff.compare is not None
    assert handoff.compare.ignore == ("/trace_meta", "/items/*/cache_key")
    assert (handoff.missing_after_s, handoff.severity_of("poisoning")) == (120.0, "page")
    assert lookup.limits_results
    assert lookup.arguments_schema is not None


@pytest.mark.parametrize("word", [*get_args(ViolationName), *get_args(CompareMode)])
def test_the_page_explains_every_class_and_mode(word: str) -> None:
    """A name that an alert carries is explained where its reader looks."""
    assert f"`{word}`" in PAGE
