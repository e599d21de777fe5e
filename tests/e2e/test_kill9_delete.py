"""SIGKILL while something is deleted: nothing else is lost, and the next try finishes the work."""

from __future__ import annotations

import random
import subprocess
import sys
from pathlib import Path

import pytest

import purge_child
from causewatch.otlp.decode import decode_traces
from purge_child import READER
from purge_fixtures import T0_NS, Estate, S, pieces_left, spans_of, trace_id

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
ROUNDS = 14
OLD, WORTH_MORE, YOUNG = range(30), range(100, 130), range(200, 230)
"""Traces: healthy and old; corrupted and as old, in the same batches; younger ones."""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder of old batches, each of a healthy and a corrupted run, and of young ones."""
    estate = Estate(tmp_path)
    for old, worth_more in zip(OLD, WORTH_MORE, strict=True):
        seq = estate.send(old, worth_more)
        estate.pass_over(old)
        estate.judge(worth_more, batches=(seq,))
        estate.forward(old, worth_more)
    estate.now_ns = T0_NS + 1_500 * S
    for young in YOUNG:
        estate.judge(young, batches=(estate.send(young),))
    estate.inbox.advance(READER, estate.inbox.last_seq())
    estate.close()
    return tmp_path


def killed_at(folder: Path, step: int, chance: random.Random, *args: str) -> bool:
    """Start the program and kill it some moments after its n-th step; tell whether it was done."""
    command = [sys.executable, purge_child.__file__, str(folder), *args]
    process = subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    )
    said: list[str] = []
    try:
        assert process.stdout is not None
        assert process.stdin is not None
        for line in process.stdout:
            said.append(line.strip())
            if said[-1] == "done":
                break
            process.stdin.write("\n")
            if len(said) > step:
                # Anywhere within the step, and in the commits that it makes.
                for _ in range(chance.randrange(200_000)):
                    pass
                break
    finally:
        process.kill()
        process.communicate()
    return "done" in said


def finished(folder: Path, *args: str) -> None:
    """Run the program to its end."""
    command = [sys.executable, purge_child.__file__, str(folder), *args]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=True
    )
    assert done.stdout.endswith("done\n")


def spans_in(folder: Path) -> dict[str, tuple[object, ...]]:
    """Return the spans of each trace that is stored."""
    estate = Estate(folder)
    found: dict[str, tuple[object, ...]] = {}
    for batch in estate.inbox.read(0, 1_000, 10**9):
        for each in decode_traces(batch.body).spans:
            found[each.trace_id] = (*found.get(each.trace_id, ()), each)
    estate.close()
    return found


def runs_in(folder: Path, numbers: range) -> list[int]:
    """Return those whose run is still known."""
    estate = Estate(folder)
    found = [number for number in numbers if estate.store.run(trace_id(number)) is not None]
    estate.close()
    return found


@pytest.mark.parametrize("seed", [1, 2])
def test_a_purge_that_is_killed(folder: Path, seed: int) -> None:
    """After each kill all other traces are whole; after the last try nothing of the purged is."""
    chance = random.Random(seed)
    forgotten = [*chance.sample(list(OLD), 10), *chance.sample(list(WORTH_MORE), 10)]
    kept = [n for n in (*OLD, *WORTH_MORE, *YOUNG) if n not in forgotten]
    ids = [trace_id(number) for number in forgotten]
    cut_short = 0
    for _ in range(ROUNDS):
        cut_short += not killed_at(folder, chance.randrange(1, 12), chance, *ids)
        stored = spans_in(folder)
        assert [n for n in kept if stored.get(trace_id(n)) != tuple(spans_of(n))] == []
    # The kills did hit it on its way, or they proved nothing.
    assert cut_short >= ROUNDS // 2
    finished(folder, *ids)
    assert [number for number in forgotten if pieces_left(folder, number)] == []
    stored = spans_in(folder)
    assert sorted(stored) == sorted(trace_id(n) for n in kept)
    assert runs_in(folder, YOUNG) == list(YOUNG)
    left = [n for n in kept if n in OLD or n in WORTH_MORE]
    assert [n for n in left if "forward-local.db" not in pieces_left(folder, n)] == []


@pytest.mark.parametrize("seed", [1, 2])
def test_a_retention_that_is_killed(folder: Path, seed: int) -> None:
    """What is worth more, or young, is whole after each kill; in the end the rest is gone."""
    chance = random.Random(seed)
    kept = [*WORTH_MORE, *YOUNG]
    cut_short = 0
    for _ in range(ROUNDS):
        cut_short += not killed_at(folder, chance.randrange(1, 12), chance, "prune")
        stored = spans_in(folder)
        assert [n for n in kept if stored.get(trace_id(n)) != tuple(spans_of(n))] == []
        assert runs_in(folder, YOUNG) == list(YOUNG)
    assert cut_short >= ROUNDS // 2
    finished(folder, "prune")
    assert sorted(spans_in(folder)) == sorted(trace_id(n) for n in kept)
    assert runs_in(folder, OLD) == []
