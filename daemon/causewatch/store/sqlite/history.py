"""The table of what tools used to return."""

from __future__ import annotations

import msgspec

from causewatch.faults.history import History, ToolHistory
from causewatch.faults.learn import MAX_TOOLS_COUNT
from causewatch.store.sqlite.database import Database


class HistoryTables(Database):
    """``HistoryStore`` on SQLite."""

    def put_history(self, grown: History, *, at_ns: int) -> None:
        """See ``HistoryStore.put_history``."""
        if not grown.tools:
            return
        with self.transaction():
            for name, tool in grown.tools.items():
                self._write(
                    "INSERT OR REPLACE INTO tool_history VALUES (?, ?, ?)",
                    (name, at_ns, msgspec.json.encode(tool, order="sorted")),
                )
            self._write(
                "DELETE FROM tool_history WHERE tool IN (SELECT tool FROM tool_history"
                " ORDER BY changed_at_ns DESC, tool LIMIT -1 OFFSET ?)",
                (MAX_TOOLS_COUNT,),
            )

    def history(self) -> History:
        """See ``HistoryStore.history``."""
        rows = self._read("SELECT tool, value FROM tool_history ORDER BY changed_at_ns, tool")
        return History(
            tools={name: msgspec.json.decode(value, type=ToolHistory) for name, value in rows}
        )
