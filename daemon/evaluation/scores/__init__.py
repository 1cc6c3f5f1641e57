"""Scores of answers: one measure a module; no model, no file."""
