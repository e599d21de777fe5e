"""``causewatch purge``: what it takes, says and answers."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest

from causewatch.inbox.schema import take_lock
from cli_fixtures import call
from purge_fixtures import T0_NS, Estate, S, pieces_left, trace_id


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return the store folder of a daemon that stopped."""
    estate = Estate(tmp_path)
    estate.judge(1, batches=(estate.send(1, 2),))
    estate.now_ns = T0_NS + 86_400 * S
    estate.send(3)
    estate.close()
    return tmp_path


def test_it_forgets_and_says_how_much(folder: Path) -> None:
    """One JSON object for programs; nothing of the trace is left."""
    done = call("purge", "--trace", trace_id(1), "--store", folder, "--format", "json")
    assert done.code == 0
    (line,) = done.lines
    assert (line["spans"], line["runs"], line["dry_run"], line["is_done"]) == (2, 1, False, True)
    assert pieces_left(folder, 1) == []
    assert pieces_left(folder, 2) == ["inbox.db"]


def test_people_get_a_sentence(folder: Path) -> None:
    """What there was none of is not named; several ids may be given."""
    ids = ["--trace", trace_id(1).upper(), "--trace", trace_id(3)]
    done = call("purge", *ids, "--store", folder, "--format", "text")
    assert done.out == "forgotten: 4 spans, 2 batches, 1 runs, 1 findings\n"
    again = call("purge", *ids, "--store", folder, "--format", "text")
    assert again.out == "forgotten: nothing\n"


def test_a_dry_run_changes_nothing(folder: Path) -> None:
    """It says what would be, and exits with 0."""
    done = call("purge", "--before", "2027-01-16", "--store", folder, "--dry-run", "--format=text")
    assert (done.code, done.out) == (0, "would be forgotten: 4 spans, 1 batches, 1 runs\n")
    assert pieces_left(folder, 1) == ["inbox.db", "state.db"]
    assert call("purge", "--trace", trace_id(1), "--store", folder).lines[0]["spans"] == 2


@pytest.mark.parametrize("moment", ["2027-01-16", "2027-01-15T20:00:00+01:00", "20270116T000000Z"])
def test_before_a_time(folder: Path, moment: str) -> None:
    """A date, or a time with or without a zone, which then is UTC."""
    done = call("purge", "--before", moment, "--store", folder, "--format", "json")
    assert done.lines[0]["batches"] == 1
    assert [pieces_left(folder, number) for number in (1, 2, 3)] == [[], [], ["inbox.db"]]


@pytest.mark.parametrize(
    ("args", "code", "said"),
    [
        ([], 2, "say what to forget"),
        (["--trace", "abc"], 2, "'abc' is no trace id"),
        (["--session", ""], 2, "a session needs a name"),
        (["--before", "yesterday"], 2, "'yesterday' is no time"),
    ],
)
def test_what_cannot_be_meant_is_a_usage_error(
    folder: Path, args: list[str], code: int, said: str
) -> None:
    """With what to write instead."""
    done = call("purge", *args, "--store", folder)
    assert done.code == code
    assert said in done.err


def test_a_folder_without_an_inbox_is_none_of_ours(tmp_path: Path) -> None:
    """Nothing is made in it: exit code 3."""
    done = call("purge", "--trace", trace_id(1), "--store", tmp_path)
    assert done.code == 3
    assert "there is no inbox here" in done.err
    assert list(tmp_path.iterdir()) == []


def test_a_daemon_that_does_not_answer(folder: Path) -> None:
    """The folder is in use and nobody is at the address: exit code 3, nothing changed."""
    lock = take_lock(folder / "inbox.db")
    url = "http://127.0.0.1:9"
    done = call("purge", "--trace", trace_id(1), "--store", folder, "--url", url)
    assert done.code == 3
    assert url in done.err
    assert pieces_left(folder, 1) != []
    assert lock


def test_damage_is_told(folder: Path) -> None:
    """A batch that nobody can read may hold anything."""
    connection = sqlite3.connect(folder / "inbox.db")
    with connection:
        connection.execute("UPDATE batch SET body = x'00' WHERE seq = 2")
    connection.close()
    done = call("purge", "--trace", trace_id(1), "--store", folder, "--format", "json")
    assert json.loads(done.out)["unreadable_batches"] == 1
