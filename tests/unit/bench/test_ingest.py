from __future__ import annotations

from contextlib import closing
from pathlib import Path

import pytest
from bench.ingest import INBOX_NAME, Reluctant, stored, stored_items

from causewatch.errors import FullError
from causewatch.inbox.sqlite import SqliteInbox
from causewatch.telemetry.metrics import Metrics


def test_it_refuses_the_first_and_stores_the_rest(tmp_path: Path) -> None:
    """The overloaded daemon of the tests refuses just as often as it is told to."""
    path = tmp_path / INBOX_NAME
    with closing(SqliteInbox(path, now_ns=lambda: 1, metrics=Metrics())) as inbox:
        reluctant = Reluctant(inbox, 2)
        for _ in range(2):
            with pytest.raises(FullError):
                reluctant.append("traces", b"no", 1)
        reluctant.append("traces", b"yes", 3).result(10)
        reluctant.append("logs", b"and yes", 4).result(10)
        assert stored_items(tmp_path) == 7
    assert list(stored(tmp_path)) == [b"yes", b"and yes"]
