"""The dashboard's routes: the page, its files, the state, the event stream; all read-only."""

import asyncio
from collections.abc import Awaitable, Callable

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from daemon.clock import SystemClock
from daemon.layout import Layout
from daemon.serving.dashboard.assets import HEADERS, asset
from daemon.serving.dashboard.reader import Reader
from daemon.serving.dashboard.watch import StateWatcher

FILES = {
    "/": "page.html",
    "/dashboard/page.css": "page.css",
    "/dashboard/page.js": "page.js",
    "/dashboard/charts.js": "charts.js",
    "/dashboard/plotly.js": "plotly.js",
}
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


def _fresh() -> dict[str, str]:
    return {**HEADERS, "Cache-Control": "no-store"}
