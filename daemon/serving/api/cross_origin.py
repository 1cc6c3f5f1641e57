"""The headers by which a browser lets an allowed page of elsewhere ask; never with credentials."""

import re
from collections.abc import Sequence

from starlette.datastructures import MutableHeaders
from starlette.responses import Response

from daemon.serving.guard import Headers, values

METHODS = "GET, HEAD, POST"
EXPOSED = "X-Request-Id, X-Finetuned-Ignored, Retry-After"
REMEMBERED_S = 600
_NAMES = re.compile(r"[a-z0-9_-]{1,60}(, ?[a-z0-9_-]{1,60}){0,40}")


def allow_reading(headers: MutableHeaders, origin: str) -> None:
    """Let the page of an origin read a response."""
    headers["Access-Control-Allow-Origin"] = origin
    headers["Access-Control-Expose-Headers"] = EXPOSED
    headers["Vary"] = "Origin"


def preflight_response(headers: Headers) -> Response:
    """Return what lets the request itself be sent."""
    found = {
        "Access-Control-Allow-Methods": METHODS,
        "Access-Control-Allow-Headers": _requested(
            values(headers, "access-control-request-headers")
        ),
        "Access-Control-Max-Age": str(REMEMBERED_S),
    }
    if values(headers, "access-control-request-private-network") == ["true"]:
        found["Access-Control-Allow-Private-Network"] = "true"
    return Response(status_code=204, headers=found)


def _requested(lines: Sequence[str]) -> str:
    """Return the requested headers: clients send many of their own."""
    requested = lines[0].lower() if len(lines) == 1 else ""
    return requested if _NAMES.fullmatch(requested) else "authorization, content-type"
