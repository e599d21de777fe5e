"""The schema, one numbered step after the other. A step that was released never changes.

``PRAGMA user_version`` holds the number of steps a file has had. Values are JSON of the model's
Structs; the columns beside them are what queries select by.
"""

from __future__ import annotations

MIGRATIONS: tuple[tuple[str, ...], ...] = (
    (
        """CREATE TABLE runs (
            run_id TEXT PRIMARY KEY, verdict TEXT NOT NULL, updated_at_ns INTEGER NOT NULL,
            value BLOB NOT NULL)""",
        "CREATE INDEX runs_by_time ON runs (updated_at_ns)",
        """CREATE TABLE run_traces (
            trace_id TEXT PRIMARY KEY, run_id TEXT NOT NULL,
            batches BLOB NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX run_traces_by_run ON run_traces (run_id)",
        """CREATE TABLE findings (
            id INTEGER PRIMARY KEY, rule_id TEXT NOT NULL, rule_version TEXT NOT NULL,
            run_id TEXT NOT NULL, labels TEXT NOT NULL, at_ns INTEGER NOT NULL,
            value BLOB NOT NULL, UNIQUE (rule_id, rule_version, run_id, labels))""",
        "CREATE INDEX findings_by_rule ON findings (rule_id, at_ns)",
        "CREATE INDEX findings_by_time ON findings (at_ns)",
        """CREATE TABLE alerts (
            rule_id TEXT NOT NULL, labels TEXT NOT NULL, active INTEGER NOT NULL,
            resolved_at_ns INTEGER NOT NULL, value BLOB NOT NULL,
            PRIMARY KEY (rule_id, labels))""",
        "CREATE INDEX alerts_active ON alerts (active)",
        """CREATE TABLE incidents (
            id TEXT PRIMARY KEY, key TEXT NOT NULL, state TEXT NOT NULL,
            updated_at_ns INTEGER NOT NULL, value BLOB NOT NULL)""",
        "CREATE INDEX incidents_by_state ON incidents (state, updated_at_ns)",
        "CREATE INDEX incidents_by_time ON incidents (updated_at_ns)",
        """CREATE TABLE outbox (
            seq INTEGER PRIMARY KEY AUTOINCREMENT, message_id TEXT NOT NULL UNIQUE,
            target TEXT NOT NULL, incident_id TEXT NOT NULL, state TEXT NOT NULL,
            due_at_ns INTEGER NOT NULL, value BLOB NOT NULL)""",
        """CREATE INDEX outbox_unfinished ON outbox (target, incident_id, seq)
            WHERE state IN ('queued', 'sending')""",
        "CREATE INDEX outbox_by_state ON outbox (state, due_at_ns)",
        """CREATE TABLE told (
            incident_id TEXT NOT NULL, target TEXT NOT NULL, told_at_ns INTEGER NOT NULL,
            has_ref INTEGER NOT NULL, value BLOB NOT NULL,
            PRIMARY KEY (incident_id, target)) WITHOUT ROWID""",
        "CREATE INDEX told_by_target ON told (target, told_at_ns) WHERE has_ref",
        """CREATE TABLE groups (
            name TEXT PRIMARY KEY, slot_ns INTEGER NOT NULL) WITHOUT ROWID""",
        "CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    ),
    (
        """CREATE TABLE tool_history (
            tool TEXT PRIMARY KEY, changed_at_ns INTEGER NOT NULL,
            value BLOB NOT NULL) WITHOUT ROWID""",
        "CREATE INDEX tool_history_by_time ON tool_history (changed_at_ns)",
    ),
    (
        """CREATE TABLE novelty_baselines (
            workflow TEXT PRIMARY KEY, changed_at_ns INTEGER NOT NULL,
            value BLOB NOT NULL) WITHOUT ROWID""",
        """CREATE TABLE novelty_budgets (
            rule_id TEXT PRIMARY KEY, day INTEGER NOT NULL,
            value BLOB NOT NULL) WITHOUT ROWID""",
    ),
    (
        """CREATE TABLE short_runs (
            seq INTEGER PRIMARY KEY, trace INTEGER NOT NULL, updated_at_ns INTEGER NOT NULL,
            verdict TEXT NOT NULL, value BLOB NOT NULL)""",
        "CREATE INDEX short_runs_by_trace ON short_runs (trace)",
    ),
    (
        # Which batches the runs that are kept longer came in: retention keeps what explains them.
        """CREATE TABLE run_batches (
            batch INTEGER NOT NULL, run_id TEXT NOT NULL,
            PRIMARY KEY (batch, run_id)) WITHOUT ROWID""",
        "CREATE INDEX run_batches_by_run ON run_batches (run_id)",
        """INSERT OR IGNORE INTO run_batches SELECT json_each.value, runs.run_id
            FROM runs, json_each(CAST(runs.value AS TEXT), '$.batches')
            WHERE runs.verdict != 'healthy'""",
        "CREATE INDEX runs_by_verdict ON runs (verdict, updated_at_ns)",
    ),
    (
        """CREATE TABLE silences (
            id TEXT PRIMARY KEY, ends_at_ns INTEGER NOT NULL,
            value BLOB NOT NULL)""",
        "CREATE INDEX silences_by_end ON silences (ends_at_ns)",
        # Resolved by hand while alerts of it fire: gathering has to see it.
        "ALTER TABLE incidents ADD COLUMN closed INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX incidents_closed ON incidents (closed) WHERE closed",
        "ALTER TABLE told ADD COLUMN held INTEGER NOT NULL DEFAULT 0",
        "ALTER TABLE told ADD COLUMN loud_at_ns INTEGER NOT NULL DEFAULT 0",
        "CREATE INDEX told_held ON told (held) WHERE held",
    ),
)
