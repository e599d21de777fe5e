"""An SVG document of ours as PNG, through resvg (the extra ``picture``).

resvg reads no network, and our documents name no file; it takes the fonts that are installed. Where
there are none it draws boxes without words and says nothing: that is found out beforehand.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib import import_module
from importlib.util import find_spec
from typing import TypeAlias

Rasterise: TypeAlias = Callable[[bytes], bytes]
"""From an SVG document to PNG bytes.

Raises:
    RasterError: when it cannot be drawn.
"""
SCALE = 2
"""Twice as many pixels as the drawing counts: sharp on today's screens."""
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
    '<text x="2" y="15" font-size="14" font-family="sans-serif">{}</text></svg>'
)


class RasterError(Exception):
    """A picture cannot be drawn here; the message says why."""


def is_available() -> bool:
    """Return whether the extra is installed."""
    return find_spec("resvg_py") is not None


def png_of(svg: bytes) -> bytes:
    """Return a document as PNG. See ``Rasterise``."""
    if not has_fonts():
        raise RasterError("no font is installed here: install one, such as fonts-dejavu-core")
    return _drawn(svg.decode())


@cache
def has_fonts() -> bool:
    """Return whether words are drawn at all; asked once."""
    return _drawn(_PROBE.format("Aw")) != _drawn(_PROBE.format(""))


def _drawn(svg: str) -> bytes:
    try:
        found = import_module("resvg_py").svg_to_bytes(svg_string=svg, zoom=SCALE)
    except ImportError as error:
        raise RasterError("pictures need the extra: pip install 'causewatch[picture]'") from error
    except ValueError as error:
        raise RasterError(f"resvg: {error}") from error
    return bytes(found)
