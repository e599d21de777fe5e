"""Built-in detectors: what one step, or one handoff, shows to be wrong without any contract."""
