"""Diagnosis of learning curves, as sentences, page, pictures and JSON."""
