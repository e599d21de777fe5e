"""Values only: spans, steps, graphs, findings, incidents. No IO, no clock, no decisions."""
