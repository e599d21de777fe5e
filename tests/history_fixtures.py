"""Runs of one tool that returns all, or silently less: for what is learned from earlier runs."""

from __future__ import annotations

from pathlib import Path

from causewatch.otlp.encode import encode_traces
from scenario_language import read_cases
from scenario_spans import spans_of

_RUN = """\
case a booking
  trace
    d agent pier_desk "Book a berth for the Solvei."
      a call find_berth {{"ship": "Solvei"}} => {result}
      b call book_berth {{"berth": "BE-4410"}} => {{"ok": true}}
      e model "Berth BE-4410 is booked."
  explain
  expect healthy
"""
WHOLE = '{"berth": "BE-4410", "depth": {"low": 3.1, "high": 5.2}, "booked": [{"from": "08:00"}]}'
PART = '{"berth": "BE-4410"}'


def body(number: int, result: str = WHOLE) -> bytes:
    """Return the spans of one run as an OTLP request; each number is a run of its own."""
    (case,) = read_cases(_RUN.format(result=result), "history.test")
    assert case.trace is not None
    return encode_traces(spans_of(case.trace, case.dialect, salt=str(number)).spans)


def files(folder: Path, count: int, result: str = WHOLE, *, first: int = 0) -> list[Path]:
    """Write so many runs, one a file."""
    paths = [folder / f"run-{number}.pb" for number in range(first, first + count)]
    for number, path in enumerate(paths, start=first):
        path.write_bytes(body(number, result))
    return paths
