from __future__ import annotations

import pytest

from causewatch.paths.error import PathError
from causewatch.paths.format import format_model, format_name, format_node
from causewatch.paths.limits import MAX_ANY_ORDER_PARTS_COUNT, MAX_DEPTH, MAX_NAMES_COUNT
from causewatch.paths.parser import parse_model, parse_node, parse_order, plain_pattern
from causewatch.paths.syntax import NOTHING, Name, Repeat, leaves_of, opened

INNER = "a count within a repetition goes up to 100, and both together up to 1,000"
AGENT = Name(pattern=plain_pattern("", "a"))


@pytest.mark.parametrize(
    ("text", "formatted"),
    [
        ("a", "a"),
        ("()", "()"),
        ("(a)", "a"),
        ("a,b ,  c", "a, b, c"),
        ("a|b|c", "a | b | c"),
        ("a&b", "a & b"),
        ("a*, b+, c?", "a*, b+, c?"),
        ("a{2}, b{1,3}, c{2,}, d{,4}", "a{2}, b{1,3}, c{2,}, d{0,4}"),
        ("a{0,1}, b{1,}, c{0,}", "a?, b+, c*"),
        ("(a, b)+", "(a, b)+"),
        ("(a+)*", "(a+)*"),
        ("((a, b) | c), d", "((a, b) | c), d"),
        ("-> a", "-> a"),
        ("->a{1,3}", "-> a{1,3}"),
        ("-> (a | b)", "-> (a | b)"),
        ("-> (a | b)+", "-> (a | b)+"),
        ("-> a | -> b", "-> (a | b)"),
        ("-> (a, b)", "-> a, -> b"),
        ("-> a | b", "-> a | b"),
        ("...", "..."),
        ("a, -> ..., b", "a, -> ..., b"),
        ("agent:a, tool:b", "agent:a, tool:b"),
        ('tool:"kb_*"+', 'tool:"kb_*"+'),
        ("'kb_*' | \"a b\"", '"kb_*" | "a b"'),
        ('"plain"', "plain"),
        (r'"a\*b"', r'"a\*b"'),
        (r'"say \"hi\" \\"', r'"say \"hi\" \\"'),
        ('"a[1]"', '"a[1]"'),
        ('"..."', '"..."'),
        ("x:y", "x:y"),
        ('"agent:a"', '"agent:a"'),
        ("mcp.server/tool-name", "mcp.server/tool-name"),
        ("見積り", "見積り"),
        ("a-b, ->c", "a-b, -> c"),
        ("a\n  , b", "a, b"),
    ],
)
def test_what_is_read_is_written_in_one_way(text: str, formatted: str) -> None:
    """Formatting is stable, and what it writes means the same."""
    model = parse_model(text)
    assert format_model(model) == formatted
    assert format_model(parse_model(formatted)) == formatted


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("", 1, "an empty content model: write () for no children"),
        ("a, b | c", 6, "',' and '|' in one group: write parentheses"),
        ("a | b & c", 7, "'|' and '&' in one group: write parentheses"),
        ("a b", 3, "unexpected 'b'; expected ',', '|', '&', a count or the end"),
        ("a,", 3, "unexpected the end; expected a name, '->', '(' or '...'"),
        ("a,,b", 3, "unexpected ','; expected a name, '->', '(' or '...'"),
        ("(a, b", 1, "a parenthesis that is not closed"),
        ("a)", 2, "a ')' that nothing opens"),
        ("(a b)", 4, "unexpected 'b'; expected ',', '|', '&', a count or the end"),
        ("a{", 2, "a count is written {2}, {1,3} or {2,}"),
        ("a{x}", 2, "a count is written {2}, {1,3} or {2,}"),
        ("a{,}", 2, "a count needs a number: {2}, {1,3}, {2,}"),
        ("a{3,1}", 2, "from 3 to 1 is no range"),
        ("a{0}", 2, "a count of 0 allows nothing: leave the name out"),
        ("a{1,1001}", 2, "a count goes up to 1,000"),
        ("a{99999999999999999999}", 2, "a count goes up to 1,000"),
        ("a*+", 3, "one count too many: write parentheses around the first"),
        ("(a{1,200}){2}", 11, INNER),
        ("(a{50}){50}", 8, INNER),
        ("...+", 4, "'...' is already any number of children"),
        ("kb_*, a", 1, 'globs go in quotation marks: write "kb_*"'),
        ("kb*search", 1, 'globs go in quotation marks: write "kb*search"'),
        ("*search", 1, 'globs go in quotation marks: write "*search"'),
        ("-> tool:a", 4, "a handoff goes to an agent, not to a tool"),
        ("tool: a", 1, "'tool:' needs a name right after it"),
        ("retrieval:a", 1, "a child is agent: or tool:, not retrieval:; write tool"),
        ('""', 1, "an empty name"),
        ('"abc', 1, "a quotation mark that is not closed"),
        ("a, b€", 5, "'€' stands for nothing here; names with it go in quotation marks"),
        ("a -> ", 3, "unexpected '->'; expected ',', '|', '&', a count or the end"),
        ("-> ->", 4, "unexpected '->'; expected a name, '->', '(' or '...'"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_column_and_what_was_expected(
    text: str, column: int, message: str
) -> None:
    """Whoever writes a template sees at once what to write instead."""
    with pytest.raises(PathError) as wrong:
        parse_model(text)
    assert (wrong.value.line, wrong.value.column, wrong.value.sentence) == (1, column, message)


def test_the_caret_stands_below_the_place_also_in_later_lines() -> None:
    """Tabs are kept, so that it does whatever their width."""
    with pytest.raises(PathError) as wrong:
        parse_model("a,\n\tb c")
    lines = wrong.value.render().splitlines()
    assert lines[0].startswith("line 2, column 4: unexpected 'c'")
    assert lines[1:] == ["  \tb c", "  \t  ^"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("(" * 17 + "a" + ")" * 17, f"more than {MAX_DEPTH} levels"),
        (" , ".join(f"a{i}" for i in range(201)), f"more than {MAX_NAMES_COUNT} names"),
        (" & ".join(f"a{i}" for i in range(33)), f"more than {MAX_ANY_ORDER_PARTS_COUNT} parts"),
        (" & ".join(["a"] * 9), "share a name"),
        (" & ".join(["...", *(f"a{i}" for i in range(8))]), "share a name"),
        (" & ".join(f'"{c}*"' for c in "abcdefghi"), "share a name"),
        ("a" * 10_001, "at most 10,000 characters"),
    ],
)
def test_limits_are_met_when_a_template_is_loaded(text: str, message: str) -> None:
    """No model that passes can blow up when runs are judged."""
    with pytest.raises(PathError, match=message):
        parse_model(text)


