"""Sampling: which judged runs are worth forwarding, and why."""
