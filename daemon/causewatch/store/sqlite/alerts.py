"""The tables of alerts, incidents, and rule groups' slots."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from causewatch.model.finding import Alert, AlertState
from causewatch.model.incident import Incident, IncidentState
from causewatch.store.sqlite.database import Database
from causewatch.store.sqlite.runs import labels_key

ACTIVE_STATES: frozenset[AlertState] = frozenset({"pending", "firing", "keep_firing"})
_LAST_CHARACTER = "\U0010ffff"


class AlertTables(Database):
    """``AlertStore`` on SQLite."""

    def put_alerts(self, alerts: Sequence[Alert]) -> None:
        """See ``AlertStore.put_alerts``."""
        with self.transaction():
            for alert in alerts:
                self._write(
                    "INSERT OR REPLACE INTO alerts VALUES (?, ?, ?, ?, ?)",
                    (
                        alert.rule_id,
                        labels_key(alert.labels),
                        alert.state in ACTIVE_STATES,
                        alert.resolved_at_ns,
                        msgspec.json.encode(alert),
                    ),
                )

    def alerts(self, *, active_only: bool = True, of: str = "") -> tuple[Alert, ...]:
        """See ``AlertStore.alerts``."""
        return self._values(
            Alert,
            "SELECT value FROM alerts WHERE active >= ? AND rule_id >= ? AND rule_id < ?"
            " ORDER BY rule_id, labels",
            (int(active_only), of, of + _LAST_CHARACTER),
        )

    def alert_counts(self) -> dict[AlertState, int]:
        """See ``AlertStore.alert_counts``."""
        sql = (
            "SELECT json_extract(CAST(value AS TEXT), '$.state') AS state, count(*)"
            " FROM alerts WHERE active GROUP BY state"
        )
        return dict(self._read(sql))

    def put_incidents(self, incidents: Sequence[Incident]) -> None:
        """See ``AlertStore.put_incidents``."""
        with self.transaction():
            for incident in incidents:
                self._write(
                    "INSERT OR REPLACE INTO incidents VALUES (?, ?, ?, ?, ?, ?)",
                    (
                        incident.id,
                        incident.key,
                        incident.state,
                        incident.updated_at_ns,
                        msgspec.json.encode(incident),
                        incident.closed_at_ns > 0,
                    ),
                )

    def incident(self, incident_id: str) -> Incident | None:
        """See ``AlertStore.incident``."""
        return self._value(Incident, "SELECT value FROM incidents WHERE id = ?", (incident_id,))

    def incidents(
        self, *, state: IncidentState | None = None, since_ns: int = 0, limit: int = 1000
    ) -> tuple[Incident, ...]:
        """See ``AlertStore.incidents``."""
        return self._values(
            Incident,
            "SELECT value FROM incidents WHERE ? IN ('', state) AND updated_at_ns >= ?"
            " ORDER BY updated_at_ns DESC, id LIMIT ?",
            (state or "", since_ns, limit),
        )

    def live_incidents(self, *, resolved_since_ns: int) -> tuple[Incident, ...]:
        """See ``AlertStore.live_incidents``."""
        return self._values(
            Incident,
            "SELECT value FROM incidents WHERE state = 'open'"
            " OR (state = 'resolved' AND updated_at_ns >= ?) OR closed ORDER BY updated_at_ns, id",
            (resolved_since_ns,),
        )

    def open_incident_count(self) -> int:
        """See ``AlertStore.open_incident_count``."""
        return int(self._read("SELECT count(*) FROM incidents WHERE state = 'open'")[0][0])

    def group_slot_ns(self, group: str) -> int | None:
        """See ``AlertStore.group_slot_ns``."""
        rows = self._read("SELECT slot_ns FROM groups WHERE name = ?", (group,))
        return int(rows[0][0]) if rows else None

    def put_group_slot_ns(self, group: str, slot_ns: int) -> None:
        """See ``AlertStore.put_group_slot_ns``."""
        self._write("INSERT OR REPLACE INTO groups VALUES (?, ?)", (group, slot_ns))
