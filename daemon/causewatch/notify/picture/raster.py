"""An SVG document of ours as PNG, through resvg (the extra ``picture``), in a process of its own.

Shaping text that strangers chose, with whatever fonts are installed, takes up to half a second in
which nothing else of a process runs, and is done by native code: neither belongs into the daemon.
So this file is also a program: it reads a document and writes a picture, with limits on its time
and memory, and knows none of the daemon's secrets. resvg asks no network, and our documents name no
file. Where no font is installed it draws boxes without words and says nothing: that is found out
beforehand.
"""

from __future__ import annotations

import os
import resource
import subprocess
import sys
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
TIMEOUT_S = 20.0
MAX_MEMORY_BYTES = 2 << 30
MAX_REASON_CHARS = 200
_NO_RESVG = 3
_KEPT_ENVIRONMENT = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH")
_PROBE = (
    '<svg xmlns="http://www.w3.org/2000/svg" width="40" height="20">'
    '<text x="2" y="15" font-size="14" font-family="sans-serif">{}</text></svg>'
)


class RasterError(Exception):
    """A picture cannot be drawn here; the message says why."""


class NothingDrawsError(RasterError):
    """No picture at all can be drawn here, whatever it shows."""


def is_available() -> bool:
    """Return whether the extra is installed."""
    return find_spec("resvg_py") is not None


def png_of(svg: bytes) -> bytes:
    """Return a document as PNG. See ``Rasterise``."""
    if not has_fonts():
        raise NothingDrawsError("no font is installed here: install one, such as fonts-dejavu-core")
    return _drawn(svg)


@cache
def has_fonts() -> bool:
    """Return whether words are drawn at all; asked once."""
    return _drawn(_PROBE.format("Aw").encode()) != _drawn(_PROBE.format("").encode())


def _drawn(svg: bytes) -> bytes:
    """Run the program of this file."""
    try:
        done = subprocess.run(  # noqa: S603  # this very file, with the interpreter that runs it
            [sys.executable, "-I", __file__],
            input=svg,
            capture_output=True,
            env={name: os.environ[name] for name in _KEPT_ENVIRONMENT if name in os.environ},
            timeout=TIMEOUT_S,
            check=False,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise RasterError(f"{type(error).__name__}: {error}"[:MAX_REASON_CHARS]) from error
    if done.returncode or not done.stdout:
        kind = NothingDrawsError if done.returncode == _NO_RESVG else RasterError
        said = done.stderr.decode("utf-8", "replace").strip().rpartition("\n")[2]
        raise kind((said or f"ended with {done.returncode}")[:MAX_REASON_CHARS])
    return done.stdout


def _main() -> int:
    """Read a document from standard input, write it to standard output as PNG."""
    resource.setrlimit(resource.RLIMIT_AS, (MAX_MEMORY_BYTES, MAX_MEMORY_BYTES))
    resource.setrlimit(resource.RLIMIT_CPU, (int(TIMEOUT_S), int(TIMEOUT_S)))
    svg = sys.stdin.buffer.read().decode("utf-8")
    try:
        found = import_module("resvg_py").svg_to_bytes(svg_string=svg, zoom=SCALE)
    except ImportError:
        sys.stderr.write("pictures need the extra: pip install 'causewatch[picture]'\n")
        return _NO_RESVG
    except ValueError as error:
        sys.stderr.write(f"resvg: {error}".replace("\n", " ") + "\n")
        return 1
    sys.stdout.buffer.write(bytes(found))
    return 0


if __name__ == "__main__":
    sys.exit(_main())
