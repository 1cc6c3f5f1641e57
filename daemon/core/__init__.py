"""Pure values and decisions: no files, no clock, no randomness, no MLX."""
