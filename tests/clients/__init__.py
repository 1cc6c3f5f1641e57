"""Ordinary clients against a real server with the embedded model; not part of `make test`."""
