"""Assembles the server and runs it until it stops."""

import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from ipaddress import ip_address

import uvicorn
from starlette.routing import Route
from starlette.types import ASGIApp

from daemon.clock import Clock, SystemClock
from daemon.errors import BusyFault, ServerFault, UserFault
from daemon.folders import server_token
from daemon.folders.disk import locks
from daemon.layout import Layout
from daemon.serving.api.paths import Paths
from daemon.serving.connection import protocol
from daemon.serving.dashboard import dashboard_routes
from daemon.serving.engine import Engine
from daemon.serving.engine_thread import MODEL_DIED, EngineThread
from daemon.serving.guard import in_url, rules_of
from daemon.serving.login import login_routes
from daemon.serving.memory_rule import MemoryRule
from daemon.serving.metrics import ServerMetrics
from daemon.serving.middleware import Middleware
from daemon.serving.prompts import Prompts
from daemon.serving.registry import Registry
from daemon.serving.rehearsal import RehearsalEngine
from daemon.serving.request_handler import RequestHandler
from daemon.serving.routes import make_router
from daemon.serving.sessions import Sessions
from daemon.serving.usage import UsageRecorder
from daemon.settings_serving import ServerSettings

GRACE_S = 3
KEEP_ALIVE_S = 15
HEAD_BYTES = 16384
REHEARSED_WORD_S = 0.01


def make_engine(settings: ServerSettings, rehearse: bool, clock: Clock) -> Engine:
    """Return the engine that generates the answers."""
    if rehearse:
        return RehearsalEngine(clock, REHEARSED_WORD_S)
    # Imported here: a rehearsal must not need MLX.
    from daemon.serving.mlx_engine import MlxEngine
    from daemon.serving.prompt_cache import PromptCache

    prompts = PromptCache(settings.prompt_cache_bytes)
    return MlxEngine(settings.versions, prompts)


def make_request_handler(
    layout: Layout,
    settings: ServerSettings,
    engine: Engine,
    clock: Clock,
    died: Callable[[], None] = lambda: None,
) -> RequestHandler:
    """Return the routes' request handler; its thread is not started yet, and calls `died` once."""
    thread = EngineThread(engine, MemoryRule(layout), settings, clock, died)
    metrics = ServerMetrics()
    metrics.watch("answering", "Answers being generated.", lambda: thread.busy[0])
    metrics.watch("waiting", "Requests that wait for a place.", lambda: thread.busy[1])
    metrics.watch(
        "model_loaded", "1 while a model is loaded.", lambda: thread.loaded_versions is not None
    )
    metrics.watch("versions_loaded", "Versions in memory.", lambda: thread.loaded_versions or 0)
    metrics.watch(
        "prompt_cache_bytes", "Size of the prompt cache.", lambda: thread.prompt_cache_bytes
    )
    usage = UsageRecorder(layout, settings, clock)
    metrics.watch("usage_dropped", "Usage records that were lost.", lambda: usage.dropped)
    return RequestHandler(settings, Registry(layout), Prompts(), thread, metrics, clock, usage)


def make_server(layout: Layout, handler: RequestHandler, leaving: Callable[[], bool]) -> ASGIApp:
    """Return the whole application with its middleware; `leaving` closes open dashboard pages.

    Raises:
        UserFault: a token is needed and cannot be used.
    """
    settings = handler.settings
    token = server_token.read_or_make(layout) if settings.needs_token else None
    sessions = None if token is None else Sessions(handler.clock, token, settings.port)
    pages = dashboard_routes(layout, leaving)
    # Before the page of the same path, which takes no POST.
    logins = [] if sessions is None else login_routes(handler, sessions)
    inner = make_router(handler, [*logins, *pages])
    paths = Paths([route.path for route in inner.routes if isinstance(route, Route)])
    rules, metrics, clock = rules_of(settings, token), handler.metrics, handler.clock
    return Middleware(inner, rules, metrics, clock, settings.send_s, paths, sessions)


def listen(settings: ServerSettings) -> socket.socket:
    """Return the listening socket; no other port is ever used instead.

    Raises:
        BusyFault: the port is taken.
        UserFault: this machine has no such address, or the port is for root only.
    """
    family = socket.AF_INET6 if ":" in settings.address else socket.AF_INET
    place = f"{settings.address} port {settings.port}"
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        found.bind((settings.address, settings.port))
        found.listen(128)
    except OSError as error:
        found.close()
        if error.errno == 98 or "in use" in str(error):
            message = f"{place} is taken by another program: end it, or change server.port"
            raise BusyFault("port_taken", message) from error
        message = f"cannot listen at {place}: {error.strerror}; see [server] in the settings"
        raise UserFault("cannot_listen", message) from error
    return found


def record_at(layout: Layout, settings: ServerSettings) -> locks.Lock | None:
    """Record the server's address in the workspace for as long as the server lives.

    None if another server is recorded or nothing can be written: this one serves all the same.
    """
    address = ip_address(settings.address)
    loopback = "127.0.0.1" if address.version == 4 else "::1"
    host = loopback if address.is_unspecified else settings.address
    with suppress(OSError):
        return locks.acquire(layout.server_lock, f"http://{in_url(host)}:{settings.port}")
    return None


def serve(layout: Layout, settings: ServerSettings, *, rehearse: bool, child: bool) -> None:
    """Serve until SIGTERM, Ctrl-C or, as a child, the end of stdin.

    Raises:
        UserFault: the port or the token cannot be used.
        ServerFault: the model failed again and again.
    """
    clock = SystemClock()

    def died() -> None:
        server.should_exit = True

    handler = make_request_handler(
        layout, settings, make_engine(settings, rehearse, clock), clock, died
    )
    app = make_server(layout, handler, lambda: server.should_exit)
    place = listen(settings)
    record = record_at(layout, settings)
    server = uvicorn.Server(_config(app, settings))
    if child:
        from daemon.serving.parent import watch_parent

        watch_parent(server)
    handler.thread.start()
    sys.stderr.write(f"serving at http://{settings.address}:{settings.port}\n")
    try:
        server.run(sockets=[place])
    finally:
        handler.thread.close(GRACE_S)
        handler.usage.close(GRACE_S)
        if record is not None:
            record.release()
    if handler.thread.over is MODEL_DIED:
        message = "the model failed again and again, and the server has ended; see above for where"
        raise ServerFault("model_died", message)


def _config(app: ASGIApp, settings: ServerSettings) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        http=protocol(settings.connections, settings.send_s),
        ws="none",
        lifespan="off",
        # Otherwise every request that is not HTTP would be a line in the log.
        log_config=None,
        log_level="error",
        access_log=False,
        proxy_headers=False,
        server_header=False,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=GRACE_S,
        h11_max_incomplete_event_size=HEAD_BYTES,
    )
