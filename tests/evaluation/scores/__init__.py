"""Scores of answers, against their references."""
