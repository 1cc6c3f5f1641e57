"""Learning curves, and the lines they are read from."""
