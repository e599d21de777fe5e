"""The language of scenarios itself: what it reads, what it refuses, and that a claim can fail."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
import pytest

from causewatch.dialects.understand import understand
from causewatch.model.step import Step, StepKind
from scenario_language import Case, DialectName, ScenarioError, Statement, read_cases
from scenario_play import Unmet, play
from scenario_spans import spans_of

HERE = Path(__file__).parent
PAGE = HERE.parent.parent / "docs" / "explain" / "testing.md"
FILES = sorted(HERE.glob("*/*.test"))
RUN = """\
trace quay
  w workflow quay_watch
    a agent lookout "Which ship lies at quay 3?" ^tier=gold
      m model "I look." -> list_ships {"quay": 3}
      t tool list_ships => {"ships": ["Marsdiep"]} @100+20 app.n=2
      r retrieval almanac "Marsdiep" => [{"id": "A-1", "content": "A ferry.", "score": 0.5}]
      g guardrail polite
      s span flush
      h handoff harbour_master returns
    b agent harbour_master "The Marsdiep." link=t status=error message="tired" dropped=1
      n model "Noted." event={"name": "note", "k": 1}
"""
CASE = "case the ship is found\n  eval { true }\n  expect spans w\n"


def case_of(text: str) -> Case:
    """Return the only case of a text."""
    (case,) = read_cases(text, "quay.test")
    return case


def steps_of(dialect: DialectName, text: str = RUN) -> dict[str, Step]:
    """Return what the product understands of each span, by the scenario's names."""
    (case,) = read_cases(f"dialect {dialect}\n{text}{CASE}", "quay.test")
    assert case.trace is not None
    written = spans_of(case.trace, case.dialect)
    return {written.names[span.span_id]: understand(span) for span in written.spans}


@pytest.mark.parametrize("dialect", ["genai", "openinference"])
def test_every_kind_of_span_is_understood(dialect: DialectName) -> None:
    """The product's own dialects read each line as the kind that it names."""
    kinds: dict[str, StepKind] = {name: step.kind for name, step in steps_of(dialect).items()}
    assert kinds == {
        "w": "workflow",
        "a": "agent",
        "m": "model",
        "t": "tool",
        "r": "retrieval",
        "g": "guardrail",
        "s": "other",
        "h": "handoff",
        "b": "agent",
        "n": "model",
    }


@pytest.mark.parametrize("dialect", ["genai", "openinference"])
def test_content_arrives_as_it_was_written(dialect: DialectName) -> None:
    """Arguments, results, documents and messages are those of the text, whatever the dialect."""
    steps = steps_of(dialect)
    tool, model, retrieval = steps["t"], steps["m"], steps["r"]
    assert tool.arguments is not None
    assert tool.result is not None
    assert (tool.tool, tool.arguments.value) == ("list_ships", {"quay": 3})
    assert tool.result.value == {"ships": ["Marsdiep"]}
    assert [message.text for message in model.input_messages] == ["Which ship lies at quay 3?"]
    assert model.output_messages[0].text == "I look."
    assert [document.content for document in retrieval.documents] == ["A ferry."]
    assert retrieval.query == "Marsdiep"
    assert steps["b"].agent == "harbour_master"


def test_the_parts_of_a_span_that_no_dialect_owns() -> None:
    """Times, status, links, events, attributes and resources are the span's own."""
    steps = steps_of("genai")
    tool, second, noted = steps["t"].span, steps["b"].span, steps["n"].span
    assert (tool.end_ns - tool.start_ns, tool.attributes["app.n"]) == (20_000_000, 2)
    assert steps["a"].span.resource.attributes["tier"] == "gold"
    assert (second.status, second.status_message) == ("error", "tired")
    assert second.dropped_attributes_count == 1
    assert [link.span_id for link in second.links] == [tool.span_id]
    assert [(event.name, event.attributes) for event in noted.events] == [("note", {"k": 1})]
    assert second.parent_id == steps["w"].span.span_id


def test_an_agent_that_is_told_nothing_is_told_what_was_handed_over() -> None:
    """A nested agent gets the arguments of the call around it, a later one the last words."""
    steps = steps_of(
        "genai",
        "trace x\n"
        '  a agent one "Go."\n'
        '    q call ask_two {"task": "Look for the Marsdiep."}\n'
        "      b agent two\n"
        '        m model "Here."\n'
        '    e model "It is here."\n'
        "  c agent three\n"
        '    n model "Good."\n'
        "  d agent four continues\n"
        '    o model "Fine."\n',
    )
    texts = {name: [m.text for m in steps[name].input_messages] for name in "mno"}
    assert texts["m"] == ["Look for the Marsdiep."]
    assert texts["n"] == ["It is here."]
    assert texts["o"] == ["It is here.", "Good."]
    result = steps["q"].result
    assert result is not None
    assert result.value == "Here."


def test_an_arrival_has_its_own_ids() -> None:
    """The same run, written with another salt, shares no id with the first."""
    case = case_of(RUN + CASE)
    assert case.trace is not None
    ids = [
        {span.span_id for span in spans_of(case.trace, "genai", salt=salt).spans} for salt in "xy"
    ]
    assert ids[0].isdisjoint(ids[1])


