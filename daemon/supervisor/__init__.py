"""Observe, decide, perform, publish: the one thread that owns all decisions."""
