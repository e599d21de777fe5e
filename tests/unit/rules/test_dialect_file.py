"""Dialects that users write: read as strictly as rules, and as good as the shipped ones."""

from __future__ import annotations

import time
from typing import Any

import pytest

from causewatch.dialects.tables import SHIPPED
from causewatch.dialects.understand import understand
from causewatch.errors import ProblemsError
from causewatch.model.span import LogRecord, Span, SpanEvent
from causewatch.model.step import Step
from causewatch.rules.dialect_file import is_dialect_file, load_dialect_files, problems_of
from graph_fixtures import span, with_attributes

ACME = """\
dialects:
- dialect: acme
  title: ACME agents
  detect:
  - {attribute: acme.kind}
  - {scope: com.acme.*}
  kinds:
  - {kind: agent, attribute: acme.kind, is: AGENT}
  - {kind: tool, attribute: acme.kind, is: [TOOL, FUNCTION]}
  - {kind: model, attribute: acme.meta, path: step.type, is: llm}
  - {kind: handoff, name: "pass to *", and: [{attribute: acme.from}]}
  - {kind: workflow, root: true}
  - {kind: guardrail, attribute: acme.note, like: "*blocked*by*", root: false}
  fields:
    agent: acme.who
    tool: [acme.tool, {span: name, kinds: [tool]}]
    arguments: acme.in
    result: [{attribute: acme.out, absent: ["-"]}]
    input_messages: acme.chat.*
    output_messages: [{attribute: acme.answer, role: assistant}, {event: acme.said}]
    handoff_from: acme.from
    handoff_to: [{span: name, like: "pass to *"}]
    session: [{attribute: acme.meta, path: thread}]
    error_message: [{span: status_message}]
    documents: [{attribute: acme.found}]
    input_tokens: acme.tokens.in
    evaluations: [{event: gen_ai.evaluation.result}]
"""


def load(text: str) -> tuple[Any, ...]:
    """Return the dialects of one file, then the shipped ones."""
    return (*load_dialect_files({"my.yaml": text.encode()}, SHIPPED), *SHIPPED)


KNOWN = load(ACME)


def read(attributes: dict[str, Any], name: str = "", parent: int | None = 0, **more: Any) -> Step:
    """Return what a span means where ACME's dialect is known."""
    return understand(with_attributes(span(1, parent, name=name, **more), attributes), (), KNOWN)


def problems(text: str) -> list[str]:
    """Return what is wrong with a file, each with line and column."""
    with pytest.raises(ProblemsError) as caught:
        load(text)
    return [f"{p.line}:{p.column} {p.message}" for p in caught.value.problems]


@pytest.mark.parametrize(
    ("attributes", "name", "kind"),
    [
        ({"acme.kind": "AGENT"}, "", "agent"),
        ({"acme.kind": "FUNCTION"}, "", "tool"),
        ({"acme.kind": "x", "acme.meta": '{"step": {"type": "llm"}}'}, "", "model"),
        ({"acme.kind": "x", "acme.from": "a"}, "pass to b", "handoff"),
        ({"acme.kind": "x"}, "pass to b", "other"),
        ({"acme.kind": "x", "acme.note": "was blocked\nby it"}, "", "guardrail"),
        ({"acme.kind": "x", "acme.note": "by it was blocked"}, "", "other"),
    ],
)
def test_kinds_go_by_the_first_rule_that_holds(
    attributes: dict[str, Any], name: str, kind: str
) -> None:
    """Values, lists of values, paths into JSON, globs, further conditions."""
    step = read(attributes, name)
    assert (step.kind, step.dialect) == (kind, "acme")


def test_roots_are_told_from_the_rest() -> None:
    """``root`` looks at the parent only."""
    assert read({"acme.kind": "x"}, parent=None).kind == "workflow"
    assert read({"acme.kind": "x"}).kind == "other"


def test_fields_are_read_as_what_they_are() -> None:
    """Payloads are unwrapped, messages are read, a fallback to the span's name stands last."""
    tool = read({"acme.kind": "TOOL", "acme.in": '{"a": 1}', "acme.out": '{"b": 2}'}, "look")
    assert tool.arguments is not None
    assert tool.result is not None
    assert (tool.tool, tool.arguments.value, tool.result.value) == ("look", {"a": 1}, {"b": 2})
    assert read({"acme.kind": "TOOL", "acme.out": "-"}).result is None
    model = read(
        {
            "acme.kind": "x",
            "acme.meta": '{"step": {"type": "llm"}, "thread": "t-1"}',
            "acme.chat.0.role": "user",
            "acme.chat.0.content": "hi",
            "acme.answer": "yes",
            "acme.tokens.in": 7,
        }
    )
    assert [m.text for m in (*model.input_messages, *model.output_messages)] == ["hi", "yes"]
    assert model.usage is not None
    assert (model.session, model.usage.input_tokens) == ("t-1", 7)


def test_a_glob_takes_what_its_star_stands_for() -> None:
    """A name inside of a span's name."""
    step = read({"acme.kind": "x", "acme.from": "a"}, "pass to billing desk")
    assert (step.handoff_from, step.handoff_to) == ("a", "billing desk")


def test_events_and_log_records_are_places_too() -> None:
    """Messages may come as events of the span, judgements as log records beside it."""
    said = SpanEvent(name="acme.said", time_ns=1, attributes={"content": "yes"})
    judged = LogRecord(
        event_name="gen_ai.evaluation.result",
        attributes={"gen_ai.evaluation.name": "tone", "gen_ai.evaluation.score.value": 0.5},
    )
    one = Span(trace_id="a" * 32, span_id="b" * 16, attributes={"acme.kind": "x"}, events=(said,))
    step = understand(one, (judged,), KNOWN)
    assert [m.text for m in step.output_messages] == ["yes"]
    assert [(e.name, e.score) for e in step.evaluations] == [("tone", 0.5)]


