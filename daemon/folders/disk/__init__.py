"""Shared by all folders: durable writes, listings, locks, file states."""
