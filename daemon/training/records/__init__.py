"""A run's request, choices, state and history as values, and what made a version."""
