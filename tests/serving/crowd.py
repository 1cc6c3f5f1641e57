"""Clients that idle, vanish, dawdle or take nothing, by real sockets against a real process.

Afterwards it holds no descriptor and no thread more, its memory is flat, and meanwhile it answers.
"""

import json
import resource
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from pathlib import Path

import psutil

from daemon.layout import Layout
from tests.reliability.growing import ALLOWED, Size
from tests.serving.house import free_port, make_models, wait_for

AT_ONCE = 32
SETTINGS = """[server]
port = {port}
connections = {connections}
at_once = {at_once}
waiting = 0
body_s = 0.4
send_s = 0.4
"""
SERVER = """
import daemon.serving.launch
from daemon.cli import main
daemon.serving.launch.REHEARSED_WORD_S = 0.0
main()
"""
"""`finetuned serve`, but its stand-in speaks as fast as it can: else nobody has to wait for it."""

LOOK_S = 0.02
PATIENCE_S = 20.0
SPARE = 256
"""Descriptors and connections beside those of the crowd."""

LONG = {
    "model": "current",
    "messages": [{"role": "user", "content": "x"}],
    "temperature": 1,
    "max_tokens": 4000,
    "stream": True,
}


class Place:
    """The server as its clients know it."""

    def __init__(self, port: int, process: psutil.Process) -> None:
        self._port = port
        self.process = process

    def connect(self, takes_bytes: int | None = None) -> socket.socket:
        """Return a connection; one that takes few bytes at a time, where that is asked."""
        line = socket.socket()
        if takes_bytes is not None:
            line.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, takes_bytes)
        line.settimeout(PATIENCE_S)
        try:
            line.connect(("127.0.0.1", self._port))
        except OSError:
            line.close()
            raise
        return line

    def head(self, path: str, length: int | None = None) -> bytes:
        """Return the head of a request."""
        host = f"Host: 127.0.0.1:{self._port}\r\nConnection: close\r\n"
        if length is None:
            return f"GET {path} HTTP/1.1\r\n{host}\r\n".encode()
        kind = f"Content-Type: application/json\r\nContent-Length: {length}\r\n\r\n"
        return f"POST {path} HTTP/1.1\r\n{host}{kind}".encode()

    def asked_long(self, takes_bytes: int | None = None) -> socket.socket:
        """Return a connection on which a long stream has been asked for."""
        line, body = self.connect(takes_bytes), json.dumps(LONG).encode()
        line.sendall(self.head("/v1/chat/completions", len(body)) + body)
        return line

    def is_well(self) -> bool:
        """Ask whether it lives."""
        with suppress(OSError), closing(self.connect()) as line:
            line.sendall(self.head("/healthz"))
            return line.recv(15) == b"HTTP/1.1 200 OK"
        return False


def idle(place: Place, clients: int) -> list[str]:
    """Hold connections on which nothing is said."""
    with ExitStack() as held:
        for _ in range(clients):
            held.enter_context(place.connect())
        return [] if place.is_well() else ["no answer beside idle connections"]


def vanish(place: Place, clients: int) -> list[str]:
    """Leave in the middle of a stream; a place is free again when the next one asks for it."""
    found, begun = [], 0
    for _ in range(clients):
        with place.asked_long() as line:
            status = _first(line)
        begun += status == b"HTTP/1.1 200"
        if status not in (b"HTTP/1.1 200", b"HTTP/1.1 503"):
            found.append(f"a stream began with {status!r}")
    if begun < clients / 2:
        found.append(f"only {begun} of {clients} streams began")
    return found


