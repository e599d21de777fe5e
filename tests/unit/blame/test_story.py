"""What people read of an assessment: a story, and the path drawn."""

from __future__ import annotations

import msgspec
import pytest

from blame_fixtures import RunBuilder, one_handoff, payload
from causewatch.blame.ending import Ending
from causewatch.blame.judge import judge
from causewatch.blame.safe import MAX_LINE_CHARS, cells_of, safe, wrapped
from causewatch.blame.story import DEFAULT_WIDTH, explain_text
from causewatch.model.expectation import Health, HealthPart
from causewatch.model.judgement import Assessment


def bad(text: str = "TGV-9241", name: str = "front") -> Assessment:
    """Return a corrupted run whose texts and names can be chosen."""
    run = RunBuilder("Book a train.", agent=name)
    run.call("search_trains", {"to": "x"}, {"error": text, "id": "TGV-9241"})
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    return judge(run.graph())


def good() -> Assessment:
    """Return a healthy run."""
    run = RunBuilder()
    run.say("Hello.")
    return judge(run.graph())


def test_the_story_reads_in_order() -> None:
    """First corrupted by, passed on by, surfaced at; then the path is drawn."""
    text = explain_text(bad("gateway closed"))
    wanted = [
        "run run-1  corrupted (tool failure, confidence 0.90)",
        "First corrupted by tool search_trains of front",
        "gateway\n      closed",
        "→ passed on by front in chat",
        "→ surfaced at tool buy_ticket of booker",
        "  ● front · search_trains",
        "  ◐ front · chat",
        "  ╰─╮ was handed over",
        "    ◆ booker · buy_ticket",
    ]
    places = [text.index(part) for part in wanted]
    assert places == sorted(places)


def test_a_healthy_story_is_one_line() -> None:
    """There is nothing to tell of a healthy run but that it is."""
    assert explain_text(good()) == "run run-1  healthy\n"


def test_an_unverifiable_story_says_what_would_help() -> None:
    """Gaps are listed with reason and fix, the first few of many."""
    run = RunBuilder()
    for n in range(8):
        run.call(f"tool_{n}", None, None)
    text = explain_text(judge(run.graph()))
    assert "unverifiable" in text
    assert "Not verifiable (8):" in text
    assert "content capture" in text
    assert "and 3 more" in text


def test_a_loops_story_has_no_symptom() -> None:
    """A loop harmed the run itself, and the story says so."""
    run = RunBuilder()
    for _ in range(4):
        run.call("get_wind", {"at": "x"}, [1])
    assert "the run harmed itself" in explain_text(judge(run.graph()))


def test_colour_only_where_wanted() -> None:
    """Escape sequences are ours alone, and only with colour."""
    assert "\x1b[" not in explain_text(bad(), colour=False)
    assert "\x1b[31m" in explain_text(bad(), colour=True)


HOSTILE = ["\x1b[2J\x1b]0;owned\x07", "a\r\nb", "\u202egnp.exe", "\x9b31m", "x" * 5_000, "\ud800"]


@pytest.mark.parametrize("text", HOSTILE, ids=ascii)
def test_hostile_text_reaches_no_terminal(text: str) -> None:
    """Control characters, line breaks and bidirectional tricks of payloads and names are gone."""
    shown = explain_text(bad(text, name=f"agent{text}"), colour=False)
    assert all(char.isprintable() or char == "\n" for char in shown)
    assert max(map(len, shown.splitlines())) < MAX_LINE_CHARS * 2 + 100
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a\tb\n", "a b"), ("", ""), ("\x00", ""), ("é…", "é…"), ("y" * 500, "y" * 399 + "…")],
)
def test_safe(text: str, expected: str) -> None:
    """Safe text is one printable line of bounded length."""
    assert safe(text) == expected


WIDTHS = (40, 60, 100, 200)


