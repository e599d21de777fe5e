from __future__ import annotations

from pathlib import Path

import pytest

from cli_fixtures import capture, run
from tempo_server import running_tempo

QUERY = "{ status = error }"


def test_tempo_answers_in_the_form_of_files() -> None:
    """The same line, and a remark on standard error where there is more."""
    with running_tempo() as tempo:
        tempo_options = ("--backend", "tempo", "--url", tempo.url)
        done = run("query", QUERY, *tempo_options, "--since", "2h", "--header", "X-Scope-OrgID=a")
        text = run("query", QUERY, *tempo_options, "--format", "text").out
    assert done.code == 0
    (line,) = done.lines
    assert set(line) == {"dataset", "query", "result"}
    assert len(line["result"]) == 2
    assert "left out spans of 1 traces" in done.err
    asked = tempo.asked[0]
    assert int(asked["end"]) - int(asked["start"]) == 7_200
    assert "2f3e0cee77ae5dc9c17ade3689eb2e54  2 spans: " in text


def test_a_bad_query_among_many_is_an_error_line(tmp_path: Path) -> None:
    """As with files: the others are answered, the exit code is 0."""
    queries = tmp_path / "q.jsonl"
    queries.write_text('{"query": "{ } -[data]-> { }"}\n{"query": "{ }"}\n', encoding="utf-8")
    with running_tempo() as tempo:
        done = run("query", "--queries", queries, "--backend", "tempo", "--url", tempo.url)
    assert done.code == 0
    assert [line.get("stage") for line in done.lines] == ["unsupported", None]


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["{ } -[data]-> { }", "--url", "http://127.0.0.1:9"], 2),
        (["{ }", "--url", "http://127.0.0.1:9"], 3),
        (["{ }"], 2),
        (["{ }", "--url", "localhost:3200"], 2),
        (["{ }", "--url", "http://127.0.0.1:9", "--since", "soon"], 2),
        (["{ }", "--url", "http://127.0.0.1:9", "--header", "x"], 2),
        (["{ }", "--url", "http://127.0.0.1:9", "--why"], 2),
    ],
)
def test_what_cannot_be_asked_is_refused(arguments: list[str], code: int) -> None:
    """Usage errors exit with 2, a Tempo that is not there with 3."""
    done = run("query", "--backend", "tempo", *arguments)
    assert (done.code, done.out) == (code, "")
    assert "Traceback" not in done.err


def test_files_and_tempo_do_not_mix() -> None:
    """Spans come from one place."""
    traces = capture("pydantic-ai__native__ok")
    done = run("query", "{ }", "--backend", "tempo", "--url", "http://x", "--traces", traces)
    assert done.code == 2
