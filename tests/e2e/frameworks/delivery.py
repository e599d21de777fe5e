"""The code that carries a brief from the planner to the buyer: where handoffs break."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from story import Break, carried

_LIMIT_S = 20


class Delivery:
    """Carries briefs, well or badly."""

    def __init__(self, broken: Break) -> None:
        self._broken = broken
        self._newer_is_done = asyncio.Event()

    @asynccontextmanager
    async def of(self, brief: dict[str, Any]) -> AsyncIterator[str]:
        """Yield what the buyer is given; a queue that overtakes lets the older one wait."""
        overtaken = self._broken == "outdated" and brief["version"] == 1
        if overtaken:
            await asyncio.wait_for(self._newer_is_done.wait(), timeout=_LIMIT_S)
        try:
            yield json.dumps(carried(brief, self._broken))
        finally:
            if not overtaken:
                self._newer_is_done.set()
