"""Makes the handoff between agents an explicit boundary that can be checked.

::

    from causewatch.instrument import handoff, receives

    @receives("writer")
    def write(brief): ...

    with handoff("planner", "writer", brief):
        write(brief)

For agents: needs only ``opentelemetry-api``, never raises into the program, and costs next to
nothing until an OpenTelemetry SDK is set up. Content stays off the spans unless asked for.
"""

from __future__ import annotations

from collections.abc import MutableMapping

from causewatch.instrument.boundary import NOTHING, Boundary
from causewatch.instrument.carrier import Headers
from causewatch.instrument.names import VERSION, Mode
from causewatch.instrument.settings import Capture, Settings
from causewatch.instrument.tell import Handoff, Instrument, received, receives

__all__ = [
    "VERSION",
    "Boundary",
    "Capture",
    "Handoff",
    "Instrument",
    "Settings",
    "configure",
    "current",
    "handoff",
    "receive",
    "received",
    "receives",
    "send",
]

_current: Instrument | None = None


def configure(instrument: Instrument | None) -> None:
    """Use ``instrument`` for the functions of this module; ``None``: one from the environment."""
    global _current  # noqa: PLW0603  # like OpenTelemetry's own global providers
    _current = instrument


def current() -> Instrument:
    """Return what the functions of this module use."""
    if _current is None:
        configure(Instrument())
    return _current or Instrument()


def handoff(
    source: str,
    target: str,
    payload: object = NOTHING,
    *,
    mode: Mode = "pass_control",
    argument: str | None = None,
) -> Handoff:
    """Return a handoff from ``source`` to ``target``; see ``Instrument.handoff``."""
    return current().handoff(source, target, payload, mode=mode, argument=argument)


def send(
    source: str,
    target: str,
    payload: object,
    carrier: MutableMapping[str, str] | None = None,
    *,
    mode: Mode = "pass_control",
) -> MutableMapping[str, str]:
    """Record a handoff by a message, and return its headers; see ``Instrument.send``."""
    return current().send(source, target, payload, carrier, mode=mode)


def receive(
    target: str, payload: object, carrier: Headers, *, source: str | None = None
) -> Boundary:
    """Return a block for what ``target`` does with a message; see ``Instrument.receive``."""
    return current().receive(target, payload, carrier, source=source)
