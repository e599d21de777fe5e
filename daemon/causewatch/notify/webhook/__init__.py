"""Webhooks: our JSON, signed by Standard Webhooks."""
