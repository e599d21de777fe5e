from __future__ import annotations

import pytest

from causewatch.errors import ProblemsError
from causewatch.rules.file import load
from causewatch.rules.rewrite import rewritten
from causewatch.signatures.layout import layout
from causewatch.signatures.parser import parse

LONG = (
    "{ span.causewatch.step = `tool` && span.causewatch.fault = `truncated` } as source"
    " -[flow]->> { span.causewatch.agent = `writer` } as victim"
)


def rewrite(text: str) -> str:
    """Return a rule file laid out."""
    return rewritten("r.yaml", text.encode()).decode()


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("signature: '{.a=1}'", "signature: '{ .a = 1 }'"),
        ('signature: "{.a=1}"  # why', "signature: '{ .a = 1 }'  # why"),
        ("signature: '{.a=`it''s`}'", "signature: '{ .a = \"it''s\" }'"),
        ("signature: ({.a=1})", "signature: '{ .a = 1 }'"),
        ("signature: |\n    {.a=1}\n  x: 1", "signature: |\n    { .a = 1 }\n  x: 1"),
        ("signature: |  # why\n      {.a=1}\n", "signature: |  # why\n    { .a = 1 }\n"),
        ("signature: >-\n    {.a=1}\n    && {.b=2}\n\n  # next\n  x: 1",
         "signature: >-\n    { .a = 1 } && { .b = 2 }\n\n  # next\n  x: 1"),
        ("signature: |\n    { .a = 1 }\n", "signature: |\n    { .a = 1 }\n"),
        ("signature: '{ .a = 1 }'", "signature: '{ .a = 1 }'"),
        ("summary: '{.a=1}'", "summary: '{.a=1}'"),
    ],
)  # fmt: skip
def test_signatures_are_laid_out_in_place(before: str, after: str) -> None:
    """Comments, other keys, the way of quoting a block and the lines around it stay."""
    head = "# head\ngroups:\n- "
    assert rewrite(head + before) == head + after


def test_a_long_one_becomes_a_block() -> None:
    """A signature that does not fit on its line is written over several."""
    text = rewrite(f"groups:\n- rules:\n  - alert: A\n    signature: '{LONG}'\n    for: 0s\n")
    lines = text.split("\n")
    assert lines[3] == "    signature: |"
    assert all(line.startswith("      ") for line in lines[4:6])
    assert lines[-2] == "    for: 0s"
    assert rewrite(text) == text


def test_a_rewritten_file_loads_to_the_same_rules() -> None:
    """What fires before, fires after."""
    text = f"groups:\n- name: g\n  rules:\n  - alert: A\n    signature: '{LONG}'\n"
    before, after = (load({"r.yaml": each.encode()}) for each in (text, rewrite(text)))
    assert layout(parse(after.groups[0].rules[0].signature.text)) == layout(parse(LONG))
    assert before.groups[0].rules[0].version == after.groups[0].rules[0].version


def test_every_mistake_is_reported_and_nothing_is_rewritten() -> None:
    """Two bad signatures are two problems, each at its place."""
    text = "groups:\n- rules:\n  - signature: '{ .a = }'\n  - signature: '{ '\n"
    with pytest.raises(ProblemsError) as caught:
        rewrite(text)
    assert [problem.line for problem in caught.value.problems] == [3, 4]


@pytest.mark.parametrize("text", ["groups: [", "a: 1\na: 2\n", "a: &x 1\n"])
def test_bad_yaml_is_reported(text: str) -> None:
    """As the loader does."""
    with pytest.raises(ProblemsError):
        rewrite(text)


@pytest.mark.parametrize("text", ["", "# nothing\n", "trust: []\n", "\ufefftrust: []\n"])
def test_files_without_signatures_stay(text: str) -> None:
    """To the byte."""
    assert rewritten("r.yaml", text.encode()) == text.encode()


def test_crlf_files_keep_their_other_lines() -> None:
    """Line ends of what is not rewritten stay as they are."""
    text = "groups:\r\n- name: g\r\n  x: '{.a=1}'\r\n  signature: '{.a=1}'\r\n"
    assert rewrite(text) == text.replace("signature: '{.a=1}'", "signature: '{ .a = 1 }'")
