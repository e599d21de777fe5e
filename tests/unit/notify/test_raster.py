"""The rasteriser itself, where the extra is installed: ``.ci/run`` installs it."""

from __future__ import annotations

import struct
from pathlib import Path

import pytest

from causewatch.notify.picture import raster
from causewatch.notify.picture.layout import layout
from causewatch.notify.picture.raster import (
    SCALE,
    NothingDrawsError,
    RasterError,
    has_fonts,
    is_available,
    png_of,
)
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
    with pytest.raises(NothingDrawsError, match="no font is installed"):
        png_of(svg_of(layout(a_cause())))
    has_fonts.cache_clear()


def program(folder: Path, text: str) -> str:
    """Return the path of a program that stands in for the one that draws."""
    path = folder / "program.py"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_without_the_extra_the_error_names_it(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The program of a Python that has no resvg says what to install."""
    text = Path(raster.__file__).read_text(encoding="utf-8").replace("resvg_py", "resvg_no")
    monkeypatch.setattr(raster, "__file__", program(tmp_path, text))
    with pytest.raises(NothingDrawsError, match=r"causewatch\[picture\]"):
        raster._drawn(b"<svg/>")


def test_a_program_that_dies_or_hangs_is_an_error(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The daemon outlives it, and waits no longer than its limit."""
    monkeypatch.setattr(raster, "__file__", program(tmp_path, "import os; os.abort()"))
    with pytest.raises(RasterError, match="ended with -6"):
        raster._drawn(b"<svg/>")
    monkeypatch.setattr(raster, "TIMEOUT_S", 0.2)
    hangs = program(tmp_path, "import time; time.sleep(60)")
    monkeypatch.setattr(raster, "__file__", hangs)
    with pytest.raises(RasterError, match="timed out"):
        raster._drawn(b"<svg/>")


def test_the_program_is_told_no_secrets(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Tokens may stand in the daemon's environment."""
    monkeypatch.setenv("SLACK_BOT_TOKEN", "xoxb-secret")
    text = "import os, sys; sys.stdout.write(repr(sorted(os.environ)))"
    monkeypatch.setattr(raster, "__file__", program(tmp_path, text))
    found = raster._drawn(b"<svg/>").decode()
    assert "PATH" in found
    assert "SLACK" not in found
