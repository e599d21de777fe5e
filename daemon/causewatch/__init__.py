"""Knows why a multi-agent AI system went wrong, while it runs."""

__version__ = "0.1.0"
