"""One handoff while it happens: a span, and the two sides of what goes over."""

from __future__ import annotations

import secrets
from types import TracebackType
from typing import Final, Self

from opentelemetry import context as otel_context
from opentelemetry import trace
from opentelemetry.context import Context
from opentelemetry.trace import Link, Span, SpanKind, Status, StatusCode, Tracer
from opentelemetry.util.types import AttributeValue

from causewatch.instrument import names
from causewatch.instrument.guard import Guarded
from causewatch.instrument.settings import Settings
from causewatch.instrument.side import attributes_of


class Nothing:
    """The type of ``NOTHING``, which stands where no payload is given: ``None`` is a payload."""


NOTHING: Final = Nothing()
_OPEN = otel_context.create_key("causewatch-handoff")


class Boundary:
    """A handoff that a ``with`` block surrounds; also ``async with``.

    What happens inside of the block are children of its span. An exception goes through, and ends
    the span as failed. A boundary is entered once.
    """

    def __init__(  # noqa: PLR0913  # the parts of a span
        self,
        *,
        tracer: Tracer,
        settings: Settings,
        name: str,
        kind: SpanKind,
        attributes: dict[str, AttributeValue],
        first: tuple[names.Side, object | Nothing],
        handoff_id: str | None = None,
        parent: Context | None = None,
        links: tuple[Link, ...] = (),
    ) -> None:
        self.id = handoff_id or new_id()
        """The handoff's id, 32 hex characters; on both sides the same."""
        self.target = str(attributes.get(names.HANDOFF_TO, ""))
        self._tracer = tracer
        self._settings = settings
        self._name = name
        self._kind = kind
        self._attributes = attributes | {
            names.INSTRUMENT: names.VERSION,
            names.HANDOFF_ID: self.id,
        }
        self._first = first
        self._parent = parent
        self._links = links
        self._span: Span = trace.INVALID_SPAN
        self._token: object = None
        self._written: set[names.Side] = set()

    def sent(self, payload: object) -> None:
        """Record what the sender handed over; the last call counts."""
        self._record("sent", payload)

    def received(self, payload: object) -> None:
        """Record what the receiver was given; the last call counts."""
        self._record("received", payload)

    def awaits(self, target: str | None) -> bool:
        """Tell whether ``target``, or whoever asks, has not said yet what it received."""
        return "received" not in self._written and target in {None, self.target}

    def _record(self, side: names.Side, payload: object) -> None:
        self._written.add(side)
        # Without an SDK, or for a run that is not sampled, nothing is computed.
        if self._span.is_recording():
            with Guarded(f"recording what was {side}"):
                self._span.set_attributes(attributes_of(side, payload, self._settings))

    def start(self) -> Context:
        """Start the span and return the context that it is current in, without entering it."""
        parent = otel_context.get_current() if self._parent is None else self._parent
        self._span = self._tracer.start_span(
            self._name,
            context=parent,
            kind=self._kind,
            attributes=self._attributes,
            links=self._links,
        )
        side, payload = self._first
        if not isinstance(payload, Nothing):
            self._record(side, payload)
        return otel_context.set_value(_OPEN, self, trace.set_span_in_context(self._span, parent))

    def end(self, error: BaseException | None = None) -> None:
        """End the span; an ``error`` is told by its type, by its text only where content may be."""
        if isinstance(error, Exception):
            self._span.set_attribute(names.ERROR_TYPE, type(error).__qualname__)
            self._span.set_status(Status(StatusCode.ERROR, type(error).__qualname__))
            if self._settings.capture == "content":
                self._span.record_exception(error)
        self._span.end()

    def __enter__(self) -> Self:
        """Start the span and make it the current one."""
        with Guarded("starting a handoff"):
            self._token = otel_context.attach(self.start())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the span; the exception, if any, goes on."""
        with Guarded("ending a handoff"):
            self.end(error)
        with Guarded("leaving a handoff"):
            if self._token is not None:
                otel_context.detach(self._token)  # type: ignore[arg-type]  # its type is version's

    async def __aenter__(self) -> Self:
        """Start the span and make it the current one."""
        return self.__enter__()

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        at: TracebackType | None,
    ) -> None:
        """End the span; the exception, if any, goes on."""
        self.__exit__(kind, error, at)


def open_boundary() -> Boundary | None:
    """Return the innermost handoff around the running code."""
    found = otel_context.get_value(_OPEN)
    return found if isinstance(found, Boundary) else None


def new_id() -> str:
    """Return a random handoff id: 32 hex characters."""
    return secrets.token_hex(16)
