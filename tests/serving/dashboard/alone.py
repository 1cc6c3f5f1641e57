"""The dashboard by itself on a free port of this machine, for tests and for looking at it.

`python -m tests.serving.dashboard.alone WORKSPACE` serves one until it is interrupted.
"""

import socket
import sys
import threading
from pathlib import Path
from types import TracebackType

import uvicorn
from starlette.applications import Starlette

from daemon.layout import Layout
from daemon.serving.dashboard import dashboard_routes

PATIENCE_S = 20.0


class Alone:
    """A server in a thread; it ends with the `with`."""

    def __init__(self, root: Path) -> None:
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.port = int(self._socket.getsockname()[1])
        self.url = f"http://127.0.0.1:{self.port}"
        routes = dashboard_routes(Layout(root.resolve()), lambda: self._server.should_exit)
        app = Starlette(routes=routes)
        self._server = uvicorn.Server(uvicorn.Config(app, log_level="warning"))
        self._thread = threading.Thread(target=self._server.run, args=([self._socket],))

    def __enter__(self) -> "Alone":
        self._thread.start()
        return self

    def leave(self) -> None:
        """Begin to end."""
        self._server.should_exit = True

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.leave()
        self._thread.join(PATIENCE_S)
        self._socket.close()
        assert not self._thread.is_alive(), "the server did not end"


if __name__ == "__main__":
    with Alone(Path(sys.argv[1])) as alone:
        sys.stderr.write(f"{alone.url}\n")
        threading.Event().wait()
