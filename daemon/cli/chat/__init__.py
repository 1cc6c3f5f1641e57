"""Talks to a version: through the running server, or loaded here."""
