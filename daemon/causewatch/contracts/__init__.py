"""Boundary contracts: what a handoff or a step's result must satisfy, compiled and checked."""