def dawdle(place: Place, clients: int) -> list[str]:
    """Send bodies a byte at a time, and never whole."""
    with ExitStack() as held:
        lines = [held.enter_context(place.connect()) for _ in range(clients)]
        for line in lines:
            line.sendall(place.head("/generate", 1000))
        for line in lines:
            # One that came early is refused already.
            with suppress(OSError):
                line.sendall(b" ")
        told = [_first(line) for line in lines]
    wrong = sorted({status for status in told if status not in (b"HTTP/1.1 408", b"")})
    found = [f"slow bodies were answered {wrong}"] if wrong else []
    if told.count(b"HTTP/1.1 408") < clients / 2:
        found.append(f"only {told.count(b'HTTP/1.1 408')} of {clients} slow bodies were refused")
    return found


def take_nothing(place: Place, clients: int) -> list[str]:
    """Ask for long streams and read none of them: each is left after a while."""
    calm = place.process.num_fds()
    for begin in range(0, clients, AT_ONCE):
        with ExitStack() as held:
            for _ in range(min(AT_ONCE, clients - begin)):
                held.enter_context(place.asked_long(takes_bytes=1024))
            if not place.is_well():
                return ["no answer beside clients that take nothing"]
            wait_for(
                lambda: place.process.num_fds() <= calm, "clients that take nothing are not left"
            )
    return []


KINDS: tuple[Callable[[Place, int], list[str]], ...] = (idle, vanish, dawdle, take_nothing)


def _first(line: socket.socket) -> bytes:
    try:
        return line.recv(12)
    except ConnectionResetError:
        return b""


def come_and_go(root: Path, clients: int, weighed: bool = True) -> list[str]:
    """Return what is wrong after so many clients of each kind, twice: the first is the warm-up."""
    with more_descriptors(2 * clients + 2 * SPARE), _server(root, clients) as place:
        first, before = _pass(place, clients)
        second, after = _pass(place, clients)
    sys.stdout.write(f"{clients} of each kind: {before}\n{2 * clients}: {after}\n")
    found = [*first, *second]
    if after.descriptors > before.descriptors or after.threads > before.threads:
        found.append(f"descriptors or threads grow: {before}, then {after}")
    if weighed and after.rss_bytes > before.rss_bytes * ALLOWED:
        found.append(f"memory grows: {before}, then {after}")
    return found


def _pass(place: Place, clients: int) -> tuple[list[str], Size]:
    process = place.process
    calm = process.num_fds()
    with _watching(place) as missed:
        found = [problem for come in KINDS for problem in come(place, clients)]
    found += missed
    try:
        wait_for(lambda: process.num_fds() <= calm, "descriptors stayed")
    except AssertionError as error:
        found.append(f"{error}: {calm}, then {process.num_fds()}")
    return found, Size(process.memory_info().rss, process.num_fds(), process.num_threads())


@contextmanager
def _watching(place: Place) -> Iterator[list[str]]:
    """Ask all the time whether the server lives; give what is to be said of it afterwards."""
    over, missed, asked = threading.Event(), list[str](), [0]

    def ask() -> None:
        while not over.wait(LOOK_S):
            asked[0] += 1
            if not place.is_well():
                missed.append(f"it did not answer for the {asked[0]}th time")

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield missed
    finally:
        over.set()
        thread.join()
    if not asked[0]:
        missed.append("nobody asked whether it lives")


@contextmanager
def _server(root: Path, clients: int) -> Iterator[Place]:
    layout = Layout(root)
    make_models(layout)
    port = free_port()
    settings = SETTINGS.format(port=port, connections=clients + SPARE, at_once=AT_ONCE)
    layout.settings_file.write_text(settings)
    argv = [sys.executable, "-c", SERVER, "serve", "--rehearse", "--root", str(root)]
    with (
        (root / "console.txt").open("ab") as console,
        subprocess.Popen(argv, stdin=subprocess.DEVNULL, stderr=console) as process,
    ):
        place = Place(port, psutil.Process(process.pid))
        try:
            wait_for(place.is_well, "the server did not start")
            yield place
        finally:
            process.kill()


@contextmanager
def more_descriptors(count: int) -> Iterator[None]:
    """Allow this process, and those it starts, so many open files."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = count if hard == resource.RLIM_INFINITY else min(count, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, wanted), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
