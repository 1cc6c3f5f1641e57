"""Rules no linter sees."""
