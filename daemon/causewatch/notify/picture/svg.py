"""A drawing as an SVG document. Pure.

What is written is shapes, colours and text nodes: no style sheet, no script, no link, no address of
any kind. Names and evidence come from outside, and stand in text nodes alone, escaped.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import assert_never
from xml.sax.saxutils import escape

from causewatch.notify.picture.drawing import Arrow, Drawing, Panel, Shape, Style, Tone, Words
from causewatch.notify.picture.layout import BOLD, SIZES_PX

FONTS = "DejaVu Sans, Noto Sans, Liberation Sans, Arial, sans-serif"
_FILLS: Mapping[Tone, str] = {
    "paper": "#ffffff", "band": "#f1f4f8", "step": "#ffffff", "origin": "#fdecea",
    "propagator": "#fef5e7", "symptom": "#f5eef8",
}  # fmt: skip
_LINES: Mapping[Tone, str] = {
    "paper": "none", "band": "none", "step": "#8795a5", "origin": "#c0392b",
    "propagator": "#b9770e", "symptom": "#7d3c98",
}  # fmt: skip
_INKS: Mapping[Style, str] = {
    "heading": "#17202a", "about": "#566573", "agent": "#34495e", "name": "#17202a",
    "kind": "#566573", "reason": "#34495e", "evidence": "#34495e", "badge": "#34495e",
}  # fmt: skip
_ARROW_INK = "#566573"
_HEAD_PX = 6


def svg_of(drawing: Drawing) -> bytes:
    """Return the drawing as an SVG document in UTF-8; the same drawing is the same bytes."""
    width, height = drawing.width_px, drawing.height_px
    size = f'width="{width}" height="{height}" viewBox="0 0 {width} {height}"'
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" {size} role="img" font-family="{FONTS}">',
        f"<title>{escape(drawing.title)}</title>",
        *(_shape(shape) for shape in drawing.shapes),
        "</svg>",
    ]
    return ("\n".join(lines) + "\n").encode()


def _shape(shape: Shape) -> str:
    match shape:
        case Panel():
            return _panel(shape)
        case Words():
            return _words(shape)
        case Arrow():
            return _arrow(shape)
        case _ as never:
            assert_never(never)


def _panel(panel: Panel) -> str:
    line = _LINES[panel.tone]
    radius = 0 if panel.tone == "paper" else 6
    stroke = "" if line == "none" else f' stroke="{line}" stroke-width="1.5"'
    return (
        f'<rect x="{panel.x}" y="{panel.y}" width="{panel.width}" height="{panel.height}" '
        f'rx="{radius}" fill="{_FILLS[panel.tone]}"{stroke}/>'
    )


def _words(words: Words) -> str:
    ink = _INKS[words.style]
    if words.style == "badge" and _LINES[words.tone] != "none":
        ink = _LINES[words.tone]
    weight = ' font-weight="bold"' if words.style in BOLD else ""
    anchor = ' text-anchor="end"' if words.from_right else ""
    return (
        f'<text x="{words.x}" y="{words.y}" font-size="{SIZES_PX[words.style]}" fill="{ink}"'
        f"{weight}{anchor}>{escape(words.text)}</text>"
    )


def _arrow(arrow: Arrow) -> str:
    dashes = ' stroke-dasharray="2 5"' if arrow.gap else ""
    x, end = arrow.x, arrow.bottom
    neck = end - 2 * _HEAD_PX
    return (
        f'<path d="M{x} {arrow.top}V{neck}" stroke="{_ARROW_INK}" stroke-width="2"{dashes}/>'
        f'<path d="M{x - _HEAD_PX} {neck}H{x + _HEAD_PX}L{x} {end}Z" fill="{_ARROW_INK}"/>'
    )
