from __future__ import annotations

import re
from pathlib import Path

import pytest

from causewatch.signatures.error import SignatureError
from causewatch.signatures.intrinsic import INTRINSICS
from causewatch.signatures.signature import compile_query
from causewatch.signatures.token import DURATION_UNITS_NS

PAGE = (Path(__file__).parents[3] / "docs/reference/signatures.md").read_text(encoding="utf-8")
BLOCKS = re.findall(r"```traceql\n(.*?)```", PAGE, flags=re.DOTALL)


def _signatures() -> list[str]:
    """Return the signatures of all blocks: one a line, an indented line going on with the last."""
    found: list[str] = []
    for block in BLOCKS:
        for line in block.splitlines():
            if line.startswith(" "):
                found[-1] += "\n" + line
            else:
                found.append(line)
    return found


@pytest.mark.parametrize("text", _signatures())
def test_each_example_compiles(text: str) -> None:
    """Every example of the reference is a good signature."""
    assert compile_query(text).text == text


def test_the_page_has_examples() -> None:
    """The examples are found at all."""
    assert len(_signatures()) > 15


@pytest.mark.parametrize("name", sorted(INTRINSICS))
def test_each_intrinsic_is_listed(name: str) -> None:
    """The reference lists every intrinsic, with its short form."""
    assert f"`{name}`" in PAGE
    assert f"`{INTRINSICS[name].legacy or name}`" in PAGE


@pytest.mark.parametrize("unit", sorted(set(DURATION_UNITS_NS) - {"\u03bcs"}))
def test_each_unit_is_listed(unit: str) -> None:
    """The reference lists every unit of a duration."""
    (units,) = re.findall(r"units `([^`]*)`", PAGE)
    assert unit in units.split()


def test_the_error_shown_is_what_is_given() -> None:
    """The example of an error is what an author gets."""
    with pytest.raises(SignatureError) as caught:
        compile_query("{ span.x = }")
    assert caught.value.render() in PAGE
