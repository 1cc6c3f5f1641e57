"""Ends the server with its supervisor: a child whose stdin ends has lost its parent."""

import os
import threading

import uvicorn


def watch_parent(server: uvicorn.Server) -> None:
    """Ask the server to end when stdin does."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        server.should_exit = True

    threading.Thread(target=wait, name="parent", daemon=True).start()
