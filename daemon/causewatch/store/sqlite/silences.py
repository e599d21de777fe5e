"""The table of silences."""

from __future__ import annotations

import msgspec

from causewatch.incidents.silence import Silence
from causewatch.store.sqlite.database import Database


class SilenceTables(Database):
    """``SilenceStore`` on SQLite."""

    def put_silence(self, silence: Silence) -> None:
        """See ``SilenceStore.put_silence``."""
        self._write(
            "INSERT OR REPLACE INTO silences VALUES (?, ?, ?)",
            (silence.id, silence.ends_at_ns, msgspec.json.encode(silence)),
        )

    def silence(self, silence_id: str) -> Silence | None:
        """See ``SilenceStore.silence``."""
        return self._value(Silence, "SELECT value FROM silences WHERE id = ?", (silence_id,))

    def silences(self, *, ends_after_ns: int = 0) -> tuple[Silence, ...]:
        """See ``SilenceStore.silences``."""
        return self._values(
            Silence,
            "SELECT value FROM silences WHERE ends_at_ns > ? ORDER BY ends_at_ns, id",
            (ends_after_ns,),
        )
