"""The causal path drawn: everything inside, everything inert, the same each time."""

from __future__ import annotations

import re
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from blame_fixtures import RunBuilder
from causewatch.blame.judge import judge
from causewatch.model.finding import Cause
from causewatch.model.judgement import Assessment
from causewatch.notify.picture.drawing import Arrow, Drawing, Panel, Words, stacked
from causewatch.notify.picture.layout import BOLD, MAX_STEPS_COUNT, SIZES_PX, layout, note
from causewatch.notify.picture.letters import cut, drawable, width_px, wrapped
from causewatch.notify.picture.runs import MAX_RUNS_COUNT, runs_drawing
from causewatch.notify.picture.svg import svg_of
from notify_fixtures import a_cause, step_ref

HOSTILE = [
    "</text><script>alert(1)</script>", '" onload="alert(1)', "<!DOCTYPE x [<!ENTITY a 'b'>]>&a;",
    "]]>", "&#x202e;", "<image href='http://198.51.100.1/x'/>", "\u202egnp.exe", "\x1b[2J\x00\x08",
    "\ud800", "a\u0336" * 40, "a" + "\u0301" * 400, "", " " * 50, "x" * 5000, "値段の一覧 é ñ",
    "🚨🔥", "url(#a)", "{style}", "﷽" * 80,
]  # fmt: skip
LINE = re.compile(
    r"<svg( [a-zA-Z-]+=\"[\w\s,/:.-]+\")+>|</svg>|<title>TEXT</title>"
    r"|<rect( [a-z-]+=\"[\w#.-]+\")+/>"
    r"|<text( [a-z-]+=\"[\w#-]+\")+>TEXT</text>"
    r"|(<path( [a-z-]+=\"[\w #.-]+\")+/>){2}".replace("TEXT", r"([^<>&]|&(amp|lt|gt);)*")
)
ATTRIBUTES = {
    "xmlns", "width", "height", "viewBox", "role", "font-family", "x", "y", "rx", "fill", "stroke",
    "stroke-width", "stroke-dasharray", "font-size", "font-weight", "text-anchor", "d",
}  # fmt: skip


def hostile_cause(text: str) -> Cause:
    """Return a cause whose every name and sentence is one text."""
    ref = msgspec.structs.replace(step_ref("a", text, evidence=text), name=text)
    other = step_ref("b", text + "2", text, evidence=text)
    return a_cause(
        category=text,
        workflow=text,
        origin=ref,
        origin_reason=text,
        propagators=(other,),
        symptom=step_ref("c", text),
        path=(ref, other, step_ref("c", text, evidence=text)),
    )


def words(drawing: Drawing) -> list[str]:
    """Return what is written, top down."""
    return [shape.text for shape in drawing.shapes if isinstance(shape, Words)]


def boxes(drawing: Drawing) -> list[Panel]:
    """Return the boxes of the steps, top down."""
    found = [shape for shape in drawing.shapes if isinstance(shape, Panel)]
    return [panel for panel in found if panel.tone not in {"paper", "band"}]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_names_and_evidence_are_inert(text: str) -> None:
    """Whatever they hold, the document is made of our elements, attributes and escaped text."""
    document = svg_of(layout(hostile_cause(text), about=text, excerpts=True)).decode("utf-8")
    for line in document.splitlines():
        assert LINE.fullmatch(line), line
    assert set(re.findall(r' ([a-zA-Z-]+)="', re.sub(r">[^<]*<", "><", document))) <= ATTRIBUTES
    assert all(char.isprintable() or char == "\n" for char in document)


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_everything_is_within_the_picture(text: str) -> None:
    """No text runs out of its picture, no shape lies outside of it."""
    drawing = layout(hostile_cause(text), about=text, excerpts=True)
    for shape in drawing.shapes:
        match shape:
            case Panel(x=x, y=y, width=width, height=height):
                assert 0 <= x < x + width <= drawing.width_px
                assert 0 <= y < y + height <= drawing.height_px
            case Words(x=x, y=y, text=line, style=style, from_right=from_right):
                length = width_px(line, SIZES_PX[style], bold=style in BOLD)
                assert 0 < y < drawing.height_px
                assert length <= (x if from_right else drawing.width_px - x)
            case Arrow(top=top, bottom=bottom):
                assert 0 < top < bottom < drawing.height_px


def test_a_step_of_a_long_kind_leaves_room_for_its_name() -> None:
    """The kind at the right of a box never lies over the name at its left."""
    step = step_ref("n" * 400, "a", "kind" * 40)
    drawing = layout(a_cause(path=(step,), origin=step))
    name = next(s for s in drawing.shapes if isinstance(s, Words) and s.style == "name")
    kind = next(s for s in drawing.shapes if isinstance(s, Words) and s.style == "kind")
    ends = name.x + width_px(name.text, SIZES_PX["name"], bold=True)
    assert ends <= kind.x - width_px(kind.text, SIZES_PX["kind"])


def test_steps_stand_below_each_other_with_arrows_between() -> None:
    """Each arrow goes from the bottom of a box to the next one, and evidence stands beside it."""
    drawing = layout(a_cause())
    stood = boxes(drawing)
    arrows = [shape for shape in drawing.shapes if isinstance(shape, Arrow)]
    assert [box.tone for box in stood] == ["origin", "propagator", "symptom"]
    assert len(arrows) == 2
    for (upper, lower), arrow in zip(pairwise(stood), arrows, strict=True):
        assert upper.y + upper.height <= arrow.top < arrow.bottom <= lower.y
    assert "took the result of stock_lookup" in words(drawing)
    assert "returned a failure inside an OK span" in words(drawing)


