"""The library itself: ``handoff``, ``received`` and ``receives``, ``send`` and ``receive``."""

from __future__ import annotations

import contextlib
import functools
import inspect
import os
from collections.abc import Awaitable, Callable, MutableMapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar, cast

from opentelemetry import trace
from opentelemetry.trace import SpanKind, Tracer, TracerProvider
from opentelemetry.util.types import AttributeValue

from causewatch.instrument import names
from causewatch.instrument.arguments import PayloadOf
from causewatch.instrument.boundary import NOTHING, Boundary, Nothing, new_id, open_boundary
from causewatch.instrument.carrier import Arrived, Headers, fill, take
from causewatch.instrument.guard import Guarded
from causewatch.instrument.settings import Settings, from_environment

P = ParamSpec("P")
R = TypeVar("R")


@dataclass(frozen=True, slots=True)
class Route:
    """Who hands over to whom, and whether control comes back."""

    source: str
    target: str
    mode: names.Mode

    def attributes(self) -> dict[str, AttributeValue]:
        """Return what the sending span says of it."""
        return {
            names.OPERATION_NAME: "handoff",
            names.AGENT_NAME: self.source,
            names.TRANSFER_MODE: self.mode,
            names.TRANSFER_TARGET: self.target,
            names.HANDOFF_FROM: self.source,
            names.HANDOFF_TO: self.target,
            names.HANDOFF_MODE: self.mode,
        }


class Handoff(Boundary):
    """A handoff within one program: a ``with`` block around the receiver's work, or a decorator."""

    def __init__(
        self, told: Instrument, route: Route, payload: object | Nothing, argument: str | None
    ) -> None:
        self._again: Callable[[object], Handoff] = lambda payload: Handoff(
            told, route, payload, argument
        )
        self._argument = argument
        super().__init__(
            tracer=told.tracer,
            settings=told.settings,
            name=f"handoff {route.target}",
            kind=SpanKind.INTERNAL,
            attributes=route.attributes(),
            first=("sent", payload),
        )

    def __call__(self, function: Callable[P, R]) -> Callable[P, R]:
        """Make each call of ``function`` a handoff, of its first argument unless told otherwise.

        Raises:
            ValueError: where the function has no such argument.
        """
        payload_of = PayloadOf(function, self._argument)
        return _surrounded(function, lambda a, k: self._again(_picked(payload_of, a, k)))


