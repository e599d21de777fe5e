"""Telling people: what to say is decided and rendered purely; one machine sends it."""
