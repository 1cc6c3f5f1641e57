"""A real server on a real port, in this process: its engine the stand-in or the tiny model."""

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import uvicorn

from daemon.clock import SystemClock
from daemon.core.records import to_json_value
from daemon.core.workspace.bases import BaseFacts
from daemon.core.workspace.versions import AdapterSpec
from daemon.folders.models import current_model
from daemon.folders.models.models import ADAPTER, MANIFEST, Models, digest
from daemon.layout import Layout
from daemon.serving.connection import protocol
from daemon.serving.engine import Engine
from daemon.serving.launch import listen, make_request_handler, make_server
from daemon.serving.request_handler import RequestHandler
from daemon.settings_serving import ServerSettings
from daemon.training.engine.stub_base import make_base

PATIENCE_S = 20.0


def make_models(layout: Layout, facts: BaseFacts | None = None) -> BaseFacts:
    """Make a base and its version v000000, and let it be the current one."""
    for folder in (layout.versions, layout.runs):
        folder.mkdir(parents=True, exist_ok=True)
    facts = facts or make_base(layout, "tiny")
    Models(layout).seal_base("2026-01-01T00:00:00+00:00", facts, {})
    current_model.point_at(layout, "v000000")
    return facts


def add_version(
    layout: Layout, facts: BaseFacts, name: str, weights: bytes, spec: AdapterSpec, **more: Any
) -> Path:
    """Seal a version with such an adapter by hand."""
    folder = layout.version(name)
    folder.mkdir()
    (folder / ADAPTER).write_bytes(weights)
    files = {ADAPTER: {"sha256": digest(folder / ADAPTER), "size": len(weights)}}
    manifest = {
        "schema_version": 1,
        "version": name,
        "parent": "v000000",
        "lineage": "v000000",
        "created_at": "2026-01-02T00:00:00+00:00",
        "run": None,
        "job_ids": [],
        "step": 1,
        "verdict": "promote",
        "verdict_reasons": [],
        "promotes": True,
        "files": files,
        "base": to_json_value(facts),
        "adapter": to_json_value(spec),
        "prefix": None,
        "settings": {},
        **more,
    }
    (folder / MANIFEST).write_text(json.dumps(manifest))
    return folder


@dataclass(frozen=True)
class Reply:
    """What came back."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Return the body's value."""
        return json.loads(self.body)


@dataclass
class Served:
    """A running server."""

    layout: Layout
    settings: ServerSettings
    handler: RequestHandler
    engine: Engine
    server: uvicorn.Server = field(repr=False)

    @property
    def host(self) -> str:
        """What `Host` has to say."""
        return f"127.0.0.1:{self.settings.port}"

    def connect(self) -> socket.socket:
        """Return a connection with a limit of time."""
        return socket.create_connection(("127.0.0.1", self.settings.port), PATIENCE_S)

    def raw(self, data: bytes) -> bytes:
        """Send bytes as they are and return all that comes until the server closes."""
        with self.connect() as line:
            line.sendall(data)
            parts = []
            while part := line.recv(65536):
                parts.append(part)
        return b"".join(parts)

    def ask(
        self, method: str, path: str, body: Any = None, headers: dict[str, str] | None = None
    ) -> Reply:
        """Send one request on a connection of its own."""
        data = body if isinstance(body, bytes) else b"" if body is None else _json(body)
        usual = {"Host": self.host, "Connection": "close"}
        if body is not None:
            usual |= {"Content-Type": "application/json", "Content-Length": str(len(data))}
        lines = [f"{method} {path} HTTP/1.1"]
        lines += [f"{name}: {value}" for name, value in (usual | (headers or {})).items() if value]
        answer = self.raw("\r\n".join(lines).encode() + b"\r\n\r\n" + data)
        head, _, rest = answer.partition(b"\r\n\r\n")
        first, *others = head.decode().split("\r\n")
        found = {k.lower(): v for k, _, v in (line.partition(": ") for line in others)}
        if found.get("transfer-encoding") == "chunked":
            rest = _joined(rest)
        return Reply(int(first.split()[1]), found, rest)


def _json(value: Any) -> bytes:
    return json.dumps(value).encode()


def _joined(chunks: bytes) -> bytes:
    parts = []
    while chunks:
        size, _, chunks = chunks.partition(b"\r\n")
        parts.append(chunks[: int(size, 16)])
        chunks = chunks[int(size, 16) + 2 :]
    return b"".join(parts)


def events(body: bytes) -> list[Any]:
    """Return what a stream told, its end as "[DONE]"."""
    lines = [line[6:] for line in body.decode().split("\n\n") if line[:5] == "data:"]
    return [line if line == "[DONE]" else json.loads(line) for line in lines]


def free_port() -> int:
    """Return a port of this machine that nobody has."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])


def wait_for(seen: Callable[[], bool], what: str, patience_s: float = PATIENCE_S) -> None:
    """Wait until something is so.

    Raises:
        AssertionError: it did not come to be in time.
    """
    clock = SystemClock()
    until_s = clock.monotonic_s() + patience_s
    while not seen():
        assert clock.monotonic_s() < until_s, what
        clock.sleep_s(0.01)


@contextmanager
def serving(layout: Layout, engine: Engine, **changes: Any) -> Iterator[Served]:
    """Give a server on a free port."""
    settings = ServerSettings(**({"port": free_port()} | changes))
    handler = make_request_handler(layout, settings, engine, SystemClock())
    app = make_server(layout, handler, lambda: server.should_exit)
    place = listen(settings)
    config = uvicorn.Config(
        app,
        http=protocol(settings.connections, settings.send_s),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="error",
        access_log=False,
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, kwargs={"sockets": [place]}, daemon=True)
    handler.thread.start()
    thread.start()
    try:
        wait_for(lambda: server.started, "the server did not start")
        yield Served(layout, settings, handler, engine, server)
    finally:
        server.should_exit = True
        thread.join(PATIENCE_S)
        handler.thread.close(PATIENCE_S)
        handler.usage.close(PATIENCE_S)
        place.close()
