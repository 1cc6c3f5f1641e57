"""Scores and the paired tests behind a verdict."""
