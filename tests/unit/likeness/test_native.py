"""The compiled reader against the one in Python; the slow tests build it with a Rust compiler."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from app_fixtures import loaded
from causewatch.app.files import read_requests
from causewatch.dialects.tables import SHIPPED
from causewatch.likeness.answers import Answers
from causewatch.likeness.keys import naming_keys
from causewatch.likeness.likeness import Likenesses
from causewatch.likeness.native import Fits, NativeReader, native_reader
from causewatch.otlp.raw import RawSpan, Resources
from causewatch.rules.interest import Interest
from graph_fixtures import CAPTURES

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


def run_of(texts: Sequence[str]) -> list[RawSpan]:
    """Return the spans of a run, each with one text."""
    request = ExportTraceServiceRequest()
    scoped = request.resource_spans.add().scope_spans.add()
    for number, text in enumerate(texts, start=1):
        span = scoped.spans.add(name="step", trace_id=b"t" * 16, span_id=bytes([number]) * 8)
        span.start_time_unix_nano = span.end_time_unix_nano = 1_790_000_000_000_000_000 + number
        span.attributes.add(key="note").value.string_value = text
    return Resources().split(request.SerializeToString())


SAID = "Order 4711 of Monday is late, as the van broke down."
LONG = "and again the same few words of one sentence, " * 40
WITHIN = [
    *(["0" * size + SAID + "9" * size] for size in range(20)),
    *([SAID[:size]] for size in range(len(SAID) + 1)),
    *([SAID[size:] + "!", f"{SAID[size:]}."] for size in range(0, len(SAID), 3)),
    *([LONG, LONG[size:-size] + end] for size in (1, 90, 400) for end in ("", "!", SAID)),
    *([json.dumps({"said": [text, text], "id": text[:5]})] for text in (SAID, LONG, "é" + SAID)),
    *(
        [text, f"<{text}>"]
        for text in ("é" * 9, "4711 é, 12", "a\0b 12", "12\n4711 x\t12", "1 2 3")
    ),
    *([SAID[-4:] + "\0" + SAID[:9]], [SAID, SAID + "\0"], [" " * 40], ["4711", "471", "47 11"]),
]


@pytest.mark.slow
def test_an_earlier_text_is_found_wherever_it_lies(library: Path) -> None:
    """At any place of a later text, whole or in part, and however much is nearly the same."""
    python = Likenesses(SHIPPED, is_native=False)
    native = NativeReader(naming_keys(SHIPPED), library)
    there: dict[Any, Any] = {}
    back: dict[Any, Any] = {}
    for later in WITHIN:
        for early in ([SAID], [SAID, LONG], ["nothing of it"]):
            spans = run_of([*early, *later])
            one = python.of([span.whole() for span in spans])
            two = native.of(spans, [span.origin for span in spans])
            assert there.setdefault(one, two) == two, later
            assert back.setdefault(two, one) == one, later
    assert len(there) > 40


def by_chance(calls: list[str]) -> Fits:
    """Return what runs no pattern: its answers to texts with an x in them are by chance."""

    def fits(_number: int, text: str) -> int:
        calls.append(text)
        return len(calls) if "x" in text else 1

    return fits


@pytest.mark.slow
def test_a_pattern_is_run_until_it_answered_alike_twice(library: Path) -> None:
    """What cannot be run answers by chance, and is asked again each time."""
    questions = asked(['{ span.note =~ ".*[0-9].*" }']).questions
    for text, count in (("12", 2), ("x 12", 6)):
        calls: list[str] = []
        reader = NativeReader((), library, questions, by_chance(calls))
        found = {reader.of(run_of([text]), [0]) for _ in range(6)}
        assert (len(calls), len(found)) == (count, 1 if count == 2 else 6)


RULES = (
    "{ span.gen_ai.usage.input_tokens > 300 || span.gen_ai.usage.cost / 2 > 0.001 }",
    "{ traceDuration > 2s && duration > traceDuration * 0.5 }",
    '{ span.output.value =~ ".*(refund|Erstattung).*" || statusMessage =~ "(?i).*SKIPPED.*" }',
    (
        '{ span.causewatch.tool = "issue_refund" } as a -[before]->> '
        "{ span.causewatch.args.sha256 = a.span.causewatch.args.sha256 }"
    ),
    '{ span.causewatch.tool =~ "step_[0-9]" || name = "chat 7" }',
    "{ } | sum(span.gen_ai.usage.output_tokens) > 2000",
    "{ span.causewatch.result.bytes > 9000 }",
    '{ resource.service.version = "1" } | by(span.gen_ai.request.model) | count() > 2',
    "{ span:start - parent:start > 1s }",
)


def asked(signatures: Sequence[str]) -> Answers:
    """Return what answers such rules."""
    listed = "".join(
        f"  - alert: R{i}\n    signature: |\n      {each}\n    labels: {{severity: ticket}}\n"
        for i, each in enumerate(signatures)
    )
    bundle = loaded(f"groups:\n- name: own\n  rules:\n{listed}").bundle
    interest = Interest(bundle.groups, SHIPPED)
    assert interest.unsound == {}
    return Answers(interest.questions, interest.fits)


@pytest.mark.slow
@pytest.mark.parametrize("signatures", [*((each,) for each in RULES), RULES])
def test_both_readers_answer_rules_alike(library: Path, signatures: Sequence[str]) -> None:
    """The same runs are told apart for what rules ask; also of numbers and names that changed."""
    dice = random.Random(22)
    answers = asked(signatures)
    python = Likenesses(SHIPPED, answers, is_native=False)
    # Each remembers words of its own.
    native, whole = (Likenesses(SHIPPED, answers, library=library) for _ in range(2))
    there: dict[Any, Any] = {}
    back: dict[Any, Any] = {}
    refused = 0
    for name in CASES:
        bodies = list(requests(name))
        for number in range(6):
            now = bodies if number < 1 else [shifted(body, dice) for body in bodies]
            spans = [span for body in now for span in Resources().split(body)]
            if not spans:
                continue
            one, two = python.of([span.whole() for span in spans]), native.of_raw(spans)
            refused += one is None
            assert there.setdefault(one, two) == two, name
            assert back.setdefault(two, one) == one, name
            assert whole.of_request(b"".join(now)) == two, name
    assert len(there) > len(CASES) > refused / 6


def shifted(body: bytes, dice: random.Random) -> bytes:
    """Return a request in which some numbers, times and texts are others."""
    request = ExportTraceServiceRequest.FromString(changed(body, dice))
    for group in request.resource_spans:
        for span in (span for scoped in group.scope_spans for span in scoped.spans):
            if dice.random() < 0.05:
                span.end_time_unix_nano += dice.randrange(3_000_000_000)
            if dice.random() < 0.05:
                span.name = dice.choice(("chat 7", "chat 8", f"{span.name} 1", span.name))
            for pair in span.attributes:
                if pair.value.int_value and dice.random() < 0.1:
                    pair.value.int_value = dice.choice((1, 299, 300, 301, 5_000))
    return request.SerializeToString()


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


def by_trace(spans: list[RawSpan]) -> dict[str, list[tuple[bytes, str, str, bytes, bytes]]]:
    """Return what is known of spans without decoding them, by trace."""
    found: dict[str, list[tuple[bytes, str, str, bytes, bytes]]] = {}
    for span in spans:
        around = (span.envelope.resource, span.envelope.scope)
        found.setdefault(span.trace_id, []).append(
            (span.body, span.span_id, span.parent_id, *around)
        )
    return found


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_parts_of_a_request_are_its_spans_by_trace(library: Path, name: str) -> None:
    """Each part is a request of its own: what stood around its spans comes with them."""
    reader = NativeReader((), library)
    for body in requests(name):
        found = reader.regroup(body)
        assert found is not None
        expected = Resources().split(body)
        parts = [span for part in found for span in Resources().split(part.body)]
        assert by_trace(parts) == by_trace(expected)
        for part in found:
            spans = [span for span in expected if span.trace_id == part.trace_id]
            assert part.span_count == len(spans)
            assert part.start_ns == min(span.start_ns for span in spans)
            assert part.end_ns == max(span.end_ns for span in spans)
            assert part.has_root == any(not span.parent_id for span in spans)
            if any(span.linked for span in spans):
                assert part.is_odd


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_spans_cut_from_a_part_are_those_that_a_split_gives(library: Path, name: str) -> None:
    """All that is read of a span before it is decoded, and what it decodes to."""
    reader, cutting, splitting = NativeReader((), library), Resources(), Resources()
    for body in requests(name):
        for part in reader.regroup(body) or ():
            cut = reader.cut(part.body)
            assert cut is not None
            found, expected = cutting.cut(part.body, cut), splitting.split(part.body)
            assert [seen(span) for span in found] == [seen(span) for span in expected]
            assert [span.whole() for span in found] == [span.whole() for span in expected]


def seen(span: RawSpan) -> tuple[object, ...]:
    """Return what is known of a span that is not decoded."""
    ids = span.trace_id, span.span_id, span.parent_id, span.linked
    return *ids, span.start_ns, span.end_ns, span.body, span.origin, span.envelope


@pytest.mark.slow
@pytest.mark.parametrize("name", CASES)
def test_the_likeness_of_a_request_is_that_of_its_spans(name: str) -> None:
    """Whichever way a run came, it is like the same others."""
    likenesses = Likenesses(SHIPPED)
    body = b"".join(requests(name))
    spans = Resources().split(body)
    likeness = likenesses.of_request(body)
    assert likeness == likenesses.of_raw(spans)
    assert likenesses.of_request(body + body) is None


@pytest.mark.slow
@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("trace_id", b""), ("trace_id", bytes(16)), ("span_id", b"1234"), ("span_id", bytes(8)),
        ("parent_span_id", b"1"), ("name", "x" * 100_000), ("end_time_unix_nano", 2**63),
    ],
)  # fmt: skip
def test_a_request_with_a_span_to_reject_is_left_to_the_strict_reader(
    library: Path, field: str, value: object
) -> None:
    """As one whose bytes cannot be read."""
    reader = NativeReader((), library)
    request = ExportTraceServiceRequest.FromString(next(requests(CASES[0])))
    assert reader.regroup(request.SerializeToString())
    setattr(request.resource_spans[0].scope_spans[0].spans[0], field, value)
    assert reader.regroup(request.SerializeToString()) is None
    assert reader.cut(request.SerializeToString()) is None
    assert reader.regroup(b"nonsense") is None
    assert reader.cut(b"nonsense") is None
    assert reader.regroup(b"") == []
    assert reader.cut(b"") == (b"", b"")


@pytest.mark.slow
def test_what_may_be_more_than_a_trace_is_told(library: Path) -> None:
    """A link to another trace, and attributes of our own name space, wherever they are."""
    reader = NativeReader((), library)
    plain = next(requests("pydantic-ai__native__ok.jsonl.gz"))

    def is_odd(request: ExportTraceServiceRequest) -> bool:
        parts = reader.regroup(request.SerializeToString())
        assert parts
        return any(part.is_odd for part in parts)

    request = ExportTraceServiceRequest.FromString(plain)
    span = request.resource_spans[0].scope_spans[0].spans[0]
    assert not is_odd(request)
    span.links.add(trace_id=span.trace_id, span_id=b"12345678")
    assert not is_odd(request)
    span.links.add(trace_id=b"0123456789abcdef", span_id=b"12345678")
    assert is_odd(request)
    request = ExportTraceServiceRequest.FromString(plain)
    request.resource_spans[0].resource.attributes.add(key="causewatch.synthetic")
    assert is_odd(request)
    request = ExportTraceServiceRequest.FromString(plain)
    request.resource_spans[0].scope_spans[0].spans[0].attributes.add(key="causewatch.handoff.id")
    assert is_odd(request)