def test_a_users_dialect_comes_before_those_that_are_no_clearer() -> None:
    """By an attribute or a scope it is first; by a prefix, clearer ones are before it."""
    openinference = {"openinference.span.kind": "TOOL", "acme.kind": "AGENT"}
    assert read(openinference).dialect == "acme"
    weak = ACME.replace("- {attribute: acme.kind}", "- {attribute: acme.*}")
    by_prefix = load(weak.replace("  - {scope: com.acme.*}\n", ""))
    both = with_attributes(span(1, 0), openinference)
    assert understand(both, (), by_prefix).dialect == "openinference"
    genai = with_attributes(span(1, 0), {"gen_ai.tool.name": "t", "acme.kind": "AGENT"})
    assert understand(genai, (), by_prefix).dialect == "acme"


def test_what_a_dialect_leaves_open_the_shipped_ones_fill() -> None:
    """A short table is enough where a framework follows a convention besides."""
    step = read({"acme.kind": "AGENT", "gen_ai.agent.name": "desk", "gen_ai.conversation.id": "c"})
    assert (step.kind, step.dialect, step.agent, step.session) == ("agent", "acme", "desk", "c")


def test_spans_of_others_are_untouched() -> None:
    """Knowing one more dialect changes nothing for spans that do not show it."""
    other = with_attributes(span(1, 0), {"openinference.span.kind": "TOOL", "tool.name": "t"})
    assert understand(other, (), KNOWN) == understand(other)


def test_an_overlay_gives_a_kind_only_where_no_other_does() -> None:
    """As the shipped overlays do."""
    known = load(ACME.replace("  title:", "  overlay: true\n  title:"))
    mixed = {"gen_ai.tool.name": "t", "acme.kind": "AGENT"}
    assert understand(with_attributes(span(1, 0), mixed), (), known).kind == "tool"
    assert read({"acme.kind": "AGENT"}).kind == "agent"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("detect:", "dectect:", "4:3 a dialect has no key 'dectect'; did you mean 'detect'?"),
        ("kind: agent,", "kind: agnet,", "did you mean 'agent'?"),
        ("    agent: acme.who", "    agnet: acme.who", "15:5 a fields mapping has no key 'agnet'"),
        ("dialect: acme", "dialect: ACME", "2:12 'ACME' is no id"),
        ("dialect: acme", "dialect: mcp", "2:12 the dialect 'mcp' is already shipped"),
        ("- {attribute: acme.kind}", "- {not: true}", "5:5 a condition needs one of attribute"),
        ("{scope: com.acme.*}", "{scope: a, is: b}", "6:20 'is' needs an attribute's whole name"),
        ("{span: name, kinds: [tool]}", "{kinds: [tool]}", "a place needs one of"),
        ("{span: name, kinds: [tool]}", "{span: name, attribute: a}", "a place needs one of"),
        ('{span: name, like: "pass to *"}', "{span: name, like: a}", "'like' takes one '*' here"),
        ("agent: acme.who", "agent: acme.*", "'agent' is read from not flattened attributes"),
        ("acme.chat.*", "acme.chat*", "written with a dot, as in 'acme.chat.*'"),
        ("{event: gen_ai.evaluation.result}", "a.b", "'evaluations' is read from flattened"),
        ("{attribute: acme.found}", "{event: acme.found}", "say which attribute of the event"),
    ],
)  # fmt: skip
def test_mistakes_have_a_place_and_a_hint(old: str, new: str, said: str) -> None:
    """Unknown keys, bad values and conditions that hold for everything are errors."""
    assert old in ACME
    found = problems(ACME.replace(old, new))
    assert any(said in line for line in found), found


def test_all_mistakes_are_told_at_once() -> None:
    """Of several files, by file and line."""
    files = {"b.yaml": b"dialects: [{dialect: x}]", "a.yaml": b"dialect: []", "c.json": b"{"}
    found = [f"{p.file}:{p.line}" for p in problems_of(files, ())]
    assert found == ["a.yaml:1", "a.yaml:1", "b.yaml:1"]
    assert problems_of({"a.yaml": ACME.encode()}, SHIPPED) == ()


def test_an_id_is_given_once() -> None:
    """Two files with the same dialect would make the answer depend on their names."""
    with pytest.raises(ProblemsError, match=r"already set in a.yaml:2"):
        load_dialect_files({"a.yaml": ACME.encode(), "b.yaml": ACME.encode()})


def test_dialect_files_are_told_from_configurations() -> None:
    """Both have a key of this name; a configuration lists paths below it."""
    assert is_dialect_file("a.yaml", ACME.encode())
    assert not is_dialect_file("a.yaml", b"dialects: {paths: [x]}")
    assert not is_dialect_file("a.json", ACME.encode())
    assert not is_dialect_file("a.yaml", b"- 1")


def test_globs_take_linear_time() -> None:
    """Values come from outside: many stars and a long near-miss must not hold up the daemon."""
    stars = "*a" * 30 + "*b"
    known = load(ACME.replace('like: "*blocked*by*"', f'like: "{stars}"'))
    near = with_attributes(span(1, 0), {"acme.kind": "x", "acme.note": "a" * 1_000})
    began = time.perf_counter()
    assert understand(near, (), known).kind == "other"
    assert time.perf_counter() - began < 0.5
