from __future__ import annotations

from typing import Any

import msgspec
import pytest

from causewatch.graph.inbound import estimated_bytes, is_synthetic, moved_aside
from causewatch.model.span import LogRecord, Resource, SpanEvent
from graph_fixtures import TRACE, span


@pytest.mark.parametrize(
    ("value", "expected"),
    [(True, True), ("true", True), (False, False), ("no", False), (None, False)],
)
def test_our_own_spans_are_known(value: Any, *, expected: bool) -> None:
    """Synthetic spans that come back over a forwarding loop are marked as ours."""
    assert is_synthetic(span(1, causewatch__synthetic=value)) is expected


def test_our_name_space_is_moved_aside() -> None:
    """What others write under our name does not pass for our judgement."""
    moved = moved_aside(span(1, causewatch__verdict="pass", causewatch__handoff__to="x", other=1))
    assert moved.attributes == {
        "causewatch.inbound.verdict": "pass",
        "causewatch.inbound.handoff.to": "x",
        "other": 1,
    }


def test_what_was_moved_aside_stays_there() -> None:
    """Moving twice changes nothing; what is ours wins over what pretends to be moved."""
    once = moved_aside(span(1, causewatch__a=1, causewatch__inbound__a=2))
    assert once.attributes == {"causewatch.inbound.a": 1}
    assert moved_aside(once) is once


def test_the_resource_is_cleaned_too() -> None:
    """Resource attributes are visible to rules as well."""
    dirty = msgspec.structs.replace(
        span(1), resource=Resource(attributes={"causewatch.health": "ok", "service.name": "s"})
    )
    assert moved_aside(dirty).resource.attributes == {
        "causewatch.inbound.health": "ok",
        "service.name": "s",
    }


def test_a_clean_span_is_not_copied() -> None:
    """Nearly all spans have nothing of ours on them: they pass as they are."""
    clean = span(1, a="b")
    assert moved_aside(clean) is clean


def test_estimates_grow_with_content() -> None:
    """Memory is counted by what is in a span: texts, nested values, events, links."""
    empty = estimated_bytes(span(1))
    text = "x" * 10_000
    for bigger in (
        span(1, a=text),
        span(1, a=[text]),
        span(1, a={"b": text}),
        span(1, events=[SpanEvent(name="e", time_ns=1, attributes={"a": text})]),
    ):
        assert estimated_bytes(bigger) >= empty + 10_000
    assert estimated_bytes(span(1, links=[(TRACE, 1)] * 100)) >= empty + 10_000
    assert estimated_bytes(LogRecord(body=text)) >= 10_000


def test_estimates_are_near_the_truth() -> None:
    """The estimate of a usual span is neither a tenth nor ten times of its texts' size."""
    texts = {f"key{i}": "y" * 500 for i in range(20)}
    assert 10_000 < estimated_bytes(span(1, **texts)) < 30_000  # type: ignore[arg-type]  # attributes
