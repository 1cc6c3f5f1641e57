"""Learning curves, and how they are read from training records."""
