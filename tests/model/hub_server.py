"""A small model hub on this machine that speaks the real one's interface, faults included.

What it says was taken from the documentation of the hub's API: the list of files with their sizes
and checksums, large files by a redirect to another path, ranges, and errors by `X-Error-Code`.
"""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

LARGE = ".safetensors"


@dataclass
class Hub:
    """What the server has, and how it misbehaves."""

    model: str = "test/tiny"
    files: dict[str, bytes] = field(default_factory=dict)
    revision: str = "a" * 40
    url: str = ""
    drops: list[int] = field(default_factory=list)
    """After so many bytes each the next answers with weights break off."""
    spoiled: int = 0
    """So many answers with weights have a wrong byte."""
    longer: int = 0
    """Bytes more than there are that are stated for weights."""
    ranges: bool = True
    refuses: tuple[int, str] | None = None
    """Status and error code of every answer."""
    gated: bool = False
    more_names: list[str] = field(default_factory=list)
    """Names that are listed besides those of the files."""
    gate: threading.Event | None = None
    """Answers with weights are slow from their middle on until this is set."""
    asked: list[tuple[str, int]] = field(default_factory=list)
    """Files and the byte they were asked for from."""

    def fill(self, folder: Path) -> None:
        """Offer the files of a directory."""
        self.files = {path.name: path.read_bytes() for path in sorted(folder.iterdir())}

    def asked_for(self, name: str) -> list[int]:
        """Return from which bytes a file was asked for."""
        return [begin for file, begin in self.asked if file == name]

    def listing(self) -> dict[str, Any]:
        named = [{"rfilename": name, "size": 3, "blobId": "0" * 40} for name in self.more_names]
        files = [self._sibling(name, data) for name, data in self.files.items()]
        return {
            "id": self.model,
            "modelId": self.model,
            "sha": self.revision,
            "siblings": [*named, *files],
        }

    def _sibling(self, name: str, data: bytes) -> dict[str, Any]:
        more = self.longer if name.endswith(LARGE) else 0
        git = hashlib.sha1(b"blob %d\0" % len(data) + data, usedforsecurity=False).hexdigest()
        found: dict[str, Any] = {"rfilename": name, "size": len(data) + more, "blobId": git}
        if name.endswith(LARGE):
            sha256 = hashlib.sha256(data).hexdigest()
            found["lfs"] = {"sha256": sha256, "size": len(data) + more, "pointerSize": 134}
        return found


class _Server(ThreadingHTTPServer):
    """One that expects its clients to be killed."""

    daemon_threads = True
    hub: Hub

    def handle_error(self, *_: object) -> None:
        pass


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    wbufsize = 0
    protocol_version = "HTTP/1.1"

    @property
    def hub(self) -> Hub:
        return self.server.hub

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        path = self.path.split("?")[0]
        if self.hub.refuses is not None:
            self._refuse(*self.hub.refuses)
        elif path == f"/api/models/{self.hub.model}":
            self._send(200, json.dumps(self.hub.listing()).encode(), {})
        elif path.startswith(resolve := f"/{self.hub.model}/resolve/{self.hub.revision}/"):
            self._resolve(path.removeprefix(resolve))
        elif path.startswith("/cdn/"):
            self._give(path.removeprefix("/cdn/"))
        else:
            self._refuse(404, "RepoNotFound")

    def _resolve(self, name: str) -> None:
        if self.hub.gated:
            self._refuse(403, "GatedRepo")
        elif name not in self.hub.files:
            self._refuse(404, "EntryNotFound")
        elif name.endswith(LARGE):
            self._send(302, b"", {"Location": f"/cdn/{name}?signed=1"})
        else:
            self._give(name)

    def _give(self, name: str) -> None:
        whole = self.hub.files[name]
        begin = int(self.headers.get("Range", "bytes=0-")[6:].rstrip("-"))
        self.hub.asked.append((name, begin))
        if begin >= len(whole) > 0:
            self._refuse(416, "")
            return
        begin = begin if self.hub.ranges else 0
        data = whole[begin:]
        status, headers = 200, {}
        if begin:
            span = f"bytes {begin}-{len(whole) - 1}/{len(whole)}"
            status, headers = 206, {"Content-Range": span}
        if name.endswith(LARGE) and self.hub.spoiled:
            self.hub.spoiled -= 1
            data = bytes((data[0] ^ 1,)) + data[1:]
        self._send(status, data, headers, large=name.endswith(LARGE))

    def _send(self, status: int, data: bytes, headers: dict[str, str], large: bool = False) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(data))}.items():
            self.send_header(key, value)
        self.end_headers()
        if large and self.hub.drops:
            self.wfile.write(data[: self.hub.drops.pop(0)])
            self.close_connection = True
            return
        if large and self.hub.gate is not None and not self.hub.gate.is_set():
            data = self._drip(data, self.hub.gate)
        self.wfile.write(data)

    def _drip(self, data: bytes, gate: threading.Event) -> bytes:
        """Send the first half, then byte by byte until the gate is open; return the rest."""
        sent = len(data) // 2
        self.wfile.write(data[:sent])
        while sent < len(data) - 1 and not gate.wait(0.02):
            self.wfile.write(data[sent : sent + 1])
            sent += 1
        return data[sent:]

    def _refuse(self, status: int, code: str) -> None:
        self._send(status, b"{}", {"X-Error-Code": code} if code else {})


@contextmanager
def serving(hub: Hub) -> Iterator[Hub]:
    """Serve until the end of the block."""
    server = _Server(("127.0.0.1", 0), _Handler)
    server.hub = hub
    hub.url = f"http://127.0.0.1:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    try:
        yield hub
    finally:
        if hub.gate is not None:
            hub.gate.set()
        server.shutdown()
        thread.join()
        server.server_close()
