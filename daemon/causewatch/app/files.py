"""Reading ``--traces F…``: OTLP requests from files and standard input.

The ending of a name says how to read it: ``.jsonl`` (one request a line, as the Collector's file
exporter writes), ``.json`` (one request, or lines all the same, as that exporter calls them so
too), ``.pb`` (one protobuf request, or many with their sizes before them), each also ``.gz`` and
``.zst``; ``-`` is JSONL from standard input, packed or not. What cannot be read is collected, not
raised, so that the readable rest is still answered.
"""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO, BinaryIO, Literal, TypeAlias, cast

import msgspec
import zstandard

from causewatch.errors import InputError
from causewatch.otlp.decode import NotOtlpError, count_logs, count_traces
from causewatch.otlp.json import object_to_protobuf, parse_json

Signal: TypeAlias = Literal["traces", "logs"]
_Format: TypeAlias = Literal["jsonl", "json", "pb"]

MAX_REQUEST_BYTES = 256 * 1024 * 1024
"""One line of JSON, or one file that holds a single request."""

MAX_FILE_BYTES = 2 * 1024 * 1024 * 1024
"""A ``.json`` or ``.pb`` file unpacked: they are read as a whole."""

_FORMATS: dict[str, _Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".pb": "pb",
    ".binpb": "pb",
}
_SIGNAL_KEYS: dict[str, Signal] = {
    "resourceSpans": "traces",
    "resource_spans": "traces",
    "resourceLogs": "logs",
    "resource_logs": "logs",
}
_OTHER_KEYS = frozenset({"resourceMetrics", "resource_metrics", "resourceProfiles"})
_GZIP_MAGIC = b"\x1f\x8b"
_ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
_MAX_ZSTD_WINDOW_BYTES = 128 * 1024 * 1024
_MAX_VARINT_BYTES = 5
_SIZE_BYTES = 4
_STDIN = "-"
_DAMAGED = (OSError, EOFError, zlib.error, zstandard.ZstdError)


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One OTLP request of a file: ``body`` is protobuf, whatever the file holds.

    ``line`` counts from 1: lines of JSONL, requests of ``.pb``. ``dataset`` is empty but for
    ``{"dataset": …, "otlp": …}`` lines.
    """

    source: str
    line: int
    dataset: str = ""
    signal: Signal
    body: bytes


def read_requests(paths: Sequence[str], *, errors: list[InputError]) -> Iterator[Request]:
    """Yield the requests of all files, in order.

    A file or line that cannot be read is appended to ``errors``, with its place, and left out.
    """
    for path in paths:
        try:
            yield from _requests_of(path, errors)
        except _DAMAGED as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            errors.append(InputError(f"{path}: {why}"))
        except InputError as error:
            errors.append(error)


def _requests_of(path: str, errors: list[InputError]) -> Iterator[Request]:
    if path == _STDIN:
        yield from _json_lines("<stdin>", _unpacked(_peeking(sys.stdin.buffer)), errors)
        return
    file_format = _format_of(path)
    with _opened(path) as stream:
        # No JSON begins with a zero byte, and no protobuf either: it is a size of four bytes.
        is_sized = stream.peek(1)[:1] == b"\0"
        if file_format == "jsonl" and not is_sized:
            yield from _json_lines(path, stream, errors)
            return
        content = stream.read(MAX_FILE_BYTES + 1)
    if len(content) > MAX_FILE_BYTES:
        raise InputError(f"{path}: larger than {MAX_FILE_BYTES} bytes; use JSONL")
    if file_format == "json" and not is_sized:
        yield from _json_document(path, content, errors)
        return
    for number, piece in enumerate(_pieces(path, content), start=1):
        yield from _collected(_piece_requests(path, number, piece), f"{path}:{number}", errors)


def _format_of(path: str) -> _Format:
    plain = Path(path)
    if plain.suffix in {".gz", ".zst"}:
        plain = plain.with_suffix("")
    if plain.suffix not in _FORMATS:
        known = ", ".join(_FORMATS)
        raise InputError(f"{path}: unknown ending; want one of {known}, also with .gz or .zst")
    return _FORMATS[plain.suffix]


def _opened(path: str) -> io.BufferedReader:
    """Open a file for reading what is packed in it."""
    if path.endswith(".gz"):
        return io.BufferedReader(gzip.open(path))
    raw = Path(path).open("rb")  # noqa: SIM115  # the caller closes it, or the reader around it
    # A .zst of the Collector's file exporter is no zstd stream: each request is packed by itself,
    # behind its size.
    if not path.endswith(".zst") or not raw.peek(4).startswith(_ZSTD_MAGIC):
        return raw
    return _unpacked(raw)


def _peeking(stream: BinaryIO) -> io.BufferedReader:
    """Return the stream itself where it can be looked into without reading on."""
    if isinstance(stream, io.BufferedReader):
        return stream
    return io.BufferedReader(cast("io.RawIOBase", stream))


def _unpacked(raw: io.BufferedReader) -> io.BufferedReader:
    """Return a reader of what is packed in a stream, told by its first bytes."""
    begin = raw.peek(4)
    if begin.startswith(_GZIP_MAGIC):
        return io.BufferedReader(gzip.GzipFile(fileobj=raw))
    if not begin.startswith(_ZSTD_MAGIC):
        return raw
    unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW_BYTES)
    return io.BufferedReader(unpacker.stream_reader(raw, read_across_frames=True))


def _json_lines(source: str, stream: IO[bytes], errors: list[InputError]) -> Iterator[Request]:
    number = 0
    while line := stream.readline(MAX_REQUEST_BYTES + 1):
        number += 1
        if len(line) > MAX_REQUEST_BYTES:
            raise InputError(f"{source}:{number}: line longer than {MAX_REQUEST_BYTES} bytes")
        if line.strip():
            requests = _json_requests(source, number, line)
            yield from _collected(requests, f"{source}:{number}", errors)


def _json_document(path: str, content: bytes, errors: list[InputError]) -> Iterator[Request]:
    """Yield the request in a file that is one JSON value, or those in its lines."""
    first_line = content.lstrip().partition(b"\n")[0]
    if len(first_line) < len(content.strip()) and _is_json(first_line):
        yield from _json_lines(path, io.BytesIO(content), errors)
    else:
        yield from _collected(_json_requests(path, 1, content), path, errors)


def _is_json(text: bytes) -> bool:
    try:
        parse_json(text)
    except NotOtlpError:
        return False
    return True


def _json_requests(source: str, line: int, text: bytes) -> Iterator[Request]:
    """Yield the requests in one JSON value; one value may hold spans and logs.

    Raises:
        InputError, NotOtlpError: it holds neither.
    """
    value = parse_json(text)
    dataset = ""
    if isinstance(value, dict) and "otlp" in value:
        dataset, value = str(value.get("dataset", "")), value["otlp"]
    for item in value if isinstance(value, list) else [value]:
        if not isinstance(item, dict):
            raise InputError("not an OTLP request: no JSON object")
        signals = {signal for key, signal in _SIGNAL_KEYS.items() if key in item}
        if item and not signals and not item.keys() & _OTHER_KEYS:
            raise InputError("not an OTLP request: neither resourceSpans nor resourceLogs in it")
        for signal in sorted(signals, reverse=True):
            body = object_to_protobuf(signal, item)
            yield Request(source=source, line=line, dataset=dataset, signal=signal, body=body)


def _piece_requests(source: str, line: int, piece: bytes) -> Iterator[Request]:
    """Yield the request in one protobuf message, or in what the file exporter packs into one.

    Raises:
        InputError, NotOtlpError: there is none.
    """
    if piece.startswith(_ZSTD_MAGIC):
        unpacker = zstandard.ZstdDecompressor(max_window_size=_MAX_ZSTD_WINDOW_BYTES)
        piece = unpacker.stream_reader(piece, read_across_frames=True).read(MAX_REQUEST_BYTES)
    if piece.startswith(b"{"):
        yield from _json_requests(source, line, piece)
        return
    signal = _signal_of(piece)
    if signal is None:
        raise InputError("not an OTLP request: neither spans nor log records in it")
    if piece:
        yield Request(source=source, line=line, signal=signal, body=piece)


def _pieces(path: str, content: bytes) -> Iterator[bytes]:
    """Yield the messages of a ``.pb`` file: sizes of four bytes or varints before them, or one."""
    if content.startswith(b"\0"):
        yield from _sized_pieces(path, content, _fixed_size)
    elif not content or _signal_of(content) is not None or not _is_delimited(content):
        yield content
    else:
        yield from _sized_pieces(path, content, _varint_size)


def _sized_pieces(
    path: str, content: bytes, size_at: Callable[[bytes, int], tuple[int, int]]
) -> Iterator[bytes]:
    """Yield each message behind its size.

    Raises:
        InputError: the last one is cut off; those before it were yielded.
    """
    at = 0
    while at < len(content):
        size_bytes, begin = size_at(content, at)
        at = begin + size_bytes
        if at > len(content):
            raise InputError(f"{path}: ends in the middle of a message")
        yield content[begin:at]


def _is_delimited(content: bytes) -> bool:
    """Return whether the first message behind a varint size is one of ours."""
    size_bytes, begin = _varint_size(content, 0)
    return _signal_of(content[begin : begin + size_bytes]) is not None


def _fixed_size(content: bytes, at: int) -> tuple[int, int]:
    """Return the big-endian size of four bytes at ``at``, and where its message begins."""
    begin = at + _SIZE_BYTES
    return int.from_bytes(content[at:begin], "big"), begin


def _varint_size(content: bytes, at: int) -> tuple[int, int]:
    """Return the varint size at ``at``, and where its message begins."""
    size_bytes = 0
    for index, byte in enumerate(content[at : at + _MAX_VARINT_BYTES]):
        size_bytes |= (byte & 0x7F) << (7 * index)
        if byte < 0x80:
            return size_bytes, at + index + 1
    return len(content) + 1, at


def _signal_of(body: bytes) -> Signal | None:
    """Return which request ``body`` is: the two share their outer fields, not their ids."""
    try:
        if count_traces(body).kept or not body:
            return "traces"
    except NotOtlpError:
        pass
    try:
        if count_logs(body).kept:
            return "logs"
    except NotOtlpError:
        pass
    return None


def _collected(
    requests: Iterable[Request], where: str, errors: list[InputError]
) -> Iterator[Request]:
    """Yield ``requests``; what ends them early is collected."""
    try:
        yield from requests
    except (InputError, NotOtlpError, zstandard.ZstdError) as error:
        errors.append(InputError(f"{where}: {error}"))
