"""The command line: one file a command, above what the commands share."""

from daemon.cli.entry import main

__all__ = ["main"]
