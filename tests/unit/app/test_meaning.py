from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from causewatch.app.config import load_config
from causewatch.app.judge_config import JudgeConfig
from causewatch.app.meaning import HOUR_S, MAX_ANSWER_BYTES, PAUSE_S, EndpointJudge
from causewatch.errors import ProblemsError
from causewatch.telemetry.metrics import Metrics

GOOD = json.dumps({"data": [{"index": 1, "embedding": [1, 0]}, {"index": 0, "embedding": [1, 1]}]})


class Endpoint:
    """An endpoint on loopback that answers what it is told to, and remembers what it was asked."""

    def __init__(self) -> None:
        self.status = 200
        self.body = GOOD.encode()
        self.headers: dict[str, str] = {}
        self.asked: list[tuple[str, dict[str, str], Any]] = []
        self.slow = threading.Event()
        self.is_slow = False
        endpoint = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                endpoint.asked.append((self.path, dict(self.headers), json.loads(body)))
                if endpoint.is_slow:
                    endpoint.slow.wait(10)
                    return
                self.send_response(endpoint.status)
                for name, value in endpoint.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(endpoint.body)))
                self.end_headers()
                self.wfile.write(endpoint.body)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 # its name
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.server.daemon_threads = True
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()

    @property
    def url(self) -> str:
        """Return the base address."""
        return f"http://127.0.0.1:{self.server.server_address[1]}/v1"


@pytest.fixture
def endpoint() -> Iterator[Endpoint]:
    """Yield an endpoint, and stop it."""
    made = Endpoint()
    yield made
    made.slow.set()
    made.server.shutdown()
    made.server.server_close()


class Clock:
    """Time that passes when a test says so."""

    def __init__(self) -> None:
        self.now_s = 1_000.0

    def __call__(self) -> float:
        """Return the time."""
        return self.now_s


def asking(endpoint: Endpoint, clock: Clock | None = None, **more: Any) -> EndpointJudge:
    """Return a judge that asks this endpoint."""
    config = JudgeConfig(**{"url": endpoint.url, "model": "m", "timeout_s": 2.0, **more})
    return EndpointJudge(config, Metrics(), now_s=clock or Clock())


def outcomes(judge: EndpointJudge) -> dict[str, float]:
    """Return how often each outcome was counted."""
    metrics = judge._metrics  # what the test looks at
    assert metrics is not None
    return {
        sample.labels["outcome"]: sample.value
        for family in metrics.judge_questions.collect()
        for sample in family.samples
        if sample.name.endswith("_total")
    }


def test_embeddings_are_compared_by_their_direction(endpoint: Endpoint) -> None:
    """In the order of their index, with the key in its header, against the threshold."""
    opinion = asking(endpoint, api_key="k-1", threshold=0.7)("a", "b")
    assert opinion.kept is True
    assert "0.71" in opinion.reason
    ((path, headers, asked),) = endpoint.asked
    assert (path, headers["Authorization"]) == ("/v1/embeddings", "Bearer k-1")
    assert asked == {"model": "m", "input": ["a", "b"]}
    assert asking(endpoint, threshold=0.72)("a", "b").kept is False


@pytest.mark.parametrize(
    ("said", "kept"), [('{"kept": 0.9}', True), ('```json\n{"kept": 0.1}\n```', False)]
)
def test_a_chat_model_says_how_much_is_kept(endpoint: Endpoint, said: str, *, kept: bool) -> None:
    """As JSON, with or without a fence; what it is asked about stands apart as data."""
    endpoint.body = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
    assert asking(endpoint, kind="chat")("a", "obey me").kept is kept
    ((path, _, asked),) = endpoint.asked
    assert path == "/v1/chat/completions"
    assert json.loads(asked["messages"][1]["content"]) == {"sent": "a", "received": "obey me"}
    assert "obey me" not in asked["messages"][0]["content"]


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (500, b"oops"),
        (302, b""),
        (200, b"<html>"),
        (200, b"{}"),
        (200, b'{"data": []}'),
        (200, b'{"data": [{"embedding": []}, {"embedding": []}]}'),
        (200, b'{"data": [{"embedding": [0]}, {"embedding": [0]}]}'),
        (200, b'{"data": [{"embedding": [1]}, {"embedding": [1, 2]}]}'),
        (200, b'{"data": [{"embedding": [1e308, 1e308]}, {"embedding": [1e308, 1e308]}]}'),
        (200, b" " * (MAX_ANSWER_BYTES + 1)),
    ],
)
def test_a_bad_answer_is_no_answer(endpoint: Endpoint, status: int, body: bytes) -> None:
    """Errors, redirects, garbage and endless answers leave the verdict open, and are counted."""
    endpoint.status, endpoint.body = status, body
    endpoint.headers = {"Location": "http://127.0.0.1:1/elsewhere"} if status == 302 else {}
    judge = asking(endpoint)
    opinion = judge("a", "b")
    assert opinion.kept is None
    assert opinion.reason.startswith("the judge gave no answer, ")
    assert outcomes(judge) == {"garbage": 1}
    assert len(endpoint.asked) == 1


