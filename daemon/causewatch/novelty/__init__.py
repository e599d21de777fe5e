"""Novelty: what a run's structure is, and what of it a workflow never had before."""
