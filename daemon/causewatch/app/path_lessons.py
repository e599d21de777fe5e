"""Learns path templates from the good runs in files."""
