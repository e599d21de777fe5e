"""Which alerts share a cause, and how it is put in a line."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from causewatch.incidents.fingerprint import cause_key, incident_id, incident_key, without_ids
from causewatch.incidents.severity import highest, rank, severity_of
from causewatch.incidents.title import names, one_line, title_of
from causewatch.model.finding import Cause
from notify_fixtures import NOW, a_cause, an_alert, step_ref

UUID = "3f2b8c1a-9d4e-4f6a-8b7c-0d1e2f3a4b5c"


@pytest.mark.parametrize(
    ("name", "kept"),
    [
        ("stock_lookup", "stock lookup"),
        ("stock_lookup_42", "stock lookup"),
        (f"worker-{UUID}", "worker"),
        (f"{UUID.upper()}:worker", "worker"),
        ("task/9f8e7d6c5b4a/run", "task run"),
        ("call_a1B2c3D4e5F6", "call"),
        ("agent2", "agent2"),
        ("sha256_check", "sha256 check"),
        ("facade decade", "facade decade"),
        ("12345", "#"),
        (UUID, "#"),
        ("", ""),
        ("café 7", "café"),
        ("a" * 1000, "a" * 200),
    ],
)
def test_ids_are_stripped_and_words_stay(name: str, kept: str) -> None:
    """What differs from run to run goes; what names a thing stays."""
    assert without_ids(name) == kept


@given(st.text(max_size=300))
def test_any_name_has_a_key(name: str) -> None:
    """No name, however odd, raises, and stripping is stable."""
    once = without_ids(name)
    assert len(once) <= 200
    assert (once == "") == (name == "")


def test_runs_of_one_cause_share_a_key() -> None:
    """Span ids, traces, confidence and the path do not matter; names with other ids neither."""
    origin = step_ref("stock_lookup_7", "clerk-19", span_id="f" * 16)
    other = a_cause(origin=origin, confidence=0.2, path=(), symptom=None)
    first = a_cause(origin=step_ref("stock_lookup_8", "clerk-20"))
    assert cause_key(first) == cause_key(other)


@pytest.mark.parametrize(
    "change",
    [
        {"workflow": "other"},
        {"category": "loop"},
        {"origin": step_ref("other_tool", "clerk")},
        {"origin": step_ref("stock_lookup", "other")},
        {"origin": step_ref("stock_lookup", "clerk", "model")},
    ],
)
def test_each_part_of_a_cause_tells_incidents_apart(change: dict[str, object]) -> None:
    """Workflow, agent, kind, name and category are the key."""
    assert cause_key(msgspec.structs.replace(a_cause(), **change)) != cause_key(a_cause())


def test_parts_cannot_run_into_each_other() -> None:
    """A name that holds a separator does not fake another key."""
    first = a_cause(workflow='w","x', category="y")
    second = a_cause(workflow="w", category='x","y')
    assert cause_key(first) != cause_key(second)


def test_two_rules_that_see_one_cause_share_an_incident() -> None:
    """By cause, the alert's own name and labels do not matter."""
    assert incident_key(an_alert("A")) == incident_key(an_alert("B", labels={"x": "1"}))


def test_without_a_cause_the_alert_is_the_key() -> None:
    """Name and labels tell such alerts apart, in whatever order the labels are."""
    unknown = Cause(workflow="w", category="other")
    first = an_alert("A", cause=unknown, labels={"a": "1", "b": "2"})
    assert incident_key(first) == incident_key(
        an_alert("A", cause=unknown, labels={"b": "2", "a": "1"})
    )
    assert incident_key(first) != incident_key(an_alert("B", cause=unknown, labels=first.labels))
    assert incident_key(first) != incident_key(an_alert("A", cause=unknown, labels={"a": "1"}))


def test_an_id_is_short_and_differs_by_time() -> None:
    """Two incidents of one cause, one after the other, have two ids that fit into a URL."""
    first, second = incident_id("k", NOW), incident_id("k", NOW + 1)
    assert first != second
    assert len(first) == 10
    assert set(first + second) <= set("0123456789abcdef")


@pytest.mark.parametrize(
    ("severities", "expected"),
    [
        (["info", "page", "ticket"], "page"),
        (["critical", "error"], "critical"),
        (["warning", "ticket"], "ticket"),
        (["sev3", "info"], "info"),
        (["sev3", "sev2"], "sev3"),
        (["PAGE", "critical"], "PAGE"),
        ([], "ticket"),
    ],
)
def test_the_highest_severity_wins(severities: list[str], expected: str) -> None:
    """The known words have an order; others are below them, the first of equals wins."""
    assert highest(severities) == expected


def test_an_alert_without_a_severity_is_a_ticket() -> None:
    """The default is the one of the rule files."""
    assert severity_of(an_alert(labels={})) == "ticket"
    assert severity_of(an_alert(labels={"severity": "sev3"})) == "sev3"
    assert rank("sev3") < rank("info") < rank("page")


@pytest.mark.parametrize(
    ("cause", "title"),
    [
        (
            a_cause(),
            (
                "Tool failure at stock_lookup (clerk); passed on by clerk;"
                " surfaced at send_label (shipper)"
            ),
        ),
        (a_cause(symptom=None), "Tool failure at stock_lookup (clerk); passed on by clerk"),
        (
            a_cause(propagators=(), category=""),
            "Corruption at stock_lookup (clerk); surfaced at send_label (shipper)",
        ),
        (a_cause(propagators=(), symptom=None), "Tool failure at stock_lookup (clerk)"),
        (
            a_cause(origin=step_ref("", "clerk"), propagators=(), symptom=None),
            "Tool failure at clerk",
        ),
        (
            a_cause(origin=step_ref("", ""), propagators=(), symptom=None),
            "Tool failure at an unnamed step",
        ),
    ],
)
def test_a_title_tells_the_cause(cause: Cause, title: str) -> None:
    """Origin, propagators and symptom, as far as they are known, and never a payload."""
    assert title_of(cause, ()) == title


def test_without_a_cause_the_title_names_the_alert() -> None:
    """An alert whose cause nobody knows is told by its name and labels."""
    alert = an_alert("Slow", cause=Cause(), labels={"team": "a", "severity": "page"})
    assert title_of(Cause(), (alert,)) == "Slow (severity=page, team=a)"
    assert title_of(Cause(), (an_alert("Slow", cause=Cause(), labels={}),)) == "Slow"
    assert title_of(Cause(), ()) == ""


def test_many_propagators_are_counted() -> None:
    """A title stays a line: three names, then a count; repeated names once."""
    assert names(["a", "b", "a", "", "c", "d", "e"], 3) == "a, b, c and 2 more"
    assert names([], 3) == ""


@pytest.mark.parametrize(
    ("text", "limit", "line"),
    [
        ("a\nb\tc", 9, "a b c"),
        ("a\x1b[31mb\x00", 9, "a [31mb"),
        ("pay\u202etxt\u2028x\u2066", 20, "pay txt x"),
        ("abcdef", 4, "abc…"),
        ("ab  def", 4, "ab…"),
        ("", 4, ""),
    ],
)
def test_a_line_has_no_control_characters(text: str, limit: int, line: str) -> None:
    """Names come from spans: line breaks, escape codes and marks of direction are blanks."""
    assert one_line(text, limit) == line


@given(st.text(max_size=2000))
def test_a_title_is_one_short_line(text: str) -> None:
    """Whatever a span calls itself, a title is printable and at most 240 characters long."""
    cause = a_cause(origin=step_ref(text, text), origin_reason=text, category=text)
    title = title_of(cause, ())
    assert len(title) <= 240
    assert len(title.splitlines()) == 1
