"""The tables of what workflows had so far, and of what rules told as new."""

from __future__ import annotations

from collections.abc import Mapping

import msgspec

from causewatch.novelty.baseline import MAX_WORKFLOWS_COUNT, Baseline
from causewatch.novelty.watch import Spent
from causewatch.store.sqlite.database import Database


class NoveltyTables(Database):
    """``NoveltyStore`` on SQLite."""

    def put_baselines(self, grown: Mapping[str, Baseline], *, at_ns: int) -> None:
        """See ``NoveltyStore.put_baselines``."""
        if not grown:
            return
        with self.transaction():
            for workflow, baseline in grown.items():
                self._write(
                    "INSERT OR REPLACE INTO novelty_baselines VALUES (?, ?, ?)",
                    (workflow, at_ns, msgspec.json.encode(baseline, order="sorted")),
                )
            self._write(
                "DELETE FROM novelty_baselines WHERE workflow IN"
                " (SELECT workflow FROM novelty_baselines"
                " ORDER BY changed_at_ns DESC, workflow LIMIT -1 OFFSET ?)",
                (MAX_WORKFLOWS_COUNT,),
            )

    def baselines(self) -> dict[str, Baseline]:
        """See ``NoveltyStore.baselines``."""
        rows = self._read(
            "SELECT workflow, value FROM novelty_baselines ORDER BY changed_at_ns, workflow"
        )
        return {name: msgspec.json.decode(value, type=Baseline) for name, value in rows}

    def put_spent(self, spent: Mapping[str, Spent]) -> None:
        """See ``NoveltyStore.put_spent``."""
        with self.transaction():
            for rule_id, each in spent.items():
                self._write(
                    "INSERT OR REPLACE INTO novelty_budgets VALUES (?, ?, ?)",
                    (rule_id, each.day, msgspec.json.encode(each, order="sorted")),
                )
                self._write("DELETE FROM novelty_budgets WHERE day < ?", (each.day - 1,))

    def spent(self) -> dict[str, Spent]:
        """See ``NoveltyStore.spent``."""
        rows = self._read("SELECT rule_id, value FROM novelty_budgets ORDER BY rule_id")
        return {rule_id: msgspec.json.decode(value, type=Spent) for rule_id, value in rows}