def test_a_large_model_within_the_limits_is_read() -> None:
    """Limits are for the hostile, not for the large."""
    text = ", ".join(
        [*(f"step_{i}{{0,1000}}" for i in range(150)), *(f"-> a{i}" for i in range(50))]
    )
    model = parse_model(text)
    assert len(leaves_of(model)) == MAX_NAMES_COUNT
    assert len(leaves_of(parse_model(" & ".join(f"a{i}{{0,1000}}" for i in range(32))))) == 32


@pytest.mark.parametrize(
    ("text", "kind", "name", "is_wild"),
    [
        ("planner", "", "planner", False),
        ("agent:planner", "agent", "planner", False),
        ("tool:kb_*", "tool", "kb_*", True),
        ("workflow:GET /chat", "workflow", "GET /chat", False),
        ("a: b", "", "a: b", False),
        ("Delegate work to coworker", "", "Delegate work to coworker", False),
        (r"a\*", "", "a*", False),
    ],
)
def test_a_node_is_all_of_its_key(text: str, kind: str, name: str, is_wild: bool) -> None:
    """Names of nodes may hold blanks, since nothing follows them."""
    pattern = parse_node(text)
    assert (pattern.kind, pattern.text, pattern.is_wild) == (kind, name, is_wild)
    assert parse_node(format_node(pattern)) == pattern


def test_a_node_whose_name_looks_like_a_kind_is_written_with_its_kind() -> None:
    """Else reading it back would make another node of it."""
    pattern = plain_pattern("", "tool:belt")
    assert format_node(pattern) == "agent:tool:belt"
    assert format_name(pattern) == '"tool:belt"'


@pytest.mark.parametrize(
    ("text", "left", "word", "right"),
    [
        ("agent:policy before tool:issue_refund", "agent:policy", "before", "tool:issue_refund"),
        ("a after b", "a", "after", "b"),
        ('tool:"send_*" after "b c"', "tool:send_*", "after", "b c"),
        ("before before after", "before", "before", "after"),
    ],
)
def test_orders_are_two_names_and_a_word(text: str, left: str, word: str, right: str) -> None:
    """The words are no reserved names."""
    order = parse_order(text)
    assert (order.left.shown, order.word, order.right.shown) == (left, word, right)


@pytest.mark.parametrize(
    ("text", "column", "message"),
    [
        ("a", 2, "unexpected the end; expected 'before' or 'after'"),
        ("a befor b", 3, "unexpected 'befor'; expected 'before' or 'after'"),
        ("a before", 9, "unexpected the end; expected a name"),
        ("a before b, c", 11, "unexpected ','; expected the end"),
        ("-> a before b", 1, "unexpected '->'; expected a name"),
    ],
)
def test_a_bad_order_is_told_with_its_column(text: str, column: int, message: str) -> None:
    """The same way as in content models."""
    with pytest.raises(PathError) as wrong:
        parse_order(text)
    assert (wrong.value.column, wrong.value.sentence) == (column, message)


def test_three_dots_are_a_repetition_of_anything() -> None:
    """The matcher knows no further form for them."""
    assert parse_model("...") == opened()
    assert parse_model("-> ...") == opened(is_handoff=True)
    assert parse_model("()") == NOTHING
    assert parse_model("a?") == Repeat(part=AGENT, least=0, most=1)
