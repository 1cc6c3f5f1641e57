"""Builds requests from what a user names, and sends them to the daemon."""
