"""A picture as values: what is where, and what it stands for. Colours are the writer's business."""

from __future__ import annotations

from typing import Literal, TypeAlias

import msgspec

Tone = Literal["paper", "band", "step", "origin", "propagator", "symptom"]
Style = Literal["heading", "about", "agent", "badge", "name", "kind", "reason", "evidence"]


class Panel(msgspec.Struct, frozen=True, kw_only=True):
    """A filled rectangle, in pixels from the top left."""

    x: int
    y: int
    width: int
    height: int
    tone: Tone


class Words(msgspec.Struct, frozen=True, kw_only=True):
    """One line of text; ``y`` is its base line. Its text is drawn as it is, never read as markup.

    ``tone`` colours a badge as the panel that it stands in.
    """

    x: int
    y: int
    text: str
    style: Style
    tone: Tone = "step"
    from_right: bool = False
    """``x`` is where the text ends, in place of where it begins."""


class Arrow(msgspec.Struct, frozen=True, kw_only=True):
    """A line downwards with a head; ``gap`` says that steps between its ends are left out."""

    x: int
    top: int
    bottom: int
    gap: bool = False


Shape: TypeAlias = Panel | Words | Arrow


class Drawing(msgspec.Struct, frozen=True, kw_only=True):
    """A picture of ``width_px`` by ``height_px``; later shapes lie on top of earlier ones."""

    width_px: int
    height_px: int
    title: str
    """What it shows, for those who hear it."""
    shapes: tuple[Shape, ...]


def stacked(drawings: tuple[Drawing, ...], title: str) -> Drawing:
    """Return drawings one below the other, as one."""
    top, shapes = 0, []
    for drawing in drawings:
        shapes += [_lower(shape, top) for shape in drawing.shapes]
        top += drawing.height_px
    return Drawing(
        width_px=max((drawing.width_px for drawing in drawings), default=1),
        height_px=max(top, 1),
        title=title,
        shapes=tuple(shapes),
    )


def _lower(shape: Shape, by: int) -> Shape:
    if isinstance(shape, Arrow):
        return msgspec.structs.replace(shape, top=shape.top + by, bottom=shape.bottom + by)
    return msgspec.structs.replace(shape, y=shape.y + by)