@pytest.mark.parametrize("width", WIDTHS)
@pytest.mark.parametrize("text", ["word " * 60, "x" * 300, "値段が違います" * 30])
def test_no_line_is_wider_than_the_page(text: str, width: int) -> None:
    """Whatever the text, lines end where the terminal does; wide characters count twice."""
    shown = explain_text(bad(text, name="agent " + text), width=width)
    # A span id stands behind its step in one piece.
    assert max(map(cells_of, shown.splitlines())) <= width + 2 + 16


def test_the_default_width_is_for_pipes_and_stored_stories() -> None:
    """Nobody's terminal decides what is stored."""
    assert explain_text(bad()) == explain_text(bad(), width=DEFAULT_WIDTH)


@pytest.mark.parametrize(
    ("text", "width", "expected"),
    [
        ("one two three", 7, ["one two", "three"]),
        ("onetwothree", 4, ["onet", "woth", "ree"]),
        ("a onetwothree", 6, ["a", "onetwo", "three"]),
        ("値段値段", 4, ["値段", "値段"]),
        ("", 10, [""]),
        ("abc", 0, ["ab", "c"]),
    ],
)
def test_wrapped(text: str, width: int, expected: list[str]) -> None:
    """Text breaks between words, a longer word where it must."""
    assert wrapped(text, width) == expected


def test_an_agent_that_comes_back_has_its_lane() -> None:
    """The path bends back to the lane of an agent that it was in before."""
    run = RunBuilder("Book a train.")
    run.call("search_trains", {"to": "x"}, {"error": "gone", "id": "TGV-9241"})
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.hand_over("front", {"done": "TGV-9241 it is, go on."})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    shown = explain_text(judge(run.graph()))
    assert "╰─╮" in shown
    assert "╭─╯" in shown


def test_what_else_was_reached_is_told() -> None:
    """Acting calls and agents beside the path are named, each once."""
    run = RunBuilder("Book a train.")
    run.call("search_trains", {"to": "x"}, {"error": "gone", "id": "TGV-9241"})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.call("send_mail", {"text": "You go by TGV-9241."}, {"sent": True})
    run.call("send_mail", {"text": "TGV-9241 leaves soon."}, {"sent": True})
    run.say("Booked TGV-9241.")
    assert "→ also reached acting calls send_mail; the answer" in explain_text(judge(run.graph()))


def test_a_failed_run_without_proof_says_so() -> None:
    """The story tells who says that it failed, and that the origin is no more than likely."""
    run = RunBuilder()
    run.call("get_wind", {"at": "x"}, {"wind": "W-771 of 12 knots"})
    run.say("The wind is W-771 with 12 knots.")
    shown = explain_text(judge(run.graph(), ending=Ending(failed=True)))
    assert shown.startswith("run run-1  healthy\n  Known to have ended wrong: the caller says so\n")
    assert "Nothing is proven; likeliest is tool get_wind of front" in shown


def test_confidence_is_told_in_parts_where_they_differ() -> None:
    """What was seen and what is attributed to it are two things."""
    run = RunBuilder("Book a train.")
    run.call("search_trains", {"to": "x"}, {"error": "gone"})
    run.call("buy_ticket", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    assert "confidence 0.63 = 0.90 observed x 0.70 attributed" in explain_text(judge(run.graph()))


def test_the_worst_transitions_are_named() -> None:
    """How well the context survived, the worst first, and how many more there are."""
    graph = one_handoff(payload("x"), payload("x"), mechanical=True)
    names = [f"lost <{i}>" for i in range(5)]
    parts = tuple(
        HealthPart(handoff=0, score=0.9 - i / 10, reason=name) for i, name in enumerate(names)
    )
    health = Health(score=0.5, parts=(*parts, HealthPart(handoff=0, score=None, reason="?")))
    text = explain_text(msgspec.structs.replace(judge(graph), health=health))
    assert "Context health 0.50 (5 of 6 transitions checked)" in text
    assert text.index("0.50 front → back: lost <4>") < text.index("0.60 front → back: lost <3>")
    assert "and 2 more" in text


def test_nothing_is_said_of_a_health_that_nobody_knows() -> None:
    """No transition could be checked, or there was none."""
    graph = one_handoff(None, payload("x"))
    assert "Context health" not in explain_text(judge(graph))
