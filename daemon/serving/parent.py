"""Stops the server with its supervisor: when stdin ends, the parent process is gone."""

import os
import threading

import uvicorn


def watch_parent(server: uvicorn.Server) -> None:
    """Stop the server when stdin ends."""

    def wait() -> None:
        while os.read(0, 4096):
            pass
        server.should_exit = True

    threading.Thread(target=wait, name="parent", daemon=True).start()
