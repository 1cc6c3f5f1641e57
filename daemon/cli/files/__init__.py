"""Data files: what intake finds in them, what they cost to train, and how their jobs progress."""
