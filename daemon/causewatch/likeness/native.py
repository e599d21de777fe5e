"""The likeness of a run by compiled code: the same partition of runs as in Python, some 20x faster.

The library is built from ``native/`` where there is a Rust compiler when causewatch is installed;
see docs/decisions. Nothing depends on it: where it is missing, ``Likenesses`` reads the decoded
spans itself.
"""

from __future__ import annotations

import ctypes
import secrets
import struct
from array import array
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Final

import msgspec
import structlog

from causewatch.graph.lone import TracePart
from causewatch.likeness.asked import NOTHING, Questions
from causewatch.likeness.signs import SIGNS
from causewatch.otlp.raw import CUT_SPAN, Cut, Envelope, RawSpan

log = structlog.get_logger("causewatch.likeness")

LIBRARY: Final = Path(__file__).with_name("_native.so")
_HEAD = struct.Struct("<16s5Q")
_OPEN = 8
_ALL = 2**64 - 1
_FITS = ctypes.CFUNCTYPE(ctypes.c_uint64, ctypes.c_size_t, ctypes.c_void_p, ctypes.c_size_t)
Fits = Callable[[int, str], int]
"""Tells, as bits, which patterns of a key fit a text; keys are numbered as they are asked."""


class OpenError(Exception):
    """Of a run is asked what takes understanding its payloads."""


def _fits_nothing(_number: int, _text: str) -> int:
    return 0


