"""Spans of one run to its causal graph: assembled over time, linked, and with what flowed where."""
