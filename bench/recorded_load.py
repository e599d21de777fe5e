"""A load of recorded agent runs: mixed dialects, other content in each, many at one time.

Each run is a recording with other ids, times, numbers, dates and words (`bench/recorded`). Runs
overlap as those of many agents do: spans come in the order in which they ended, a few of a run at
a time, next to those of other runs. Some runs are of recordings in which something went wrong; the
truth says which.

Usage: python -m bench.recorded_load --spans 100000 --corrupted 0.01 --out FILE.pb
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from random import Random
from typing import NamedTuple

import msgspec

from bench.children import ROOT
from bench.recorded.template import Run, Template, labelled, made_up, templates
from bench.recorded.wire import head, varint
from causewatch.app.clock import now_ns

CAPTURES = ROOT / "tests" / "captures"
REQUEST_BYTES = 300_000
AT_ONCE = 200
"""Runs that send at one time."""
_MAX_BATCH_SPANS = 8
_RESOURCE_SPANS, _SCOPE_SPANS = 1, 2
_STEP_NS = 5_000_000


class Truth(msgspec.Struct, frozen=True, kw_only=True):
    """What is known of one run that was sent."""

    trace_ids: tuple[str, ...]
    recording: str
    fault: str
    """What was planted, `none` in a healthy run."""
    spans: int
    first_request: int
    last_request: int
    """Numbers, from 0, of the requests that hold its first and its last span."""


class Request(NamedTuple):
    """One export request, and the runs that are all sent with it."""

    body: bytes
    spans: int
    ended: list[Truth]


class Mix(NamedTuple):
    """What a load is made of."""

    corrupted: float = 0.01
    """The share of runs that went wrong."""
    at_once: int = AT_ONCE
    """Runs that send at one time, each from a process of its own."""
    request_bytes: int = REQUEST_BYTES


class _Live:
    """A run that is being sent."""

    def __init__(self, run: Run, process: int, first_request: int) -> None:
        self.run = run
        self.process = process
        self.sent = 0
        self.first_request = first_request


class Load:
    """Makes runs of recordings, as many as are asked for; the same seed makes the same bytes."""

    def __init__(
        self, recordings: Sequence[Template], *, seed: int, start_ns: int, mix: Mix
    ) -> None:
        self._healthy = [one for one in recordings if one.fault == "none"]
        self._faulty = [one for one in recordings if one.fault != "none"]
        if not self._healthy or (mix.corrupted and not self._faulty):
            raise ValueError("a load needs recordings that went well, and some that did not")
        self._dice = Random(seed)
        self._mix = mix
        self._now_ns = start_ns
        self._due = 0.0

    def requests(self, spans: int) -> Iterator[Request]:
        """Yield requests of at least so many spans; all runs that begin also end."""
        live: list[_Live] = []
        free = list(range(self._mix.at_once))
        begun, number = 0, 0
        parts: list[bytes] = []
        ended: list[Truth] = []
        size = count = 0
        while live or begun < spans:
            while len(live) < self._mix.at_once and begun < spans:
                process = free.pop()
                live.append(_Live(self._begin(process), process, number))
                begun += len(live[-1].run.spans)
            at = self._dice.randrange(len(live))
            one = live[at]
            upto = min(len(one.run.spans), one.sent + self._dice.randint(1, _MAX_BATCH_SPANS))
            part = batch(one.run, one.sent, upto)
            count += upto - one.sent
            size += len(part)
            parts.append(part)
            one.sent = upto
            if upto == len(one.run.spans):
                live[at] = live[-1]
                live.pop()
                free.append(one.process)
                ended.append(_truth(one, number))
            if size >= self._mix.request_bytes:
                yield Request(b"".join(parts), count, ended)
                parts, ended, size, count = [], [], 0, 0
                number += 1
        if parts:
            yield Request(b"".join(parts), count, ended)

    def _begin(self, process: int) -> Run:
        """Return the next run; faulty ones come evenly, not by chance."""
        self._now_ns += _STEP_NS
        self._due += self._mix.corrupted
        if self._due >= 1:
            self._due -= 1
            template = self._dice.choice(self._faulty)
        else:
            template = self._dice.choice(self._healthy)
        return template.run(self._dice, self._now_ns, process)


def bodies(
    *, spans: int, seed: int, start_ns: int, corrupted: float = 0.01, captures: Path = CAPTURES
) -> tuple[list[bytes], list[Truth]]:
    """Return the requests of a load, and what is known of its runs."""
    load = Load(recordings(captures), seed=seed, start_ns=start_ns, mix=Mix(corrupted))
    found = list(load.requests(spans))
    return [one.body for one in found], [truth for one in found for truth in one.ended]


def recordings(captures: Path = CAPTURES, stories: int = 0) -> list[Template]:
    """Return the recordings of a folder, and so many made-up healthy runs, ready to be played."""
    return [*templates(labelled(captures)), *made_up(stories, seed=1)]


def batch(run: Run, first: int, upto: int) -> bytes:
    """Return spans of a run that its SDK exports together, as ``ResourceSpans`` of a request."""
    places = run.template.places
    found: list[bytes] = []
    while first < upto:
        resource = places[first].resource
        scopes = [run.resources[resource]]
        while first < upto and places[first].resource == resource:
            scope = places[first].scope
            end = first
            while end < upto and places[end] == (resource, scope):
                end += 1
            spans = b"".join(run.spans[first:end])
            scopes += [head(_SCOPE_SPANS, len(scope) + len(spans)), scope, spans]
            first = end
        body = b"".join(scopes)
        found += [head(_RESOURCE_SPANS, len(body)), body]
    return b"".join(found)


def _truth(live: _Live, number: int) -> Truth:
    run = live.run
    return Truth(
        trace_ids=run.trace_ids,
        recording=run.template.name,
        fault=run.template.fault,
        spans=len(run.spans),
        first_request=live.first_request,
        last_request=number,
    )


def parser() -> argparse.ArgumentParser:
    """Return the command line."""
    found = argparse.ArgumentParser(prog="python -m bench.recorded_load")
    found.add_argument("--spans", type=int, default=100_000)
    found.add_argument("--corrupted", type=float, default=0.01, help="share of runs")
    found.add_argument("--captures", type=Path, default=CAPTURES, help="folder of recordings")
    found.add_argument("--stories", type=int, default=0, help="made-up healthy runs beside them")
    found.add_argument("--at-once", type=int, default=AT_ONCE, help="runs that send at one time")
    found.add_argument("--seed", type=int, default=1)
    found.add_argument("--out", type=Path, required=True, help="requests, each after its length")
    found.add_argument("--truth", type=Path, help="JSON lines; FILE.truth.jsonl if not told")
    return found


def main(argv: Sequence[str] | None = None) -> int:
    """Write a load and its truth."""
    given = parser().parse_args(argv)
    load = Load(
        recordings(given.captures, given.stories),
        seed=given.seed,
        start_ns=now_ns(),
        mix=Mix(corrupted=given.corrupted, at_once=given.at_once),
    )
    truth_path = given.truth or given.out.with_name(f"{given.out.name}.truth.jsonl")
    spans = size = runs = faulty = 0
    with given.out.open("wb") as out, truth_path.open("wb") as truths:
        for request in load.requests(given.spans):
            out.write(varint(len(request.body)) + request.body)
            spans += request.spans
            size += len(request.body)
            for truth in request.ended:
                truths.write(msgspec.json.encode(truth) + b"\n")
                runs += 1
                faulty += truth.fault != "none"
    print(f"{spans:,} spans, {size:,} bytes, {runs:,} runs, {faulty:,} of them corrupted")
    return 0


if __name__ == "__main__":
    sys.exit(main())
