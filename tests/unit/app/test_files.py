from __future__ import annotations

import gzip
import io
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from google.protobuf import json_format
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.app import files
from causewatch.app.files import Request, read_requests
from causewatch.errors import InputError
from causewatch.otlp.decode import decode_logs, decode_traces
from otlp_fixtures import capture_lines, logs_body, tag, traces_body, varint


def as_json(body: bytes) -> bytes:
    """Return a trace or logs request as one line of OTLP/JSON."""
    kind: Any = ExportTraceServiceRequest if body != logs_body() else ExportLogsServiceRequest
    return json.dumps(json_format.MessageToDict(kind.FromString(body))).encode()


def read(*paths: Path | str) -> tuple[list[Request], list[str]]:
    """Return the requests of files, and what was wrong."""
    errors: list[InputError] = []
    requests = list(read_requests([str(path) for path in paths], errors=errors))
    return requests, [str(error) for error in errors]


def names(requests: list[Request]) -> list[str]:
    """Return the names of all spans."""
    return [
        span.name
        for request in requests
        if request.signal == "traces"
        for span in decode_traces(request.body).spans
    ]


BODIES = [traces_body(1, first=index) for index in range(3)]
STEPS = ["step 0", "step 1", "step 2"]
LINES = b"\n".join(map(as_json, BODIES)) + b"\n"
PRETTY = json.dumps(json.loads(as_json(traces_body(3))), indent=2).encode()


def sized(*pieces: bytes) -> bytes:
    """Return pieces behind sizes of four bytes, as the Collector's file exporter writes them."""
    return b"".join(len(piece).to_bytes(4, "big") + piece for piece in pieces)


def delimited(*pieces: bytes) -> bytes:
    """Return pieces behind varint sizes, as protobuf's own writers do."""
    return b"".join(varint(len(piece)) + piece for piece in pieces)


FORMS: list[tuple[str, str, bytes]] = [
    ("lines", "t.jsonl", LINES),
    ("lines without the last end", "t.jsonl", LINES[:-1]),
    ("lines with blank ones", "t.ndjson", LINES.replace(b"\n", b"\r\n\n")),
    ("lines called .json", "t.json", LINES),
    ("one request, pretty", "t.json", PRETTY),
    ("one request in a line", "t.json", as_json(traces_body(3))),
    ("a list of requests", "t.json", b"[" + b",".join(map(as_json, BODIES)) + b"]"),
    ("one request", "t.pb", traces_body(3)),
    ("sizes of four bytes", "t.pb", sized(*BODIES)),
    ("varint sizes", "t.binpb", delimited(*BODIES)),
    ("sized JSON", "t.json", sized(*map(as_json, BODIES))),
    ("sized, each packed", "t.pb", sized(*map(zstandard.compress, BODIES))),
    (
        "sized JSON, each packed",
        "t.jsonl",
        sized(*(zstandard.compress(as_json(b)) for b in BODIES)),
    ),
]
PACKERS: dict[str, Callable[[bytes], bytes]] = {
    "": bytes,
    ".gz": gzip.compress,
    ".zst": zstandard.compress,
}


@pytest.mark.parametrize("ending", PACKERS)
@pytest.mark.parametrize(("_", "name", "content"), FORMS)
def test_each_form_gives_the_same_spans(
    tmp_path: Path, _: str, name: str, content: bytes, ending: str
) -> None:
    """Lines, one request, lists, sizes before messages; packed or not: the spans are the same."""
    path = tmp_path / (name + ending)
    path.write_bytes(PACKERS[ending](content))
    requests, errors = read(path)
    assert errors == []
    assert names(requests) == STEPS
    assert {request.source for request in requests} == {str(path)}


def test_a_zst_file_of_the_file_exporter_is_read(tmp_path: Path) -> None:
    """Its name says zstd, but each request is packed by itself behind its size."""
    path = tmp_path / "t.json.zst"
    path.write_bytes(sized(*(zstandard.compress(as_json(body)) for body in BODIES)))
    requests, errors = read(path)
    assert (names(requests), errors) == (STEPS, [])


@pytest.mark.parametrize("ending", [".gz", ".zst"])
def test_files_packed_in_several_pieces_are_read_whole(tmp_path: Path, ending: str) -> None:
    """Rotated and appended files are several streams one after the other."""
    path = tmp_path / f"t.jsonl{ending}"
    path.write_bytes(b"".join(PACKERS[ending](as_json(body) + b"\n") for body in BODIES))
    requests, errors = read(path)
    assert (names(requests), errors) == (STEPS, [])


def test_logs_and_traces_are_told_apart(tmp_path: Path) -> None:
    """By their key in JSON, by their items in protobuf; one JSON value may hold both."""
    lines, both, binary = tmp_path / "t.jsonl", tmp_path / "t.json", tmp_path / "t.pb"
    lines.write_bytes(as_json(BODIES[0]) + b"\n" + as_json(logs_body()) + b"\n")
    both.write_text(json.dumps(json.loads(as_json(BODIES[0])) | json.loads(as_json(logs_body()))))
    binary.write_bytes(sized(BODIES[0], logs_body()))
    for path in (lines, both, binary):
        requests, errors = read(path)
        assert errors == []
        assert [request.signal for request in requests] == ["traces", "logs"]
        assert len(decode_logs(requests[1].body).records) == 1


