from __future__ import annotations

from causewatch.telemetry.metrics import (
    MAX_WORKFLOW_CHARS,
    MAX_WORKFLOWS_COUNT,
    OTHER_WORKFLOWS,
    Metrics,
)


def test_workflows_have_labels_of_their_own_up_to_a_limit() -> None:
    """Whoever sends spans names workflows: no number of names makes the metrics grow for ever."""
    metrics = Metrics()
    labels = {metrics.workflow_label(f"w{i}") for i in range(3 * MAX_WORKFLOWS_COUNT)}
    assert len(labels) == MAX_WORKFLOWS_COUNT + 1
    assert OTHER_WORKFLOWS in labels
    assert metrics.workflow_label("w0") == "w0"
    assert metrics.workflow_label("late") == OTHER_WORKFLOWS


def test_a_workflow_label_is_printable_and_short() -> None:
    """A name of ten thousand characters, or with line breaks, is a label all the same."""
    label = Metrics().workflow_label("a\nb" + "x" * 10_000)
    assert label.isprintable()
    assert len(label) <= MAX_WORKFLOW_CHARS
