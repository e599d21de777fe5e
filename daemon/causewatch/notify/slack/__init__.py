"""Slack: messages as Block Kit, and sending them."""
