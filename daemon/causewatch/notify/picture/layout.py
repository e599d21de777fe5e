"""Where each part of a causal path is drawn. Pure: the same cause is the same drawing.

Theory of operation: the steps of the path stand one below the other, each a box that says what it
is to the corruption; the arrow between two has the evidence beside it that leads from the one to
the other. Neighbours of one agent share a band, so that a handoff is where an arrow leaves a band.
A longer path keeps both of its ends: where it began and where it surfaced.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import groupby

import msgspec

from causewatch.incidents.title import names
from causewatch.model.finding import Cause, StepRef
from causewatch.notify.excerpt import without_excerpts
from causewatch.notify.picture.drawing import Arrow, Drawing, Panel, Shape, Style, Tone, Words
from causewatch.notify.picture.letters import cut, drawable, wrapped

WIDTH_PX = 760
MARGIN_PX = 24
PAD_PX = 14
MAX_STEPS_COUNT = 12
MAX_REASON_LINES = 3
MAX_EVIDENCE_LINES = 3
MAX_NAMES_COUNT = 8
SIZES_PX: Mapping[Style, int] = {
    "heading": 20, "about": 13, "agent": 13, "badge": 12, "name": 16, "kind": 13, "reason": 13,
    "evidence": 13,
}  # fmt: skip
BOLD: frozenset[Style] = frozenset({"heading", "agent", "badge", "name"})
_LINE_PX = 18
_KIND_PX = 96
_ARROW_X = MARGIN_PX + 2 * PAD_PX + 18
_BADGES: Mapping[Tone, str] = {
    "origin": "FIRST CORRUPTED",
    "propagator": "PASSED ON",
    "symptom": "SURFACED",
}


class _Stop(msgspec.Struct, frozen=True, kw_only=True):
    """A step of the path; ``skipped`` are those left out right before it."""

    ref: StepRef
    tone: Tone
    reason: str = ""
    at_input: bool = False
    skipped: int = 0


def layout(cause: Cause, *, about: str = "", excerpts: bool = False) -> Drawing:
    """Return the drawing of what is known of a cause; at least a heading.

    Args:
        cause: origin, propagators, symptom and path; each may be missing.
        about: a line below the heading, such as the run's id.
        excerpts: show the payload excerpts that evidence quotes; else only their length.
    """
    said = _heading(cause)
    pen = _Pen(excerpts=excerpts)
    pen.text(said, "heading", lines=2)
    if about:
        pen.text(about, "about")
    if cause.confidence is not None and cause.origin is not None:
        pen.text(f"Confidence {round(cause.confidence * 100)} %", "about")
    stops = _stops(cause)
    if not stops:
        pen.text("No step is known to have introduced anything.", "about")
    pen.path(stops)
    aside = _aside(cause, stops)
    if aside:
        pen.down(PAD_PX)
        pen.text(aside, "about", lines=2)
    return pen.done(drawable(said))


def note(text: str) -> Drawing:
    """Return a drawing of nothing but a sentence."""
    pen = _Pen(excerpts=True)
    pen.text(text, "about", lines=2)
    return pen.done(drawable(text))


class _Pen:
    """Puts shapes below each other: knows how far down it is."""

    def __init__(self, *, excerpts: bool) -> None:
        self._excerpts = excerpts
        self._shapes: list[Shape] = []
        self._y = MARGIN_PX

    def down(self, by_px: int) -> None:
        self._y += by_px

    def text(self, text: str, style: Style, *, lines: int = 1, indent_px: int = 0) -> None:
        """Write lines of text, from the margin on."""
        self._lines(text, style, lines, MARGIN_PX + indent_px, MARGIN_PX)

    def path(self, stops: list[_Stop]) -> None:
        """Draw the steps, band by band."""
        for number, (agent, found) in enumerate(groupby(stops, key=lambda stop: stop.ref.agent)):
            first, *others = found
            if number:
                self._arrow(first, leaves_band=True)
            else:
                self.down(PAD_PX)
            top, at = self._y, len(self._shapes)
            self._agent(agent)
            self._box(first)
            for stop in others:
                self._arrow(stop, leaves_band=False)
                self._box(stop)
            self.down(PAD_PX)
            # Below what stands on it: a band is as high as its steps turn out to be.
            self._shapes.insert(at, self._panel("band", MARGIN_PX, top))

    def done(self, title: str) -> Drawing:
        height = self._y + MARGIN_PX
        paper = Panel(x=0, y=0, width=WIDTH_PX, height=height, tone="paper")
        return Drawing(
            width_px=WIDTH_PX, height_px=height, title=title, shapes=(paper, *self._shapes)
        )

    def _agent(self, agent: str) -> None:
        self.down(PAD_PX // 2)
        if agent:
            self.text(agent, "agent", indent_px=PAD_PX)
        self.down(PAD_PX // 2)

    def _box(self, stop: _Stop) -> None:
        left, at, top = MARGIN_PX + PAD_PX, len(self._shapes), self._y
        inner = left + PAD_PX
        self.down(PAD_PX // 2)
        badge = _BADGES.get(stop.tone, "")
        if badge:
            self._words(inner, f"{badge} ON ITS WAY IN" if stop.at_input else badge, "badge", stop)
        kind = "" if stop.ref.kind == "other" else cut(stop.ref.kind, _KIND_PX, SIZES_PX["kind"])
        if kind:
            y = self._y + SIZES_PX["name"] + 1
            right = WIDTH_PX - left - PAD_PX
            self._shapes.append(Words(x=right, y=y, text=kind, style="kind", from_right=True))
        self._words(inner, stop.ref.name or stop.ref.agent or "an unnamed step", "name", stop)
        self._lines(stop.reason, "reason", MAX_REASON_LINES, inner, left + PAD_PX)
        self.down(PAD_PX // 2)
        self._shapes.insert(at, self._panel(stop.tone, left, top))

    def _arrow(self, stop: _Stop, *, leaves_band: bool) -> None:
        top = self._y - (PAD_PX if leaves_band else 0)
        self.down(PAD_PX // 2)
        left = _ARROW_X + PAD_PX
        if stop.skipped:
            self._lines(f"… {stop.skipped} more steps …", "evidence", 1, left, MARGIN_PX + PAD_PX)
        self._lines(stop.ref.evidence, "evidence", MAX_EVIDENCE_LINES, left, MARGIN_PX + 2 * PAD_PX)
        self._y = max(self._y, top + 2 * PAD_PX) + PAD_PX // 2
        arrow = Arrow(x=_ARROW_X, top=top, bottom=self._y, gap=bool(stop.skipped))
        self._shapes.append(arrow)

    def _words(self, x: int, text: str, style: Style, stop: _Stop) -> None:
        """Write one line into a box, with room for its kind at the right."""
        size = SIZES_PX[style]
        room = WIDTH_PX - 2 * x - _KIND_PX - PAD_PX
        self.down(size + 4)
        line = cut(text, room, size, bold=style in BOLD) or "an unnamed step"
        self._shapes.append(Words(x=x, y=self._y - 3, text=line, style=style, tone=stop.tone))

    def _lines(self, text: str, style: Style, count: int, left: int, right: int) -> None:
        shown = text if self._excerpts else without_excerpts(text)
        size = SIZES_PX[style]
        room = WIDTH_PX - left - right
        for line in wrapped(shown, room, size, max_lines_count=count, bold=style in BOLD):
            self.down(max(_LINE_PX, size + 6))
            self._shapes.append(Words(x=left, y=self._y - 4, text=line, style=style))

    def _panel(self, tone: Tone, left: int, top: int) -> Panel:
        return Panel(x=left, y=top, width=WIDTH_PX - 2 * left, height=self._y - top, tone=tone)


def _heading(cause: Cause) -> str:
    what = (cause.category or "corruption").replace("_", " ").capitalize()
    if cause.origin is None:
        what = cause.category.replace("_", " ").capitalize() if cause.category else "Unknown cause"
    return f"{what} in {cause.workflow}" if cause.workflow else what


def _stops(cause: Cause) -> list[_Stop]:
    """Return the steps to draw: the path, or what else is known of it, at most twelve."""
    refs = list(cause.path) or list({_key(ref): ref for ref in cause.propagators}.values())
    keys = {_key(ref) for ref in refs}
    if cause.origin is not None and _key(cause.origin) not in keys:
        refs = [cause.origin, *refs]
        keys.add(_key(cause.origin))
    if cause.symptom is not None and _key(cause.symptom) not in keys:
        refs = [*refs, cause.symptom]
    tones = _tones(cause)
    first = _key(cause.origin) if cause.origin else None
    stops = [
        _Stop(
            ref=ref,
            tone=tones.get(_key(ref), "step"),
            reason=cause.origin_reason if _key(ref) == first else "",
            at_input=cause.origin_at == "input" and _key(ref) == first,
        )
        for ref in refs
    ]
    if len(stops) <= MAX_STEPS_COUNT:
        return stops
    half = MAX_STEPS_COUNT // 2
    after = msgspec.structs.replace(stops[-half], skipped=len(stops) - 2 * half)
    return [*stops[:half], after, *stops[1 - half :]]


def _tones(cause: Cause) -> dict[tuple[str, str], Tone]:
    """Return what steps are to the corruption; the origin outranks the others."""
    found: dict[tuple[str, str], Tone] = {_key(ref): "propagator" for ref in cause.propagators}
    if cause.symptom is not None:
        found[_key(cause.symptom)] = "symptom"
    if cause.origin is not None:
        found[_key(cause.origin)] = "origin"
    return found


def _aside(cause: Cause, stops: list[_Stop]) -> str:
    """Return whom the picture leaves out of those who passed it on."""
    drawn = {stop.ref.agent for stop in stops}
    missing = [ref.agent or ref.name for ref in cause.propagators if ref.agent not in drawn]
    listed = names(_shortened(missing), MAX_NAMES_COUNT)
    return f"Also passed on by {listed}." if listed else ""


def _shortened(found: list[str]) -> Iterator[str]:
    for name in found:
        yield cut(name, 200, SIZES_PX["about"])


def _key(ref: StepRef) -> tuple[str, str]:
    return ref.trace_id, ref.span_id