REFUSED = {
    "trce x\n  a agent b\n": (1, "none of trace, dialect, case"),
    "dialect french\n": (1, "a dialect is one of genai, openinference, both"),
    "trace x\n": (1, "has no spans"),
    "trace x colour=red\n  a agent b\n": (1, "'colour' is none of content, cut"),
    "trace x content=some\n  a agent b\n": (1, "content is on or off"),
    "trace x\n  a agent b\ntrace x\n  a agent b\n": (3, "already in line 1"),
    "trace x\n  a agent b\n  a agent c\n": (3, "the id 'a' is already in line 2"),
    "trace x\n  a robot b\n": (2, "'robot' is no kind of span"),
    "trace x\n  a agent\n": (2, "the agent's name is missing"),
    "trace x\n  a agent b loudly\n": (2, "'loudly' means nothing here"),
    'trace x\n  a tool b {"c": \n': (2, "no JSON from column 10"),
    "trace x\n  a tool b =>\n": (2, "a value is missing"),
    "trace x\n    a agent b\n  c agent d\n": (3, "further left"),
    RUN + "case\n  explain\n  expect healthy\n": (12, "needs the claim"),
    RUN + "case one\n  explain\n": (12, "cannot fail"),
    RUN + "case one\n  expect healthy\n": (13, "nothing was asked before"),
    RUN + "case one\n  shout\n": (13, "begins no line of a case"),
    RUN + "case one\n  on dock\n  explain\n  expect healthy\n": (13, "no trace is called 'dock'"),
    RUN + CASE + CASE: (15, "the same title stands in line 12"),
    RUN + "case one\n  explain\n    loudly\n  expect healthy\n": (14, "nothing stands below"),
}


@pytest.mark.parametrize("text", REFUSED, ids=[said for _, said in REFUSED.values()])
def test_what_is_not_of_the_language_is_refused_at_its_line(text: str) -> None:
    """A mistake is told with file, line and what would have been right."""
    line, said = REFUSED[text]
    with pytest.raises(ScenarioError, match=re.escape(said)) as refused:
        read_cases(text, "quay.test")
    assert str(refused.value).startswith(f"quay.test:{line}: ")


SENSELESS = {
    "  eval { name = }\n  expect none\n": (13, "unexpected `}`"),
    "  eval { true }\n  expect fun\n": (14, "of a signature nothing is called 'fun'"),
    "  explain\n  expect mood good\n": (14, "of a run nothing is called 'mood'"),
    "  contract c\n    frm: a\n  expect verdict none\n": (13, "frm"),
    "  contract c\n    from: a\n    schema: true\n  expect fun\n": (16, "nothing is called 'fun'"),
    "  at 0s\n  expect no alerts\n": (13, "no rules stand before"),
    "  rules\n    groups: []\n  at noon\n  expect no alerts\n": (15, "no time such as"),
    "  rules\n    groups: []\n  at 5m\n  at 1m\n  expect no alerts\n": (16, "before the last one"),
    "  rules\n    groups: []\n  at 0s dock\n  expect no alerts\n": (15, "no run such as"),
    "  rules\n    groups: []\n  at 0s\n  expect peace\n": (16, "only alerts"),
}


@pytest.mark.parametrize("text", SENSELESS, ids=[said for _, said in SENSELESS.values()])
def test_what_makes_no_sense_is_refused_when_it_is_played(text: str) -> None:
    """Rules, signatures and answers that do not exist are mistakes of the file, not of the run."""
    line, said = SENSELESS[text]
    with pytest.raises(ScenarioError, match=re.escape(said)) as refused:
        play(case_of(f"{RUN}case one\n{text}"))
    assert str(refused.value).startswith(f"quay.test:{line}: ")


def test_a_link_to_nowhere_is_refused() -> None:
    """A link names a span of its own run."""
    case = case_of("trace x\n  a agent b link=c\n" + CASE)
    with pytest.raises(ScenarioError, match="a link leads to 'c': no such span"):
        play(case)


def test_a_wrong_answer_is_told_with_its_place_and_what_came() -> None:
    """The message is enough to see what the product said instead."""
    case = case_of(RUN + "case one\n  eval { span.causewatch.tool != nil }\n  expect spans m\n")
    with pytest.raises(Unmet) as unmet:
        play(case)
    assert str(unmet.value) == "quay.test:14 [genai]: expected spans m\n  got r t"


def test_an_alert_that_was_not_expected_is_told() -> None:
    """All alerts of a time are listed: one too many is as wrong as one too few."""
    rules = (
        "case one\n  rules\n    groups:\n    - name: g\n      rules:\n"
        "      - {alert: A, signature: '{ true }'}\n      - {alert: B, signature: '{ true }'}\n"
        "  at 0s quay\n  expect alert A firing\n"
    )
    with pytest.raises(Unmet, match="also B"):
        play(case_of(RUN + rules))
    play(case_of(RUN + rules + "  expect alert B firing\n"))
    with pytest.raises(Unmet, match="got no alerts"):
        play(case_of(RUN + rules + "  expect alert B firing\n  expect alert B firing\n"))


def falsified(expect: Statement) -> Statement:
    """Return an expectation that cannot hold where the given one does."""
    text = "silent " if expect.text.startswith("silent") else f"{expect.text} otherwise"
    return msgspec.structs.replace(expect, text=text)


@pytest.mark.parametrize("path", FILES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_every_expectation_can_fail(path: Path) -> None:
    """Each line that expects something is really compared: changed, it is refuted."""
    for case in read_cases(path.read_text("utf-8"), path.name):
        for number, action in enumerate(case.actions):
            for position, expect in enumerate(action.expects):
                expects = (*action.expects[:position], falsified(expect))
                changed = msgspec.structs.replace(action, expects=expects)
                actions = (*case.actions[:number], changed)
                with pytest.raises((Unmet, ScenarioError)):
                    play(msgspec.structs.replace(case, actions=actions))


def test_the_examples_of_the_page_hold() -> None:
    """What the documentation shows is played like any scenario file."""
    blocks = re.findall(
        r"^```scenario\n(.*?)^```", PAGE.read_text("utf-8"), re.DOTALL | re.MULTILINE
    )
    cases = [case for block in blocks for case in read_cases(block, PAGE.name)]
    assert len(cases) >= len(blocks) > 1
    for case in cases:
        play(case)
