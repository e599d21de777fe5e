"""Forwarding: judged runs on their way to other OTLP endpoints."""
