"""Judges a trained run: its exam, and the candidate that is made of it."""
