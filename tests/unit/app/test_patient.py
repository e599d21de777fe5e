"""Runs that wait for what the rules say of others like them."""

from __future__ import annotations

import pytest

from causewatch.app import patient
from causewatch.app.patient import Patient
from causewatch.graph.gathered import RunSnapshot


def run(run_id: str, *, revision: int = 1, aliases: tuple[str, ...] = ()) -> RunSnapshot:
    """Return a run that is complete."""
    return RunSnapshot(
        run_id=run_id,
        trace_ids=(run_id,),
        aliases=aliases,
        raw_spans=(),
        logs=(),
        state="complete",
        revision=revision,
        batches=(revision + 4, revision + 5),
    )


def test_a_run_waits_until_the_rules_have_spoken() -> None:
    """And is not asked to wait again when it comes back."""
    patient, one = Patient(patience_ns=10), run("a")
    assert patient.put(one, 0)
    assert patient.low_watermark() == 5
    assert patient.ripe(5, waits=lambda _run: True) == []
    assert patient.ripe(6, waits=lambda _run: False) == [one]
    assert patient.low_watermark() is None
    assert not patient.put(one, 7)


def test_it_does_not_wait_for_ever() -> None:
    """Rules may be slow, or never look."""
    patient, one = Patient(patience_ns=10), run("a")
    assert patient.put(one, 0)
    assert patient.ripe(10, waits=lambda _run: True) == [one]


def test_a_revision_after_it_may_wait_as_well() -> None:
    """It is another run to be looked at."""
    patient = Patient(patience_ns=10)
    assert patient.put(run("a"), 0)
    assert patient.ripe(10, waits=lambda _run: True)
    assert patient.put(run("a", revision=2), 11)


@pytest.mark.parametrize("later", [run("a", revision=2), run("b", aliases=("a",))])
def test_what_is_overtaken_is_dropped(later: RunSnapshot) -> None:
    """More of the run came, or it became a part of another: the older picture is not told."""
    patient = Patient(patience_ns=10)
    assert patient.put(run("a"), 0)
    patient.drop(later)
    assert patient.ripe(10, waits=lambda _run: False) == []


def test_not_too_many_wait(monkeypatch: pytest.MonkeyPatch) -> None:
    """The others are judged at once."""
    monkeypatch.setattr(patient, "MAX_WAITING_COUNT", 2)
    waiting = Patient(patience_ns=10)
    assert [waiting.put(run(name), 0) for name in "abc"] == [True, True, False]
