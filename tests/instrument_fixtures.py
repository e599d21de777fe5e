"""Spans that ``causewatch.instrument`` makes, kept in memory."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from causewatch.instrument import Capture, Instrument, Settings

VECTORS: Mapping[str, Any] = json.loads(
    (Path(__file__).parent / "vectors" / "handoff.json").read_text(encoding="utf-8")
)
"""What every implementation, in whatever language, says of the same payloads."""


class Recorded:
    """An ``Instrument`` whose spans stay here."""

    def __init__(self, capture: Capture = "shape", **settings: Any) -> None:
        self._exporter = InMemorySpanExporter()
        provider = TracerProvider(shutdown_on_exit=False)
        provider.add_span_processor(SimpleSpanProcessor(self._exporter))
        self.instrument = Instrument(
            Settings(capture=capture, **settings), tracer_provider=provider
        )
        self.tracer = provider.get_tracer("test")

    def spans(self) -> dict[str, ReadableSpan]:
        """Return the ended spans by name."""
        return {span.name: span for span in self._exporter.get_finished_spans()}

    def attributes(self, name: str) -> dict[str, Any]:
        """Return the attributes of the span of a name."""
        return dict(self.spans()[name].attributes or {})


def shape(attributes: Mapping[str, Any], side: str) -> dict[str, Any]:
    """Return the shape that a span gives of one side."""
    fields: dict[str, Any] = json.loads(attributes[f"causewatch.handoff.{side}.fields"])
    return fields
