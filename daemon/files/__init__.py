"""Dropped files of every kind, read as JSON lines."""
