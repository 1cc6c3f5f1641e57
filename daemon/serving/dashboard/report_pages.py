"""Serves the reports of files, versions and comparisons, each with a way back to the dashboard.

A report is a page of its own, with texts that users dropped and models wrote. It is sent in a
sandbox: its scripts run without an origin, so that nothing in it can use this server, whatever a
mistake in it let in; its own policy allows its own scripts only.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable, Iterator
from html import escape
from pathlib import Path

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from daemon.folders.models.models import read_manifest
from daemon.folders.queue.queue import JOB_NAME, read_card
from daemon.layout import QUEUE_STATES, Layout
from daemon.serving.dashboard.assets import HEADERS
from daemon.serving.dashboard.section_cache import UNREADABLE
from daemon.serving.dashboard.version_pair import VERSION

REPORT = "report.html"
EVALUATION = re.compile(r"e\d{6,}\Z", re.ASCII)
MOST_BYTES = 64 * 2**20
POLICY = (
    "sandbox allow-scripts; default-src 'none'; script-src 'unsafe-inline'; "
    "style-src 'unsafe-inline'; img-src data: blob:; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'"
)
"""Beside the policy in the report itself, which names its scripts by their digests."""
BAR = (
    '<nav aria-label="Dashboard" style="max-width:72rem;margin:0 auto;padding:.8rem 1.25rem 0;'
    'font-size:.93rem">{}</nav>'
)
LINK = '<a href="{}" style="color:inherit;margin-right:1.2rem">{}</a>'

Links = list[tuple[str, str]]
"""Each an address of this server and its words."""
Handler = Callable[[Request], Awaitable[Response]]


def report_routes(layout: Layout) -> list[Route]:
    """Return the routes of all reports; they take GET and HEAD only."""
    kinds = {"files": _of_file, "versions": _of_version, "evaluations": _of_evaluation}
    return [
        Route(f"/reports/{kind}/{{name}}", _handler(layout, find), methods=["GET"])
        for kind, find in kinds.items()
    ]


def has_report(folder: Path) -> bool:
    """Return whether there is a report to link to."""
    return (folder / REPORT).is_file()


def _handler(layout: Layout, find: Callable[[Layout, str], tuple[Path, Links] | None]) -> Handler:
    async def send(request: Request) -> Response:
        return await asyncio.to_thread(_response, layout, find, request.path_params["name"])

    return send


def _response(
    layout: Layout, find: Callable[[Layout, str], tuple[Path, Links] | None], name: str
) -> Response:
    headers = {**HEADERS, "Content-Security-Policy": POLICY}
    found = find(layout, name)
    page = None if found is None else _page(*found)
    if page is None:
        sentence = "There is no report of that name: it may have been removed with its folder.\n"
        return PlainTextResponse(sentence, 404, headers)
    return Response(page, media_type="text/html; charset=utf-8", headers=headers)


def _page(folder: Path, links: Links) -> bytes | None:
    path = folder / REPORT
    if path.is_symlink() or not path.is_file() or path.stat().st_size > MOST_BYTES:
        return None
    bar = "".join(LINK.format(escape(to), escape(words)) for to, words in links)
    return path.read_bytes().replace(b"<body>", b"<body>" + BAR.format(bar).encode(), 1)


def _of_file(layout: Layout, job: str) -> tuple[Path, Links] | None:
    if not JOB_NAME.match(job):
        return None
    for state in QUEUE_STATES:
        place = layout.job(state, job)
        if has_report(place.folder):
            return place.folder, [*_home("queue"), *_version_of(layout, state, job)]
    return None


def _version_of(layout: Layout, state: str, job: str) -> Iterator[tuple[str, str]]:
    try:
        version = read_card(layout.job(state, job)).version
    except UNREADABLE:
        return
    if version and has_report(layout.version(version)):
        yield f"/reports/versions/{version}", f"The version it became: {version}"


def _of_version(layout: Layout, version: str) -> tuple[Path, Links] | None:
    if not VERSION.match(version):
        return None
    return layout.version(version), [*_home("versions"), *_around(layout, version)]


def _around(layout: Layout, version: str) -> Iterator[tuple[str, str]]:
    try:
        manifest = read_manifest(layout.version(version))
    except UNREADABLE:
        return
    if manifest.parent:
        words = f"Compare with {manifest.parent}"
        yield f"/compare?before={manifest.parent}&after={version}", words
    yield from ((f"/reports/files/{job}", f"Its file: {job}") for job in manifest.job_ids[:5])


def _of_evaluation(layout: Layout, evaluation: str) -> tuple[Path, Links] | None:
    if not EVALUATION.match(evaluation):
        return None
    return layout.evaluation(evaluation).folder, _home("versions")


def _home(section: str) -> Links:
    return [(f"/#{section}-section", "← Dashboard")]
