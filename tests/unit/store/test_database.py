"""Opening, migrating and surviving: what is SQLite's own."""

from __future__ import annotations

import sqlite3
import stat
import threading
from pathlib import Path

import msgspec
import pytest

from causewatch.errors import InputError
from causewatch.store.record import Told
from causewatch.store.sqlite import SqliteStore
from causewatch.store.sqlite.database import migrate
from causewatch.store.sqlite.migrations import MIGRATIONS
from causewatch.store.sqlite.runs import labels_key
from notify_fixtures import NOW, opened


def test_the_file_and_its_side_files_are_private(tmp_path: Path) -> None:
    """Payload excerpts are in there: nobody but the owner reads them, whatever the umask."""
    path = tmp_path / "sub" / "causewatch.db"
    store = SqliteStore(path)
    store.put_meta("k", "v")
    modes = {p.name: stat.S_IMODE(p.stat().st_mode) for p in path.parent.iterdir()}
    store.close()
    assert set(modes) == {"causewatch.db", "causewatch.db-wal", "causewatch.db-shm"}
    assert set(modes.values()) == {0o600}


def test_a_commit_is_on_the_disk(tmp_path: Path) -> None:
    """The journal is a WAL and each commit is synced to the disk."""
    store = SqliteStore(tmp_path / "s.db")
    assert store._read("PRAGMA journal_mode") == [("wal",)]
    assert store._read("PRAGMA synchronous") == [(2,)]
    store.close()


def test_what_was_committed_is_there_after_a_restart(tmp_path: Path) -> None:
    """A second opening finds the data and repeats no migration."""
    path = tmp_path / "s.db"
    first = SqliteStore(path)
    first.put_meta("k", "v")
    first.close()
    second = SqliteStore(path)
    assert second.meta("k") == "v"
    assert second._read("PRAGMA user_version") == [(len(MIGRATIONS),)]
    second.close()


def test_a_crash_in_a_transaction_leaves_nothing_of_it(tmp_path: Path) -> None:
    """A process that dies between BEGIN and COMMIT leaves the last committed state."""
    path = tmp_path / "s.db"
    store = SqliteStore(path)
    store.put_meta("k", "committed")
    # The connection dies with its transaction open, as in a process that is killed.
    store._connection.execute("BEGIN IMMEDIATE")
    store._connection.execute("UPDATE meta SET value = 'torn'")
    store._connection.close()
    again = SqliteStore(path)
    assert again.meta("k") == "committed"
    again.close()


def test_steps_run_once_and_in_order() -> None:
    """A database that had one step gets the second only."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    steps = [["CREATE TABLE a (x)"], ["INSERT INTO a VALUES (1)", "ALTER TABLE a ADD y"]]
    migrate(connection, steps[:1])
    migrate(connection, steps)
    migrate(connection, steps)
    assert connection.execute("SELECT * FROM a").fetchall() == [(1, None)]
    assert connection.execute("PRAGMA user_version").fetchone() == (2,)
    connection.close()


def test_a_step_that_fails_leaves_the_schema_before_it() -> None:
    """Half a migration would be worse than none."""
    connection = sqlite3.connect(":memory:", isolation_level=None)
    with pytest.raises(sqlite3.OperationalError):
        migrate(connection, [["CREATE TABLE a (x)", "CREATE TABLE a (x)"]])
    assert connection.execute("PRAGMA user_version").fetchone() == (0,)
    assert connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,)
    connection.close()


def test_incidents_and_what_was_told_survive_a_new_column(tmp_path: Path) -> None:
    """A file from before silences: its rows are read, and take what is new."""
    path = tmp_path / "s.db"
    before = sqlite3.connect(path, isolation_level=None)
    migrate(before, MIGRATIONS[:5])
    incident = opened().incident
    told = Told(
        incident_id=incident.id, target="t", revision=1, resolved=False, digest="d", told_at_ns=NOW
    )
    old = msgspec.json.encode(incident)
    before.execute("INSERT INTO incidents VALUES (?, ?, 'open', 1, ?)", (incident.id, "k", old))
    row = (incident.id, "t", NOW, False, msgspec.json.encode(told))
    before.execute("INSERT INTO told VALUES (?, ?, ?, ?, ?)", row)
    before.close()
    store = SqliteStore(path)
    assert store.live_incidents(resolved_since_ns=0) == (incident,)
    assert store.told_due(loud_before_ns=0) == (told,)
    store.put_incidents([incident])
    store.close()


def test_a_newer_file_is_refused(tmp_path: Path) -> None:
    """A downgrade must not write into a schema it does not know."""
    path = tmp_path / "s.db"
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    with pytest.raises(InputError, match="schema 999"):
        SqliteStore(path)


@pytest.mark.parametrize("content", [b"not a database, but long enough to be read as one" * 20])
def test_what_is_no_database_is_named(tmp_path: Path, content: bytes) -> None:
    """A wrong path is the user's to correct: the message names it."""
    path = tmp_path / "s.db"
    path.write_bytes(content)
    with pytest.raises(InputError, match=r"s\.db"):
        SqliteStore(path)


def test_a_folder_is_no_store(tmp_path: Path) -> None:
    """A folder in place of the file is an error for people, not a traceback."""
    with pytest.raises(InputError, match="cannot be opened"):
        SqliteStore(tmp_path)


def test_a_thread_waits_for_another_ones_transaction(tmp_path: Path) -> None:
    """Two threads never share a transaction: the second begins when the first has ended."""
    store = SqliteStore(tmp_path / "s.db")
    order: list[str] = []
    inside, leave = threading.Event(), threading.Event()

    def first() -> None:
        with store.transaction():
            inside.set()
            leave.wait(5)
            order.append("first")

    def second() -> None:
        with store.transaction():
            order.append("second")

    threads = [threading.Thread(target=first), threading.Thread(target=second)]
    threads[0].start()
    inside.wait(5)
    threads[1].start()
    leave.set()
    for thread in threads:
        thread.join()
    store.close()
    assert order == ["first", "second"]


def test_labels_have_one_spelling() -> None:
    """The order of labels and odd characters in them do not matter to the key."""
    assert labels_key({"b": '"', "a": "é"}) == labels_key({"a": "é", "b": '"'})
    assert labels_key({"a": "b,c=d"}) != labels_key({"a": "b", "c": "d"})


@pytest.mark.parametrize("narrowed", [{"target": "t"}, {"target": "t", "incident_id": "i"}])
def test_what_waits_is_found_by_its_index(narrowed: dict[str, str]) -> None:
    """A new message looks for its like: in a storm not among all that wait."""
    store = SqliteStore()
    asked: list[str] = []
    store._connection.set_trace_callback(asked.append)
    store.unfinished(**narrowed)
    store._connection.set_trace_callback(None)
    ((_, _, _, plan),) = store._read(f"EXPLAIN QUERY PLAN {asked[-1]}")[:1]
    assert "outbox_unfinished" in plan
    assert all(f"{column}=?" in plan for column in narrowed)
