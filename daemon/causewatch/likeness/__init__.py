"""Likeness: whether a run is like those that were judged and had nothing to tell."""
