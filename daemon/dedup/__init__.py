"""Finds duplicate, contradicting and corrected rows, within a file and across jobs."""
