"""The middleware around every request: access control, time limits, error responses, metrics."""

import asyncio
import sys
import traceback

from starlette.datastructures import MutableHeaders
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import RedirectResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from daemon.clock import Clock
from daemon.serving.answer_events import ClientGone
from daemon.serving.api.cross_origin import preflight_response
from daemon.serving.api.paths import Paths
from daemon.serving.api.request_notes import RequestNotes, begin_notes, notes_of
from daemon.serving.dashboard.routes import SESSION
from daemon.serving.errors import error_response
from daemon.serving.generation import RequestError, RequestRefused
from daemon.serving.guard import AccessRules, foreign_origin, leads_to_login, preflight, refusal
from daemon.serving.metrics import ServerMetrics
from daemon.serving.sessions import Sessions

ALWAYS = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-store",
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
}
"""A page may set headers of its own; everything else gets these, the strictest."""

CLIENT_LEFT = 499
"""Counted for a client that left before it got anything."""


class Middleware:
    """Passes a request on or answers it with an error; counts each."""

    def __init__(
        self,
        inner: ASGIApp,
        rules: AccessRules,
        metrics: ServerMetrics,
        clock: Clock,
        send_s: float,
        paths: Paths,
        sessions: Sessions | None = None,
    ) -> None:
        """Without `sessions` no browser can log in, as where no token is needed."""
        self._sessions = sessions
        self._paths = paths
        self._inner = inner
        self._rules = rules
        self._metrics = metrics
        self._clock = clock
        self._send_s = send_s

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Handle one request."""
        if scope["type"] != "http":
            return
        began_s = self._clock.monotonic_s()
        notes = begin_notes(scope)
        notes.origin = foreign_origin(scope["path"], scope["headers"], self._rules)
        response_send = _CountingSend(send, self._send_s, notes)
        await self._answer(scope, receive, response_send)
        endpoint = scope.get("endpoint")
        route = getattr(endpoint, "__name__", "other") if endpoint is not None else "none"
        self._metrics.request(route, response_send.status, self._clock.monotonic_s() - began_s)

    async def _answer(self, scope: Scope, receive: Receive, response_send: "_CountingSend") -> None:
        method, path, headers = scope["method"], scope["path"], scope["headers"]
        if preflight(method, path, headers, self._rules) is not None:
            await preflight_response(headers)(scope, receive, response_send)
            return
        scope[SESSION] = self._sessions is not None and self._sessions.holds(headers)
        trouble = refusal(method, path, headers, self._rules, in_session=scope[SESSION])
        if trouble is not None and self._sessions and leads_to_login(method, headers, trouble):
            await RedirectResponse("/login", 303)(scope, receive, response_send)
            return
        allowed = None
        if trouble is None:
            # With an app in the scope, Starlette's router raises what it refuses.
            scope["app"] = self
            scope["path"] = self._paths.canonical(scope["path"])
            try:
                await self._inner(scope, receive, response_send)
                return
            except (ClientDisconnect, ClientGone, TimeoutError):
                # The client has disconnected: there is no one to send a response to.
                self._metrics.error("client_left")
                response_send.status = CLIENT_LEFT
                return
            except RequestRefused as no:
                trouble = no.trouble
            except HTTPException as no:
                allowed = (no.headers or {}).get("Allow")
                trouble = self._unrouted(scope["path"], no.status_code, allowed)
            except Exception as error:  # noqa: BLE001 - one failed request must not end the server
                trouble = _failed(error, notes_of(scope).id)
        self._metrics.error(trouble.code)
        if not response_send.begun:
            # The rest of a refused body is not worth reading.
            response = error_response(trouble, close=True)
            if allowed is not None:
                response.headers["Allow"] = allowed
            try:
                await response(scope, receive, response_send)
            except TimeoutError:
                self._metrics.error("client_left")

    def _unrouted(self, path: str, status: int, allowed: str | None) -> RequestError:
        """Return the error where no route takes the request."""
        if status == 405:
            return RequestError(405, "method_not_allowed", f"this address takes {allowed}")
        return RequestError(404, "not_found", self._paths.sentence(path))


class _CountingSend:
    """Sends a response with the standard headers, and gives up on clients that do not read."""

    def __init__(self, send: Send, seconds: float, notes: RequestNotes) -> None:
        self._send = send
        self._notes = notes
        self._seconds = seconds
        self.begun = False
        self.status = CLIENT_LEFT

    async def __call__(self, message: Message) -> None:
        """Send one message.

        Raises:
            TimeoutError: the client no longer reads.
        """
        if message["type"] == "http.response.start":
            self.begun = True
            self.status = message["status"]
            headers = MutableHeaders(scope=message)
            for name, value in ALWAYS.items():
                headers.setdefault(name, value)
            self._notes.write(headers)
        async with asyncio.timeout(self._seconds):
            await self._send(message)


def _failed(error: Exception, name: str) -> RequestError:
    # Never the message: it may contain the prompt.
    where = "".join(traceback.format_tb(error.__traceback__))
    sys.stderr.write(f"a request failed ({name}): {type(error).__name__}\n{where}")
    return RequestError(500, "internal_error", f"the server failed ({name}); its log says where")
