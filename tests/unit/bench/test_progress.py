from __future__ import annotations

import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest
from bench.progress import Progress

from causewatch.app.clock import now_ns

SAMPLES = {
    'causewatch_runs_total{state="complete",verdict="healthy"}': 7,
    'causewatch_runs_total{state="late",verdict="corrupted"}': 3,
    "causewatch_inbox_lag_batches": 0,
    "causewatch_live_runs": 0,
    'causewatch_rule_group_last_evaluation_timestamp_seconds{group="a"}': 0,
    'causewatch_rule_group_last_evaluation_timestamp_seconds{group="b"}': 0,
}


class Metrics:
    """A /metrics page that a test writes."""

    def __init__(self) -> None:
        self.samples: dict[str, float] = dict(SAMPLES)
        page = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_response(200)
                self.end_headers()
                lines = ["# HELP causewatch_runs_total Runs judged."]
                lines += [f"{series} {value}" for series, value in page.samples.items()]
                self.wfile.write("\n".join(lines).encode())

            def log_message(self, *unused: object) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/metrics"

    def evaluated(self, at_s: float) -> None:
        """Let both groups have had their last slot then."""
        for group in "ab":
            name = "causewatch_rule_group_last_evaluation_timestamp_seconds"
            self.samples[f'{name}{{group="{group}"}}'] = at_s


@pytest.fixture
def page() -> Iterator[Metrics]:
    """Yield a page of a daemon that has judged ten runs."""
    found = Metrics()
    thread = threading.Thread(target=found.server.serve_forever)
    thread.start()
    yield found
    found.server.shutdown()
    found.server.server_close()
    thread.join()


@pytest.mark.parametrize(("runs", "done"), [(10, True), (9, True), (11, False)])
def test_work_is_done_when_enough_runs_are_judged(page: Metrics, runs: int, *, done: bool) -> None:
    """Runs count whatever their state and verdict; one that is missing keeps the clock running."""
    assert Progress(page.url).is_done(runs, by_rules_too=False) is done


@pytest.mark.parametrize("series", ["causewatch_inbox_lag_batches", "causewatch_live_runs"])
def test_work_is_not_done_while_something_waits(page: Metrics, series: str) -> None:
    """What is stored and unread, or assembled and not judged, is work still to do."""
    page.samples[series] = 1
    assert not Progress(page.url).is_done(10, by_rules_too=False)


def test_rules_are_done_only_after_a_slot_that_follows_the_last_verdict(page: Metrics) -> None:
    """An evaluation from before the verdicts, or of one group only, does not count."""
    progress = Progress(page.url)
    page.evaluated(now_ns() / 1e9 - 1)
    assert not progress.is_done(10, by_rules_too=True)
    page.evaluated(now_ns() / 1e9 + 1)
    assert progress.is_done(10, by_rules_too=True)
    page.samples['causewatch_rule_group_last_evaluation_timestamp_seconds{group="b"}'] = 1
    assert not progress.is_done(10, by_rules_too=True)


def test_a_daemon_that_does_not_answer_is_not_done() -> None:
    """Neither an error nor a wrong yes."""
    assert not Progress("http://127.0.0.1:1/metrics").is_done(0, by_rules_too=False)
