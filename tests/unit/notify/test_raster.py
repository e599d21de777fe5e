"""The rasteriser itself, where the extra is installed: ``.ci/run`` installs it."""

from __future__ import annotations

import struct

import pytest

from causewatch.notify.picture import raster
from causewatch.notify.picture.layout import layout
from causewatch.notify.picture.raster import SCALE, RasterError, has_fonts, is_available, png_of
from causewatch.notify.picture.svg import svg_of
from notify_fixtures import a_cause

BROKEN = [b"", b"<svg", b"not a picture", b"<html/>"]


@pytest.mark.slow
def test_a_drawing_becomes_a_png_of_its_size() -> None:
    """Twice as many pixels as the drawing counts, with its words."""
    drawing = layout(a_cause())
    png = png_of(svg_of(drawing))
    assert png.startswith(b"\x89PNG\r\n\x1a\n")
    width, height = struct.unpack(">II", png[16:24])
    assert (width, height) == (SCALE * drawing.width_px, SCALE * drawing.height_px)
    assert png == png_of(svg_of(drawing))
    assert png != png_of(svg_of(layout(a_cause(workflow="another"))))


@pytest.mark.slow
@pytest.mark.parametrize("svg", BROKEN)
def test_what_is_no_picture_is_an_error_of_ours(svg: bytes) -> None:
    """Nothing else can come out of it."""
    assert is_available()
    with pytest.raises(RasterError):
        png_of(svg)


def test_where_no_font_is_installed_pictures_are_off(monkeypatch: pytest.MonkeyPatch) -> None:
    """Boxes without words would be drawn: that is an error which says what to install."""
    has_fonts.cache_clear()
    monkeypatch.setattr(raster, "_drawn", lambda _: b"blank")
    with pytest.raises(RasterError, match="no font is installed"):
        png_of(svg_of(layout(a_cause())))
    has_fonts.cache_clear()


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """And nothing is drawn."""

    def missing(name: str) -> None:
        raise ModuleNotFoundError(name)

    has_fonts.cache_clear()
    monkeypatch.setattr(raster, "import_module", missing)
    with pytest.raises(RasterError, match=r"causewatch\[picture\]"):
        png_of(b"<svg/>")
    has_fonts.cache_clear()