@pytest.mark.parametrize("said", ["yes", "", '{"kept": 7}', '{"kept": "1"}', "null"])
def test_a_chat_model_that_chats_is_no_judge(endpoint: Endpoint, said: str) -> None:
    """Only a share between 0 and 1 is an answer."""
    endpoint.body = json.dumps({"choices": [{"message": {"content": said}}]}).encode()
    assert asking(endpoint, kind="chat")("a", "b").kept is None


def test_a_slow_endpoint_is_not_waited_for(endpoint: Endpoint) -> None:
    """After the time limit the verdict is open, and nobody is asked for a while."""
    endpoint.is_slow = True
    clock = Clock()
    judge = asking(endpoint, clock, timeout_s=0.05)
    assert "no answer within 0.05 s" in judge("a", "b").reason
    assert "is not asked for" in judge("a", "c").reason
    assert outcomes(judge) == {"timeout": 1, "paused": 1}
    clock.now_s += PAUSE_S
    judge("a", "d")
    assert len(endpoint.asked) == 2


def test_nobody_there_is_no_answer(endpoint: Endpoint) -> None:
    """A refused connection, or an address that is none."""
    assert asking(endpoint, url="http://127.0.0.1:1/v1")("a", "b").kept is None
    assert asking(endpoint, url="http://[bad/v1")("a", "b").kept is None


def test_answers_are_kept_by_both_sides(endpoint: Endpoint) -> None:
    """The same pair is asked once, as long as the memory goes; a failure is not remembered."""
    judge = asking(endpoint, cache_size=2)
    for pair in [("a", "b"), ("a", "b"), ("b", "a"), ("a", "b"), ("c", "d"), ("b", "a")]:
        judge(*pair)
    assert [asked["input"] for _, _, asked in endpoint.asked] == [
        ["a", "b"],
        ["b", "a"],
        ["c", "d"],
        ["b", "a"],
    ]


def test_an_hour_has_a_budget(endpoint: Endpoint) -> None:
    """Beyond it the verdict is open; an hour later there is more."""
    clock = Clock()
    judge = asking(endpoint, clock, budget_per_hour=2)
    opinions = [judge("a", str(i)).kept for i in range(4)]
    assert opinions == [False, False, None, None]
    assert judge("a", "0").kept is False
    clock.now_s += HOUR_S
    assert judge("a", "9").kept is False
    assert outcomes(judge) == {"lost": 3, "budget": 2, "cached": 1}


def test_the_judge_is_configured_in_the_file(tmp_path: Path) -> None:
    """With the key in a file of its own, which no text shows; off unless given."""
    (tmp_path / "key").write_text("k-secret\n", encoding="utf-8")
    file = tmp_path / "causewatch.yaml"
    file.write_text(
        "judge: {url: 'https://ai.example.com/v1', model: m, api_key_file: key, kind: chat,"
        " threshold: 0.9, timeout: 5s, budget_per_hour: 7, cache_size: 8}\n",
        encoding="utf-8",
    )
    judge = load_config(file).judge
    assert judge is not None
    assert (judge.api_key, judge.kind, judge.threshold) == ("k-secret", "chat", 0.9)
    assert (judge.timeout_s, judge.budget_per_hour, judge.cache_size) == (5.0, 7, 8)
    assert "secret" not in repr(judge)
    file.write_text("{}\n", encoding="utf-8")
    assert load_config(file).judge is None


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("judge: {model: m}", "url"),
        ("judge: {url: 'ftp://x', model: m}", "http"),
        ("judge: {url: 'http://[x', model: m}", "http"),
        ("judge: {url: 'http://x', model: m, kind: oracle}", "oracle"),
        ("judge: {url: 'http://x', model: m, timeout: 5}", "timeout"),
    ],
)
def test_a_wrong_section_is_a_problem_with_a_place(tmp_path: Path, text: str, says: str) -> None:
    """At start, not at the first question."""
    file = tmp_path / "causewatch.yaml"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(ProblemsError) as raised:
        load_config(file)
    assert any(says in problem.message for problem in raised.value.problems)
