"""Blame: who introduced the corruption of a run, who passed it on, where it surfaced."""
