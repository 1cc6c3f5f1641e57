"""Scoring of models, and the paired tests behind a verdict."""
