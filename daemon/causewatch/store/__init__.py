"""What survives a restart: runs, findings, alerts, incidents and the outbox."""
