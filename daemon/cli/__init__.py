"""The command line: one file a command group; asks and shows, and decides nothing."""

from daemon.cli.entry import main

__all__ = ["main"]
