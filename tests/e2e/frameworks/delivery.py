"""The code that carries a brief from the planner to the buyer: where handoffs break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from typing import Any

from story import Break, carried

from causewatch.instrument import Boundary, Instrument, Settings

_LIMIT_S = 20


class Delivery:
    """Carries briefs, well or badly; ``recorded`` says how much its own spans tell of them.

    Without it the handoffs are left to what the framework's instrumentation shows.
    """

    def __init__(self, broken: Break, recorded: Settings | None = None) -> None:
        self._broken = broken
        self._older_is_sent = asyncio.Event()
        self._newer_is_done = asyncio.Event()
        self._instrument = Instrument(recorded) if recorded is not None else None

    @asynccontextmanager
    async def of(self, brief: dict[str, Any]) -> AsyncIterator[str]:
        """Yield what the buyer is given; a queue that overtakes lets the older one wait."""
        given = carried(brief, self._broken)
        overtaken = self._broken == "outdated" and brief["version"] == 1
        if self._broken == "outdated" and not overtaken:
            # Frameworks start the calls of one message in any order; the planner sent this later.
            await asyncio.wait_for(self._older_is_sent.wait(), timeout=_LIMIT_S)
        with self._handoff(brief) as handoff:
            self._older_is_sent.set()
            if overtaken:
                await asyncio.wait_for(self._newer_is_done.wait(), timeout=_LIMIT_S)
            if handoff is not None:
                handoff.received(given)
            try:
                yield json.dumps(given)
            finally:
                if not overtaken:
                    self._newer_is_done.set()

    def _handoff(self, brief: dict[str, Any]) -> AbstractContextManager[Boundary | None]:
        if self._instrument is None:
            return nullcontext()
        return self._instrument.handoff("planner", "buyer", brief, mode="return_to_caller")