class Instrument:
    """The library with settings of its own; the functions of the module are one from environment.

    Args:
        settings: what is recorded; from the environment unless given.
        tracer_provider: whose spans; OpenTelemetry's global one unless given.
    """

    def __init__(
        self,
        settings: Settings | None = None,
        *,
        tracer_provider: TracerProvider | None = None,
    ) -> None:
        self.settings = from_environment(os.environ) if settings is None else settings
        self._provider = tracer_provider

    @functools.cached_property
    def tracer(self) -> Tracer:
        """The tracer; until the program sets up an SDK it is one that costs next to nothing."""
        return trace.get_tracer(names.INSTRUMENT, names.VERSION, tracer_provider=self._provider)

    def handoff(
        self,
        source: str,
        target: str,
        payload: object = NOTHING,
        *,
        mode: names.Mode = "pass_control",
        argument: str | None = None,
    ) -> Handoff:
        """Return a handoff from agent ``source`` to agent ``target``, to be used with ``with``.

        The block is what the target does. As a decorator of the function that the target is called
        by, each call is a handoff of its first argument, or of ``argument``.

        Args:
            source: the name of the agent that hands over.
            target: the name of the agent that takes over.
            payload: what is handed over: JSON, text, data classes, models. May be given later, by
                ``sent``.
            mode: whether control passes to the target or comes back with a result.
            argument: of a decorated function, the name of the argument that is handed over.
        """
        return Handoff(self, Route(source, target, mode), payload, argument)

    def send(
        self,
        source: str,
        target: str,
        payload: object,
        carrier: MutableMapping[str, str] | None = None,
        *,
        mode: names.Mode = "pass_control",
    ) -> MutableMapping[str, str]:
        """Record that ``source`` hands ``payload`` to ``target`` by a message; return its headers.

        Args:
            source: the name of the agent that hands over.
            target: the name of the agent that the message is for.
            payload: what is handed over, as ``target`` is to get it.
            carrier: the message's headers, which are added to; a new dict unless given.
            mode: whether control passes to the target or comes back with a result.
        """
        carrier = {} if carrier is None else carrier
        with Guarded("sending a handoff"):
            boundary = Boundary(
                tracer=self.tracer,
                settings=self.settings,
                name=f"handoff {target}",
                kind=SpanKind.PRODUCER,
                attributes=Route(source, target, mode).attributes(),
                first=("sent", payload),
            )
            fill(carrier, context=boundary.start(), handoff_id=boundary.id, source=source)
            boundary.end()
        return carrier

    def receive(
        self,
        target: str,
        payload: object,
        carrier: Headers,
        *,
        source: str | None = None,
    ) -> Boundary:
        """Return a ``with`` block for what ``target`` does with a message that ``send`` announced.

        Args:
            target: the name of the agent that receives.
            payload: what it received.
            carrier: the message's headers: a mapping or pairs, of text or bytes, in any case.
            source: the name of the sending agent, where the headers do not say it.
        """
        arrived: Arrived | None = None
        with Guarded("reading a message's headers"):
            arrived = take(carrier)
        source = source or (arrived.source if arrived else "")
        return Boundary(
            tracer=self.tracer,
            settings=self.settings,
            name=f"receive {target}",
            kind=SpanKind.CONSUMER,
            attributes=_receiver_attributes(source, target),
            first=("received", payload),
            handoff_id=(arrived.handoff_id if arrived else "") or new_id(),
            parent=arrived.parent if arrived else None,
            links=arrived.links if arrived else (),
        )


def received(payload: object, target: str | None = None) -> None:
    """Record what the receiver was given, in the handoff around the running code.

    Does nothing without one, or where it is not for ``target`` or already knows.
    """
    boundary = open_boundary()
    if boundary is not None and not isinstance(payload, Nothing) and boundary.awaits(target):
        boundary.received(payload)


def receives(
    target: str, argument: str | None = None
) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Return a decorator for the function that agent ``target`` takes over by.

    What a call gives as first argument, or as ``argument``, is what the target received in the
    handoff around the call. Without one the call is not recorded.

    Raises:
        ValueError: from the decorator, where the function has no such argument.
    """

    def decorated(function: Callable[P, R]) -> Callable[P, R]:
        payload_of = PayloadOf(function, argument)

        def heard(args: Any, kwargs: Any) -> Any:
            received(_picked(payload_of, args, kwargs), target)
            return contextlib.nullcontext()

        return _surrounded(function, heard)

    return decorated


def _picked(payload_of: PayloadOf, args: Any, kwargs: Any) -> object:
    # Arguments that do not fit are the function's to refuse, in its own words.
    with Guarded("finding the payload of a call"):
        return payload_of(args, kwargs)
    return NOTHING


def _surrounded(
    function: Callable[P, R], open_one: Callable[[Any, Any], AbstractContextManager[object]]
) -> Callable[P, R]:
    """Return ``function`` with each call inside of a block; coroutine functions are awaited."""
    if inspect.iscoroutinefunction(function):

        @functools.wraps(function)
        async def awaited(*args: P.args, **kwargs: P.kwargs) -> object:
            with open_one(args, kwargs):
                return await cast("Awaitable[object]", function(*args, **kwargs))

        return cast("Callable[P, R]", awaited)

    @functools.wraps(function)
    def called(*args: P.args, **kwargs: P.kwargs) -> R:
        with open_one(args, kwargs):
            return function(*args, **kwargs)

    return called


def _receiver_attributes(source: str, target: str) -> dict[str, AttributeValue]:
    attributes: dict[str, AttributeValue] = {names.AGENT_NAME: target, names.HANDOFF_TO: target}
    if source:
        attributes |= {
            names.CALLER_TYPE: "agent",
            names.CALLER_NAME: source,
            names.HANDOFF_FROM: source,
        }
    return attributes