def test_a_handoff_is_where_an_arrow_leaves_a_band() -> None:
    """Neighbours of one agent share a band, under its name; another agent begins a new one."""
    drawing = layout(a_cause())
    bands = [s for s in drawing.shapes if isinstance(s, Panel) and s.tone == "band"]
    agents = [s.text for s in drawing.shapes if isinstance(s, Words) and s.style == "agent"]
    assert agents == ["clerk", "shipper"]
    held = [
        [b.tone for b in boxes(drawing) if band.y < b.y < band.y + band.height] for band in bands
    ]
    assert held == [["origin", "propagator"], ["symptom"]]
    assert bands[0].y + bands[0].height < bands[1].y


def test_a_long_path_keeps_both_ends() -> None:
    """Twelve steps are drawn, and the arrow over the gap says how many are not."""
    path = tuple(step_ref(f"step {n}", "a") for n in range(40))
    drawing = layout(a_cause(path=path, origin=path[0], propagators=(), symptom=None))
    assert len(boxes(drawing)) == MAX_STEPS_COUNT
    shown = [s.text for s in drawing.shapes if isinstance(s, Words) and s.style == "name"]
    assert shown == [f"step {n}" for n in (*range(6), *range(34, 40))]
    assert "… 28 more steps …" in words(drawing)
    assert [s.gap for s in drawing.shapes if isinstance(s, Arrow)].count(True) == 1


def test_without_a_path_the_known_steps_are_drawn_once_each() -> None:
    """An origin that is also where it surfaced is one box."""
    origin = step_ref("lookup", "clerk")
    drawing = layout(a_cause(path=(), origin=origin, symptom=origin, propagators=()))
    assert [box.tone for box in boxes(drawing)] == ["origin"]


def test_both_ends_are_drawn_where_the_path_leaves_them_out() -> None:
    """Where it began comes first, where it surfaced last."""
    middle = step_ref("middle", "m")
    drawing = layout(a_cause(path=(middle,), propagators=(middle,)))
    assert [box.tone for box in boxes(drawing)] == ["origin", "propagator", "symptom"]


def test_an_unknown_cause_is_a_sentence() -> None:
    """Nothing is made up where nothing is known."""
    drawing = layout(Cause())
    assert boxes(drawing) == []
    assert words(drawing) == ["Unknown cause", "No step is known to have introduced anything."]


def test_damage_on_the_way_in_is_said() -> None:
    """An origin that received damage did not do it."""
    assert "FIRST CORRUPTED ON ITS WAY IN" in words(layout(a_cause(origin_at="input")))


def test_a_propagator_off_the_path_is_named_below() -> None:
    """The picture leaves nobody out who passed it on."""
    drawing = layout(a_cause(propagators=(step_ref("r", "reviewer"), step_ref("c", "clerk"))))
    assert words(drawing)[-1] == "Also passed on by reviewer."


def test_excerpts_are_shown_only_where_asked_for() -> None:
    """A picture goes where its message goes: payload text is left out by default."""
    cause = a_cause(origin_reason="answered “my private text”")
    assert "my private text" not in str(layout(cause))
    assert "my private text" in str(layout(cause, excerpts=True))


def test_the_same_cause_is_the_same_picture() -> None:
    """Byte for byte: a digest tells whether a picture has to be sent again."""
    assert svg_of(layout(a_cause())) == svg_of(layout(a_cause()))
    assert svg_of(layout(a_cause())) != svg_of(layout(a_cause(confidence=0.5)))


def judged(name: str = "front", *, lost: bool = True) -> Assessment:
    """Return a run, corrupted or healthy."""
    run = RunBuilder("Book a train.", agent=name)
    run.call("search", {"to": "x"}, {"error": "gone", "id": "TGV-9241"} if lost else {"id": "A-1"})
    run.hand_over("booker", {"plan": "Take TGV-9241 please."})
    run.call("book", {"train": "TGV-9241"}, {"booking": 1})
    run.say("Booked.")
    return judge(run.graph())


def test_runs_are_one_picture_and_those_left_out_are_counted() -> None:
    """At most fifty paths, then how many more there are, then how many had nothing to show."""
    drawing = runs_drawing([judged()] * (MAX_RUNS_COUNT + 2) + [judged(lost=False)] * 3)
    said = words(drawing)
    assert said.count("FIRST CORRUPTED") == MAX_RUNS_COUNT
    assert said[-2:] == [
        "… and 2 more runs with a known origin.",
        "Nothing to draw of 3 runs: no step introduced anything.",
    ]
    tops = [box.y for box in boxes(drawing)]
    assert tops == sorted(tops)


def test_no_runs_are_a_sentence() -> None:
    """An empty input is still a document."""
    assert words(runs_drawing([])) == ["Nothing to draw of 0 runs: no step introduced anything."]
    assert stacked((), "none").height_px == 1


@given(st.text(max_size=300), st.integers(20, 600), st.integers(1, 4))
def test_lines_fit_and_keep_their_words(text: str, room: int, count: int) -> None:
    """No line is wider than its room; nothing is lost but what the mark of a cut stands for."""
    lines = wrapped(text, room, 13, max_lines_count=count)
    assert len(lines) <= count
    assert all(width_px(line, 13) <= room or len(line) <= 2 for line in lines)
    kept, whole = "".join("".join(lines).split()), "".join(drawable(text).split())
    assert kept == whole or (kept.endswith("…") and whole.startswith(kept[:-1]))


def test_a_line_is_cut_with_a_mark() -> None:
    """What is left out is said to be."""
    assert cut("short", 200, 13) == "short"
    assert cut("x" * 900, 200, 13).endswith("x…")
    assert words(note("one sentence")) == ["one sentence"]
