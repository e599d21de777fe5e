"""The linter: named checks of rules that load, but could be better."""
