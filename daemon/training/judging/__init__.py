"""Judges a trained run: the exam, and the candidate directory with its report."""
