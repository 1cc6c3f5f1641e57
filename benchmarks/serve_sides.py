"""Starts the two servers of a comparison, one at a time, and asks them; computes nothing itself."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from time import perf_counter
from typing import Any

PATIENCE_S = 300.0
LOOK_S = 0.1
ROOT = Path(__file__).resolve().parent.parent

Turns = list[dict[str, str]]


@dataclass(frozen=True)
class Heard:
    """One streamed answer."""

    text: str
    first_s: float
    """From the request to the first part with words in it."""
    whole_s: float


@dataclass(frozen=True)
class Side:
    """A running server."""

    name: str
    port: int
    fields: dict[str, dict[str, str]]
    """What a request says to be answered by a version, by the version."""

    def ask(self, version: str, turns: Turns, max_tokens: int) -> Heard:
        """Ask greedily and listen to the end."""
        body = {"messages": turns, "max_tokens": max_tokens, "temperature": 0, "stream": True}
        data = json.dumps(body | self.fields[version])
        line = HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE_S)
        began_s = perf_counter()
        line.request("POST", "/v1/chat/completions", data, {"Content-Type": "application/json"})
        answer = line.getresponse()
        if answer.status != 200:
            sys.exit(f"{self.name} answers {answer.status}: {answer.read()[:500]!r}")
        parts: list[str] = []
        first_s = None
        for raw in answer:
            words = _words(raw)
            if words:
                first_s = first_s or perf_counter() - began_s
                parts.append(words)
        whole_s = perf_counter() - began_s
        line.close()
        return Heard("".join(parts), first_s or whole_s, whole_s)


def _words(raw: bytes) -> str:
    if not raw.startswith(b"data: {"):
        return ""
    event = json.loads(raw[6:])
    if "error" in event:
        sys.exit(f"an answer failed: {event['error']}")
    return "".join(choice["delta"].get("content") or "" for choice in event["choices"])


@contextmanager
def ours(found: dict[str, Any]) -> Iterator[Side]:
    """Give `finetuned serve` over the workspace."""
    port = free_port()
    settings = Path(found["root"]) / "finetuned.toml"
    settings.write_text(f"[server]\nport = {port}\nidle_unload_s = 3600.0\n", encoding="utf-8")
    fields = {name: {"model": f"{found['name']}@{name}"} for name in found["versions"]}
    with running(["-m", "daemon", "serve", "--root", found["root"]], port):
        yield Side("finetuned", port, fields)


@contextmanager
def theirs(found: dict[str, Any]) -> Iterator[Side]:
    """Give `mlx_lm.server` with the same base."""
    port = free_port()
    folder = Path(found["root"]) / "models" / "versions"
    fields = {
        name: {"model": found["base"], "adapters": str(folder / name)} for name in found["versions"]
    }
    argv = ["-m", "benchmarks.their_server", "--model", found["base"], "--port", str(port)]
    with running([*argv, "--log-level", "WARNING"], port):
        yield Side("mlx_lm.server", port, fields)


@contextmanager
def running(arguments: list[str], port: int) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server in a process of its own, from when it takes connections on."""
    environment = {**os.environ, "TOKENIZERS_PARALLELISM": "true"}
    with open(os.devnull, "wb") as nowhere:
        process = subprocess.Popen(
            [sys.executable, *arguments],
            cwd=ROOT,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=nowhere,
            stderr=nowhere,
        )
        try:
            _wait(process, port)
            yield process
        finally:
            process.kill()
            process.wait()


def _wait(process: subprocess.Popen[bytes], port: int) -> None:
    until_s = perf_counter() + PATIENCE_S
    while process.poll() is None and perf_counter() < until_s:
        try:
            socket.create_connection(("127.0.0.1", port), 1.0).close()
            return
        except OSError:
            threading.Event().wait(LOOK_S)
    sys.exit(f"{' '.join(map(str, process.args[1:4]))} did not start")  # type: ignore[index]


def free_port() -> int:
    """Return a port that nobody listens at now."""
    with socket.create_server(("127.0.0.1", 0)) as probe:
        return int(probe.getsockname()[1])