class NativeReader:
    """One context of the library. One caller at a time.

    Raises:
        OSError: the library is not there, or cannot be loaded.
    """

    def __init__(
        self,
        naming: Iterable[str],
        library: Path = LIBRARY,
        questions: Questions = NOTHING,
        fits: Fits = _fits_nothing,
    ) -> None:
        self._library = ctypes.CDLL(str(library))
        self._library.causewatch_open.restype = ctypes.c_void_p
        self._library.causewatch_open.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
        self._library.causewatch_close.argtypes = [ctypes.c_void_p]
        self._library.causewatch_likeness.restype = ctypes.c_int32
        self._library.causewatch_likeness.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_void_p,
            ctypes.c_void_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_uint64),
        ]
        self._library.causewatch_likeness_of.restype = ctypes.c_int32
        self._library.causewatch_likeness_of.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_uint64),
        ]
        for parting in (self._library.causewatch_regroup, self._library.causewatch_cut):
            parting.restype = ctypes.c_int64
            parting.argtypes = [
                ctypes.c_void_p,
                ctypes.c_char_p,
                ctypes.c_size_t,
                ctypes.POINTER(ctypes.c_void_p),
                ctypes.POINTER(ctypes.c_void_p),
                ctypes.POINTER(ctypes.c_size_t),
            ]
        settings = ("\n".join(sorted(naming)) + "\0" + "\n".join(SIGNS)).encode()
        self._context = self._library.causewatch_open(settings, len(settings))
        if not self._context:
            raise OSError(f"{library}: settings refused")
        self._found = ctypes.c_uint64()
        self._ask(questions, fits)
        self._heads = ctypes.c_void_p()
        self._bodies = ctypes.c_void_p()
        self._size = ctypes.c_size_t()

    def __del__(self) -> None:
        """Give the context back."""
        if getattr(self, "_context", None):
            self._library.causewatch_close(self._context)
            self._context = None

    def _ask(self, questions: Questions, fits: Fits) -> None:
        self._library.causewatch_ask.restype = ctypes.c_int32
        self._library.causewatch_ask.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            _FITS,
        ]
        self._library.causewatch_answered.restype = None
        self._library.causewatch_answered.argtypes = [ctypes.c_void_p]
        self._library.causewatch_origin.restype = ctypes.c_int32
        self._library.causewatch_origin.argtypes = [
            ctypes.c_void_p,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.c_char_p,
            ctypes.c_size_t,
            ctypes.POINTER(ctypes.c_uint64),
        ]
        if questions == NOTHING:
            return
        asked = msgspec.json.encode(questions)

        def fitting(number: int, text: int, size: int) -> int:
            try:
                return fits(number, ctypes.string_at(text, size).decode()) & _ALL
            except Exception:
                # It must not pass through compiled code: the run is then like no other one.
                log.exception("pattern could not be run")
                return secrets.randbits(64)

        # Kept as long as it may be called.
        self._fitting = _FITS(fitting)
        if self._library.causewatch_ask(self._context, asked, len(asked), self._fitting):
            raise OSError("questions refused")

    def of(
        self, spans: Sequence[RawSpan], extras: Sequence[int], *, is_answered: bool = False
    ) -> int | None:
        """Return the likeness of a run, ``None`` for one that is too large, or that it cannot read.

        Args:
            spans: undecoded spans.
            extras: for each, a number below 2**64 of what else tells it from others.
            is_answered: these answer what this reader leaves open.

        Raises:
            OpenError: something that is asked has to be answered with ``extras``.
        """
        if is_answered:
            self._library.causewatch_answered(self._context)
        bodies = [span.body for span in spans]
        sizes = array("Q", map(len, bodies))
        numbers = array("Q", extras)
        code = self._library.causewatch_likeness(
            self._context,
            b"".join(bodies),
            sizes.buffer_info()[0],
            numbers.buffer_info()[0],
            len(bodies),
            ctypes.byref(self._found),
        )
        if code == _OPEN:
            raise OpenError
        return self._found.value if code == 0 else None

    def of_request(self, request: bytes) -> int | None:
        """Return the likeness of the run whose spans a request holds, as ``of`` does.

        ``None`` as well for one that holds a span twice.

        Raises:
            OpenError: as ``of``.
        """
        found = ctypes.byref(self._found)
        code = self._library.causewatch_likeness_of(self._context, request, len(request), found)
        if code == _OPEN:
            raise OpenError
        return self._found.value if code == 0 else None

    def origin(self, around: Envelope) -> int | None:
        """Return what is asked of a resource and its scope, ``None`` where it cannot be read."""
        code = self._library.causewatch_origin(
            self._context,
            around.resource,
            len(around.resource),
            around.scope,
            len(around.scope),
            ctypes.byref(self._found),
        )
        return self._found.value if code == 0 else None

    def cut(self, request: bytes) -> Cut | None:
        """Tell where the spans of a request lie, ``None`` where something about it is odd."""
        count = self._library.causewatch_cut(
            self._context,
            request,
            len(request),
            ctypes.byref(self._heads),
            ctypes.byref(self._bodies),
            ctypes.byref(self._size),
        )
        if count < 0:
            return None
        spans = ctypes.string_at(self._heads.value or 0, count * CUT_SPAN.size) if count else b""
        groups = ctypes.string_at(self._bodies.value or 0, self._size.value) if count else b""
        return Cut(spans, groups)

    def regroup(self, request: bytes) -> list[TracePart] | None:
        """Return the spans of a request by trace, ``None`` where something about it is odd."""
        count = self._library.causewatch_regroup(
            self._context,
            request,
            len(request),
            ctypes.byref(self._heads),
            ctypes.byref(self._bodies),
            ctypes.byref(self._size),
        )
        if count < 0:
            return None
        if not count:
            return []
        bodies = ctypes.string_at(self._bodies.value or 0, self._size.value)
        heads = ctypes.string_at(self._heads.value or 0, count * _HEAD.size)
        found: list[TracePart] = []
        at = 0
        for trace_id, flags, spans, start_ns, end_ns, size in _HEAD.iter_unpack(heads):
            body = bodies[at : at + size]
            at += size
            has_root, is_odd = bool(flags & 1), bool(flags & 2)
            part = TracePart(trace_id.hex(), body, spans, start_ns, end_ns, has_root, is_odd)
            found.append(part)
        return found


def native_reader(
    naming: Iterable[str],
    library: Path = LIBRARY,
    questions: Questions = NOTHING,
    fits: Fits = _fits_nothing,
) -> NativeReader | None:
    """Return a reader, ``None`` where the library is not built, or not for this machine."""
    try:
        return NativeReader(naming, library, questions, fits)
    except OSError:
        return None
