"""Recorded runs, played again and again with other ids, times and content in each."""
