"""The compiled reader against the one in Python; the slow tests build it with a Rust compiler."""

from __future__ import annotations

import json
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from causewatch.app.files import read_requests
from causewatch.dialects.tables import SHIPPED
from causewatch.likeness.keys import naming_keys
from causewatch.likeness.likeness import Likenesses
from causewatch.likeness.native import NativeReader, native_reader
from causewatch.otlp.raw import RawSpan, Resources
from graph_fixtures import CAPTURES

ROOT = Path(__file__).parents[3]
CASES = sorted(path.name for path in CAPTURES.glob("*.jsonl.gz"))
ODD = [
    '{"a": 1',
    "[]",
    '"',
    "",
    "\\u0000",
    "[1e400, -0.0, 1e17, 0.1]",
    "{'a': 1}",
    "é" * 30,
    "\x1c a",
]


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a fresh build of the library."""
    target = tmp_path_factory.mktemp("native")
    argv = ["cargo", "build", "--release", "--quiet", "--locked", "--offline"]
    argv += ["--manifest-path", str(ROOT / "native" / "Cargo.toml"), "--target-dir", str(target)]
    subprocess.run(argv, check=True, timeout=300)
    return target / "release" / "libcausewatch_native.so"


def requests(name: str) -> Iterator[bytes]:
    """Yield the trace requests of a recorded capture."""
    for request in read_requests([str(CAPTURES / name)], errors=[]):
        if request.signal == "traces":
            yield request.body


def changed(body: bytes, dice: random.Random) -> bytes:
    """Return a request in which some texts are others."""
    request = ExportTraceServiceRequest.FromString(body)
    for group in request.resource_spans:
        for span in (span for scoped in group.scope_spans for span in scoped.spans):
            for pair in span.attributes:
                if pair.value.string_value and dice.random() < 0.1:
                    pair.value.string_value = other(pair.value.string_value, dice)
    return request.SerializeToString()


def other(text: str, dice: random.Random) -> str:
    """Return a text cut, lengthened, quoted, or replaced by an odd one."""
    match dice.randrange(5):
        case 0:
            return text[: dice.randrange(len(text) + 1)]
        case 1:
            return f"{text} {dice.choice(ODD)}"
        case 2:
            return json.dumps(text)
        case 3:
            return json.dumps([text, {"n": dice.random() * 1e6, "when": "2026-11-23T10:00:00Z"}])
        case _:
            return dice.choice(ODD)


@pytest.mark.slow
def test_both_readers_tell_the_same_runs_apart(library: Path) -> None:
    """Of every recording and of each with texts changed: alike to one is alike to the other."""
    dice = random.Random(20)
    python = Likenesses(SHIPPED, is_native=False)
    native = NativeReader(naming_keys(SHIPPED), library)
    there: dict[Any, Any] = {}
    back: dict[Any, Any] = {}
    for name in CASES:
        bodies = list(requests(name))
        for number in range(12):
            split = Resources()
            now = bodies if number < 2 else [changed(body, dice) for body in bodies]
            spans = [span for body in now for span in split.split(body)]
            if not spans:
                continue
            one = python.of([span.whole() for span in spans])
            two = native.of(spans, [span.origin for span in spans])
            assert there.setdefault(one, two) == two, name
            assert back.setdefault(two, one) == one, name
    assert len(there) > 5 * len(CASES)


@pytest.mark.slow
def test_bytes_that_are_no_span_have_no_likeness(library: Path) -> None:
    """Cut or changed anywhere, a span is refused or read as another one; nothing crashes."""
    dice = random.Random(21)
    native = NativeReader(naming_keys(SHIPPED), library)
    (body, *_) = requests("pydantic-ai__native__ok.jsonl.gz")
    spans = Resources().split(body)
    for _ in range(5_000):
        raw = bytearray(dice.choice(spans).body)
        for _ in range(dice.randint(1, 4)):
            raw[dice.randrange(len(raw))] = dice.randrange(256)
        odd = RawSpan("a" * 32, "b" * 16, "", 0, 0, (), bytes(raw[: dice.randint(1, len(raw))]),
                      spans[0].whole().resource, spans[0].whole().scope, 0)  # fmt: skip
        found = native.of([odd], [0])
        assert found is None or found >= 0
    assert native.of(spans, [0] * len(spans)) is not None


def test_without_the_library_spans_are_read_in_python(tmp_path: Path) -> None:
    """A file that is missing, or that is no library, is no error to those who ask."""
    with pytest.raises(OSError):  # the loader's own words differ by system
        NativeReader([], tmp_path / "missing.so")
    (tmp_path / "text.so").write_text("no library")
    with pytest.raises(OSError):  # as above
        NativeReader([], tmp_path / "text.so")
    assert native_reader([], tmp_path / "missing.so") is None
