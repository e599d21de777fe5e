from __future__ import annotations

import re
from pathlib import Path
from typing import Any, cast

import pytest

from causewatch.rules.vocabulary import DERIVED, EDGES, STAGES, textmate, vocabulary
from causewatch.signatures.signature import compile_query

PAGE = Path(__file__).parents[3] / "docs/reference/attributes.md"
WORDS = cast("dict[str, Any]", vocabulary())


def test_every_derived_attribute_is_documented() -> None:
    """What completion offers stands in the reference, and the other way round."""
    page = set(re.findall(r"`causewatch\.([a-z0-9_.]+)`", PAGE.read_text(encoding="utf-8")))
    # What sampling adds is on forwarded spans alone: rules are evaluated before.
    page = {name for name in page if not name.startswith("sampling.")}
    assert page == {derived.name for derived in DERIVED}


@pytest.mark.parametrize("intrinsic", WORDS["intrinsics"], ids=lambda each: str(each["name"]))
def test_every_intrinsic_offered_can_be_read(intrinsic: dict[str, str]) -> None:
    """By its full name and its short one."""
    for name in filter(None, (intrinsic["name"], intrinsic["short"])):
        assert compile_query(f"{{ {name} != nil }}").kind == "search"


@pytest.mark.parametrize("attribute", WORDS["attributes"], ids=lambda each: str(each["name"]))
def test_every_attribute_offered_can_be_read(attribute: dict[str, Any]) -> None:
    """With each of its values."""
    for value in attribute["values"] or ["x"]:
        assert compile_query(f"{{ {attribute['name']} = `{value}` }}").kind == "search"


@pytest.mark.parametrize("form", WORDS["edge_forms"])
def test_every_form_of_an_edge_can_be_written(form: str) -> None:
    """Between two filters, with every type."""
    for edge in EDGES:
        assert compile_query(f"{{ }} {form.replace('flow', edge)} {{ }}").kind == "search"


@pytest.mark.parametrize(
    "stage", ["by(.a)", "coalesce()", "select(.a)", "origin(data)", "path(data)"]
)
def test_every_stage_is_offered(stage: str) -> None:
    """And each can follow a filter."""
    assert stage.partition("(")[0] in STAGES
    assert compile_query(f"{{ }} | {stage}").kind == "search"
    assert len(STAGES) == 5


@pytest.mark.parametrize("constant", WORDS["constants"])
def test_every_constant_is_a_value(constant: str) -> None:
    """It stands on the right of a comparison."""
    enums = {"ok": "status", "error": "status", "unset": "status"}
    kinds = {"unspecified", "internal", "server", "client", "producer", "consumer"}
    field = enums.get(constant, "kind" if constant in kinds else ".a")
    assert compile_query(f"{{ {field} = {constant} }}").kind == "search"


@pytest.mark.parametrize(
    ("text", "colour"),
    [
        ('"a"', "string.quoted.double"),
        ("`a`", "string.quoted.other"),
        ("]->>{1,3}", "keyword.operator.edge"),
        ("15ms", "constant.numeric.duration"),
        ("span.causewatch.step", "variable.other.attribute"),
        ("span:duration", "variable.language.intrinsic"),
        ("count", "keyword.control"),
        ("error", "constant.language"),
        ("&&", "keyword.operator"),
    ],
)
def test_words_have_colours(text: str, colour: str) -> None:
    """The first pattern that fits a word whole is the one meant."""
    patterns = cast("list[dict[str, str]]", textmate()["patterns"])
    fitting = [p["name"] for p in patterns if re.fullmatch(p["match"], text)]
    assert fitting[0] == f"{colour}.causewatch"
