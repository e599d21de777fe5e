"""Wires the parts into one daemon: config, clock, threads, lifecycle. Decides nothing itself."""