def test_dataset_lines_carry_their_dataset(tmp_path: Path) -> None:
    """Plain lines belong to the dataset without a name; line numbers count all lines."""
    path = tmp_path / "t.jsonl"
    wrapped = json.dumps({"dataset": "d1", "otlp": json.loads(as_json(BODIES[1]))}).encode()
    path.write_bytes(as_json(BODIES[0]) + b"\n\n" + wrapped + b"\n")
    requests, errors = read(path)
    assert errors == []
    assert [(request.dataset, request.line) for request in requests] == [("", 1), ("d1", 3)]


def test_standard_input_is_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    """``-`` reads JSONL from standard input."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(LINES)))
    requests, errors = read("-")
    assert (names(requests), errors) == (STEPS, [])
    assert requests[0].source == "<stdin>"


@pytest.mark.parametrize("pack", [gzip.compress, zstandard.compress])
def test_standard_input_may_be_packed(
    pack: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    """What it is packed with is told by its first bytes: there is no name to go by."""
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(pack(LINES))))
    requests, errors = read("-")
    assert (names(requests), errors) == (STEPS, [])


BAD_LINES: list[bytes] = [
    b"hello",
    b"{",
    b"17",
    b'{"spans":[]}',
    b'{"dataset":"d","otlp":7}',
    b'{"resourceSpans":{}}',
    b'{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":7}]}]}]}',
    b"\xff\xfe",
]


@pytest.mark.parametrize("bad", BAD_LINES)
def test_a_bad_line_is_told_and_the_rest_is_read(tmp_path: Path, bad: bytes) -> None:
    """The place is file and line; lines before and after are answered."""
    path = tmp_path / "t.jsonl"
    path.write_bytes(b"\n".join([as_json(BODIES[0]), bad, as_json(BODIES[1])]))
    requests, errors = read(path)
    assert names(requests) == STEPS[:2]
    assert len(errors) == 1
    assert errors[0].startswith(f"{path}:2: ")


BAD_FILES: list[tuple[str, bytes, str]] = [
    ("t.txt", b"", "unknown ending"),
    ("t.gz", b"", "unknown ending"),
    ("t.jsonl.gz", b"not gzip", "[Nn]ot a gzipped"),
    ("t.jsonl.gz", gzip.compress(LINES)[:-9], "end-of-stream|ended"),
    ("t.json", b"{", "not JSON"),
    ("t.json", PRETTY[:-9], "not JSON"),
    ("t.pb", b"hello", "not an OTLP"),
    ("t.pb", b"\xff" * 9, "not an OTLP"),
    ("t.pb", sized(b"hello"), "not an OTLP"),
    ("t.pb", sized(zstandard.compress(BODIES[0])[:-3] + b"\xff\xff\xff"), ""),
]


@pytest.mark.parametrize(("name", "content", "message"), BAD_FILES)
def test_a_bad_file_is_told_and_the_next_is_read(
    tmp_path: Path, name: str, content: bytes, message: str
) -> None:
    """Nothing but a collected error leaves a damaged file."""
    bad, good = tmp_path / name, tmp_path / "good.jsonl"
    bad.write_bytes(content)
    good.write_bytes(LINES)
    requests, errors = read(bad, good)
    assert names([request for request in requests if request.source == str(good)]) == STEPS
    assert len(errors) == 1
    assert errors[0].startswith(str(bad))
    assert re.search(message, errors[0])


def test_a_missing_file_and_a_folder_are_told(tmp_path: Path) -> None:
    """The system's reason, after the name."""
    folder = tmp_path / "folder.jsonl"
    folder.mkdir()
    requests, errors = read(tmp_path / "no.jsonl", folder)
    assert requests == []
    assert [error.rpartition(": ")[2] for error in errors] == [
        "No such file or directory",
        "Is a directory",
    ]


@pytest.mark.parametrize("frames", [sized, delimited])
def test_what_precedes_a_cut_is_read(tmp_path: Path, frames: Callable[..., bytes]) -> None:
    """A file that was cut while it was written gives its whole messages, and one error."""
    path = tmp_path / "t.pb"
    path.write_bytes(frames(*BODIES)[:-5])
    requests, errors = read(path)
    assert names(requests) == STEPS[:2]
    assert errors == [f"{path}: ends in the middle of a message"]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.jsonl", b""),
        ("t.jsonl", b"\n\n"),
        ("t.pb", b""),
        ("t.jsonl", b"{}\n"),
        ("t.jsonl", b'{"resourceMetrics":[{"scopeMetrics":[]}]}\n'),
    ],
)
def test_nothing_of_use_is_no_error(tmp_path: Path, name: str, content: bytes) -> None:
    """Empty files, empty requests, and the metrics that one exporter may write beside spans."""
    path = tmp_path / name
    path.write_bytes(content)
    assert read(path) == ([], [])


def test_lines_and_files_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither a line nor a packed file may grow past its limit in memory."""
    monkeypatch.setattr(files, "MAX_REQUEST_BYTES", 1000)
    monkeypatch.setattr(files, "MAX_FILE_BYTES", 2000)
    lines, binary = tmp_path / "t.jsonl.gz", tmp_path / "t.pb.zst"
    lines.write_bytes(gzip.compress(as_json(BODIES[0])[:900] + b" " * 10**7))
    binary.write_bytes(zstandard.compress(tag(1, b"x" * 10**7)))
    requests, errors = read(lines, binary)
    assert requests == []
    assert "line longer than 1000 bytes" in errors[0]
    assert "larger than 2000 bytes" in errors[1]


def test_recorded_captures_are_read_whole() -> None:
    """Real recorded files give one request a line, and no error."""
    captures = Path(__file__).parents[2] / "captures"
    requests, errors = read(*sorted(captures.glob("*.jsonl.gz")))
    assert errors == []
    assert len(requests) == sum(1 for _ in capture_lines())
