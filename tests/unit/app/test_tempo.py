from __future__ import annotations

from collections.abc import Iterator

import pytest

from causewatch.app.tempo import TempoQuery, search
from causewatch.errors import UnreachableError, UserError
from causewatch.signatures.error import SignatureError
from tempo_server import Tempo, running_tempo

QUERY = "{ status = error } >> { span.http.status_code >= 500 }"


@pytest.fixture
def tempo() -> Iterator[Tempo]:
    """A search API on loopback."""
    with running_tempo() as running:
        yield running


def test_span_sets_come_back_with_whole_ids(tempo: Tempo) -> None:
    """Tempo leaves leading zeros out; ours are as long as in OTLP, each span set sorted."""
    found = search(QUERY, TempoQuery(url=tempo.url))
    assert found.result == {
        "2f3e0cee77ae5dc9c17ade3689eb2e54": [
            ["0000000000000a12", "563d623c76514f8e"],
            ["0000000000000001"],
        ],
        "0000000000000000000000000000004f": [["0000000000000001"]],
    }
    assert (found.cut_traces, found.is_limited) == (1, False)


def test_the_query_goes_out_as_written_with_its_bounds(tempo: Tempo) -> None:
    """Text, times, limits and headers arrive."""
    where = TempoQuery(
        url=tempo.url, start_s=10, end_s=20, max_traces=2, headers={"X-Scope-OrgID": "team-a"}
    )
    assert search(QUERY, where).is_limited
    (asked,) = tempo.asked
    assert asked == {"q": QUERY, "start": "10", "end": "20", "limit": "2", "spss": "100"}
    assert tempo.headers[0]["x-scope-orgid"] == "team-a"


def test_an_early_answer_has_one_span_set(tempo: Tempo) -> None:
    """``spanSet`` stands alone in what old versions answer."""
    tempo.body = b'{"traces":[{"traceID":"1","spanSet":{"spans":[{"spanID":"2"}],"matched":1}}]}'
    found = search(QUERY, TempoQuery(url=tempo.url))
    assert list(found.result.values()) == [[["0000000000000002"]]]


@pytest.mark.parametrize("body", [b"{}", b'{"traces":[]}', b'{"traces":[],"metrics":{}}'])
def test_nothing_found_is_nothing(tempo: Tempo, body: bytes) -> None:
    """No traces, no result."""
    tempo.body = body
    assert search(QUERY, TempoQuery(url=tempo.url)).result == {}


@pytest.mark.parametrize(
    ("query", "column"),
    [
        ("{ .a = 1 } -[flow]->> { .b = 2 }", 12),
        ("{ .a = 1 } && !{ .b = 2 }", 15),
        ("{ .a = 1 } as x", 12),
        ("{ .a = 1 && parent.span.b = 2 }", 13),
        ("{ .a = 1 } | rate()", 1),
    ],
)
def test_what_tempo_cannot_run_is_not_sent(tempo: Tempo, query: str, column: int) -> None:
    """The error points at the extension; nothing goes over the wire."""
    with pytest.raises(SignatureError) as caught:
        search(query, TempoQuery(url=tempo.url))
    assert (caught.value.stage, caught.value.column) == ("unsupported", column)
    assert tempo.asked == []


@pytest.mark.parametrize("status", [400, 401, 403, 404, 422])
def test_a_refusal_is_the_callers_to_mend(tempo: Tempo, status: int) -> None:
    """With what Tempo says, at most some hundred characters of it."""
    tempo.status, tempo.body = status, b"invalid TraceQL query: " + b"x" * 10_000
    with pytest.raises(UserError, match="invalid TraceQL") as caught:
        search(QUERY, TempoQuery(url=tempo.url))
    assert len(str(caught.value)) < 600


@pytest.mark.parametrize("status", [302, 429, 500, 503])
def test_any_other_status_is_no_answer(tempo: Tempo, status: int) -> None:
    """A redirect is not followed."""
    tempo.status = status
    with pytest.raises(UnreachableError, match=str(status)):
        search(QUERY, TempoQuery(url=tempo.url))


@pytest.mark.parametrize("body", [b"", b"<html>", b"[]", b'{"traces": 3}'])
def test_what_is_no_answer_of_tempo_is_said(tempo: Tempo, body: bytes) -> None:
    """For example the start page of something else."""
    tempo.body = body
    with pytest.raises(UnreachableError, match="no answer of Tempo"):
        search(QUERY, TempoQuery(url=tempo.url))


@pytest.mark.parametrize("url", ["http://127.0.0.1:9", "http://[::", "ftp://x"])
def test_an_address_where_nobody_answers_is_said(url: str) -> None:
    """An error with the address, no traceback."""
    with pytest.raises(UnreachableError):
        search(QUERY, TempoQuery(url=url, timeout_s=5))
