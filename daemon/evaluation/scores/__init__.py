"""Scores of answers, one measure a module."""
