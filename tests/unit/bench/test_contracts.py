"""The measure of contracts: what it hands over, and when it says that a limit is broken."""

from __future__ import annotations

import json
from pathlib import Path

import bench.contracts
import msgspec
import pytest
from bench.contracts import (
    CASES,
    LIMITS_MS,
    LIMITS_US,
    SMALL_BYTES,
    Case,
    Row,
    as_prose,
    brief,
    brief_of,
    handed_over,
    limit_us,
    main,
    measured,
    replaced,
    same,
)


def test_a_brief_has_the_size_that_it_is_about() -> None:
    """What is called 14 kB is that, and the same at every run."""
    assert len(msgspec.json.encode(brief(SMALL_BYTES))) == pytest.approx(SMALL_BYTES, rel=0.03)
    assert brief(SMALL_BYTES) == brief(SMALL_BYTES)
    assert len(brief_of(10)["rows"]) == 10


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.name}, {case.mode}")
def test_each_case_gives_the_verdict_that_its_name_promises(case: Case) -> None:
    """A case that is judged by mistake in no time measures nothing."""
    row = measured("small", brief(1_000), case, 1)
    passes = {"as it was sent", "keys in another order"}
    if case.mode == "semantic":
        passes |= {"rows in another order"}
    assert row.verdict == ("pass" if case.name in passes else "violated")
    assert row.median_us > 0


def test_what_is_handed_over_is_read_from_its_own_text() -> None:
    """Both sides are values of their own, as they are when they come from spans."""
    value = brief(500)
    (handoff,) = handed_over(value, same(value)).handoffs
    assert handoff.sent is not None
    assert handoff.received is not None
    assert handoff.sent.value == handoff.received.value
    assert handoff.sent.value is not handoff.received.value
    assert isinstance(as_prose(value), str)
    assert replaced(value) != value


def test_the_limit_is_that_of_the_size() -> None:
    """A payload a little over its nominal size has that size's limit."""
    plain = Case("x", "canonical", same, is_changed=False)
    changed = Case("x", "semantic", same, is_changed=True)
    assert limit_us(plain, SMALL_BYTES + 50) == LIMITS_US[SMALL_BYTES] == 100
    assert limit_us(plain, 10**9) == max(LIMITS_US.values())
    assert limit_us(changed, 1) == LIMITS_MS["semantic"] * 1_000


@pytest.mark.parametrize(("median_us", "code"), [(50.0, 0), (150.0, 1)])
def test_a_broken_limit_is_told_and_is_the_exit_code(
    median_us: float,
    code: int,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every figure is in the table and in the file."""
    row = Row("14 kB", 14_000, "as it was sent", "canonical", "pass", median_us, 60.0, 100.0)
    monkeypatch.setattr(bench.contracts, "rows", lambda _: iter([row]))
    out = tmp_path / "figures.json"
    assert main(["--repeat", "1", "--out", str(out)]) == code
    assert json.loads(out.read_text())["rows"][0]["median_us"] == median_us
    told = capsys.readouterr()
    assert "| 14 kB | as it was sent | canonical | pass |" in told.out
    assert ("over its limit" in told.err) is bool(code)
