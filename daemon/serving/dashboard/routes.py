"""The dashboard's routes: the page, its files, the state, the event stream; all read-only."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from daemon.clock import SystemClock
from daemon.core.workspace.jobs import escape
from daemon.folders.status.status import strict_line
from daemon.layout import Layout
from daemon.serving.dashboard.assets import HEADERS, asset
from daemon.serving.dashboard.reader import Reader
from daemon.serving.dashboard.report_pages import report_routes
from daemon.serving.dashboard.section_cache import Section
from daemon.serving.dashboard.version_pair import NotComparable, version_pair
from daemon.serving.dashboard.watch import StateWatcher

SCRIPTS = (
    *("page", "dom", "overview", "versions", "answers", "machine", "ask", "charts"),
    *("compare", "login"),
)
FILES = {
    "/": "page.html",
    "/compare": "compare.html",
    "/login": "login.html",
    "/dashboard/page.css": "page.css",
    **{f"/dashboard/{name}.js": f"{name}.js" for name in SCRIPTS},
    "/dashboard/plotly.js": "plotly.js",
}
SESSION = "finetuned.session"
"""Where a request's scope says whether a session opened it."""

Handler = Callable[[Request], Awaitable[Response]]


def _never() -> bool:
    return False


def dashboard_routes(layout: Layout, leaving: Callable[[], bool] = _never) -> list[Route]:
    """Return the routes of a workspace's dashboard; they take GET and HEAD only.

    Open pages are closed within a second once the server is `leaving`.
    """
    clock = SystemClock()
    watch = StateWatcher(Reader(layout, clock), clock, leaving)
    return [
        *(Route(path, _file(name), methods=["GET"]) for path, name in FILES.items()),
        Route("/dashboard/state", _state(watch), methods=["GET"]),
        Route("/dashboard/events", _events(watch), methods=["GET"]),
        Route("/dashboard/session", _session, methods=["GET"]),
        Route("/dashboard/comparison", _comparison(layout), methods=["GET"]),
        *report_routes(layout),
    ]


def _file(name: str) -> Handler:
    async def send(request: Request) -> Response:
        found = await asyncio.to_thread(asset, name)
        headers = {**HEADERS, "ETag": found.tag, "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == found.tag:
            return Response(status_code=304, headers=headers)
        if "gzip" in request.headers.get("accept-encoding", ""):
            headers["Content-Encoding"] = "gzip"
            return Response(found.packed, media_type=found.kind, headers=headers)
        return Response(found.data, media_type=found.kind, headers=headers)

    return send


def _state(watch: StateWatcher) -> Handler:
    async def send(_: Request) -> Response:
        body = await watch.state()
        return Response(body, media_type="application/json", headers=_fresh())

    return send


def _events(watch: StateWatcher) -> Handler:
    async def send(request: Request) -> Response:
        headers = _fresh()
        if request.method == "HEAD":
            return Response(media_type="text/event-stream", headers=headers)
        if watch.full:
            sentence = "too many dashboard pages are open; close one\n"
            return Response(sentence, 503, {**headers, "Retry-After": "30"})
        return StreamingResponse(watch.follow(), media_type="text/event-stream", headers=headers)

    return send


async def _session(request: Request) -> Response:
    return _json({"open": bool(request.scope.get(SESSION))}, 200)


def _comparison(layout: Layout) -> Handler:
    async def send(request: Request) -> Response:
        names = (request.query_params.get(name, "") for name in ("before", "after"))
        try:
            found = await asyncio.to_thread(version_pair, layout, *names)
            return _json(found, 200)
        except NotComparable as error:
            return _json({"error": escape(str(error), 500)}, 404)

    return send


def _json(value: Section, status: int) -> Response:
    return Response(strict_line(value), status, _fresh(), "application/json")


def _fresh() -> dict[str, str]:
    return {**HEADERS, "Cache-Control": "no-store"}
