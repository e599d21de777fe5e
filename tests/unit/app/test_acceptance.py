"""What was told as new, or good runs have, is printed as a rule file that accepts it."""

from __future__ import annotations

from pathlib import Path

import pytest

from causewatch.app.acceptance import acceptance
from causewatch.app.assess import STATE_FILE, assess_files
from causewatch.dialects.tables import SHIPPED
from causewatch.model.expectation import Novel
from causewatch.otlp.encode import encode_traces
from causewatch.rules.file import check_files, load
from causewatch.store.record import StoredRun
from causewatch.store.sqlite.store import SqliteStore
from cli_fixtures import call
from novelty_fixtures import DESK, FAILING, SENDING, shape, spans

EDGE = Novel(path="news", kind="edge", edge="desk > send_mail", fingerprint="c" * 16, step=3)
SHAPE = Novel(path="news", kind="shape", edge="", fingerprint="d" * 16, step=0)
S = 1_000_000_000


def stored(run_id: str, *novel: Novel, at_s: int, workflow: str = "desk") -> StoredRun:
    """Return a run of which something was told."""
    return StoredRun(
        run_id=run_id,
        trace_ids=(run_id,),
        workflow=workflow,
        verdict="corrupted" if run_id == "bad" else "healthy",
        ended_at_ns=at_s * S,
        updated_at_ns=at_s * S,
        novel=novel,
    )


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a daemon's store that told three things in two workflows."""
    store = SqliteStore(tmp_path / STATE_FILE)
    store.put_run(stored("a" * 32, EDGE, at_s=1_800_000_000))
    store.put_run(stored("b" * 32, at_s=1_800_000_100))
    store.put_run(stored("bad", SHAPE, EDGE, at_s=1_800_000_200))
    store.put_run(stored("c" * 32, SHAPE, at_s=1_800_000_300, workflow="depot [2]"))
    store.close()
    return tmp_path


def test_what_was_told_is_printed_with_run_and_time(folder: Path) -> None:
    """Each thing once, by path and workflow; doubtful runs say so."""
    found = acceptance([], folder, SHIPPED, workflow="*")
    assert (found.notes, found.errors) == ((), ())
    assert found.text.splitlines()[1:] == [
        "paths:",
        "- path: news",
        "  workflow: desk",
        "  novelty:",
        "    accepted:",
        '    - "desk > send_mail"  # told 2027-01-15 08:00 UTC, run aaaaaaaaaaaa',
        "    - dddddddddddddddd  # told 2027-01-15 08:03 UTC, run bad, corrupted",
        '- path: "news (depot)"',
        '  workflow: "depot [[]2]"',
        "  novelty:",
        "    accepted:",
        "    - dddddddddddddddd  # told 2027-01-15 08:05 UTC, run cccccccccccc",
    ]
    assert check_files({"r.yaml": found.text.encode()}) == ()


def test_a_glob_narrows_it(folder: Path) -> None:
    """To workflows whose name fits."""
    assert "depot" not in acceptance([], folder, SHIPPED, workflow="de?k").text


def test_good_runs_are_accepted_whole(tmp_path: Path) -> None:
    """All edges and the shape: judged with these rules nothing of them is new, other things are."""
    good, bad = tmp_path / "good.pb", tmp_path / "bad.pb"
    good.write_bytes(encode_traces(spans(SENDING, "a")))
    bad.write_bytes(encode_traces(spans(FAILING, "b")))
    found = acceptance([str(good), str(bad)], None, SHIPPED, workflow="*")
    assert found.notes == ("left out runs that are judged corrupted or ended wrong: 1",)
    (watch,) = load({"r.yaml": found.text.encode()}).watches
    assert set(watch.accepted) == {*shape(SENDING).edges, shape(SENDING).fingerprint}
    rules = tmp_path / "rules"
    rules.mkdir()
    (rules / "r.yaml").write_text(found.text, encoding="utf-8")
    base = tmp_path / "base.pb"
    base.write_bytes(encode_traces(spans(DESK, "c")))
    (judged,) = assess_files([str(good)], rules, baseline=[str(base)]).assessments
    assert judged.novel == ()
    wiping = tmp_path / "wiping.pb"
    wiping.write_bytes(encode_traces(spans(SENDING.replace("send_mail", "wipe_disk"), "d")))
    (other,) = assess_files([str(wiping)], rules, baseline=[str(base)]).assessments
    assert [novel.edge for novel in other.novel] == ["desk > wipe_disk"]


def test_without_anything_to_accept_it_says_so(tmp_path: Path) -> None:
    """The rule file is empty, and loads."""
    found = acceptance([], tmp_path, SHIPPED, workflow="*")
    assert found.notes == ("nothing new was told, and no good run was found",)
    assert check_files({"r.yaml": found.text.encode()}) == ()


def test_the_commands_print_rule_files(folder: Path, tmp_path: Path) -> None:
    """What is to be said to people goes to standard error; what cannot be read exits with 3."""
    done = call("learn", "accepted", "--store", folder)
    assert (done.code, "desk > send_mail" in done.out) == (0, True)
    good = tmp_path / "good.pb"
    good.write_bytes(encode_traces(spans(SENDING, "a")))
    learned = call("learn", "contracts", "--traces", good, "--tool", "find_*")
    assert (learned.code, learned.out.count("- contract:")) == (0, 1)
    handoffs = call("learn", "contracts", "--traces", good, "--from", "desk")
    assert (handoffs.code, handoffs.out.count("- contract:")) == (0, 0)
    assert "no good run" in handoffs.err
    gone = call("learn", "contracts", "--traces", tmp_path / "gone.pb")
    assert gone.code == 3


def test_explain_shows_what_is_new(tmp_path: Path) -> None:
    """In its text, and as a key of its line."""
    good, other = tmp_path / "good.pb", tmp_path / "other.pb"
    good.write_bytes(encode_traces(spans(DESK, "a")))
    other.write_bytes(encode_traces(spans(SENDING, "b")))
    asked = ("explain", "--traces", other, "--baseline", good, "--format")
    assert "New to this workflow\n    desk > send_mail\n" in call(*asked, "text").out
    (novel,) = call(*asked, "json").lines[0]["novel"]
    assert (novel["kind"], novel["edge"], novel["path"]) == ("edge", "desk > send_mail", None)
    query = '{ span.causewatch.novel = "desk > send_mail" }'
    done = call("query", "--traces", other, "--baseline", good, query, "--format", "json")
    (found,) = done.lines[0]["result"].values()
    assert found == [[novel["span_id"]]]
