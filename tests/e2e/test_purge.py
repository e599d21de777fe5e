"""A real daemon with recorded runs: one is purged while it runs, then another while it is down."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import httpx
import pytest

from causewatch.app.files import read_requests
from causewatch.inbox.archive import stored_batches
from causewatch.otlp.decode import decode_traces
from cli_fixtures import capture, run
from daemon import Daemon, quick_rules
from receive_fixtures import PROTOBUF

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
FIRST = "pydantic-ai__native__truncated_handoff"
SECOND = "langgraph__openllmetry__truncated_handoff"
KEPT = "openai-agents__openinference__poisoned_tool"
_PIECE = re.compile(r"[\w ,.:;-]{32}")


def bodies_of(name: str) -> list[bytes]:
    """Return the trace requests of a recorded run."""
    requests = read_requests([str(capture(name))], errors=[])
    return [request.body for request in requests if request.signal == "traces"]


def trace_ids_of(name: str) -> list[str]:
    """Return the traces of a recorded run."""
    spans = (span for body in bodies_of(name) for span in decode_traces(body).spans)
    return sorted({span.trace_id for span in spans})


def texts_of(name: str, others: Iterable[str]) -> set[bytes]:
    """Return pieces of the texts of a recorded run that are in none of some others."""
    elsewhere = b"".join(body for other in others for body in bodies_of(other))
    values = (
        value
        for body in bodies_of(name)
        for span in decode_traces(body).spans
        for value in span.attributes.values()
        if isinstance(value, str)
    )
    found = {piece.encode() for value in values for piece in _PIECE.findall(value)}
    return {piece for piece in found if piece not in elsewhere}


def files_with(folder: Path, texts: set[bytes]) -> list[str]:
    """Return the files that hold one of some texts, as they are or in a stored batch."""
    found = {
        path.name for path in folder.iterdir() if any(text in path.read_bytes() for text in texts)
    }
    batches = stored_batches(folder / "inbox.db", errors=[])
    if any(text in batch.body for batch in batches for text in texts):
        found.add("a stored batch")
    return sorted(found)


def test_what_was_said_in_a_purged_run_is_nowhere(tmp_path: Path) -> None:
    """With the daemon and without: the others are still told, explained and found."""
    names = {FIRST, SECOND, KEPT}
    only = {name: texts_of(name, names - {name}) for name in sorted(names)}
    daemon = Daemon(tmp_path, rules=quick_rules(tmp_path))
    folder, place = tmp_path / "store", ("--config", str(daemon.config))
    with daemon:
        for name in only:
            for body in bodies_of(name):
                answer = httpx.post(
                    f"http://127.0.0.1:{daemon.http_port}/v1/traces", content=body, headers=PROTOBUF
                )
                assert answer.status_code == httpx.codes.OK
        daemon.wait_for_verdicts(3)
        daemon.wait_for_incidents(2)
        assert all(files_with(folder, texts) for texts in only.values())
        before = len(daemon.incidents())
        ids = [word for each in trace_ids_of(FIRST) for word in ("--trace", each)]
        done = run("purge", *ids, *place)
        assert (done.code, done.lines[0]["is_done"]) == (0, True)
        assert done.lines[0]["runs"] >= 1
        assert files_with(folder, only[FIRST]) == []
        assert len(daemon.incidents()) == before - done.lines[0]["incidents"]
    ids = [word for each in trace_ids_of(SECOND) for word in ("--trace", each)]
    done = run("purge", *ids, *place)
    assert (done.code, done.lines[0]["is_done"]) == (0, True)
    assert files_with(folder, only[SECOND]) == []
    assert "a stored batch" in files_with(folder, only[KEPT])
    explained = run("explain", "--store", folder)
    assert [line["trace_ids"] for line in explained.lines] == [trace_ids_of(KEPT)]
    assert explained.lines[0]["verdict"] == "corrupted"
    with daemon:
        assert len(daemon.incidents()) <= before - 1
